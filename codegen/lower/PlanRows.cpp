// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row programs of a plan: the row-wise operations between two products or attentions (norms, elementwise, rotation,
// quantization) become one step, so that a row passes through all of them while it is in the first-level cache.
// See PlanBuilder.h.
#include "codegen/cpu/elementwise/ElementwiseRows.h"
#include "codegen/cpu/embedding/EmbeddingRows.h"
#include "codegen/cpu/norm/NormRows.h"
#include "codegen/cpu/quantize/QuantizeRows.h"
#include "codegen/lower/PlanBuilder.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace lmopt::lower {

LogicalResult PlanBuilder::closeGroup() {
  if (group.empty())
    return success();
  Program program;
  program.step.kind = Step::Rows;
  program.step.domain = currentDomain();
  program.step.name = lm::getPartName(group.front()).str();
  for (Operation *op : group)
    if (isa<RankedTensorType>(op->getResult(0).getType()) &&
        cast<RankedTensorType>(op->getResult(0).getType()).getRank() == 2)
      program.step.domain = Domain::Segments;
  for (Operation *op : group)
    if (failed(addInputs(program, op)))
      return failure();
  for (Operation *op : group)
    if (failed(addRowOp(program, op)))
      return failure();
  addOutputs(program);
  program.step.rows.weightCount = program.weightNumber.size();
  group.clear();
  plan.steps.push_back(std::move(program.step));
  return success();
}

LogicalResult PlanBuilder::addInputs(Program &program, Operation *op) {
  for (Value operand : op->getOperands()) {
    Operation *producer = operand.getDefiningOp();
    bool inside = producer && llvm::is_contained(group, producer);
    if (inside || program.number.count(operand) || isa<lm::EmbeddingOp>(op))
      continue;
    FailureOr<int> buffer = bufferFor(op, operand);
    if (failed(buffer))
      return failure();
    addInput(program, operand, *buffer);
  }
  return success();
}

void PlanBuilder::addInput(Program &program, Value value, int buffer) {
  bool gathered = program.step.domain == Domain::Outputs && plan.buffers[buffer].domain == Domain::Tokens;
  int64_t n = program.define(value, plan.buffers[buffer].width);
  program.step.rows.inputs.push_back({n, plan.buffers[buffer].rowBytes, gathered});
  program.step.inputs.push_back(buffer);
}

// Whether all that is done with a value is to quantize it, turned or not, or to round it to bf16: that keeps 8 bits,
// too, and what the shorter formulas are off by (4e-5) counts for less than the rounding of the larger numbers of a
// row.
static bool endsIn8Bits(Value value) {
  return llvm::all_of(value.getUsers(), [](Operation *user) {
    return isa<lm::QuantizeDynamicOp, lm::QuantizeGroupsOp, lm::NarrowOp>(user) ||
           (isa<lm::RotateOp>(user) && endsIn8Bits(user->getResult(0)));
  });
}

// What each row-wise op is for the row engine.
static cpu::RowFunctionRef functionOf(lm::AddPositionsOp) { return cpu::addPositions(); }
static cpu::RowFunctionRef functionOf(lm::AddOp) { return cpu::add(); }
static cpu::RowFunctionRef functionOf(lm::BiasAddOp) { return cpu::biasAdd(); }
static cpu::RowFunctionRef functionOf(lm::ActivationOp op) {
  return cpu::activation(lm::activationOf(op.getKind()), endsIn8Bits(op.getResult()));
}
static cpu::RowFunctionRef functionOf(lm::GatedProductOp op) {
  return cpu::gatedProduct(lm::activationOf(op.getKind()), endsIn8Bits(op.getResult()));
}
static cpu::RowFunctionRef functionOf(lm::RmsNormOp op) { return cpu::rmsNorm(op.getEps().convertToDouble()); }
static cpu::RowFunctionRef functionOf(lm::LayerNormOp op) { return cpu::layerNorm(op.getEps().convertToDouble()); }
static cpu::RowFunctionRef functionOf(lm::L2NormalizeOp) { return cpu::l2Normalize(); }
static cpu::RowFunctionRef functionOf(lm::RotateOp op) { return cpu::rotate(op.getBlock()); }
static cpu::RowFunctionRef functionOf(lm::QuantizeDynamicOp) { return cpu::quantizeDynamic(); }
static cpu::RowFunctionRef functionOf(lm::QuantizeGroupsOp op) { return cpu::quantizeGroups(op.getGroup()); }
static cpu::RowFunctionRef functionOf(lm::NarrowOp) { return cpu::narrow(); }

static cpu::RowFunctionRef functionOf(Operation *op) {
  return TypeSwitch<Operation *, cpu::RowFunctionRef>(op)
      .Case<lm::AddPositionsOp, lm::AddOp, lm::BiasAddOp, lm::ActivationOp, lm::GatedProductOp, lm::RmsNormOp,
            lm::LayerNormOp, lm::L2NormalizeOp, lm::RotateOp, lm::QuantizeDynamicOp, lm::QuantizeGroupsOp,
            lm::NarrowOp>([](auto known) { return functionOf(known); })
      .Default([](Operation *) { return nullptr; });
}

LogicalResult PlanBuilder::addRowOp(Program &program, Operation *op) {
  if (auto embedding = dyn_cast<lm::EmbeddingOp>(op))
    return addEmbedding(program, embedding);
  cpu::RowOp row{functionOf(op), {}, 0, widthOf(op->getResult(0))};
  if (!row.function)
    return refuse(op, "this operation cannot be part of a row program");
  for (Value operand : op->getOperands())
    row.operands.push_back(program.number.lookup(operand));
  addWeights(program, row, op);
  row.result = program.define(op->getResult(0), row.width);
  program.step.rows.ops.push_back(std::move(row));
  if (auto rotate = dyn_cast<lm::RotateOp>(op))
    return checkBlock(op, rotate.getBlock());
  auto quantize = dyn_cast<lm::QuantizeGroupsOp>(op);
  if (quantize && quantize.getGroup() % cpu::kLanes != 0)
    return refuse(op, "groups of " + Twine(quantize.getGroup()) + " are not supported; use a multiple of 16");
  return success();
}

void PlanBuilder::addWeights(Program &program, cpu::RowOp &row, Operation *op) {
  if (auto positions = dyn_cast<lm::AddPositionsOp>(op)) {
    row.weights = {program.useWeight(tableWeight(param(op, positions.getTableAttr())))};
    plan.maxPositions = std::min(plan.maxPositions, param(op, positions.getTableAttr()).getShape()[0]);
  }
  if (auto bias = dyn_cast<lm::BiasAddOp>(op))
    addVectors(program, row, op, {bias.getVectorAttr()});
  if (auto norm = dyn_cast<lm::RmsNormOp>(op))
    addVectors(program, row, op, {norm.getWeightAttr()});
  if (auto norm = dyn_cast<lm::LayerNormOp>(op))
    addVectors(program, row, op, {norm.getWeightAttr(), norm.getBiasAttr()});
}

void PlanBuilder::addVectors(Program &program, cpu::RowOp &row, Operation *op, ArrayRef<FlatSymbolRefAttr> symbols) {
  for (FlatSymbolRefAttr symbol : symbols)
    if (symbol)
      row.weights.push_back(program.useWeight(vectorWeight(param(op, symbol))));
}

// A block is turned in registers: 512 numbers fill all 32 of them. Blocks below 16 are turned inside one register; at
// the ragged end of a row they meet only zeros beyond the width, and zeros stay zeros.
LogicalResult PlanBuilder::checkBlock(Operation *op, int64_t block) {
  return block <= 512 ? success() : refuse(op, "rotation by blocks above 512 is not supported");
}

// A table that is also the matrix of a linear (tied head) exists once, in the layout of the linear.
LogicalResult PlanBuilder::addEmbedding(Program &program, lm::EmbeddingOp op) {
  lm::ParamOp table = param(op, op.getTableAttr());
  if (failed(checkGroups(op, table)))
    return failure();
  bool asLinear = table.isInt8() || table.isBf16() || table.isGrouped();
  lm::ParamOp bias;
  function.walk([&](Operation *user) {
    FlatSymbolRefAttr weight, biasSymbol;
    if (auto linear = dyn_cast<lm::LinearOp>(user))
      weight = linear.getWeightAttr(), biasSymbol = linear.getBiasAttr();
    if (auto linear = dyn_cast<lm::NarrowLinearOp>(user))
      weight = linear.getWeightAttr(), biasSymbol = linear.getBiasAttr();
    if (auto linear = dyn_cast<lm::QuantizedLinearOp>(user))
      weight = linear.getWeightAttr(), biasSymbol = linear.getBiasAttr();
    if (auto linear = dyn_cast<lm::GroupedLinearOp>(user))
      weight = linear.getWeightAttr(), biasSymbol = linear.getBiasAttr();
    if (weight == op.getTableAttr()) {
      asLinear = true;
      bias = biasSymbol ? param(user, biasSymbol) : lm::ParamOp();
    }
  });
  int weight = asLinear ? linearWeight(table, bias) : tableWeight(table);
  cpu::RowOp row{asLinear ? cpu::embedding(linearSpec(table, bias)) : cpu::embedding(), {}, 0, widthOf(op.getResult())};
  row.weights = {program.useWeight(weight)};
  bool rotated = op.getRotated().has_value();
  row.result = program.define(rotated ? Value() : op.getResult(), row.width);
  program.step.rows.ops.push_back(row);
  if (!rotated)
    return success();
  int64_t turned = program.define(op.getResult(), row.width);
  program.step.rows.ops.push_back({cpu::rotate(*op.getRotated()), {row.result}, turned, row.width});
  return checkBlock(op, *op.getRotated());
}

int PlanBuilder::addOutput(Domain domain, Operation *op) {
  int64_t width = widthOf(op->getResult(0));
  if (auto quantize = dyn_cast<lm::QuantizeGroupsOp>(op))
    return addBuffer(domain, width, cpu::RowFormat::Groups, quantize.getGroup());
  auto format = isa<lm::QuantizeDynamicOp>(op) ? cpu::RowFormat::U8
                : isa<lm::NarrowOp>(op)        ? cpu::RowFormat::Bf16
                                               : cpu::RowFormat::F32;
  return addBuffer(domain, width, format);
}

void PlanBuilder::addOutputs(Program &program) {
  for (Operation *op : group) {
    Value value = op->getResult(0);
    bool leaves = llvm::any_of(value.getUsers(), [&](Operation *user) { return !llvm::is_contained(group, user); });
    if (!leaves)
      continue;
    int buffer = addOutput(program.step.domain, op);
    bufferOf[value] = buffer;
    program.step.outputs.push_back(buffer);
    program.step.rows.outputs.push_back({program.number.lookup(value), plan.buffers[buffer].rowBytes});
  }
}

// A row program that only copies: brings a value into the domain of the results.
int PlanBuilder::copyTo(Domain domain, int buffer) {
  Program program;
  program.step.kind = Step::Rows;
  program.step.domain = domain;
  program.step.name = "result";
  addInput(program, Value(), buffer);
  int64_t width = plan.buffers[buffer].width, result = program.define(Value(), width);
  program.step.rows.ops = {{cpu::copyRow(), {0}, result, width}};
  int out = addBuffer(domain, width);
  program.step.outputs = {out};
  program.step.rows.outputs = {{result, plan.buffers[out].rowBytes}};
  plan.steps.push_back(std::move(program.step));
  return out;
}

} // namespace lmopt::lower
