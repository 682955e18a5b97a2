// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See LinearWeights.h.
#include "passes/analysis/LinearWeights.h"

#include "dialects/lm/PartNames.h"

#include "passes/analysis/Tell.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace lmopt::lm {

SmallVector<ParamOp> findLinearWeights(ModuleOp module, const LayerSelection &selection, const ParamUses &uses) {
  llvm::SetVector<Operation *> weights;
  for (LinearOp linear : findOps<LinearOp>(module))
    if (selection.contains(linear))
      weights.insert(uses.lookup(linear.getWeightAttr()));
  return llvm::map_to_vector(weights, [](Operation *weight) { return cast<ParamOp>(weight); });
}

bool readsVectors(Operation *op) {
  auto linear = dyn_cast<LinearOp>(op);
  return linear && linear.getInput().getType().getRank() == 2;
}

bool choosesExperts(Operation *op) {
  auto linear = dyn_cast<LinearOp>(op);
  return linear && llvm::any_of(linear.getResult().getUsers(), llvm::IsaPred<TopGatesOp>);
}

bool isSparsified(ParamOp weight) {
  return weight.getValue().walk([](SparsifyAttr) { return WalkResult::interrupt(); }).wasInterrupted();
}

std::string reasonToStayF32(ArrayRef<Operation *> users, const LayerSelection &selection) {
  for (Operation *user : users) {
    std::string name = ("'" + getPartName(user) + "'").str();
    if (!isa<LinearOp, EmbeddingOp>(user))
      return "its weight is also used by " + name;
    if (isa<LinearOp>(user) && !selection.contains(user))
      return "its weight is also used by " + name + ", which is not selected";
    if (choosesExperts(user))
      return name + " chooses experts, and a small error may choose others";
    if (readsVectors(user))
      return name + " reads one vector a sequence, which is little work and the end of it";
  }
  return "";
}

void tellKept(StringRef pass, StringRef remark, ArrayRef<Operation *> users, StringRef reason) {
  for (Operation *user : users)
    if (isa<LinearOp>(user))
      tellMissed(pass, remark, user, reason);
}

Value getQuantizedGroups(Value input, int64_t group, Operation *reader) {
  auto fits = [&](QuantizeGroupsOp made) { return made.getGroup() == group; };
  if (auto made = findQuantized<QuantizeGroupsOp>(input, reader, fits))
    return made.getCodes();
  OpBuilder builder(input.getContext());
  builder.setInsertionPointAfterValue(input);
  auto quantized = QuantizeGroupsOp::create(builder, input.getLoc(), input, group);
  nameAfter(quantized, input, "quantize");
  return quantized.getCodes();
}

void replaceByGroupedProduct(LinearOp linear, ParamOp weight) {
  int64_t group = integerGroup(weight.getType());
  Value codes = getQuantizedGroups(linear.getInput(), group, linear);
  OpBuilder builder(linear);
  auto product = GroupedLinearOp::create(builder, linear.getLoc(), codes, weight, linear.getBiasAttr());
  takePartName(product, linear);
  linear.getResult().replaceAllUsesWith(product.getResult());
  linear.erase();
}

llvm::SmallVector<ParamOp> findWeightsToChange(ModuleOp module, const LayerSelection &selection, const ParamUses &uses,
                                               StringRef pass, StringRef remark,
                                               llvm::function_ref<std::string(ParamOp)> reasonAgainst) {
  llvm::SmallVector<ParamOp> weights;
  for (ParamOp weight : findLinearWeights(module, selection, uses))
    if (std::string reason = reasonAgainst(weight); reason.empty())
      weights.push_back(weight);
    else
      tellKept(pass, remark, uses.users(weight), reason);
  return weights;
}

void transposeWeight(ParamOp weight) {
  MLIRContext *context = weight.getContext();
  auto transposed = dyn_cast<TransposeAttr>(weight.getValue());
  weight.setValueAttr(transposed ? transposed.getSource() : TransposeAttr::get(context, weight.getValue()));
  auto shape = weight.getShape();
  weight.setType(RankedTensorType::get({shape[1], shape[0]}, Float32Type::get(context)));
}

} // namespace lmopt::lm
