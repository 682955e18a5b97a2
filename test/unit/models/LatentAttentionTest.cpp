// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm-latent-attention on fixture encoders, whose results the reference interpreter computes: the full rank changes
// nothing; what it says it lost is what keys and values lose when they are factored as one matrix and stay; a greater
// rank loses less; compiled, it gives what the interpreter does; what must not change stays or is refused.
#include "test/unit/models/CompressedModel.h"

#include "passes/latent-attention/LatentAttention.h"

using namespace mlir;
using namespace lmopt;

namespace {

class LatentFixtures : public fixture::CompressedModel {
protected:
  OwningOpRef<ModuleOp> latent(int64_t rank, const std::string &more = "") {
    return compressed("lm-latent-attention", "layers=layers.0.attn rank=" + std::to_string(rank) + " " + more);
  }
  std::string refusal(const std::string &options) { return refusalOf("lm-latent-attention", options); }

  lm::LinearOp key() { return linearOf(*model.module, "layers.0.attn.k"); }
  int64_t width() { return key().getInput().getType().getShape().back(); }

  /// Rows of keys beside those of values.
  std::vector<float> keysAndValues(ModuleOp module) {
    std::vector<float> keys = rowsOf(module, "layers.0.attn.k"), values = rowsOf(module, "layers.0.attn.v"), both;
    auto keyWidth = key().getType().getShape().back();
    auto valueWidth = linearOf(*model.module, "layers.0.attn.v").getType().getShape().back();
    auto k = keys.begin(), v = values.begin();
    for (; k != keys.end(); k += keyWidth, v += valueWidth) {
      both.insert(both.end(), k, k + keyWidth);
      both.insert(both.end(), v, v + valueWidth);
    }
    return both;
  }

  double lossOf(ModuleOp module) {
    auto results = size_t(linearOf(module, "layers.0.attn.o").getType().getShape().back());
    return loss(rowsOf(*model.module, "layers.0.attn.o"), rowsOf(module, "layers.0.attn.o"), results).first;
  }
};

TEST_P(LatentFixtures, FullRankChangesNothing) {
  EXPECT_LT(lossOf(*latent(width())), 1e-4); // factors are f32, each result passes through four of their sums
}

TEST_P(LatentFixtures, LosesWhatKeysAndValuesLose) {
  for (int64_t rank : {width() / 4, width() / 2}) {
    OwningOpRef<ModuleOp> module = latent(rank);
    OwningOpRef<ModuleOp> factored =
        compressed("lm-low-rank", "joint=true layers=layers.0.attn.k,layers.0.attn.v rank=" + std::to_string(rank));
    std::vector<float> before = keysAndValues(*model.module), after = keysAndValues(*factored);
    auto both = size_t(key().getType().getShape().back() * 2);
    // The statistics are of f32 rows of the compiled model, the results of the interpreter's: 1e-5 of each.
    EXPECT_NEAR(loss(before, after, both).first, labelled(*module, "layers.0.attn.kv"), 1e-3);
    EXPECT_NEAR(labelled(*factored, "layers.0.attn.k"), labelled(*module, "layers.0.attn.kv"), 1e-9);
  }
}

TEST_P(LatentFixtures, GreaterRanksLoseLess) {
  double before = INFINITY;
  for (int64_t rank : {width() / 4, width() / 2, 3 * width() / 4}) {
    double found = lossOf(*latent(rank));
    EXPECT_LT(found, before) << rank;
    before = found;
  }
}

TEST_P(LatentFixtures, OneHeadIsKept) {
  int64_t rank = width() / 2;
  OwningOpRef<ModuleOp> module = latent(rank);
  lm::AttentionOp attention;
  module->walk([&](lm::AttentionOp op) { attention = attention ? attention : op; });
  EXPECT_EQ(int64_t(attention.getKvHeads()), 1);
  EXPECT_EQ(attention.getHeadWidth(), rank);
  EXPECT_EQ(attention.getKey(), attention.getValue());
  EXPECT_EQ(linearOf(*module, "layers.0.attn.k"), lm::LinearOp());
  EXPECT_EQ(linearOf(*module, "layers.0.attn.v"), lm::LinearOp());
}

TEST_P(LatentFixtures, SameEachTimeAndStaysTheSecondTime) {
  OwningOpRef<ModuleOp> module = latent(width() / 2);
  std::string once = textOf(*module);
  EXPECT_EQ(once, textOf(*latent(width() / 2)));
  // Keys and values are of one linear, which is no own one of either.
  ASSERT_TRUE(
      succeeded(compress(*module, "lm-latent-attention", "layers=layers.0.attn rank=" + std::to_string(width() / 3))));
  EXPECT_EQ(once, textOf(*module));
}

// Behind a cap a constant of all scores is none of the softmax.
TEST_P(LatentFixtures, StaysBehindASoftCap) {
  model.module->walk([](lm::AttentionOp attention) { attention.setSoftCap(llvm::APFloat(30.0)); });
  OwningOpRef<ModuleOp> module = latent(8);
  ASSERT_TRUE(module);
  EXPECT_EQ(linearOf(*module, "layers.0.attn.k").getType(), key().getType());
}

TEST_P(LatentFixtures, RefusesWhatSavesNothing) {
  EXPECT_NE(refusal("rank=" + std::to_string(width() + 1)).find("numbers that its keys and values are made of"),
            std::string::npos);
  EXPECT_NE(refusal("rank=" + std::to_string(2 * width())).find("expected fewer"), std::string::npos);
  EXPECT_NE(refusal("rank=0").find("'rank' must be at least 1, found 0"), std::string::npos);
  EXPECT_NE(refusal("rank=4 damping=0").find("'damping' must be positive"), std::string::npos);
  stats = folder + "/missing";
  EXPECT_NE(refusal("rank=4").find("missing"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Models, LatentFixtures, testing::Values("bert-mean", "roberta-mean"), fixture::parameterName);

} // namespace
