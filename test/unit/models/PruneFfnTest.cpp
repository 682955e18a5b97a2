// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm-prune-ffn on fixture models, whose results the reference interpreter computes: what the pass says it lost is what
// the results of a block lose over the text of the statistics; the mean stays; no method beats least squares; a neuron
// that another stands for costs nothing; what cannot be pruned, or must not, stays or is refused.
#include "test/unit/models/PrunedModel.h"

using namespace mlir;
using namespace lmopt;

namespace {

class PrunedFixtures : public fixture::PrunedModel {
protected:
  PrunedFixtures() : PrunedModel("lm-prune-ffn", "layers.0.ffn.down") {}
};

TEST_P(PrunedFixtures, LosesWhatItSays) {
  expectLosses({"ratio=0.5 multiple=1", "ratio=0.5 multiple=1 method=energy", "ratio=0.25 multiple=1 method=magnitude",
                "ratio=0.5 multiple=1 method=random", "ratio=0.5 multiple=1 repair=false"});
}

TEST_P(PrunedFixtures, NothingBeatsLeastSquares) {
  double best = labelled(*pruned("ratio=0.5 multiple=1 damping=1e-9"));
  for (const char *other : {"method=energy", "method=magnitude", "method=random", "repair=false"})
    EXPECT_LT(best, labelled(*pruned(std::string("ratio=0.5 multiple=1 damping=1e-9 ") + other))) << other;
}

TEST_P(PrunedFixtures, IsNarrowerAndRuns) {
  int64_t neurons = lastLinear(*model.module).getInput().getType().getShape().back();
  OwningOpRef<ModuleOp> module = pruned("ratio=0.25 multiple=8");
  int64_t kept = lastLinear(*module).getInput().getType().getShape().back();
  EXPECT_EQ(kept, (int64_t(std::ceil(double(neurons) * 0.75)) + 7) / 8 * 8);
  EXPECT_EQ(blockResults(*module).size(), blockResults(*model.module).size());
}

TEST_P(PrunedFixtures, KeepsWhatRoundsUp) {
  EXPECT_EQ(textOf(*model.module), textOf(*pruned("ratio=0.5 multiple=100000")));
}

TEST_P(PrunedFixtures, KeepsSharedWeights) {
  OwningOpRef<ModuleOp> module = model.module->clone();
  lm::LinearOp last = lastLinear(*module);
  auto before = last.getInput().getDefiningOp()->getOperand(0).getDefiningOp<lm::LinearOp>();
  // Another reader of the same matrix: a copy of the linear whose result nobody reads.
  OpBuilder builder(before);
  builder.clone(*before);
  ASSERT_TRUE(succeeded(prune(*module, "ratio=0.5 multiple=1")));
  EXPECT_EQ(last.getInput().getType(), lastLinear(*model.module).getInput().getType());
}

TEST_P(PrunedFixtures, RefusesStatisticsFromBeforeIt) {
  OwningOpRef<ModuleOp> module = pruned("ratio=0.25 multiple=8");
  EXPECT_NE(errorOf(*module, "ratio=0.25 multiple=8").find("computed otherwise"), std::string::npos);
}

TEST_P(PrunedFixtures, SameChoiceEachTime) {
  for (const char *method : {"obs", "random"})
    expectSameChoice(std::string("ratio=0.5 multiple=1 method=") + method);
}

// One budget for all: the share of the multiply-adds of all blocks, in multiples, lost evenly at the margin.
TEST_P(PrunedFixtures, SharesOneBudget) {
  OwningOpRef<ModuleOp> module = pruned("ratio=0.4 multiple=4 budget=global");
  double before = 0, after = 0;
  std::vector<int64_t> widths;
  for (int64_t layer = 0; lm::LinearOp down = linear(*module, "layers." + std::to_string(layer) + ".ffn.down");
       ++layer) {
    widths.push_back(down.getInput().getType().getShape().back());
    after += double(widths.back());
    before += double(
        linear(*model.module, "layers." + std::to_string(layer) + ".ffn.down").getInput().getType().getShape().back());
    EXPECT_EQ(widths.back() % 4, 0);
  }
  // Blocks are alike, so widths are shares of the multiply-adds; the last step may be one multiple too long.
  EXPECT_LE(after, 0.6 * before);
  EXPECT_GT(after + 4, 0.6 * before);
  EXPECT_FALSE(blockResults(*module).empty());
}

TEST_P(PrunedFixtures, BadOptions) {
  OwningOpRef<ModuleOp> module = model.module->clone();
  EXPECT_NE(errorOf(*module, "ratio=1.5").find("'ratio' must be between 0 and 1, found 1.5"), std::string::npos);
  EXPECT_NE(errorOf(*module, "ratio=0").find("'ratio'"), std::string::npos);
  EXPECT_NE(errorOf(*module, "damping=0").find("'damping' must be positive"), std::string::npos);
  EXPECT_NE(errorOf(*module, "multiple=0").find("'multiple' must be at least 1"), std::string::npos);
  EXPECT_NE(errorOf(*module, "method=guess").find("'method' must be obs, energy, magnitude or random, found 'guess'"),
            std::string::npos);
  EXPECT_NE(errorOf(*module, "budget=some").find("'budget' must be uniform or global, found 'some'"),
            std::string::npos);
  EXPECT_NE(errorOf(*module, "budget=global method=random").find("expected method obs or energy, found 'random'"),
            std::string::npos);
  EXPECT_NE(errorOf(*module, "budget=global ratio=0.999 multiple=8").find("something is kept of each block"),
            std::string::npos);
  EXPECT_NE(errorOf(*module, "layers=layer.*").find("matches none"), std::string::npos);
  stats = folder + "/missing";
  EXPECT_NE(errorOf(*module, "").find("missing"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Models, PrunedFixtures, testing::Values("llama-gqa-9-3", "gguf-q4_1", "bert-mean"),
                         fixture::parameterName);

} // namespace
