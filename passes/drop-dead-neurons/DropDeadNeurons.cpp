// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Feed-forward blocks without the neurons that are 0 for every input. In: linear, activation or gated product, linear.
// Out: the same function, narrower. From techniques 7.3. Cost: one reading of the weights, blocks in parallel. Tested
// by test/passes/drop-dead-neurons.
#include "passes/drop-dead-neurons/DropDeadNeurons.h"

#include "dialects/lm/Weights.h"
#include "dialects/lm/elementwise/Elementwise.h"
#include "dialects/lm/linear/Linear.h"
#include "dialects/lm/norm/Norm.h"
#include "dialects/lm/weights/WeightData.h"
#include "passes/analysis/LayerSelection.h"
#include "passes/analysis/NarrowLinear.h"
#include "passes/analysis/Tell.h"

#include "mlir/IR/Threading.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMDROPDEADNEURONSPASS
#include "passes/drop-dead-neurons/DropDeadNeurons.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-drop-dead-neurons";

namespace {

/// What one result of a linear can be.
struct Range {
  bool isZero = false;       ///< it is 0 for every input
  double highest = INFINITY; ///< it is never above
};

/// The affine part of a norm; ones and zeros where it has none.
struct NormBound {
  bool known = false, centres = false;
  std::vector<float> scale, shift;
};

struct Found {
  FeedForward block;
  int64_t neurons = 0;
  std::vector<int64_t> dead = {}, kept = {};
};

class Finder {
public:
  Finder(WeightReader &reader, const ParamUses &uses) : reader(reader), uses(uses) {}

  /// Which neurons of the block are dead.
  LogicalResult find(Found &found) {
    FailureOr<WeightData> down = read(found.block.down.getWeightAttr());
    FailureOr<std::vector<Range>> gate = ranges(found.block.before.front()), up = gate;
    if (found.block.before.size() > 1)
      up = ranges(found.block.before.back());
    if (failed(down) || failed(gate) || failed(up))
      return failure();
    found.neurons = down->columns();
    bool isRelu = kindOf(found.block.middle) == ActivationKind::relu;
    for (int64_t i = 0; i < found.neurons; ++i) {
      const Range &before = (*gate)[size_t(i)], &other = (*up)[size_t(i)];
      if (before.isZero || other.isZero || (isRelu && before.highest <= 0) || isZeroColumn(*down, i))
        found.dead.push_back(i);
    }
    return success();
  }

private:
  WeightReader &reader;
  const ParamUses &uses;

  FailureOr<WeightData> read(FlatSymbolRefAttr symbol) { return reader.read(uses.lookup(symbol)); }

  static ActivationKind kindOf(Operation *middle) {
    auto gated = dyn_cast<GatedProductOp>(middle);
    return gated ? gated.getKind() : cast<ActivationOp>(middle).getKind();
  }

  static bool isZeroColumn(const WeightData &matrix, int64_t column) {
    for (int64_t r = 0; r < matrix.rows(); ++r)
      if (matrix.f32[size_t(r * matrix.columns() + column)] != 0)
        return false;
    return true;
  }

  FailureOr<std::vector<float>> vectorOr(FlatSymbolRefAttr symbol, int64_t width, float otherwise) {
    if (!symbol)
      return std::vector<float>(size_t(width), otherwise);
    FailureOr<WeightData> data = read(symbol);
    if (failed(data))
      return failure();
    return std::move(data->f32);
  }

  FailureOr<NormBound> boundOf(Value input) {
    NormBound bound;
    auto rms = input.getDefiningOp<RmsNormOp>();
    if (rms && rms.getHeads() != 1) // parts of a row have bounds of their own
      rms = {};
    auto layer = input.getDefiningOp<LayerNormOp>();
    bound.known = rms || layer;
    bound.centres = bool(layer);
    int64_t width = cast<ShapedType>(input.getType()).getShape().back();
    FailureOr<std::vector<float>> scale = vectorOr(rms     ? rms.getWeightAttr()
                                                   : layer ? layer.getWeightAttr()
                                                           : FlatSymbolRefAttr(),
                                                   width, 1);
    FailureOr<std::vector<float>> shift = vectorOr(layer ? layer.getBiasAttr() : FlatSymbolRefAttr(), width, 0);
    if (failed(scale) || failed(shift))
      return failure();
    bound.scale = std::move(*scale);
    bound.shift = std::move(*shift);
    return bound;
  }

  FailureOr<std::vector<Range>> ranges(LinearOp linear) {
    FailureOr<WeightData> weight = read(linear.getWeightAttr());
    FailureOr<NormBound> norm = boundOf(linear.getInput());
    if (failed(weight) || failed(norm))
      return failure();
    FailureOr<std::vector<float>> bias = vectorOr(linear.getBiasAttr(), weight->rows(), 0);
    if (failed(bias))
      return failure();
    std::vector<Range> found;
    for (int64_t r = 0; r < weight->rows(); ++r)
      found.push_back(
          rangeOf({weight->f32.data() + r * weight->columns(), size_t(weight->columns())}, (*bias)[size_t(r)], *norm));
    return found;
  }

  // Sums of d products in f32 are off by at most (d + 2) 2^-24 times the sum of their sizes, which the norm bounds too;
  // the norm's own results are off by a few 2^-24 of themselves.
  static Range rangeOf(ArrayRef<float> row, double bias, const NormBound &norm) {
    Range range;
    bool isZero = llvm::all_of(row, [](float w) { return w == 0; });
    range.isZero = isZero && bias == 0;
    if (isZero)
      range.highest = bias;
    if (isZero || !norm.known)
      return range;
    auto d = double(row.size());
    double middle = bias, sizes = std::abs(bias), sum = 0, squares = 0;
    for (size_t k = 0; k < row.size(); ++k) {
      double scaled = double(row[k]) * norm.scale[k], shifted = double(row[k]) * norm.shift[k];
      middle += shifted;
      sizes += std::abs(shifted);
      sum += scaled;
      squares += scaled * scaled;
    }
    sizes += std::sqrt(d * squares);
    double radius = std::sqrt(d * std::max(0.0, norm.centres ? squares - sum * sum / d : squares));
    range.highest = middle + radius + std::ldexp(d + 16, -23) * sizes;
    return range;
  }
};

struct DropDeadNeurons : impl::LmDropDeadNeuronsPassBase<DropDeadNeurons> {
  using LmDropDeadNeuronsPassBase::LmDropDeadNeuronsPassBase;

  void runOnOperation() override {
    if (failed(drop()))
      signalPassFailure();
  }

  LogicalResult drop() {
    ModuleOp module = getOperation();
    if (multiple < 1)
      return module.emitError() << kPass << ": option 'multiple' must be at least 1, found " << multiple.getValue();
    FailureOr<LayerSelection> selection = LayerSelection::create(module, layers, skip);
    if (failed(selection))
      return failure();
    ParamUses uses(module);
    std::vector<Found> blocks = findBlocks(module, *selection, uses);
    WeightReader reader(base.empty() ? moduleDirectory(module) : base.getValue());
    Finder finder(reader, uses);
    if (failed(failableParallelForEach(&getContext(), blocks, [&](Found &found) { return finder.find(found); })))
      return failure();
    for (Found &found : blocks)
      narrow(found, uses);
    return success();
  }

  std::vector<Found> findBlocks(ModuleOp module, const LayerSelection &selection, const ParamUses &uses) {
    std::vector<Found> blocks;
    for (LinearOp down : findOps<LinearOp>(module)) {
      auto match = selection.contains(down) ? matchFeedForward(down, uses) : std::nullopt;
      if (!match)
        continue;
      if (const auto *reason = std::get_if<std::string>(&*match))
        tellMissed(kPass, "NotDropped", down, *reason);
      else
        blocks.push_back({std::get<FeedForward>(*match)});
    }
    return blocks;
  }

  /// All that live, and as many of the dead ones, the first, as fill the last multiple. At least one.
  void choose(Found &found) {
    int64_t living = found.neurons - int64_t(found.dead.size());
    int64_t wanted = std::max<int64_t>(1, (living + multiple - 1) / multiple) * multiple;
    int64_t spare = std::max<int64_t>(0, std::min(wanted, found.neurons) - living);
    llvm::SmallVector<bool> goes(size_t(found.neurons), false);
    for (int64_t i : ArrayRef(found.dead).drop_front(size_t(spare)))
      goes[size_t(i)] = true;
    for (int64_t i = 0; i < found.neurons; ++i)
      if (!goes[size_t(i)])
        found.kept.push_back(i);
  }

  void narrow(Found &found, const ParamUses &uses) {
    if (found.dead.empty())
      return;
    choose(found);
    LinearOp down = found.block.down;
    auto dead = int64_t(found.dead.size()), kept = int64_t(found.kept.size());
    if (kept == found.neurons)
      return tellMissed(kPass, "NotDropped", down,
                        "rounded up to a multiple of " + Twine(multiple) + ", its " + Twine(dead) +
                            " dead neurons stay");
    takeNeurons(found.block, found.kept, uses);
    takeColumns(down, found.kept, uses);
    tellPassed(kPass, "DroppedNeurons", down)
        << remark::metric("Dead", dead) << remark::metric("Kept", kept) << remark::metric("Of", found.neurons);
  }
};

} // namespace

} // namespace lmopt::lm
