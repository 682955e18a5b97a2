// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Buffers and packed weights of a plan: what lies between steps, and which matrix, vector or table is packed how, each
// once however many steps use it. See PlanBuilder.h.
#include "codegen/cpu/attention/RopeLayout.h"
#include "codegen/cpu/linear/PanelLayout.h"
#include "codegen/cpu/rows/RowsLayout.h"
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

int PlanBuilder::addWeight(const std::string &key, std::vector<lm::ParamOp> params,
                           std::shared_ptr<const cpu::WeightLayout> layout) {
  for (auto &[known, index] : weightKeys)
    if (known == key)
      return index;
  plan.weights.push_back({std::move(params), std::move(layout)});
  weightKeys.emplace_back(key, plan.weights.size() - 1);
  return plan.weights.size() - 1;
}

lm::ParamOp PlanBuilder::param(Operation *user, FlatSymbolRefAttr symbol) { return lm::lookupParam(user, symbol); }

template <class Layout>
static std::shared_ptr<const cpu::WeightLayout> shared(const Layout &layout) {
  return std::make_shared<Layout>(layout);
}

int PlanBuilder::vectorWeight(lm::ParamOp param) {
  return addWeight("vector " + param.getSymName().str(), {param},
                   shared(cpu::RowsLayout::vector(param.getNumElements())));
}

int PlanBuilder::tableWeight(lm::ParamOp param) {
  return addWeight("table " + param.getSymName().str(), {param},
                   shared(cpu::RowsLayout::table(param.getShape()[0], param.getShape()[1])));
}

cpu::LinearSpec PlanBuilder::linearSpec(lm::ParamOp matrix, lm::ParamOp bias) {
  cpu::LinearSpec spec;
  spec.outputs = matrix.getShape()[0];
  spec.inputs = matrix.getShape()[1];
  spec.bias = static_cast<bool>(bias);
  spec.outStride = cpu::floatRowBytes(spec.outputs);
  if (auto numbers = dyn_cast<RankedTensorType>(matrix.getType()))
    spec.format = numbers.getElementType().isBF16() ? cpu::WeightFormat::Bf16 : cpu::WeightFormat::F32;
  if (isa<lm::Int8Type>(matrix.getType()))
    spec.format = cpu::WeightFormat::S8Rows;
  if (auto grouped = dyn_cast<lm::GroupedType>(matrix.getType())) {
    spec.format = cpu::WeightFormat::Grouped;
    spec.bits = grouped.getBits();
    spec.group = grouped.getGroup();
    spec.hasMin = grouped.getHasMin();
  }
  return spec;
}

int PlanBuilder::linearWeight(lm::ParamOp matrix, lm::ParamOp bias) {
  std::string key = "linear " + matrix.getSymName().str() + (bias ? " " + bias.getSymName().str() : "");
  std::vector<lm::ParamOp> params = {matrix};
  if (bias)
    params.push_back(bias);
  return addWeight(key, std::move(params), shared(cpu::PanelLayout(linearSpec(matrix, bias))));
}

int PlanBuilder::ropeWeight(lm::RopeAttr rope, const cpu::RopeTable &table) {
  std::string key;
  llvm::raw_string_ostream(key) << "rope " << rope;
  return addWeight(key, {}, shared(cpu::RopeLayout(rope, table)));
}

// The order of first use is the order in the file: decoding walks through it front to back.
void PlanBuilder::layOutWeights() {
  for (PackedWeight &weight : plan.weights) {
    weight.offset = plan.weightBytes;
    plan.weightBytes += cpu::roundUp(weight.bytes(), 64);
  }
}

} // namespace lmopt::lower
