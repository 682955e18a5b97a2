// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tied weights: one param for each distinct weight. In: any lm module. Out: the same module with fewer params.
// The first param in the module keeps its name. From techniques 3.4j. Tested by test/passes/deduplicate-weights.
#include "passes/deduplicate-weights/DeduplicateWeights.h"

#include "dialects/lm/Lm.h"
#include "passes/analysis/ParamUses.h"
#include "passes/analysis/Tell.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMDEDUPLICATEWEIGHTSPASS
#include "passes/deduplicate-weights/DeduplicateWeights.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-deduplicate-weights";

namespace {

/// What makes two params the same: numbers, form and what is claimed of them.
using Identity = std::tuple<Type, Attribute, Attribute>;

struct DeduplicateWeights : impl::LmDeduplicateWeightsPassBase<DeduplicateWeights> {
  void runOnOperation() override {
    llvm::DenseMap<Identity, ParamOp> kept;
    llvm::DenseMap<Attribute, FlatSymbolRefAttr> renamed;
    for (ParamOp param : llvm::make_early_inc_range(getOperation().getOps<ParamOp>())) {
      Identity identity(param.getType(), param.getValue(), param.getExactnessAttr());
      auto [entry, isFirst] = kept.try_emplace(identity, param);
      if (isFirst)
        continue;
      renamed[FlatSymbolRefAttr::get(param.getSymNameAttr())] = FlatSymbolRefAttr::get(entry->second.getSymNameAttr());
      tellPassed(kPass, "SharedWeight", param) << remark::metric("Param", param.getSymName().str())
                                               << remark::metric("SameAs", entry->second.getSymName().str());
      param.erase();
    }
    if (!renamed.empty())
      walkModel(getOperation(), [&](Operation *op) { renameWeights(op, renamed); });
  }

  static void renameWeights(Operation *op, const llvm::DenseMap<Attribute, FlatSymbolRefAttr> &renamed) {
    for (NamedAttribute attribute : op->getAttrDictionary())
      if (FlatSymbolRefAttr name = renamed.lookup(attribute.getValue()))
        op->setAttr(attribute.getName(), name);
  }
};

} // namespace

} // namespace lmopt::lm
