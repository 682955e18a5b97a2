// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Logits by a tree of words for GPUs. What else ranks (classes, previews) has no code yet; the greatest logits are
// found behind the plan (TopLogits.h). Tested by test/unit/codegen/ptx/TreeLogitsTest.cpp and
// test/tools/lmopt/device-scores.sh.
#include "codegen/ptx/Ptx.h"
#include "codegen/ptx/ranking/TreeLogits.h"
#include "dialects/lm/ranking/Ranking.h"

using namespace mlir;

namespace lmopt::nvptx {

int64_t WordTreeAttr::getBytes() const { return cpu::treeTables(getTree()).bytes(); }
std::string WordTreeAttr::describe() const { return "i32 ways to words"; }
void WordTreeAttr::pack(ArrayRef<lm::WeightData>, std::vector<char> &out) const { cpu::packWordTree(getTree(), out); }

namespace {

struct TreeLogitsModel : KernelOpInterface::ExternalModel<TreeLogitsModel, lm::TreeLogitsOp> {
  static plan::PackedUse tables(Operation *op) {
    return {{}, WordTreeAttr::get(op->getContext(), cast<lm::TreeLogitsOp>(op).getTree())};
  }

  LogicalResult prepare(Operation *, plan::ProgramOp) const { return success(); }
  void getPackedWeights(Operation *op, plan::ProgramOp, SmallVectorImpl<plan::PackedUse> &uses) const {
    uses.push_back(tables(op));
  }
  int64_t getStateBytes(Operation *, plan::StepOp) const { return 0; }
  int64_t getScratchBytes(Operation *, plan::StepOp, int64_t) const { return 0; }
  bool writesPackedRows(Operation *) const { return true; }
  StringRef getUnit(Operation *) const { return "none"; }
  void launch(Operation *op, LaunchBuilder &launches) const {
    auto logits = cast<lm::TreeLogitsOp>(op);
    cpu::TreeTables sizes = cpu::treeTables(logits.getTree());
    Launch launch;
    launch.kernel = treeLogitsKernel(launches.kernels, sizes, rowStride(launches.step.getResult(0)));
    launch.arguments = {launches.rowsOf(logits.getScores()), launches.weight(tables(op)), launches.result()};
    launch.domain = launches.step.getDomain();
    launch.grid[0] = Size::fixed((sizes.words() + 255) / 256);
    launch.grid[1] = Size::rows(launch.domain);
    launches.add(std::move(launch));
  }
};
} // namespace

void registerRankingModels(DialectRegistry &registry) {
  registry.addExtension(
      +[](MLIRContext *context, lm::LMDialect *) { lm::TreeLogitsOp::attachInterface<TreeLogitsModel>(*context); });
}

} // namespace lmopt::nvptx
