// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which passes lack statistics, and that a pass with them is the same pass otherwise.
#include "passes/pipelines/MissingStatistics.h"
#include "passes/AllPasses.h"
#include "passes/pipelines/Recipes.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"

using namespace lmopt;

namespace {

std::vector<std::string> textsOf(llvm::StringRef pipeline) {
  registerAllPasses();
  mlir::OpPassManager manager(mlir::ModuleOp::getOperationName());
  std::string error;
  EXPECT_TRUE(mlir::succeeded(addPassPipeline(manager, pipeline, error))) << error;
  return passTexts(manager);
}

TEST(MissingStatisticsTest, OnlyAnEmptyOptionOfThatNameLacksThem) {
  std::vector<std::string> passes =
      textsOf("lm-prune-ffn{ratio=0.5},lm-prune-ffn{stats=file},lm-rotate,lm-prune-ffn{stats='a b'}");
  ASSERT_EQ(passes.size(), 4u);
  EXPECT_TRUE(lacksStatistics(passes[0]));
  EXPECT_FALSE(lacksStatistics(passes[1]));
  EXPECT_FALSE(lacksStatistics(passes[2]));
  EXPECT_FALSE(lacksStatistics(passes[3]));
  // Options of other names that end the same way, and the last one of a pass.
  EXPECT_FALSE(lacksStatistics("other{more-stats= x=1}"));
  EXPECT_TRUE(lacksStatistics("other{more-stats= stats=}"));
}

TEST(MissingStatisticsTest, ACertifiedHeadReadsNone) {
  EXPECT_FALSE(lacksStatistics(textsOf("lm-factorize-softmax{count=3}").front()));
  EXPECT_TRUE(lacksStatistics(textsOf("lm-factorize-softmax{method=classes}").front()));
  EXPECT_FALSE(lacksStatistics(textsOf("lm-factorize-softmax{method=classes stats=file}").front()));
}

TEST(MissingStatisticsTest, EverythingElseStaysAsItWas) {
  std::string pass = textsOf("lm-prune-ffn{ratio=0.5 layers=layers.0.*,layers.1.* method=energy repair=false}").front();

  std::vector<std::string> again = textsOf(withStatistics(pass, "a folder/x.stats"));
  ASSERT_EQ(again.size(), 1u);
  for (const char *part : {"ratio=5.0", "layers.0.*,layers.1.*", "method=energy", "repair=false", "a folder/x.stats"})
    EXPECT_NE(again.front().find(part), std::string::npos) << part << " in " << again.front();
}

} // namespace
