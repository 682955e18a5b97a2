// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Adaptive softmaxes and previews made from dense heads (lm-factorize-softmax, method=adaptive, method=preview), as the
// reference interpreter computes them: words of the head are exact up to what all are divided by, those of a cluster
// within it; cuts as asked for, or those of least cost; what it says it costs is what it costs; a preview with all
// words computed anew is the model itself, and more words or ranks lose less; the greatest are those of all; refusals.
#include "test/unit/models/FactorizedModel.h"

using namespace mlir;
using namespace lmopt;

namespace {

class AdaptiveSoftmaxFixtures : public fixture::FactorizedModel {
protected:
  OwningOpRef<ModuleOp> adaptive(const std::string &options) { return pruned("method=adaptive limit=100 " + options); }

  std::string adaptiveError(const std::string &options) {
    OwningOpRef<ModuleOp> module = model.module->clone();
    std::string text = textOf(*module), message = errorOf(*module, options);
    EXPECT_EQ(textOf(*module), text);
    return message;
  }

  double meanDivergence(ModuleOp module) {
    std::vector<std::vector<double>> after = probabilities(module);
    double sum = 0;
    for (size_t r = 0; r < after.size(); ++r)
      sum += divergence(before[r], after[r]) / double(after.size());
    return sum;
  }
};

TEST_P(AdaptiveSoftmaxFixtures, IsExactButForTheClusters) {
  for (const char *options : {"cuts=40", "cuts=3,60,90", "clusters=2"}) {
    OwningOpRef<ModuleOp> module = adaptive(options);
    lm::ClassesAttr classes = classesOf(*module);
    ASSERT_TRUE(classes) << options;
    int64_t singles = classes.getSingles();
    std::vector<std::vector<double>> logits = results(*module, 0), after = probabilities(*module);
    for (size_t r = 0; r < after.size(); ++r) {
      EXPECT_NEAR(logits[r][0], after[r][0], fixture::kRounding);
      // Of words of the head, what one has more than another is as before.
      int64_t first = classes.getWords()[0];
      for (int64_t word : classes.getWords().take_front(singles))
        EXPECT_NEAR(after[r][word] - after[r][first], before[r][word] - before[r][first], 2 * fixture::kRounding);
      EXPECT_NEAR(divergence(before[r], after[r]), divergence(byClass(before[r], classes), byClass(after[r], classes)),
                  fixture::kRounding);
    }
    EXPECT_GT(meanDivergence(*module), 1e-6) << options;
  }
}

TEST_P(AdaptiveSoftmaxFixtures, CutsAreThoseAskedFor) {
  lm::ClassesAttr classes = classesOf(*adaptive("cuts=5,50,90"));
  int64_t words = int64_t(classes.getWords().size());
  EXPECT_EQ(classes.getSingles(), 5);
  EXPECT_EQ(classes.getSizes().drop_front(5), (ArrayRef<int64_t>{45, 40, words - 90}));
  EXPECT_EQ(classesOf(*adaptive("clusters=3")).getSizes().size() - classesOf(*adaptive("clusters=3")).getSingles(), 3u);
}

// The dearer a product is by itself, the fewer clusters pay.
TEST_P(AdaptiveSoftmaxFixtures, CutsFollowTheCost) {
  auto clusters = [&](const std::string &options) {
    lm::ClassesAttr classes = classesOf(*adaptive(options));
    return int64_t(classes.getSizes().size()) - classes.getSingles();
  };
  EXPECT_EQ(clusters("call=1000"), 1);
  EXPECT_GT(clusters("call=0"), 1);
}

TEST_P(AdaptiveSoftmaxFixtures, CostsWhatItSays) {
  std::vector<std::vector<double>> after = probabilities(*adaptive("cuts=40"));
  double sum = 0, count = 0;
  for (size_t r = 7; r < after.size(); r += 8, ++count)
    sum += divergence(before[r], after[r]);
  std::string message = adaptiveError("method=adaptive cuts=40 limit=1e-9");
  // The rows and their log-sum-exp are of the compiled model: 1e-5 of each.
  EXPECT_NEAR(numberBehind(message, "off by a KL of "), sum / count, 1e-3) << message;
}

TEST_P(AdaptiveSoftmaxFixtures, TheGreatestAreThoseOfAll) {
  OwningOpRef<ModuleOp> module = adaptive("cuts=20,70");
  ASSERT_TRUE(succeeded(prune(*module, "count=5")));
  std::vector<std::vector<double>> all = results(*module, 0), top = results(*module, 1);
  for (size_t r = 0; r < all.size(); ++r) {
    std::vector<double> sorted = all[r];
    std::sort(sorted.begin(), sorted.end(), std::greater<>());
    for (size_t n = 0; n < all[r].size(); ++n)
      EXPECT_TRUE(std::isinf(top[r][n]) ? all[r][n] <= sorted[4] : top[r][n] == all[r][n] && all[r][n] >= sorted[4]);
  }
}

TEST_P(AdaptiveSoftmaxFixtures, ASecondTimeChangesNothing) {
  OwningOpRef<ModuleOp> module = adaptive("cuts=40");
  std::string text = textOf(*module);
  ASSERT_TRUE(succeeded(prune(*module, "method=adaptive cuts=20 limit=100")));
  EXPECT_EQ(textOf(*module), text);
  EXPECT_EQ(textOf(*adaptive("cuts=40")), text);
}

TEST_P(AdaptiveSoftmaxFixtures, AdaptiveRefusals) {
  auto refused = [&](const std::string &options, const std::string &why) {
    std::string message = adaptiveError("method=adaptive " + options);
    EXPECT_NE(message.find(why), std::string::npos) << options << ": " << message;
  };
  refused("cuts=0", "'cuts' must be ascending numbers of words from 1 to");
  refused("cuts=40,41", "two apart at least, found 41");
  refused("cuts=40,20", "found 20");
  refused("cuts=1000000", "found 1000000");
  refused("clusters=16", "'clusters' must be from 1 to 15, or 0 for as many as cost least, found 16");
  refused("clusters=-1", "found -1");
  refused("cuts=40 clusters=2", "'clusters' is 2, but option 'cuts' has 1");
  refused("call=-1", "'call' and 'flat' are rows, at least 0, found -1");
  refused("flat=-0.5", "at least 0, found 0.00");
  refused("limit=0", "'limit' must be positive, found 0");
  stats = folder + "/missing";
  refused("", "missing");
}

//===--- Previews ---===//

TEST_P(AdaptiveSoftmaxFixtures, APreviewWithAllWordsAnewIsTheModel) {
  size_t words = before[0].size();
  OwningOpRef<ModuleOp> module = pruned("method=preview rank=4 rescored=" + std::to_string(words));
  std::vector<std::vector<double>> after = results(*module, 0), all = results(*model.module, 0);
  EXPECT_EQ(after, all); // the same sums in the same order
}

TEST_P(AdaptiveSoftmaxFixtures, MoreOfAPreviewLosesLess) {
  double last = 1e30;
  for (const char *options : {"rank=2 rescored=4", "rank=2 rescored=60", "rank=24 rescored=60"}) {
    double loss = meanDivergence(*pruned(std::string("method=preview ") + options));
    EXPECT_LT(loss, last) << options;
    EXPECT_GT(loss, 0) << options;
    last = loss;
  }
}

// Whitening loses least of the logits, which is what counts.
TEST_P(AdaptiveSoftmaxFixtures, StatisticsHelpPreviews) {
  double whitened = meanDivergence(*pruned("method=preview rank=6 rescored=1"));
  stats = "";
  EXPECT_LT(whitened, meanDivergence(*pruned("method=preview rank=6 rescored=1")));
}

TEST_P(AdaptiveSoftmaxFixtures, PreviewedTwiceChangesNothing) {
  OwningOpRef<ModuleOp> module = pruned("method=preview rank=4 rescored=9");
  std::string text = textOf(*module);
  ASSERT_TRUE(succeeded(prune(*module, "method=preview rank=5 rescored=8")));
  EXPECT_EQ(textOf(*module), text);
  EXPECT_NE(errorOf(*module, "count=3")
                .find("its logits come from classes, a tree or a preview by now; method=certified wants "
                      "one product"),
            std::string::npos);
  EXPECT_NE(errorOf(*module, "method=classes").find("its logits come from a preview by now"), std::string::npos);
  module = adaptive("cuts=40");
  EXPECT_NE(
      errorOf(*module, "method=preview").find("come from classes, a tree or a preview by now; method=preview wants"),
      std::string::npos);
}

TEST_P(AdaptiveSoftmaxFixtures, PreviewRefusals) {
  auto refused = [&](const std::string &options, const std::string &why) {
    std::string message = adaptiveError("method=preview " + options);
    EXPECT_NE(message.find(why), std::string::npos) << options << ": " << message;
  };
  refused("rank=-1", "'rank' must be from 1 to ");
  refused("rank=100000", "or 0 for half the width, found 100000");
  refused("rescored=0", "'rescored' must be from 1 to the ");
  refused("rank=4 rescored=1000000", "found 1000000");
  stats = folder + "/missing";
  refused("rank=4 rescored=9", "missing");
}

INSTANTIATE_TEST_SUITE_P(Models, AdaptiveSoftmaxFixtures, testing::Values("llama-tied", "llama-untied-bias"),
                         fixture::parameterName);

} // namespace
