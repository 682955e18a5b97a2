// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See GroupedExperts.h.
#include "passes/analysis/GroupedExperts.h"

#include "dialects/lm/PartNames.h"
#include "passes/analysis/LinearWeights.h"

using namespace mlir;

namespace lmopt::lm {

/// Of a stack [E, M, H] whose matrices were transposed, as the rows of a file stand; null for others.
static Attribute beforeTransposeEach(Attribute value, ArrayRef<int64_t> shape) {
  auto rows = dyn_cast<ReshapeAttr>(value);
  auto each = rows ? dyn_cast<TransposeEachAttr>(rows.getSource()) : TransposeEachAttr();
  return each ? ReshapeAttr::get(value.getContext(), each.getSource(), shape) : Attribute();
}

/// The same of a tensor for each expert.
static Attribute beforeTranspose(Attribute value, int64_t experts) {
  auto all = dyn_cast<ConcatRowsAttr>(value);
  if (!all || static_cast<int64_t>(all.getSources().size()) != experts)
    return {};
  SmallVector<Attribute> sources;
  for (Attribute one : all.getSources())
    if (auto turned = dyn_cast<TransposeAttr>(one))
      sources.push_back(turned.getSource());
  return all.getSources().size() == sources.size() ? ConcatRowsAttr::get(value.getContext(), sources) : Attribute();
}

/// lm.experts has a row of `values` for each neuron, files and lm.grouped_experts one for each output.
static ExpertMatrix turned(ParamOp values, int64_t experts) {
  MLIRContext *context = values.getContext();
  Attribute value = values.getValue();
  int64_t neurons = values.getShape()[0] / experts, outputs = values.getShape()[1];
  SmallVector<int64_t> shape = {experts * outputs, neurons};
  Attribute before = beforeTransposeEach(value, shape);
  if (!before)
    before = beforeTranspose(value, experts);
  if (!before) {
    Attribute stack = ReshapeAttr::get(context, value, {experts, neurons, outputs});
    before = ReshapeAttr::get(context, TransposeEachAttr::get(context, stack), shape);
  }
  return {values, before, shape[0], shape[1]};
}

ExpertMatrices::ExpertMatrices(ExpertsOp experts, const ParamUses &uses) : experts(experts) {
  for (FlatSymbolRefAttr symbol : {experts.getWeightAttr(), experts.getUpAttr()})
    if (symbol) {
      ParamOp param = uses.lookup(symbol);
      all.push_back({param, param.getValue(), param.getShape()[0], param.getShape()[1]});
    }
  all.push_back(turned(uses.lookup(experts.getValuesAttr()), experts.getGates().getType().getShape().back()));
}

std::string reasonToStayF32(const ExpertMatrices &matrices, const ParamUses &uses) {
  ExpertsOp experts = matrices.experts;
  if (experts.getBiasAttr() || experts.getValuesBiasAttr())
    return "experts with biases are multiplied in f32 only";
  for (ExpertMatrix matrix : matrices.all)
    for (Operation *user : uses.users(matrix.param))
      if (user != experts)
        return ("its weight @" + matrix.param.getSymName() + " is also used by '" + getPartName(user) + "'").str();
  for (ExpertMatrix matrix : matrices.readers())
    if (matrix.param == matrices.values().param)
      return ("its weight @" + matrix.param.getSymName() + " is both what is multiplied with and what is added").str();
  return "";
}

void replaceByGroupedExperts(const ExpertMatrices &matrices) {
  ExpertsOp experts = matrices.experts;
  ParamOp weight = matrices.all.front().param;
  int64_t group = integerGroup(weight.getType());
  Value codes = getQuantizedGroups(experts.getInput(), group, experts);
  OpBuilder builder(experts);
  auto product = GroupedExpertsOp::create(builder, experts.getLoc(), experts.getType(), codes, experts.getGates(),
                                          experts.getWeightAttr(), experts.getUpAttr(), experts.getValuesAttr(),
                                          experts.getKindAttr());
  takePartName(product, experts);
  experts.getResult().replaceAllUsesWith(product.getResult());
  experts.erase();
}

void warnOfExperts(ArrayRef<ExpertsOp> left, StringRef pass, StringRef reason) {
  if (left.empty())
    return;
  ExpertsOp first = left.front();
  emitWarning(first.getLoc()) << pass << ": the weights of " << left.size()
                              << " mixtures of experts stay in f32, among them those of '" << getPartName(first)
                              << "': " << reason;
}

} // namespace lmopt::lm
