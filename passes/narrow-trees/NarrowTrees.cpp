// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of trees of neurons in fewer bits; see NarrowTrees.td. Tested by test/passes/narrow-trees.
#include "passes/narrow-trees/NarrowTrees.h"

#include "dialects/lm/Build.h"
#include "dialects/lm/PartNames.h"

#include "passes/analysis/ParamUses.h"
#include "passes/analysis/Tell.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMNARROWTREESPASS
#include "passes/narrow-trees/NarrowTrees.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-narrow-trees";

namespace {

struct NarrowTrees : impl::LmNarrowTreesPassBase<NarrowTrees> {
  using LmNarrowTreesPassBase::LmNarrowTreesPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (bits != 16 && bits != 8) {
      emitError(module.getLoc()) << kPass << ": option 'bits' must be 16 or 8, found " << bits.getValue();
      return signalPassFailure();
    }
    ParamUses uses(module);
    for (NeuronTreeOp tree : findOps<NeuronTreeOp>(module))
      visit(tree, uses);
  }

  void visit(NeuronTreeOp tree, ParamUses &uses) {
    ParamOp values = uses.lookup(tree.getValuesAttr()), keys = uses.lookup(tree.getWeightAttr());
    bool copies = numbers && !tree.getNarrowAttr();
    if (!isF32(values) || (copies && !isF32(keys)))
      return tellMissed(kPass, "KeptFloat", tree, "its rows are not in f32");
    if (uses.users(values).size() > 1)
      return tellMissed(kPass, "KeptFloat", tree, "something else uses its rows, too");
    narrow(values);
    if (copies)
      tree.setNarrowAttr(refTo(copyOf(keys)));
    tellPassed(kPass, "NarrowedTree", tree) << remark::metric("Weight", values.getSymName().str());
  }

  static bool isF32(ParamOp param) {
    auto tensor = dyn_cast<RankedTensorType>(param.getType());
    return tensor && tensor.getElementType().isF32();
  }

  /// The same numbers under another name, in fewer bits.
  ParamOp copyOf(ParamOp keys) {
    OpBuilder builder(keys);
    builder.setInsertionPointAfter(keys);
    auto copy = cast<ParamOp>(builder.clone(*keys));
    copy.setSymName((keys.getSymName() + (bits == 8 ? ".int8" : ".bf16")).str());
    narrow(copy);
    return copy;
  }

  void narrow(ParamOp param) {
    MLIRContext *context = &getContext();
    if (bits == 8) {
      param.setValueAttr(QuantizeRowsAttr::get(context, param.getValue(), FitAttr()));
      param.setType(Int8Type::get(context, param.getShape()[0], param.getShape()[1]));
    } else {
      param.setValueAttr(NarrowAttr::get(context, param.getValue()));
      param.setType(cast<RankedTensorType>(param.getType()).clone(BFloat16Type::get(context)));
    }
    param.setExactnessAttr(ExactnessAttr::get(context, ExactnessKind::approximate, std::nullopt));
  }
};

} // namespace

} // namespace lmopt::lm
