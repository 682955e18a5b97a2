// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The linears around an attention; see AttentionLinears.h.
#include "passes/analysis/AttentionLinears.h"

#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;

namespace lmopt::lm {

LinearOp getOutputLinear(AttentionOp attention) {
  Value result = attention.getResult();
  return result.hasOneUse() ? dyn_cast<LinearOp>(*result.getUsers().begin()) : LinearOp();
}

AttentionLinears findOwnLinears(AttentionOp attention, const ParamUses &uses) {
  LinearOp output = getOutputLinear(attention);
  if (output && !uses.isOnlyUsedBy(uses.lookup(output.getWeightAttr()), output))
    output = {};
  return {getOwnLinear(attention.getQuery(), uses), getOwnLinear(attention.getKey(), uses),
          getOwnLinear(attention.getValue(), uses), output};
}

std::string reasonToKeepCodes(const AttentionLinears &linears, const ParamUses &uses) {
  for (LinearOp linear : {linears.query, linears.key, linears.value, linears.output})
    if (std::string reason = reasonToKeepCodes(uses.lookup(linear.getWeightAttr())); !reason.empty())
      return "'" + getPartName(linear).str() + "': " + reason;
  return "";
}

bool showsPaddedRows(AttentionOp attention) {
  auto function = attention->getParentOfType<FunctionOpInterface>();
  return attention.getLengths() && (!function || llvm::any_of(function.getResultTypes(), [](Type type) {
           auto tensor = dyn_cast<RankedTensorType>(type);
           return tensor && tensor.getRank() > 2;
         }));
}

bool hasLearnedProjection(AttentionOp attention) {
  ProjectionAttr projection = attention.getProjectionAttr();
  return projection && projection.isLearned();
}

std::vector<int64_t> valueChannels(AttentionOp attention) {
  std::vector<int64_t> channels;
  int64_t width = attention.getValueWidth();
  for (auto [head, size] : llvm::enumerate(attention.getGroupSizes()))
    for (int64_t i = 0; i < size * width; ++i)
      channels.push_back(static_cast<int64_t>(head) * width + i % width);
  return channels;
}

} // namespace lmopt::lm
