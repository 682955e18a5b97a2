// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears on weights that are entries of a codebook. In: lm.linear on f32 weights. Out: lm.codebook_linear, or
// lm.quantize_groups + lm.grouped_linear, on !lm.codebook weights, labelled approximate. From techniques 10.3 and 15.5.
// Bound of a weight that is rounded to nearest: half the distance of the two entries around it, times its scale. Tested
// by test/passes/quantize-codebook.
#include "passes/quantize-codebook/QuantizeCodebook.h"

#include "dialects/lm/PartNames.h"
#include "passes/analysis/FitWeights.h"
#include "passes/analysis/LinearWeights.h"
#include "passes/analysis/Tell.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMQUANTIZECODEBOOKPASS
#include "passes/quantize-codebook/QuantizeCodebook.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-quantize-codebook";

static void replaceByCodebookProduct(LinearOp linear, ParamOp weight) {
  OpBuilder builder(linear);
  auto product = CodebookLinearOp::create(builder, linear.getLoc(), linear.getInput(), weight, linear.getBiasAttr());
  takePartName(product, linear);
  linear.getResult().replaceAllUsesWith(product.getResult());
  linear.erase();
}

namespace {

struct QuantizeCodebook : impl::LmQuantizeCodebookPassBase<QuantizeCodebook> {
  using LmQuantizeCodebookPassBase::LmQuantizeCodebookPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (failed(checkOptions()))
      return signalPassFailure();
    FailureOr<LayerSelection> selection = LayerSelection::create(module, layers, skip);
    if (failed(selection))
      return signalPassFailure();
    ParamUses uses(module);
    auto reason = [&](ParamOp weight) { return reasonAgainst(weight, uses.users(weight), *selection); };
    llvm::SmallVector<ParamOp> weights = findWeightsToChange(module, *selection, uses, kPass, "NotQuantized", reason);
    FailureOr<WeightFits> fits = fitWeights(module, weights, uses, {kPass, stats, damping, /*keepZeros=*/false});
    if (failed(fits))
      return signalPassFailure();
    for (ParamOp weight : weights)
      quantize(weight, uses.users(weight), fits->lookup(weight));
  }

  LogicalResult checkOptions() {
    auto fail = [&](const Twine &message) { return emitError(getOperation().getLoc()) << kPass << ": " << message; };
    if (entries != 256 && entries != 16 && entries != 8 && entries != 4)
      return fail("option 'entries' must be 256, 16, 8 or 4, found " + Twine(entries));
    if (entries == 256 && group != 0)
      return fail("option 'group' goes with entries=16, 8 or 4 only: of 256 entries each row has one scale");
    if (group != 0 && group != 32 && group != 64 && group != 128)
      return fail("option 'group' must be 32, 64 or 128, found " + Twine(group));
    return success();
  }

  /// Inputs that share a scale; 0: those of a row.
  int64_t groupSize() const { return entries == 256 ? 0 : group == 0 ? 32 : int64_t(group); }

  std::string reasonAgainst(ParamOp weight, ArrayRef<Operation *> users, const LayerSelection &selection) {
    int64_t width = weight.getShape().back(), size = groupSize();
    if (size != 0 && width % size != 0)
      return llvm::formatv("groups of {0} do not divide its width {1}", size, width);
    if (std::string reason = reasonToKeepCodes(weight); !reason.empty())
      return reason;
    return reasonToStayF32(users, selection);
  }

  void quantize(ParamOp weight, ArrayRef<Operation *> users, FitAttr fit) {
    int64_t rows = weight.getShape()[0], columns = weight.getShape()[1], size = groupSize();
    weight.setValueAttr(QuantizeCodebookAttr::get(&getContext(), weight.getValue(), entries, size, fit));
    weight.setType(CodebookType::get(&getContext(), rows, columns, entries, size));
    weight.setExactnessAttr(ExactnessAttr::get(&getContext(), ExactnessKind::approximate, std::nullopt));
    for (Operation *user : llvm::to_vector(users))
      if (auto linear = dyn_cast<LinearOp>(user)) {
        tellPassed(kPass, "QuantizedToCodebook", linear) << remark::metric("Weight", weight.getSymName().str());
        size == 0 ? replaceByCodebookProduct(linear, weight) : replaceByGroupedProduct(linear, weight);
      }
  }
};

} // namespace

} // namespace lmopt::lm
