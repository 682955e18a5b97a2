// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tables of embeddings in codes; see QuantizeTables.td. A table is quantized for all its users or for none.
// Tested by test/passes/quantize-tables.
#include "passes/quantize-tables/QuantizeTables.h"

#include "dialects/lm/PartNames.h"

#include "passes/analysis/LayerSelection.h"
#include "passes/analysis/ParamUses.h"
#include "passes/analysis/Tell.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMQUANTIZETABLESPASS
#include "passes/quantize-tables/QuantizeTables.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-quantize-tables";
static constexpr int64_t kGroup = 32, kScaleBits = 8;

namespace {

struct QuantizeTables : impl::LmQuantizeTablesPassBase<QuantizeTables> {
  using LmQuantizeTablesPassBase::LmQuantizeTablesPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (bits != 8 && bits != 4) {
      emitError(module.getLoc()) << kPass << ": option 'bits' must be 8 or 4, found " << bits.getValue();
      return signalPassFailure();
    }
    FailureOr<LayerSelection> selection = LayerSelection::create(module, layers, skip, Selectable::Tables);
    if (failed(selection))
      return signalPassFailure();
    ParamUses uses(module);
    llvm::SetVector<Operation *> tables;
    for (EmbeddingOp embedding : findOps<EmbeddingOp>(module))
      if (selection->contains(embedding))
        tables.insert(uses.lookup(embedding.getTableAttr()));
    for (Operation *table : tables)
      visit(cast<ParamOp>(table), uses.users(cast<ParamOp>(table)), *selection);
  }

  void visit(ParamOp table, ArrayRef<Operation *> users, const LayerSelection &selection) {
    std::string reason = reasonAgainst(table, users, selection);
    for (Operation *user : users)
      if (!isa<EmbeddingOp>(user))
        continue;
      else if (reason.empty())
        tellPassed(kPass, "QuantizedTable", user) << remark::metric("Table", table.getSymName().str());
      else
        tellMissed(kPass, "KeptFloat", user, reason);
    if (reason.empty())
      quantize(table);
  }

  /// Why the table must stay as it is, or an empty string.
  std::string reasonAgainst(ParamOp table, ArrayRef<Operation *> users, const LayerSelection &selection) {
    auto tensor = dyn_cast<RankedTensorType>(table.getType());
    if (!tensor || !tensor.getElementType().isF32())
      return "it is not in f32";
    for (Operation *user : users)
      if (!isa<EmbeddingOp>(user))
        return ("its table is also used by '" + getPartName(user) + "'").str();
      else if (!selection.contains(user))
        return ("its table is also used by '" + getPartName(user) + "', which is not selected").str();
    if (int64_t width = table.getShape()[1]; bits == 4 && width % kGroup != 0)
      return llvm::formatv("groups of {0} do not divide its width {1}", kGroup, width);
    return "";
  }

  void quantize(ParamOp table) {
    MLIRContext *context = &getContext();
    int64_t rows = table.getShape()[0], width = table.getShape()[1];
    if (bits == 8) {
      table.setValueAttr(QuantizeRowsAttr::get(context, table.getValue(), FitAttr()));
      table.setType(Int8Type::get(context, rows, width));
    } else {
      table.setValueAttr(
          QuantizeGroupsAttr::get(context, table.getValue(), bits, kGroup, /*hasMin=*/true, kScaleBits, FitAttr()));
      table.setType(GroupedType::get(context, rows, width, bits, kGroup, /*hasMin=*/true, kScaleBits));
    }
    table.setExactnessAttr(ExactnessAttr::get(context, ExactnessKind::approximate, std::nullopt));
  }
};

} // namespace

} // namespace lmopt::lm
