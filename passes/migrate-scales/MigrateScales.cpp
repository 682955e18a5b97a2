// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scales of channels moved between activations and weights. In: norm or gated product, f32 linears. Out: the same,
// weights scaled. From techniques 3.4h (SmoothQuant, Xiao et al. 2023), 15.4. Exact up to 2^-23 of each product. Tested
// by test/passes/migrate-scales.
#include "passes/migrate-scales/MigrateScales.h"

#include "dialects/lm/Weights.h"
#include "passes/analysis/ParamUses.h"
#include "passes/analysis/Statistics.h"
#include "passes/analysis/Tell.h"

#include "mlir/IR/Threading.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMMIGRATESCALESPASS
#include "passes/migrate-scales/MigrateScales.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-migrate-scales";

namespace {

/// A value, what makes it and what reads it.
struct Site {
  ObservedValue value;
  Operation *maker; ///< a norm, or the linear behind a gated product that is not gated
  llvm::SmallVector<LinearOp, 3> readers;
  std::vector<float> scales; ///< s
};

struct MigrateScales : impl::LmMigrateScalesPassBase<MigrateScales> {
  using LmMigrateScalesPassBase::LmMigrateScalesPassBase;

  void runOnOperation() override {
    if (failed(migrate()))
      signalPassFailure();
  }

  LogicalResult migrate() {
    ModuleOp module = getOperation();
    if (failed(checkOptions(module)))
      return failure();
    FailureOr<LayerSelection> selection = LayerSelection::create(module, layers, skip);
    if (failed(selection))
      return failure();
    FailureOr<Statistics> statistics = Statistics::open(module, stats);
    if (failed(statistics))
      return failure();
    ParamUses uses(module);
    std::vector<Site> sites = findSites(module, *selection, uses);
    WeightReader reader(base.empty() ? moduleDirectory(module) : base.getValue());
    auto work = [&](Site &site) { return choose(site, *statistics, reader, uses); };
    if (failed(failableParallelForEach(&getContext(), sites, work)))
      return failure();
    for (Site &site : sites)
      rewrite(site, uses);
    return success();
  }

  LogicalResult checkOptions(ModuleOp module) {
    auto error = [&] { return module.emitError() << kPass << ": option "; };
    if (stats.empty())
      return error() << "'stats' is missing; expected a file made by `lmopt calibrate`";
    if (!(alpha >= 0 && alpha <= 1))
      return error() << "'alpha' must be from 0 to 1, found " << alpha.getValue();
    if (size != "max" && size != "rms")
      return error() << "'size' must be max or rms, found '" << size.getValue() << "'";
    return success();
  }

  //===--- Where ---===//

  std::vector<Site> findSites(ModuleOp module, const LayerSelection &selection, const ParamUses &uses) {
    FailureOr<LayerSelection> all = LayerSelection::create(module, {}, {});
    std::vector<Site> sites;
    for (const ObservedValue &value : findObservedValues(module, *all)) {
      Site site = {value, nullptr, {}, {}};
      if (!selection.containsName(value.name))
        continue;
      if (std::string reason = complete(site, uses); reason.empty())
        sites.push_back(std::move(site));
      else
        for (Operation *user : value.value.getUsers())
          if (isa<LinearOp>(user))
            tellMissed(kPass, "NotMigrated", user, reason);
    }
    return sites;
  }

  /// Why the value must stay as it is, or an empty string.
  static std::string complete(Site &site, const ParamUses &uses) {
    for (Operation *user : site.value.value.getUsers()) {
      std::string name = ("'" + getPartName(user) + "'").str();
      auto linear = dyn_cast<LinearOp>(user);
      if (!linear)
        return "what it reads is also read by " + name;
      if (!uses.isOnlyUsedBy(uses.lookup(linear.getWeightAttr()), linear))
        return "the weight of " + name + " is also used elsewhere";
      if (!llvm::is_contained(site.readers, linear))
        site.readers.push_back(linear);
    }
    site.maker = findMaker(site.value.value);
    if (!site.maker)
      return "what it reads is made neither by a norm with a scale nor by a gated product of f32 linears";
    for (StringRef name : {"weight", "bias"})
      if (auto symbol = site.maker->getAttrOfType<FlatSymbolRefAttr>(name))
        if (!uses.isOnlyUsedBy(uses.lookup(symbol), site.maker))
          return ("the " + name + " of '" + getPartName(site.maker) + "' is also used elsewhere").str();
    return "";
  }

  static Operation *findMaker(Value value) {
    Operation *op = value.getDefiningOp();
    if (auto product = dyn_cast_or_null<GatedProductOp>(op))
      return getOwnLinear(product.getUp());
    bool isNorm = isa_and_nonnull<RmsNormOp, LayerNormOp>(op);
    return isNorm && op->hasAttr("weight") ? op : nullptr;
  }

  //===--- How much ---===//

  LogicalResult choose(Site &site, const Statistics &statistics, WeightReader &reader, const ParamUses &uses) {
    FailureOr<ValueStatistics> sums = statistics.read(site.value);
    if (failed(sums))
      return failure();
    int64_t width = site.value.width();
    std::vector<double> weightSizes(static_cast<size_t>(width));
    for (LinearOp linear : site.readers)
      if (failed(addSizes(weightSizes, uses.lookup(linear.getWeightAttr()), reader)))
        return failure();
    for (int64_t j = 0; j < width; ++j) {
      double rms = std::sqrt(sums->product(j, j) / static_cast<double>(sums->tokens));
      double values = size == "max" ? sums->greatest[static_cast<size_t>(j)] : rms;
      double weights =
          size == "max" ? weightSizes[static_cast<size_t>(j)] : std::sqrt(weightSizes[static_cast<size_t>(j)]);
      site.scales.push_back(scaleOf(values, weights));
    }
    return success();
  }

  /// Channels of which nothing is seen or used stay. Within 2^±20, so that no weight leaves the range of f16 scales
  /// that it fits.
  float scaleOf(double values, double weights) const {
    double scale = values > 0 && weights > 0 ? std::pow(values, alpha) / std::pow(weights, 1 - alpha) : 1;
    return static_cast<float>(std::clamp(scale, 0x1p-20, 0x1p20));
  }

  /// The greatest magnitude of each column, or the sum of squares, together with what is there.
  LogicalResult addSizes(std::vector<double> &sizes, ParamOp weight, WeightReader &reader) const {
    FailureOr<WeightData> matrix = reader.read(weight);
    if (failed(matrix))
      return failure();
    for (size_t i = 0; i < matrix->f32.size(); ++i) {
      double number = matrix->f32[i], &size = sizes[i % sizes.size()];
      size = this->size == "max" ? std::max(size, std::abs(number)) : size + number * number;
    }
    return success();
  }

  //===--- Rewrite ---===//

  void rewrite(Site &site, ParamUses &uses) {
    auto type = RankedTensorType::get({site.value.width()}, Float32Type::get(&getContext()));
    std::vector<float> divided, multiplied;
    for (float scale : site.scales) {
      divided.push_back(1 / scale);
      multiplied.push_back(1 / divided.back());
    }
    auto rows = DenseElementsAttr::get(type, ArrayRef<float>(divided));
    auto columns = DenseElementsAttr::get(type, ArrayRef<float>(multiplied));
    for (StringRef name : {"weight", "bias"})
      if (auto symbol = site.maker->getAttrOfType<FlatSymbolRefAttr>(name)) {
        ParamOp param = uses.lookup(symbol);
        param.setValueAttr(ScaleRowsAttr::get(&getContext(), param.getValue(), rows));
      }
    auto [least, greatest] = std::minmax_element(site.scales.begin(), site.scales.end());
    for (LinearOp linear : site.readers) {
      ParamOp weight = uses.lookup(linear.getWeightAttr());
      weight.setValueAttr(ScaleColumnsAttr::get(&getContext(), weight.getValue(), columns));
      tellPassed(kPass, "MigratedScales", linear)
          << remark::metric("Least", *least) << remark::metric("Greatest", *greatest);
    }
  }
};

} // namespace

} // namespace lmopt::lm
