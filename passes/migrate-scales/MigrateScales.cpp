// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scales of channels moved between activations and weights. In: norm, gated product or attention, f32 linears. Out: the
// same, weights scaled. From techniques 3.4h (SmoothQuant, Xiao et al. 2023; AWQ, Lin et al. 2024), 15.4. Exact up to
// 2^-23 of each product. Tested by test/passes/migrate-scales.
#include "passes/migrate-scales/MigrateScales.h"

#include "dialects/lm/Weights.h"
#include "passes/analysis/AttentionLinears.h"
#include "passes/analysis/Statistics.h"
#include "passes/analysis/Tell.h"
#include "passes/migrate-scales/ScaleSearch.h"

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
  Operation *maker; ///< a norm, the linear behind a gated product that is not gated, or that of attention's values
  llvm::SmallVector<LinearOp, 3> readers;
  std::vector<int64_t> channels; ///< the maker's channel for each of the value: heads of a group share one of values
  std::vector<float> scales;     ///< s, of the maker's channels
  std::optional<ScaleSearch::Found> found;

  int64_t makerWidth() const { return *llvm::max_element(channels) + 1; }
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
      if (site.found && site.found->power == 0)
        tellForReaders(site, "rounding to " + search + " loses least as it is");
      else
        rewrite(site, uses);
    return success();
  }

  static void tellForReaders(const Site &site, const std::string &reason) {
    for (Operation *user : site.value.value.getUsers())
      if (isa<LinearOp>(user))
        tellMissed(kPass, "NotMigrated", user, reason);
  }

  LogicalResult checkOptions(ModuleOp module) {
    auto error = [&] { return module.emitError() << kPass << ": option "; };
    if (stats.empty())
      return error() << "'stats' is missing; expected a file made by `lmopt calibrate`";
    if (!(alpha >= 0 && alpha <= 1))
      return error() << "'alpha' must be from 0 to 1, found " << alpha.getValue();
    if (!search.empty() && alpha.getNumOccurrences() > 0)
      return error() << "'alpha' does not go with 'search', which tries all";
    if (!search.empty() && !RoundingForm::find(search, group))
      return error() << "'search' must be int8, int4 or int4-min, found '" << search.getValue() << "'";
    if (group != 32 && group != 64 && group != 128)
      return error() << "'group' must be 32, 64 or 128, found " << group.getValue();
    if (size != "max" && size != "rms")
      return error() << "'size' must be max or rms, found '" << size.getValue() << "'";
    return success();
  }

  //===--- Where ---===//

  std::vector<Site> findSites(ModuleOp module, const LayerSelection &selection, const ParamUses &uses) {
    FailureOr<LayerSelection> all = LayerSelection::create(module, {}, {});
    std::vector<Site> sites;
    for (const ObservedValue &value : findObservedValues(module, *all)) {
      Site site = {value, nullptr, {}, {}, {}, {}};
      if (!selection.containsName(value.name))
        continue;
      if (std::string reason = complete(site, uses); reason.empty())
        sites.push_back(std::move(site));
      else
        tellForReaders(site, reason);
    }
    return sites;
  }

  /// Why the value must stay as it is, or an empty string.
  std::string complete(Site &site, const ParamUses &uses) const {
    for (Operation *user : site.value.value.getUsers()) {
      std::string name = ("'" + getPartName(user) + "'").str();
      auto linear = dyn_cast<LinearOp>(user);
      if (!linear)
        return "what it reads is also read by " + name;
      if (!uses.isOnlyUsedBy(uses.lookup(linear.getWeightAttr()), linear))
        return "the weight of " + name + " is also used elsewhere";
      if (std::string reason = reasonToKeepCodes(uses.lookup(linear.getWeightAttr())); !reason.empty())
        return name + ": " + reason;
      if (!llvm::is_contained(site.readers, linear))
        site.readers.push_back(linear);
    }
    site.maker = findMaker(site);
    if (!site.maker)
      return "what it reads is made neither by a norm with a scale nor by a gated product or attention of f32 linears";
    if (std::optional<RoundingForm> form = this->form();
        form && form->group > 0 && site.value.width() % form->group != 0)
      return llvm::formatv("groups of {0} do not divide its width {1}", form->group, site.value.width());
    for (StringRef name : {"weight", "bias"})
      if (auto symbol = site.maker->getAttrOfType<FlatSymbolRefAttr>(name))
        if (!uses.isOnlyUsedBy(uses.lookup(symbol), site.maker))
          return ("the " + name + " of '" + getPartName(site.maker) + "' is also used elsewhere").str();
    return "";
  }

  static Operation *findMaker(Site &site) {
    Operation *op = site.value.value.getDefiningOp();
    for (int64_t j = 0; j < site.value.width(); ++j)
      site.channels.push_back(j);
    if (auto attention = dyn_cast_or_null<AttentionOp>(op)) {
      site.channels = valueChannels(attention);
      return getOwnLinear(attention.getValue());
    }
    if (auto product = dyn_cast_or_null<GatedProductOp>(op))
      return getOwnLinear(product.getUp());
    auto rms = dyn_cast_or_null<RmsNormOp>(op);
    bool isNorm = (rms && rms.getHeads() == 1) || isa_and_nonnull<LayerNormOp>(op);
    return isNorm && op->hasAttr("weight") ? op : nullptr;
  }

  //===--- How much ---===//

  LogicalResult choose(Site &site, const Statistics &statistics, WeightReader &reader, const ParamUses &uses) {
    FailureOr<ValueStatistics> sums = statistics.read(site.value);
    if (failed(sums))
      return failure();
    std::vector<double> values = sizesOfValue(site, *sums);
    if (!search.empty())
      return searchScales(site, *sums, values, reader, uses);
    std::vector<double> weights(values.size());
    for (LinearOp linear : site.readers)
      if (failed(addSizes(weights, site, uses.lookup(linear.getWeightAttr()), reader)))
        return failure();
    for (size_t i = 0; i < values.size(); ++i)
      site.scales.push_back(scaleOf(values[i], size == "max" ? weights[i] : std::sqrt(weights[i])));
    return success();
  }

  /// The greatest magnitude of each channel of the maker, or the root of the mean square of those it has made.
  std::vector<double> sizesOfValue(const Site &site, const ValueStatistics &sums) const {
    std::vector<double> sizes(static_cast<size_t>(site.makerWidth())), counts(sizes.size());
    for (int64_t j = 0; j < site.value.width(); ++j) {
      auto channel = static_cast<size_t>(site.channels[static_cast<size_t>(j)]);
      sizes[channel] = size == "max" ? std::max(sizes[channel], double(sums.greatest[static_cast<size_t>(j)]))
                                     : sizes[channel] + sums.product(j, j);
      counts[channel] += static_cast<double>(sums.tokens);
    }
    for (size_t i = 0; size == "rms" && i < sizes.size(); ++i)
      sizes[i] = std::sqrt(sizes[i] / counts[i]);
    return sizes;
  }

  /// Channels of which nothing is seen or used stay. Within 2^±20, so that no weight leaves the range of f16 scales
  /// that it fits.
  float scaleOf(double values, double weights) const {
    double scale = values > 0 && weights > 0 ? std::pow(values, alpha) / std::pow(weights, 1 - alpha) : 1;
    return static_cast<float>(std::clamp(scale, 0x1p-20, 0x1p20));
  }

  /// The greatest magnitude of the columns of each channel, or the sum of squares, together with what is there.
  LogicalResult addSizes(std::vector<double> &sizes, const Site &site, ParamOp weight, WeightReader &reader) const {
    FailureOr<WeightData> matrix = reader.read(weight);
    if (failed(matrix))
      return failure();
    for (size_t i = 0; i < matrix->f32.size(); ++i) {
      double number = matrix->f32[i];
      double &size = sizes[static_cast<size_t>(site.channels[i % site.channels.size()])];
      size = this->size == "max" ? std::max(size, std::abs(number)) : size + number * number;
    }
    return success();
  }

  //===--- How much, by trying ---===//

  /// As many rows of all readers together say which power is best; with all of them, the search takes as long as
  /// everything else.
  static constexpr int64_t kRowsForSearch = 96;

  std::optional<RoundingForm> form() const { return RoundingForm::find(search, group); }

  LogicalResult searchScales(Site &site, const ValueStatistics &sums, const std::vector<double> &sizes,
                             WeightReader &reader, const ParamUses &uses) {
    std::vector<double> zeros(sums.sums.size());
    ScaleSearch trial(*form(), centredMoments(sums.products, zeros, sums.tokens), site.channels);
    for (LinearOp linear : site.readers) {
      FailureOr<WeightData> matrix = reader.read(uses.lookup(linear.getWeightAttr()));
      if (failed(matrix))
        return failure();
      int64_t rows = matrix->rows();
      int64_t count = std::min<int64_t>(rows, kRowsForSearch / static_cast<int64_t>(site.readers.size()));
      for (int64_t i = 0; i < count; ++i)
        trial.addRow(matrix->f32.data() + i * rows / count * matrix->columns());
    }
    site.found = trial.find(sizes);
    site.scales = site.found->scales;
    return success();
  }

  //===--- Rewrite ---===//

  void rewrite(Site &site, ParamUses &uses) {
    std::vector<float> divided, multiplied;
    for (float scale : site.scales)
      divided.push_back(1 / scale);
    for (int64_t channel : site.channels)
      multiplied.push_back(1 / divided[static_cast<size_t>(channel)]);
    Attribute rows = vectorOf(divided), columns = vectorOf(multiplied);
    for (StringRef name : {"weight", "bias"})
      if (auto symbol = site.maker->getAttrOfType<FlatSymbolRefAttr>(name)) {
        ParamOp param = uses.lookup(symbol);
        param.setValueAttr(ScaleRowsAttr::get(&getContext(), param.getValue(), rows));
      }
    auto [least, greatest] = std::minmax_element(site.scales.begin(), site.scales.end());
    for (LinearOp linear : site.readers) {
      ParamOp weight = uses.lookup(linear.getWeightAttr());
      weight.setValueAttr(ScaleColumnsAttr::get(&getContext(), weight.getValue(), columns));
      auto told = tellPassed(kPass, "MigratedScales", linear);
      told << remark::metric("Least", *least) << remark::metric("Greatest", *greatest);
      if (site.found)
        told << remark::metric("Power", site.found->power)
             << remark::metric("ErrorShare", site.found->error / site.found->errorWithout);
    }
  }

  Attribute vectorOf(ArrayRef<float> numbers) {
    auto type = RankedTensorType::get({static_cast<int64_t>(numbers.size())}, Float32Type::get(&getContext()));
    return DenseElementsAttr::get(type, numbers);
  }
};

} // namespace

} // namespace lmopt::lm
