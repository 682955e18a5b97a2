// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears by block; see Units.h.
#include "tools/compress/Units.h"

#include "passes/analysis/LinearWeights.h"

using namespace mlir;

namespace lmopt {

static std::string blockOf(StringRef linear) {
  auto [block, last] = linear.rsplit('.');
  return last.empty() ? linear.str() : block.str();
}

std::vector<Unit> findUnits(ModuleOp module, const lm::LayerSelection &selection) {
  std::vector<Unit> units;
  lm::walkModel(module, [&](Operation *op) {
    if (!isa<lm::LinearLikeOpInterface>(op) || lm::getPartName(op).empty() || lm::readsVectors(op) ||
        !selection.contains(op))
      return;
    std::string linear = lm::getPartName(op).str(), block = blockOf(linear);
    auto found = llvm::find_if(units, [&](const Unit &unit) { return unit.name == block; });
    if (found == units.end())
      found = units.insert(units.end(), {block, StringRef(block).rsplit('.').second.str(), {}});
    found->linears.push_back(linear);
  });
  return units;
}

} // namespace lmopt
