// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm-low-rank-attention on fixture models, whose results the reference interpreter computes: what it says it lost of
// the results of the heads is what they lose; the mean stays; more numbers lose less; heads that need fewer numbers
// lose nothing; rotary pairs that stay are turned as they were; what must not change stays or is refused.
#include "test/unit/models/CompressedModel.h"

#include "passes/low-rank-attention/LowRankAttention.h"

using namespace mlir;
using namespace lmopt;

namespace {

class NarrowedFixtures : public fixture::CompressedModel {
protected:
  OwningOpRef<ModuleOp> narrowed(const std::string &options) {
    return compressed("lm-low-rank-attention", "layers=layers.0.attn.v " + options);
  }

  static lm::AttentionOp attentionOf(ModuleOp module) {
    lm::AttentionOp found;
    module.walk([&](lm::AttentionOp op) { found = found ? found : op; });
    return found;
  }

  int64_t headWidth() { return attentionOf(*model.module).getHeadWidth(); }
  bool turns() { return bool(attentionOf(*model.module).getRopeAttr()); }
  /// Even, as rotary pairs want it.
  int64_t part(double share) { return int64_t(double(headWidth()) * share) / 2 * 2; }

  /// What the results of the first attention lose, its output linear included.
  double lossOf(ModuleOp module) {
    auto width = size_t(linearOf(module, "layers.0.attn.o").getType().getShape().back());
    return loss(rowsOf(*model.module, "layers.0.attn.o"), rowsOf(module, "layers.0.attn.o"), width).first;
  }
};

TEST_P(NarrowedFixtures, MoreNumbersLoseLess) {
  for (const char *parts : {"scores", "outputs", "both"}) {
    double before = INFINITY;
    for (double share : {0.25, 0.5, 0.75}) {
      double found = lossOf(*narrowed(std::string("parts=") + parts + " rank=" + std::to_string(part(share))));
      EXPECT_LT(found, before) << parts << ' ' << share;
      before = found;
    }
  }
}

TEST_P(NarrowedFixtures, HeadsThatNeedFewerNumbersLoseNothing) {
  // Values without half of their numbers: what is left of the product has half the rank.
  OwningOpRef<ModuleOp> whole = model.module->clone();
  lm::LinearOp value = linearOf(*whole, "layers.0.attn.v");
  lm::ParamOp weight = lm::lookupParam(value, value.getWeightAttr());
  int64_t rank = part(0.5), rows = weight.getShape()[0], n = weight.getShape()[1];
  lm::WeightReader reader(model.baseDirectory);
  std::vector<float> numbers = reader.read(weight)->f32;
  for (int64_t r = 0; r < rows; ++r)
    if (r % headWidth() >= rank)
      std::fill_n(numbers.begin() + r * n, n, 0.0F);
  weight.setValueAttr(
      DenseElementsAttr::get(RankedTensorType::get({rows, n}, Float32Type::get(&context)), ArrayRef<float>(numbers)));
  OwningOpRef<ModuleOp> module = whole->clone();
  ASSERT_TRUE(succeeded(
      compress(*module, "lm-low-rank-attention", "layers=layers.0.attn.v parts=outputs rank=" + std::to_string(rank))));
  auto width = size_t(linearOf(*module, "layers.0.attn.o").getType().getShape().back());
  double found = loss(rowsOf(*whole, "layers.0.attn.o"), rowsOf(*module, "layers.0.attn.o"), width).first;
  EXPECT_LT(found, 1e-4); // the damping of 1e-6 and f32
}

TEST_P(NarrowedFixtures, IsNarrower) {
  int64_t rank = part(0.5);
  OwningOpRef<ModuleOp> module = narrowed("rank=" + std::to_string(rank));
  lm::AttentionOp attention = attentionOf(*module);
  EXPECT_EQ(attention.getHeadWidth(), rank);
  EXPECT_EQ(attention.getValueWidth(), rank);
  EXPECT_EQ(attention.getHeads(), attentionOf(*model.module).getHeads());
  OwningOpRef<ModuleOp> outputs = narrowed("parts=outputs rank=" + std::to_string(rank));
  EXPECT_EQ(attentionOf(*outputs).getHeadWidth(), headWidth());
  EXPECT_EQ(attentionOf(*outputs).getValueWidth(), rank);
}

TEST_P(NarrowedFixtures, PairsThatStayTurnAsTheyDid) {
  if (!turns())
    GTEST_SKIP() << "no rotary positions";
  lm::RopeAttr before = attentionOf(*model.module).getRopeAttr();
  lm::RopeAttr after = attentionOf(*narrowed("parts=scores rank=" + std::to_string(part(0.5)))).getRopeAttr();
  llvm::SmallVector<double> all = lm::computeRopeFrequencies(before, 1).frequencies;
  for (int64_t length : {1, 1000}) {
    lm::RopeFrequencies left = lm::computeRopeFrequencies(after, length);
    EXPECT_EQ(left.attentionFactor, 1);
    for (double theta : left.frequencies)
      EXPECT_TRUE(llvm::any_of(all, [&](double one) { return std::abs(one / theta - 1) < 1e-12; })) << theta;
  }
  EXPECT_EQ(after.getSwitchPositions(), 0);
}

TEST_P(NarrowedFixtures, SameEachTime) {
  std::string options = "rank=" + std::to_string(part(0.5));
  EXPECT_EQ(textOf(*narrowed(options)), textOf(*narrowed(options)));
}

TEST_P(NarrowedFixtures, BadOptions) {
  auto refusal = [&](const std::string &options) { return refusalOf("lm-low-rank-attention", options); };
  EXPECT_NE(refusal("").find("'rank' must be at least 1, found -1"), std::string::npos);
  EXPECT_NE(refusal("rank=" + std::to_string(headWidth())).find("saves nothing; expected less"), std::string::npos);
  EXPECT_NE(refusal("rank=2 parts=some").find("'parts' must be both, scores or outputs, found 'some'"),
            std::string::npos);
  EXPECT_NE(refusal("rank=2 damping=0").find("'damping' must be positive"), std::string::npos);
  EXPECT_NE(refusal("rank=2 layers=layer.*").find("matches none"), std::string::npos);
  if (turns())
    EXPECT_NE(refusal("rank=3").find("'rank' must be even where rotary positions turn pairs, found 3"),
              std::string::npos);
  stats = folder + "/missing";
  EXPECT_NE(refusal("rank=2").find("missing"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Models, NarrowedFixtures, testing::Values("llama-gqa-9-3", "gguf-q4_1", "bert-mean"),
                         fixture::parameterName);

} // namespace
