// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See RowModel.h.
#include "codegen/ptx/rows/RowModel.h"

#include "codegen/plan/FormSteps.h"
#include "codegen/ptx/attention/AttentionModel.h"
#include "dialects/lm/Verify.h"
#include "dialects/lm/param/Param.h"

using namespace mlir;

namespace lmopt::nvptx {

int64_t RowProgramBuilder::append(RowStep step, ArrayRef<Argument> pointers) {
  for (const Argument &pointer : pointers) {
    step.pointers.push_back(static_cast<int64_t>(arguments.size()));
    arguments.push_back(pointer);
  }
  spec.steps.push_back(std::move(step));
  return static_cast<int64_t>(spec.steps.size()) - 1;
}

void RowProgramBuilder::add(Operation *op, RowStep step, ArrayRef<Argument> pointers) {
  for (Value operand : op->getOperands())
    if (auto known = numbers.find(operand); known != numbers.end())
      step.operands.push_back(known->second);
  define(op->getResult(0), append(std::move(step), pointers));
}

void RowProgramBuilder::storeCodes(Operation *op, RowStep step) {
  step.operands = {numberOf(op->getOperand(0))};
  Operation *yield = launches.step.getBody().front().getTerminator();
  int64_t parts = step.kind == RowStepKind::StoreGroups ? 2 : 3;
  for (auto [inside, rows] : llvm::zip_equal(yield->getOperands(), launches.step.getResults()))
    if (inside == op->getResult(0)) {
      SmallVector<Argument, 3> places;
      for (int64_t part = 0; part < parts; ++part)
        places.push_back(placeOf(rows, part));
      appendStore(step, rows, places);
    }
}

void RowProgramBuilder::appendStore(RowStep step, Value rows, ArrayRef<Argument> places) {
  step.isOperand = rows == operand;
  append(std::move(step), step.isOperand ? ArrayRef<Argument>() : places);
}

// A step over outputs reads rows of tokens by the list of those that are wanted.
void RowProgramBuilder::load(Value inside, Value rows) {
  auto type = cast<plan::RowsType>(rows.getType());
  if (plan::StepOp attend = launches.group.parts; attend && rows == attend.getResult(0))
    return define(inside, loadParts(attend, launches.step, *this));
  bool listed = launches.step.getDomain() == plan::Domain::outputs && type.getDomain() == plan::Domain::tokens;
  define(inside, listed ? append({RowStepKind::LoadListed}, {placeOf(rows), {Argument::OutputRows}})
                        : append({RowStepKind::Load}, {placeOf(rows)}));
}

void RowProgramBuilder::store(int64_t number, Value rows) {
  auto type = cast<plan::RowsType>(rows.getType());
  Type element = type.getElement();
  if (element.isInteger(8)) // the step that quantizes has said how it is stored
    return;
  RowStepKind kind = plan::getPlace(rows).isResult() ? RowStepKind::StorePacked
                     : element.isBF16()              ? RowStepKind::StoreHalves
                                                     : RowStepKind::StoreFloats;
  appendStore({kind, {number}}, rows, {placeOf(rows)});
}

RowProgram RowProgramBuilder::build() {
  plan::StepOp step = launches.step;
  Block &body = step.getBody().front();
  spec.width = cast<plan::RowsType>(step.getRowResults().front().getType()).getWidth();
  for (auto [inside, rows] : llvm::zip_equal(body.getArguments(), step.getInputs()))
    load(inside, rows);
  for (auto op : body.getOps<RowOpInterface>())
    op.addTo(*this);
  for (auto [inside, result] : llvm::zip_equal(body.getTerminator()->getOperands(), step.getResults()))
    store(numbers.lookup(inside), result);
  return {spec, arguments};
}

RowProgram RowProgramBuilder::buildStore(int64_t number, Value rows) {
  spec.width = cast<plan::RowsType>(rows.getType()).getWidth();
  store(number, rows);
  return {spec, arguments};
}

void RowProgramBuilder::launch(const RowProgram &program) {
  Launch launch;
  launch.kernel = rowKernel(launches.kernels, program.spec);
  launch.arguments = program.arguments;
  launch.domain = launches.step.getDomain();
  launch.grid[0] = Size::rows(launch.domain);
  launches.add(std::move(launch));
}

RowStep rotation(std::vector<int64_t> operands, int64_t block) {
  RowStep step = {RowStepKind::Rotate, std::move(operands)};
  step.size = block;
  return step;
}

LogicalResult checkRotation(Operation *op, int64_t block) {
  if (canRotate(block) && lm::widthOf(op->getResult(0)) % block == 0)
    return success();
  return plan::refuse(op, "rotation of rows of " + Twine(lm::widthOf(op->getResult(0))) + " numbers by blocks of " +
                              Twine(block) +
                              " is not supported on GPUs; blocks must divide the width and be at most 512");
}

LogicalResult checkWidths(Operation *op) {
  auto step = op->getParentOfType<plan::StepOp>();
  int64_t width = lm::widthOf(op->getResult(0));
  for (Value rows : llvm::concat<Value>(step.getRowInputs(), step.getRowResults()))
    if (int64_t other = cast<plan::RowsType>(rows.getType()).getWidth(); other != width)
      return plan::refuse(op, "rows of " + Twine(width) + " and of " + Twine(other) +
                                  " numbers in one step are not supported on GPUs yet");
  return success();
}

plan::PackedUse packedTable(Operation *user, FlatSymbolRefAttr table) {
  auto type = cast<RankedTensorType>(lm::lookupParam(user, table).getType());
  return {{table}, TableAttr::get(user->getContext(), type)};
}

void addTablesOfWeights(Operation *op, SmallVectorImpl<plan::PackedUse> &uses) {
  SmallVector<lm::WeightUse> weights;
  cast<lm::StepOpInterface>(op).getWeightUses(weights);
  for (const lm::WeightUse &weight : weights)
    uses.push_back(packedTable(op, weight.symbol));
}

} // namespace lmopt::nvptx
