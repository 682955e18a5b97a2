// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Buffers and packed weights of a plan: what lies between steps, and which matrix, vector or table is packed how, each
// once however many steps use it. See PlanBuilder.h.
#include "codegen/lower/PlanBuilder.h"

using namespace mlir;

namespace lmopt::lower {

int64_t PlanBuilder::widthOf(Value value) { return cast<ShapedType>(value.getType()).getShape().back(); }

int PlanBuilder::addBuffer(Domain domain, int64_t width, cpu::RowFormat format, int64_t group) {
  Buffer buffer;
  buffer.domain = domain;
  buffer.width = width;
  buffer.format = format;
  buffer.rowBytes = cpu::rowBytes(format, width, group);
  plan.buffers.push_back(buffer);
  return plan.buffers.size() - 1;
}

FailureOr<int> PlanBuilder::bufferFor(Operation *op, Value value) {
  auto it = bufferOf.find(value);
  if (it == bufferOf.end())
    return refuse(op, "an operand is neither an activation nor the result of a supported op");
  return it->second;
}

int PlanBuilder::addWeight(const std::string &key, const std::function<PackedWeight()> &make) {
  for (auto &[known, index] : weightKeys)
    if (known == key)
      return index;
  plan.weights.push_back(make());
  weightKeys.emplace_back(key, plan.weights.size() - 1);
  return plan.weights.size() - 1;
}

lm::ParamOp PlanBuilder::param(Operation *user, FlatSymbolRefAttr symbol) { return lm::lookupParam(user, symbol); }

int PlanBuilder::vectorWeight(lm::ParamOp param) {
  return addWeight("vector " + param.getSymName().str(), [&] {
    PackedWeight weight;
    weight.kind = PackedWeight::Vector;
    weight.params = {param};
    weight.bytes = cpu::floatRowBytes(param.getNumElements());
    return weight;
  });
}

int PlanBuilder::tableWeight(lm::ParamOp param) {
  return addWeight("table " + param.getSymName().str(), [&] {
    PackedWeight weight;
    weight.kind = PackedWeight::Table;
    weight.params = {param};
    weight.bytes = param.getShape()[0] * cpu::floatRowBytes(param.getShape()[1]);
    return weight;
  });
}

void PlanBuilder::setFormat(cpu::LinearSpec &spec, lm::ParamOp matrix) {
  spec.format = matrix.isInt8()   ? cpu::WeightFormat::S8Rows
                : matrix.isBf16() ? cpu::WeightFormat::Bf16
                                  : cpu::WeightFormat::F32;
  if (auto grouped = dyn_cast<lm::GroupedType>(matrix.getType())) {
    spec.format = cpu::WeightFormat::Grouped;
    spec.bits = grouped.getBits();
    spec.group = grouped.getGroup();
    spec.hasMin = grouped.getHasMin();
  }
}

int PlanBuilder::linearWeight(lm::ParamOp matrix, lm::ParamOp bias) {
  std::string key = "linear " + matrix.getSymName().str() + (bias ? " " + bias.getSymName().str() : "");
  return addWeight(key, [&] {
    PackedWeight weight;
    weight.kind = PackedWeight::Linear;
    weight.params = {matrix};
    if (bias)
      weight.params.push_back(bias);
    weight.linear.outputs = matrix.getShape()[0];
    weight.linear.inputs = matrix.getShape()[1];
    setFormat(weight.linear, matrix);
    weight.linear.bias = static_cast<bool>(bias);
    weight.linear.outStride = cpu::floatRowBytes(weight.linear.outputs);
    weight.bytes = weight.linear.bytes();
    return weight;
  });
}

int PlanBuilder::ropeWeight(lm::RopeAttr rope, const cpu::RopeTable &table) {
  std::string key;
  llvm::raw_string_ostream(key) << "rope " << rope;
  return addWeight(key, [&] {
    PackedWeight weight;
    weight.kind = PackedWeight::Rope;
    weight.rope = table;
    weight.ropeAttr = rope;
    weight.bytes = table.bytes();
    return weight;
  });
}

// The order of first use is the order in the file: decoding walks through it front to back.
void PlanBuilder::layOutWeights() {
  for (PackedWeight &weight : plan.weights) {
    weight.offset = plan.weightBytes;
    plan.weightBytes += cpu::roundUp(weight.bytes, 64);
  }
}

} // namespace lmopt::lower
