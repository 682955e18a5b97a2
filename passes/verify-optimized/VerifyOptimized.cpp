// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The contract between optimize and lower: still only lm, nothing lossy is silent.
// In: any module. Out: the same module, or one error for each violation. From design 2 and 5.
// Tested by test/passes/verify-optimized.
#include "passes/verify-optimized/VerifyOptimized.h"

#include "dialects/lm/Lm.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_VERIFYLMOPTIMIZEDPASS
#include "passes/verify-optimized/VerifyOptimized.h.inc"

static constexpr llvm::StringLiteral kPass = "verify-lm-optimized";

/// C1.
static LogicalResult verifyVocabulary(Operation *op) {
  if (isa<ModuleOp, func::FuncOp, func::ReturnOp>(op) || isa_and_nonnull<LMDialect>(op->getDialect()))
    return success();
  return op->emitError() << kPass << " C1: '" << op->getName()
                         << "' is left after optimization; expected only ops of the lm dialect, functions and returns";
}

static bool isLossy(Attribute weight) {
  return weight
      .walk([](WeightAttrInterface part) {
        return part.getEffect() == WeightEffect::Rounded ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

/// C2.
static LogicalResult verifyLabel(ParamOp param) {
  if (!isLossy(param.getValue()))
    return success();
  ExactnessAttr label = param.getExactnessAttr();
  if (label && label.getKind() != ExactnessKind::exact)
    return success();
  return param.emitError() << kPass << " C2: the weight @" << param.getSymName() << " is quantized but "
                           << (label ? "labelled exact" : "has no label")
                           << "; expected exactness <approximate> or <trained>";
}

namespace {

struct VerifyOptimized : impl::VerifyLmOptimizedPassBase<VerifyOptimized> {
  void runOnOperation() override {
    getOperation().walk([&](Operation *op) {
      if (failed(verifyVocabulary(op)))
        signalPassFailure();
      if (auto param = dyn_cast<ParamOp>(op); param && failed(verifyLabel(param)))
        signalPassFailure();
    });
    markAllAnalysesPreserved();
  }
};

} // namespace

} // namespace lmopt::lm
