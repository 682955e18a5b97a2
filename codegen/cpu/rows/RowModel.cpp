// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See RowModel.h.
#include "codegen/cpu/rows/RowModel.h"

#include "codegen/plan/FormSteps.h"
#include "dialects/lm/Verify.h"
#include "dialects/lm/interfaces/Step.h"
#include "dialects/lm/param/Param.h"
#include "dialects/lm/quantize/Quantize.h"

using namespace mlir;

namespace lmopt::cpu {

int64_t RowProgramBuilder::newValue(int64_t width) {
  program.widths.push_back(width);
  return static_cast<int64_t>(program.widths.size()) - 1;
}

void RowProgramBuilder::addInput(Value inside, Value rows) {
  auto type = cast<plan::RowsType>(rows.getType());
  bool gathered = step.getDomain() == plan::Domain::outputs && type.getDomain() == plan::Domain::tokens;
  int64_t number = newValue(type.getWidth());
  define(inside, number);
  program.inputs.push_back({number, rowStride(rows), gathered});
}

int64_t RowProgramBuilder::append(RowFunctionRef function, std::vector<int64_t> operands, int64_t width,
                                  std::vector<int64_t> weights) {
  int64_t result = newValue(width);
  program.ops.push_back({std::move(function), std::move(operands), result, width, std::move(weights)});
  return result;
}

std::vector<int64_t> RowProgramBuilder::weightsOf(Operation *op) const {
  std::vector<int64_t> weights;
  for (const PackedUse &use : packedWeightsOf(op, step->getParentOfType<plan::ProgramOp>()))
    weights.push_back(weightNumber(step, use));
  return weights;
}

void RowProgramBuilder::add(Operation *op, RowFunctionRef function) {
  std::vector<int64_t> operands;
  for (Value operand : op->getOperands())
    operands.push_back(numbers.lookup(operand));
  define(op->getResult(0),
         append(std::move(function), std::move(operands), lm::widthOf(op->getResult(0)), weightsOf(op)));
}

RowProgram RowProgramBuilder::build() {
  Block &body = step.getBody().front();
  for (auto [inside, rows] : llvm::zip_equal(body.getArguments(), step.getInputs()))
    addInput(inside, rows);
  for (auto op : body.getOps<RowOpInterface>())
    op.addTo(*this);
  for (auto [inside, result] : llvm::zip_equal(body.getTerminator()->getOperands(), step.getResults())) {
    if (isa<BlockArgument>(inside)) // a step that only copies
      define(inside, append(copyRow(), {numbers.lookup(inside)}, lm::widthOf(inside)));
    program.outputs.push_back({numbers.lookup(inside), rowStride(result)});
  }
  program.weightCount = step.getWeights().size();
  return std::move(program);
}

int64_t tokensNumber(plan::StepOp step) {
  Block *program = &step->getParentOfType<plan::ProgramOp>().getBody().front();
  for (Operation &op : step.getBody().front())
    for (Value operand : op.getOperands())
      if (auto argument = dyn_cast<BlockArgument>(operand))
        if (argument.getOwner() == program && argument.getArgNumber() >= 2)
          return argument.getArgNumber() - 1;
  return 0;
}

Kernel rowProgramKernel(KernelLibrary &kernels, plan::StepOp step) {
  RowProgram program = rowProgramOf(step);
  Kernel kernel;
  kernel.name = rowsKernel(kernels, program);
  auto add = [&](Argument::Kind kind, size_t count) {
    for (size_t number = 0; number < count; ++number)
      kernel.arguments.push_back({kind, static_cast<int64_t>(number)});
  };
  add(Argument::Input, program.inputs.size());
  add(Argument::Output, program.outputs.size());
  add(Argument::Weight, program.weightCount);
  add(Argument::Scratch, 1);
  kernel.arguments.push_back({Argument::Tokens, tokensNumber(step)});
  for (Argument::Kind kind : {Argument::OutputRows, Argument::RowInfo, Argument::RowBegin, Argument::RowEnd})
    add(kind, 1);
  return kernel;
}

// A block is turned in registers: 512 numbers fill all 32 of them. Blocks below 16 are turned inside one register; at
// the ragged end of a row they meet only zeros beyond the width, and zeros stay zeros.
LogicalResult checkRotation(Operation *op, int64_t block) {
  return block <= 512 ? success() : plan::refuse(op, "rotation by blocks above 512 is not supported");
}

PackedUse packedRows(Operation *user, FlatSymbolRefAttr table) {
  auto type = cast<RankedTensorType>(lm::lookupParam(user, table).getType());
  return {{table}, RowsAttr::get(user->getContext(), type)};
}

void addRowsOfWeights(Operation *op, SmallVectorImpl<PackedUse> &uses) {
  SmallVector<lm::WeightUse> weights;
  cast<lm::StepOpInterface>(op).getWeightUses(weights);
  for (const lm::WeightUse &weight : weights)
    uses.push_back(packedRows(op, weight.symbol));
}

} // namespace lmopt::cpu
