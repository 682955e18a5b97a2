// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Int8 weights stored without their zeros. In: lm.quantized_linear on !lm.int8 weights. Out: the same on
// !lm.sparse_int8 where the model of SparseCost.h says that it is faster. Weights are read one at a time for each
// thread. From techniques 7.5. Tested by test/passes/store-sparse.
#include "passes/store-sparse/StoreSparse.h"

#include "dialects/lm/Weights.h"
#include "dialects/lm/weights/Sparsity.h"
#include "passes/analysis/LayerSelection.h"
#include "passes/analysis/ParamUses.h"
#include "passes/analysis/Tell.h"
#include "passes/store-sparse/SparseCost.h"

#include "mlir/IR/Threading.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMSTORESPARSEPASS
#include "passes/store-sparse/StoreSparse.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-store-sparse";

/// What one product of codes takes; codegen/cpu/linear/LinearSpec.h.
static constexpr int64_t kBlockRows = 16, kBlockColumns = 4;

namespace {

struct Candidate {
  ParamOp weight;
  SparseCounts counts = {0, 0, 0, 0};
};

struct StoreSparse : impl::LmStoreSparsePassBase<StoreSparse> {
  using LmStoreSparsePassBase::LmStoreSparsePassBase;

  SparseTarget cpu = {1, 1, 1, 1};

  void runOnOperation() override {
    if (failed(store()))
      signalPassFailure();
  }

  LogicalResult store() {
    ModuleOp module = getOperation();
    if (failed(readOptions()))
      return failure();
    FailureOr<LayerSelection> selection = LayerSelection::create(module, layers, skip);
    if (failed(selection))
      return failure();
    std::vector<Candidate> candidates = findCandidates(*selection);
    WeightReader reader(base.empty() ? moduleDirectory(module) : base.getValue());
    if (failed(failableParallelForEach(&getContext(), candidates, [&](Candidate &it) { return count(it, reader); })))
      return failure();
    for (Candidate &candidate : candidates) // after the counts, so that the order of remarks does not depend on threads
      decide(candidate);
    return success();
  }

  LogicalResult readOptions() {
    std::optional<SparseTarget> known = sparseTarget(target);
    if (!known)
      return getOperation().emitError() << kPass << ": option 'target' must be avx2 or avx512, found '"
                                        << target.getValue() << "'";
    cpu = *known;
    if (format != "auto" && format != "blocks" && format != "codes")
      return getOperation().emitError() << kPass << ": option 'format' must be auto, blocks or codes, found '"
                                        << format.getValue() << "'";
    return success();
  }

  //===--- Weights ---===//

  std::vector<Candidate> findCandidates(const LayerSelection &selection) {
    ParamUses uses(getOperation());
    llvm::SetVector<Operation *> weights;
    for (QuantizedLinearOp linear : findOps<QuantizedLinearOp>(getOperation()))
      if (selection.contains(linear))
        weights.insert(uses.lookup(linear.getWeightAttr()));
    std::vector<Candidate> candidates;
    for (Operation *op : weights) {
      auto weight = cast<ParamOp>(op);
      if (!isa<Int8Type>(weight.getType()))
        continue; // it is sparse already
      if (std::string reason = reasonAgainst(uses.users(weight), selection); reason.empty())
        candidates.push_back({weight});
      else
        tellMissed(kPass, "NotStoredSparse", weight, reason);
    }
    return candidates;
  }

  static std::string reasonAgainst(ArrayRef<Operation *> users, const LayerSelection &selection) {
    for (Operation *user : users) {
      if (!isa<QuantizedLinearOp>(user))
        return ("it is also used by '" + getPartName(user) + "'").str();
      if (!selection.contains(user))
        return ("it is also used by '" + getPartName(user) + "', which is not selected").str();
    }
    return "";
  }

  static LogicalResult count(Candidate &candidate, WeightReader &reader) {
    FailureOr<WeightData> data = reader.read(candidate.weight);
    if (failed(data)) // the reader has said why
      return failure();
    auto blocks = [&](int64_t rows, int64_t columns) {
      return countBlocks(data->s8.data(), data->rows(), data->columns(), rows, columns);
    };
    candidate.counts = {data->rows(), data->columns(), blocks(kBlockRows, kBlockColumns), blocks(1, 1)};
    return success();
  }

  void decide(Candidate &candidate) {
    SparseFormat chosen = format == "blocks"  ? SparseFormat::Blocks
                          : format == "codes" ? SparseFormat::Codes
                                              : chooseSparseFormat(cpu, candidate.counts);
    if (chosen == SparseFormat::Dense)
      return tellMissed(kPass, "NotStoredSparse", candidate.weight,
                        "it has " + std::to_string(candidate.counts.codes) + " codes in " +
                            std::to_string(candidate.counts.blocks) + " blocks, too many to gain by it");
    setFormat(candidate, chosen);
    double share = sparseCost(cpu, chosen, candidate.counts) / sparseCost(cpu, SparseFormat::Dense, candidate.counts);
    tellPassed(kPass, "StoredSparse", candidate.weight)
        << remark::metric("Weight", candidate.weight.getSymName().str())
        << remark::metric("Format", chosen == SparseFormat::Blocks ? "blocks" : "codes")
        << remark::metric("Cost", share);
  }

  void setFormat(Candidate &candidate, SparseFormat chosen) {
    ParamOp weight = candidate.weight;
    bool blocks = chosen == SparseFormat::Blocks;
    int64_t rows = blocks ? kBlockRows : 1, columns = blocks ? kBlockColumns : 1;
    int64_t stored = blocks ? candidate.counts.blocks : candidate.counts.codes;
    weight.setValueAttr(StoreSparseAttr::get(&getContext(), weight.getValue(), rows, columns));
    weight.setType(
        SparseInt8Type::get(&getContext(), candidate.counts.rows, candidate.counts.columns, rows, columns, stored));
  }
};

} // namespace

} // namespace lmopt::lm
