// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm-prune-heads on fixture models, whose results the reference interpreter computes: what the pass says it lost is
// what the results of an attention lose over the text of the statistics; the mean stays; no method beats least squares;
// queries go one by one and leave uneven groups, or whole groups go with their keys and values; what cannot be pruned,
// or must not, stays or is refused. And compiled: what the interpreter computes, the same bits in every way of running
// it.
#include "test/unit/models/CompiledRuns.h"
#include "test/unit/models/PrunedModel.h"

#include <numeric>

using namespace mlir;
using namespace lmopt;

namespace {

class PrunedHeads : public fixture::PrunedModel {
protected:
  PrunedHeads() : PrunedModel("lm-prune-heads", "layers.0.attn.o") {}

  lm::AttentionOp attention(ModuleOp module) { return lastLinear(module).getInput().getDefiningOp<lm::AttentionOp>(); }
  static int64_t widthOf(Value value) { return cast<ShapedType>(value.getType()).getShape().back(); }
};

TEST_P(PrunedHeads, LosesWhatItSays) {
  expectLosses({"ratio=0.34", "ratio=0.34 method=energy", "ratio=0.34 method=magnitude", "ratio=0.34 method=random",
                "ratio=0.34 repair=false", "ratio=0.34 groups=true"});
}

TEST_P(PrunedHeads, NothingBeatsLeastSquares) {
  double best = labelled(*pruned("ratio=0.34 damping=1e-9"));
  for (const char *other : {"method=energy", "method=magnitude", "method=random", "groups=true"})
    EXPECT_LE(best, labelled(*pruned(std::string("ratio=0.34 damping=1e-9 ") + other)) + 1e-9) << other;
  EXPECT_LT(best, labelled(*pruned("ratio=0.34 repair=false")));
}

// Shapes follow the heads that are left; keys and values stay while a query reads them.
TEST_P(PrunedHeads, WidthsAreThoseOfTheHeadsLeft) {
  int64_t heads = int64_t(attention(*model.module).getHeads()),
          kvHeads = int64_t(attention(*model.module).getKvHeads());
  for (double ratio : {0.12, 0.34, 0.6, 0.99}) {
    OwningOpRef<ModuleOp> module = pruned("ratio=" + std::to_string(ratio));
    lm::AttentionOp op = attention(*module);
    int64_t width = op.getHeadWidth();
    EXPECT_EQ(int64_t(op.getHeads()), std::max<int64_t>(1, heads - std::llround(double(heads) * ratio)));
    EXPECT_EQ(width, attention(*model.module).getHeadWidth());
    EXPECT_EQ(widthOf(op.getQuery()), int64_t(op.getHeads()) * width);
    EXPECT_EQ(widthOf(op.getKey()), int64_t(op.getKvHeads()) * width);
    llvm::SmallVector<int64_t> sizes = op.getGroupSizes();
    EXPECT_EQ(std::accumulate(sizes.begin(), sizes.end(), int64_t(0)), int64_t(op.getHeads()));
    for (int64_t size : sizes)
      EXPECT_LE(size, heads / kvHeads);
    EXPECT_EQ(op.getGroups().has_value(), !llvm::all_equal(sizes));
  }
}

TEST_P(PrunedHeads, WholeGroupsTakeKeysAndValuesAlong) {
  OwningOpRef<ModuleOp> module = pruned("ratio=0.34 groups=true");
  lm::AttentionOp before = attention(*model.module), after = attention(*module);
  int64_t gone = std::llround(double(before.getKvHeads()) * 0.34);
  ASSERT_GT(gone, 0);
  EXPECT_EQ(int64_t(after.getKvHeads()), int64_t(before.getKvHeads()) - gone);
  EXPECT_EQ(after.getHeads() * before.getKvHeads(), before.getHeads() * after.getKvHeads());
  EXPECT_FALSE(after.getGroups());
}

TEST_P(PrunedHeads, KeepsWhatRoundsToNothing) { EXPECT_EQ(textOf(*model.module), textOf(*pruned("ratio=0.01"))); }

TEST_P(PrunedHeads, KeepsSharedWeights) {
  OwningOpRef<ModuleOp> module = model.module->clone();
  lm::LinearOp query = linear(*module, "layers.0.attn.q");
  OpBuilder(query).clone(*query); // another reader of the same matrix
  ASSERT_TRUE(succeeded(prune(*module, "ratio=0.34")));
  EXPECT_EQ(lastLinear(*module).getInput().getType(), lastLinear(*model.module).getInput().getType());
}

TEST_P(PrunedHeads, KeepsKeysThatOthersRead) {
  OwningOpRef<ModuleOp> module = model.module->clone();
  lm::LinearOp output = lastLinear(*module);
  lm::AttentionOp op = attention(*module);
  if (!op.getNextCache())
    GTEST_SKIP() << "an encoder's attention makes no cache that others could read";
  lm::LinearOp query = linear(*module, "layers.0.attn.q");
  lm::ParamOp weight = lm::lookupParam(query, query.getWeightAttr());
  OpBuilder builder(weight);
  cast<lm::ParamOp>(builder.clone(*weight)).setSymName("other");
  builder.setInsertionPointAfter(output);
  auto other = cast<lm::LinearOp>(builder.clone(*query));
  other.setWeightAttr(FlatSymbolRefAttr::get(&context, "other"));
  other.removeBiasAttr();
  lm::AttendOp::create(builder, op.getLoc(), op.getResult().getType(), other, op.getNextCache(), Value(),
                       op.getLayerAttr(), op.getHeadsAttr(), op.getKvHeadsAttr(), op.getScaleAttr(), op.getMaskAttr(),
                       op.getRopeAttr(), op.getGroupsAttr(), op.getElementAttr(), op.getProjectionAttr(),
                       op.getSoftCapAttr(), op.getPositionBiasAttr());
  ASSERT_TRUE(succeeded(prune(*module, "ratio=0.34 layers=layers.0.attn.o")));
  EXPECT_EQ(lastLinear(*module).getInput().getType(), lastLinear(*model.module).getInput().getType());
}

TEST_P(PrunedHeads, RefusesStatisticsFromBeforeIt) {
  OwningOpRef<ModuleOp> module = pruned("ratio=0.34");
  EXPECT_NE(errorOf(*module, "ratio=0.34").find("computed otherwise"), std::string::npos);
}

TEST_P(PrunedHeads, SameChoiceEachTime) {
  for (const char *method : {"obs", "random"})
    expectSameChoice(std::string("ratio=0.34 method=") + method);
}

// One budget for all: the share of the multiply-adds with weights; the last step may be one head and its keys too long.
TEST_P(PrunedHeads, SharesOneBudget) {
  auto work = [&](ModuleOp module) {
    int64_t sum = 0;
    for (int64_t layer = 0;; ++layer)
      for (const char *part : {"q", "k", "v", "o"}) {
        lm::LinearOp op = linear(module, "layers." + std::to_string(layer) + ".attn." + part);
        if (!op)
          return sum;
        sum += widthOf(op.getInput()) * widthOf(op.getResult());
      }
  };
  lm::AttentionOp op = attention(*model.module);
  int64_t head = 4 * int64_t(op.getHeadWidth()) * widthOf(lastLinear(*model.module).getResult());
  for (const char *method : {"obs", "energy"}) {
    OwningOpRef<ModuleOp> module = pruned(std::string("ratio=0.3 budget=global method=") + method);
    double all = double(work(*model.module)), left = double(work(*module));
    EXPECT_LE(left, 0.7 * all) << method;
    EXPECT_GT(left + double(head), 0.7 * all) << method;
    EXPECT_FALSE(blockResults(*module).empty());
  }
}

TEST_P(PrunedHeads, BadOptions) {
  OwningOpRef<ModuleOp> module = model.module->clone();
  EXPECT_NE(errorOf(*module, "ratio=1.5").find("'ratio' must be between 0 and 1, found 1.5"), std::string::npos);
  EXPECT_NE(errorOf(*module, "damping=0").find("'damping' must be positive"), std::string::npos);
  EXPECT_NE(errorOf(*module, "method=guess").find("'method' must be obs, energy, magnitude or random, found 'guess'"),
            std::string::npos);
  EXPECT_NE(errorOf(*module, "budget=some").find("'budget' must be uniform or global, found 'some'"),
            std::string::npos);
  EXPECT_NE(errorOf(*module, "budget=global method=magnitude").find("expected method obs or energy, found 'magnitude'"),
            std::string::npos);
  EXPECT_NE(errorOf(*module, "budget=global ratio=0.99").find("something is kept of each block"), std::string::npos);
  EXPECT_NE(errorOf(*module, "layers=layer.*").find("matches none"), std::string::npos);
  stats = folder + "/missing";
  EXPECT_NE(errorOf(*module, "").find("missing"), std::string::npos);
}

// Queries and neurons of a model, then every recipe's kind of code: uneven groups where queries share keys.
class CompiledPruned : public fixture::Calibrated<fixture::CompiledRuns> {
protected:
  void prune() {
    runOnce(settings("stats", 1 << 30));
    std::string where = "{base=" + model.baseDirectory + " stats=" + folder + "/stats ", error;
    PassManager manager(&context);
    ASSERT_TRUE(succeeded(addPassPipeline(
        manager, "lm-prune-heads" + where + "ratio=0.34},lm-prune-ffn" + where + "ratio=0.3 multiple=4}", error)))
        << error;
    ASSERT_TRUE(succeeded(manager.run(*model.module)));
  }

  std::vector<float> meaning() {
    std::vector<float> numbers;
    for (const fixture::Case &one : fixture.cases)
      fixture::append(numbers, chosen(one, interpret(one)));
    return numbers;
  }
};

TEST_P(CompiledPruned, ComputesWhatTheInterpreterDoes) {
  ASSERT_NO_FATAL_FAILURE(prune());
  ASSERT_NO_FATAL_FAILURE(compile("f32"));
  std::vector<float> whole = all(1, {1000});
  expectClose(whole, meaning());
  expectSameBitsAlways(whole);
}

TEST_P(CompiledPruned, InEightBits) {
  ASSERT_NO_FATAL_FAILURE(prune());
  ASSERT_NO_FATAL_FAILURE(compile("int8"));
  std::vector<float> whole = all(1, {1000});
  EXPECT_LE(relativeError(whole, meaning()), fixture::kInt8RelativeError);
  expectSameBitsAlways(whole);
}

TEST_P(CompiledPruned, InBf16) {
  ASSERT_NO_FATAL_FAILURE(prune());
  ASSERT_NO_FATAL_FAILURE(compile("bf16"));
  std::vector<float> whole = all(1, {1000});
  EXPECT_LE(relativeError(whole, meaning()), fixture::kBf16RelativeError);
  expectSameBitsAlways(whole);
}

static const auto kModels = testing::Values("llama-gqa-9-3", "llama-head-80", "bert-mean", "bloom-tied", "mpnet-mean");
INSTANTIATE_TEST_SUITE_P(Models, PrunedHeads, kModels, fixture::parameterName);
INSTANTIATE_TEST_SUITE_P(Models, CompiledPruned, kModels, fixture::parameterName);

} // namespace
