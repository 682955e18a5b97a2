// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products for CPUs: the model of every op that is LinearLike, whatever the format of its weights (the layout knows
// it). Tested by test/codegen/lower and the end-to-end tests.
#include "codegen/cpu/linear/LinearModel.h"

#include "codegen/cpu/KernelLibrary.h"
#include "codegen/plan/FormSteps.h"
#include "dialects/lm/interfaces/Linear.h"
#include "dialects/lm/param/Param.h"

using namespace mlir;

namespace lmopt::cpu {

PackedUse packedPanels(Operation *user, FlatSymbolRefAttr matrix, FlatSymbolRefAttr bias) {
  SmallVector<Attribute> params = {matrix};
  if (bias)
    params.push_back(bias);
  Type type = lm::lookupParam(user, matrix).getType();
  return {params, PanelsAttr::get(user->getContext(), type, static_cast<bool>(bias))};
}

// Scales of groups are read once for each register of weights; blocks are such registers.
LogicalResult checkFormat(Operation *user, FlatSymbolRefAttr matrix) {
  Type type = lm::lookupParam(user, matrix).getType();
  int64_t group = lm::integerGroup(type), unit = groupUnit(type);
  auto sparse = dyn_cast<lm::SparseInt8Type>(type);
  if (group % unit != 0) // 0: no groups
    return plan::refuse(user, "groups of " + Twine(group) + " are not supported (param '" + matrix.getValue() +
                                  "'); use a multiple of " + Twine(unit));
  if (sparse && !hasSparseKernel(sparse))
    return plan::refuse(user, "blocks of " + Twine(sparse.getBlockRows()) + "x" + Twine(sparse.getBlockColumns()) +
                                  " are not supported (param '" + matrix.getValue() + "'); use 16x4 or 1x1");
  return success();
}

namespace {

struct LinearKernel : KernelOpInterface::FallbackModel<LinearKernel> {
  static lm::LinearLikeOpInterface linear(Operation *op) { return cast<lm::LinearLikeOpInterface>(op); }
  static LinearSpec specOf(Operation *op) {
    auto layout = cast<PanelsAttr>(packedPanels(op, linear(op).getWeightAttr(), linear(op).getBiasAttr()).layout);
    return linearSpec(layout.getMatrix(), layout.getBias());
  }

  LogicalResult prepare(Operation *op, plan::ProgramOp) const { return checkFormat(op, linear(op).getWeightAttr()); }
  void getPackedWeights(Operation *op, plan::ProgramOp, SmallVectorImpl<PackedUse> &uses) const {
    uses.push_back(packedPanels(op, linear(op).getWeightAttr(), linear(op).getBiasAttr()));
  }
  // Outputs are few rows (usually one) even in a prefill. The entries of a codebook are fetched once for all rows.
  plan::Share getShare(Operation *op, plan::StepOp step, bool few) const {
    return few || specOf(op).floatCodebook() || step.getDomain() == plan::Domain::outputs ? plan::Share::panels
                                                                                          : plan::Share::rows;
  }
  // Memory is planned before a CPU is chosen: what one of them needs, all have.
  int64_t getScratchBytes(Operation *op) const {
    LinearSpec spec = specOf(op);
    spec.words = spec.hasWords();
    return linearScratchBytes(spec);
  }
  int64_t getStateBytes(Operation *) const { return 0; }
  bool masksLastVector(Operation *) const { return true; }
  StringRef getUnit(Operation *op) const {
    LinearSpec spec = specOf(op);
    return spec.integer() || spec.grouped() ? "u8s8" : spec.bf16() ? "bf16" : "f32";
  }
  Kernel defineKernel(Operation *op, KernelLibrary &kernels, plan::StepOp step) const {
    LinearSpec spec = specOf(op);
    spec.outStride = rowStride(step.getResult(0));
    spec.words = spec.hasWords() && kernels.getTarget().shape.words;
    Kernel kernel;
    kernel.name = linearKernel(kernels, spec);
    kernel.arguments = {{Argument::Input},  {Argument::Weight},    {Argument::Output}, {Argument::RowBegin},
                        {Argument::RowEnd}, {Argument::UnitBegin}, {Argument::UnitEnd}};
    if (spec.usesScratch())
      kernel.arguments.insert(kernel.arguments.begin() + 3, {Argument::Scratch});
    if (spec.sparse())
      kernel.arguments.push_back({Argument::Number, spec.stored});
    kernel.units = spec.panels();
    // In pairs: 36 panels (SmolLM2's q) go 18:18 to two threads, in fours 16:20.
    kernel.unitsTogether = spec.grouped() ? 2 : spec.panelsTogether();
    return kernel;
  }
};
} // namespace

void registerLinearModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, lm::LMDialect *) {
    for (RegisteredOperationName name : context->getRegisteredOperations())
      if (name.hasInterface<lm::LinearLikeOpInterface>())
        name.attachInterface<LinearKernel>();
  });
}

} // namespace lmopt::cpu
