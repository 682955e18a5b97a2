// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Heads of two levels made from dense ones (lm-factorize-softmax, method=classes), as the reference interpreter
// computes them: probabilities add up; words are exact within their classes, so that KL of the words is KL of the
// classes; what the pass says it costs is what it costs; one class is the model itself; the greatest are those of all;
// what the pass must refuse.
#include "test/unit/models/FactorizedModel.h"

using namespace mlir;
using namespace lmopt;

namespace {

using ClassSoftmaxFixtures = fixture::FactorizedModel;
using fixture::kRounding;

TEST_P(ClassSoftmaxFixtures, WordsAreExactWithinClasses) {
  for (const char *options : {"classes=7", "", "classes=9 by=frequency", "classes=200"}) {
    OwningOpRef<ModuleOp> module = divided(options);
    lm::ClassesAttr classes = classesOf(*module);
    ASSERT_TRUE(classes);
    std::vector<std::vector<double>> logits = results(*module, 0), after = probabilities(*module);
    ASSERT_EQ(after.size(), before.size());
    double greatest = 0;
    for (size_t r = 0; r < after.size(); ++r) {
      EXPECT_NEAR(logits[r][0], after[r][0], kRounding); // they are logarithms of probabilities
      double words = divergence(before[r], after[r]);
      EXPECT_NEAR(words, divergence(byClass(before[r], classes), byClass(after[r], classes)), kRounding) << options;
      greatest = std::max(greatest, words);
    }
    EXPECT_GT(greatest, 1e-4) << options; // it is an approximation
  }
}

TEST_P(ClassSoftmaxFixtures, CostsWhatItSays) {
  double sums[2] = {}, counts[2] = {};
  std::vector<std::vector<double>> after = probabilities(*divided("classes=7"));
  for (size_t r = 0; r < after.size(); ++r) {
    size_t heldOut = r % 8 == 7;
    sums[heldOut] += divergence(before[r], after[r]);
    counts[heldOut] += 1;
  }
  OwningOpRef<ModuleOp> module = model.module->clone();
  std::string message = errorOf(*module, "method=classes classes=7 limit=1e-9");
  // The rows and their log-sum-exp are of the compiled model: 1e-5 of each.
  EXPECT_NEAR(numberBehind(message, "off by a KL of "), sums[1] / counts[1], 1e-3) << message;
  EXPECT_NE(message.find("above the limit of 0.0000"), std::string::npos) << message;
  EXPECT_LT(sums[0] / counts[0], sums[1] / counts[1]); // few rows fit themselves better than others
}

TEST_P(ClassSoftmaxFixtures, OneClassIsTheModel) {
  std::vector<std::vector<double>> after = results(*divided("classes=1"), 0);
  for (size_t r = 0; r < after.size(); ++r)
    for (size_t n = 0; n < after[r].size(); ++n)
      ASSERT_NEAR(after[r][n], before[r][n], kRounding);
}

TEST_P(ClassSoftmaxFixtures, EmbeddingsReadWhatTheyRead) {
  OwningOpRef<ModuleOp> module = divided("");
  std::vector<std::string> tables[2];
  for (int i : {0, 1})
    (i ? *module : *model.module).walk([&](lm::EmbeddingOp op) {
      std::string text;
      llvm::raw_string_ostream(text) << lm::lookupParam(op, op.getTableAttr());
      tables[i].push_back(text);
    });
  EXPECT_EQ(tables[0], tables[1]);
  EXPECT_FALSE(tables[0].empty());
}

TEST_P(ClassSoftmaxFixtures, TheGreatestAreThoseOfAll) {
  OwningOpRef<ModuleOp> module = divided("");
  ASSERT_TRUE(succeeded(prune(*module, "count=5")));
  std::vector<std::vector<double>> all = results(*module, 0), top = results(*module, 1);
  for (size_t r = 0; r < all.size(); ++r) {
    std::vector<double> sorted = all[r];
    std::sort(sorted.begin(), sorted.end(), std::greater<>());
    int kept = 0;
    for (size_t n = 0; n < all[r].size(); ++n)
      if (std::isfinite(top[r][n])) {
        ++kept;
        EXPECT_EQ(top[r][n], all[r][n]);
        EXPECT_GE(top[r][n], sorted[4]);
      }
    EXPECT_EQ(kept, 5);
  }
}

TEST_P(ClassSoftmaxFixtures, ASecondTimeChangesNothing) {
  OwningOpRef<ModuleOp> module = divided("classes=7");
  std::string text = textOf(*module);
  ASSERT_TRUE(succeeded(prune(*module, "method=classes classes=3 limit=100")));
  EXPECT_EQ(textOf(*module), text);
  EXPECT_EQ(textOf(*divided("classes=7")), text);
}

TEST_P(ClassSoftmaxFixtures, Refusals) {
  OwningOpRef<ModuleOp> module = model.module->clone();
  std::string text = textOf(*module);
  EXPECT_NE(errorOf(*module, "method=classes classes=-1").find("'classes' must be from 1 to less than the"),
            std::string::npos);
  EXPECT_NE(errorOf(*module, "method=classes classes=100000").find("found 100000"), std::string::npos);
  EXPECT_NE(errorOf(*module, "method=classes by=magic").find("'by' must be direction or frequency, found 'magic'"),
            std::string::npos);
  EXPECT_NE(errorOf(*module, "method=classes limit=0").find("'limit' must be positive, found 0"), std::string::npos);
  stats = calibrated("none", 0);
  EXPECT_NE(errorOf(*module, "method=classes").find("no rows were kept of what 'head' reads"), std::string::npos);
  stats = calibrated("few", 3);
  EXPECT_NE(errorOf(*module, "method=classes").find("at least 8 rows of what the head reads, found"),
            std::string::npos);
  stats = folder + "/missing";
  EXPECT_NE(errorOf(*module, "method=classes").find("missing"), std::string::npos);
  EXPECT_EQ(textOf(*module), text);
}

// Of a head of its own: what the head reads is then what it was.
TEST_P(ClassSoftmaxFixtures, RefusesNumbersThatAreNone) {
  if (GetParam() != "llama-untied-bias")
    GTEST_SKIP() << "its head is its embedding";
  for (float number : {NAN, 1e38f}) {
    OwningOpRef<ModuleOp> module = model.module->clone();
    lm::LinearOp head = linear(*module, "head");
    lm::ParamOp weight = lm::lookupParam(head, head.getWeightAttr());
    weight.setValueAttr(DenseElementsAttr::get(cast<ShapedType>(weight.getType()), number));
    std::string message = errorOf(*module, "method=classes by=frequency limit=100");
    EXPECT_NE(message.find(std::isnan(number) ? "its weights hold a number that is not finite"
                                              : "are beyond the range of f32"),
              std::string::npos)
        << message;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, ClassSoftmaxFixtures, testing::Values("llama-tied", "llama-untied-bias"),
                         fixture::parameterName);

} // namespace
