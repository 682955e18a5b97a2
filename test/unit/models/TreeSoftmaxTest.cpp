// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Softmaxes by a tree made from dense heads (lm-factorize-softmax, method=tree, method=scores), as the reference
// interpreter computes them: probabilities add up; what it says it costs is what it costs; scores of known words are
// those among all logits; refusals.
#include "test/unit/models/FactorizedModel.h"

using namespace mlir;
using namespace lmopt;

namespace {

class TreeSoftmaxFixtures : public fixture::FactorizedModel {
protected:
  OwningOpRef<ModuleOp> byTree(const std::string &options = "") { return pruned("method=tree limit=100 " + options); }
};

TEST_P(TreeSoftmaxFixtures, CostsWhatItSays) {
  for (const char *by : {"by=direction", "by=frequency"}) {
    OwningOpRef<ModuleOp> module = byTree(by);
    std::vector<std::vector<double>> logits = results(*module, 0), after = probabilities(*module);
    double sum = 0, count = 0;
    for (size_t r = 0; r < after.size(); ++r) {
      EXPECT_NEAR(logits[r][0], after[r][0], fixture::kRounding); // they are logarithms of probabilities
      if (r % 8 != 7)
        continue;
      sum += divergence(before[r], after[r]);
      ++count;
    }
    OwningOpRef<ModuleOp> copy = model.module->clone();
    std::string message = errorOf(*copy, std::string("method=tree limit=1e-9 ") + by);
    // The rows and their log-sum-exp are of the compiled model: 1e-5 of each.
    EXPECT_NEAR(numberBehind(message, "off by a KL of "), sum / count, 1e-3) << message;
    EXPECT_GT(sum, 0);
  }
}

TEST_P(TreeSoftmaxFixtures, ScoresAreThoseAmongAllLogits) {
  OwningOpRef<ModuleOp> module = byTree();
  std::vector<std::vector<double>> all = results(*module, 0);
  ASSERT_TRUE(succeeded(prune(*module, "method=scores")));
  std::string text = textOf(*module);
  ASSERT_TRUE(succeeded(prune(*module, "method=scores"))); // a second time changes nothing
  EXPECT_EQ(textOf(*module), text);
  EXPECT_EQ(results(*module, 0), all);
  lm::WeightReader reader(model.baseDirectory);
  size_t row = 0;
  for (const fixture::Case &one : fixture.cases) {
    lm::Interpreter::Options options;
    options.length = int64_t(one.ids.size());
    std::vector<int32_t> targets(one.ids.rbegin(), one.ids.rend());
    lm::Interpreter interpreter(*module, reader, options);
    auto found = interpreter.run("score", {lm::makeIds(one.ids), lm::reference::Cache(), lm::makeIds(targets)});
    ASSERT_TRUE(succeeded(found));
    const auto &scores = std::get<lm::reference::Tensor>((*found)[0]);
    ASSERT_EQ(scores.shape, (std::vector<int64_t>{1, int64_t(one.ids.size()), 1}));
    for (size_t i = 0; i < one.ids.size(); ++i)
      EXPECT_EQ(scores.f32[i], float(all[row++][targets[i]]));
  }
}

TEST_P(TreeSoftmaxFixtures, ASecondTimeChangesNothing) {
  OwningOpRef<ModuleOp> module = byTree();
  std::string text = textOf(*module);
  ASSERT_TRUE(succeeded(prune(*module, "method=tree limit=100 by=frequency")));
  EXPECT_EQ(textOf(*module), text);
  EXPECT_EQ(textOf(*byTree()), text);
  EXPECT_NE(errorOf(*module, "count=3").find("its logits come from classes, a tree or a preview by now"),
            std::string::npos);
}

TEST_P(TreeSoftmaxFixtures, Refusals) {
  OwningOpRef<ModuleOp> module = model.module->clone();
  std::string text = textOf(*module);
  EXPECT_NE(errorOf(*module, "method=scores").find("expected logits by a tree"), std::string::npos);
  EXPECT_NE(errorOf(*module, "method=tree by=magic").find("'by' must be direction or frequency, found 'magic'"),
            std::string::npos);
  EXPECT_NE(errorOf(*module, "method=tree limit=-1").find("'limit' must be positive"), std::string::npos);
  stats = folder + "/missing";
  EXPECT_NE(errorOf(*module, "method=tree").find("missing"), std::string::npos);
  EXPECT_EQ(textOf(*module), text);
}

INSTANTIATE_TEST_SUITE_P(Models, TreeSoftmaxFixtures, testing::Values("llama-tied", "llama-untied-bias"),
                         fixture::parameterName);

} // namespace
