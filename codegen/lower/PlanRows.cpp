// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row programs of a plan: the row-wise operations between two products or attentions (norms, elementwise, rotation,
// quantization) become one step, so that a row passes through all of them while it is in the first-level cache.
// See PlanBuilder.h.
#include "codegen/lower/PlanBuilder.h"

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
  pastAllRows |= llvm::is_contained(group, lastOfAllRows);
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

LogicalResult PlanBuilder::addRowOp(Program &program, Operation *op) {
  cpu::RowOp row;
  for (Value operand : op->getOperands())
    if (!isa<lm::EmbeddingOp>(op))
      row.operands.push_back(program.number.lookup(operand));
  row.width = widthOf(op->getResult(0));
  LogicalResult ok = success();
  if (auto embedding = dyn_cast<lm::EmbeddingOp>(op))
    return addEmbedding(program, embedding, row);
  if (auto positions = dyn_cast<lm::AddPositionsOp>(op)) {
    row.kind = cpu::RowOpKind::AddPositions;
    row.weights = {program.useWeight(tableWeight(param(op, positions.getTableAttr())))};
    plan.maxPositions = std::min(plan.maxPositions, param(op, positions.getTableAttr()).getShape()[0]);
  } else if (auto bias = dyn_cast<lm::BiasAddOp>(op)) {
    row.kind = cpu::RowOpKind::BiasAdd;
    row.weights = {program.useWeight(vectorWeight(param(op, bias.getVectorAttr())))};
  } else if (auto norm = dyn_cast<lm::RmsNormOp>(op)) {
    row.kind = cpu::RowOpKind::RmsNorm;
    row.epsilon = norm.getEps().convertToDouble();
    addAffine(program, row, op, norm.getWeightAttr(), {});
  } else if (auto norm = dyn_cast<lm::LayerNormOp>(op)) {
    row.kind = cpu::RowOpKind::LayerNorm;
    row.epsilon = norm.getEps().convertToDouble();
    addAffine(program, row, op, norm.getWeightAttr(), norm.getBiasAttr());
  } else if (auto rotate = dyn_cast<lm::RotateOp>(op)) {
    row.kind = cpu::RowOpKind::Rotate;
    row.block = rotate.getBlock();
    ok = checkBlock(op, row.block);
  } else if (isa<lm::QuantizeDynamicOp>(op)) {
    row.kind = cpu::RowOpKind::Quantize;
  } else if (auto quantize = dyn_cast<lm::QuantizeGroupsOp>(op)) {
    row.kind = cpu::RowOpKind::QuantizeGroups;
    row.block = quantize.getGroup();
    if (row.block % cpu::kLanes != 0)
      ok = refuse(op, "groups of " + Twine(row.block) + " are not supported; use a multiple of 16");
  } else if (isa<lm::NarrowOp>(op)) {
    row.kind = cpu::RowOpKind::Narrow;
  } else if (isa<lm::AddOp>(op)) {
    row.kind = cpu::RowOpKind::Add;
  } else if (auto activation = dyn_cast<lm::ActivationOp>(op)) {
    row.kind = cpu::RowOpKind::Activation;
    row.activation = lm::activationOf(activation.getKind());
    row.for8Bits = endsIn8Bits(op->getResult(0));
  } else if (auto product = dyn_cast<lm::GatedProductOp>(op)) {
    row.kind = cpu::RowOpKind::GatedProduct;
    row.activation = lm::activationOf(product.getKind());
    row.for8Bits = endsIn8Bits(op->getResult(0));
  } else if (isa<lm::L2NormalizeOp>(op)) {
    row.kind = cpu::RowOpKind::L2Normalize;
  } else {
    return refuse(op, "op '" + op->getName().getStringRef() + "' is not supported");
  }
  row.result = program.define(op->getResult(0), row.width);
  program.step.rows.ops.push_back(std::move(row));
  return ok;
}

// Whether all that is done with a value is to quantize it, turned or not, or to round it to bf16: that keeps 8 bits,
// too, and what the shorter formulas are off by (4e-5) counts for less than the rounding of the larger numbers of a
// row.
bool PlanBuilder::endsIn8Bits(Value value) {
  return llvm::all_of(value.getUsers(), [](Operation *user) {
    return isa<lm::QuantizeDynamicOp, lm::QuantizeGroupsOp, lm::NarrowOp>(user) ||
           (isa<lm::RotateOp>(user) && endsIn8Bits(user->getResult(0)));
  });
}

// A block is turned in registers: 512 numbers fill all 32 of them. Blocks below 16 are turned inside one register; at
// the ragged end of a row they meet only zeros beyond the width, and zeros stay zeros.
LogicalResult PlanBuilder::checkBlock(Operation *op, int64_t block) {
  return block <= 512 ? success() : refuse(op, "rotation by blocks above 512 is not supported");
}

void PlanBuilder::addAffine(Program &program, cpu::RowOp &row, Operation *op, FlatSymbolRefAttr weight,
                            FlatSymbolRefAttr bias) {
  for (FlatSymbolRefAttr symbol : {weight, bias})
    if (symbol)
      row.weights.push_back(program.useWeight(vectorWeight(param(op, symbol))));
}

// A table that is also the matrix of a linear (tied head) exists once, in the layout of the linear.
LogicalResult PlanBuilder::addEmbedding(Program &program, lm::EmbeddingOp op, cpu::RowOp row) {
  lm::ParamOp table = param(op, op.getTableAttr());
  if (failed(checkGroups(op, table)))
    return failure();
  const cpu::WeightFormat format = linearSpec(table, {}).format;
  bool asLinear = format != cpu::WeightFormat::F32;
  lm::ParamOp bias;
  function.walk([&](Operation *user) {
    auto linear = dyn_cast<lm::LinearLikeOpInterface>(user);
    if (linear && linear.getWeightAttr() == op.getTableAttr()) {
      asLinear = true;
      bias = param(user, linear.getBiasAttr());
    }
  });
  int weight = asLinear ? linearWeight(table, bias) : tableWeight(table);
  row.kind = format == cpu::WeightFormat::S8Rows    ? cpu::RowOpKind::EmbeddingCodes
             : format == cpu::WeightFormat::Bf16    ? cpu::RowOpKind::EmbeddingHalves
             : format == cpu::WeightFormat::Grouped ? cpu::RowOpKind::EmbeddingGroups
             : asLinear                             ? cpu::RowOpKind::EmbeddingPanels
                                                    : cpu::RowOpKind::Embedding;
  row.weights = {program.useWeight(weight)};
  if (asLinear) {
    const cpu::LinearSpec spec = linearSpec(table, bias);
    row.tableRows = spec.outputs;
    row.bits = spec.bits;
    row.hasMin = spec.hasMin;
    row.block = spec.group;
    row.scaleOffset = format == cpu::WeightFormat::S8Rows ? spec.scaleOffset() : 0;
  }
  bool rotated = op.getRotated().has_value();
  row.result = program.define(rotated ? Value() : op.getResult(), row.width);
  int64_t stored = row.result;
  program.step.rows.ops.push_back(row);
  if (!rotated)
    return success();
  cpu::RowOp back;
  back.kind = cpu::RowOpKind::Rotate;
  back.operands = {stored};
  back.width = row.width;
  back.block = *op.getRotated();
  back.result = program.define(op.getResult(), row.width);
  program.step.rows.ops.push_back(std::move(back));
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
  cpu::RowOp copy;
  copy.operands = {0};
  copy.width = plan.buffers[buffer].width;
  copy.result = program.define(Value(), copy.width);
  program.step.rows.ops = {copy};
  int out = addBuffer(domain, copy.width);
  program.step.outputs = {out};
  program.step.rows.outputs = {{copy.result, plan.buffers[out].rowBytes}};
  plan.steps.push_back(std::move(program.step));
  return out;
}

} // namespace lmopt::lower
