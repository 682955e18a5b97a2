// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recipes: the shipped ones name registered passes, JSON goes round, and each kind of mistake gets a message that says
// where it is and what is known instead.
#include "passes/pipelines/Recipes.h"
#include "passes/AllPasses.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"

using namespace lmopt;

namespace {

testing::AssertionResult contains(const std::string &text, const std::string &part) {
  if (text.find(part) != std::string::npos)
    return testing::AssertionSuccess();
  return testing::AssertionFailure() << "'" << text << "' does not contain '" << part << "'";
}

class RecipesTest : public testing::Test {
protected:
  static void SetUpTestSuite() { registerAllPasses(); }

  /// The error of adding a recipe, or "" when it was added.
  static std::string errorOf(llvm::StringRef nameOrJson) {
    mlir::OpPassManager manager(mlir::ModuleOp::getOperationName());
    std::string error;
    return mlir::succeeded(addRecipe(manager, nameOrJson, error)) ? "" : error;
  }

  static std::string pipelineOf(llvm::StringRef nameOrJson) {
    mlir::OpPassManager manager(mlir::ModuleOp::getOperationName());
    std::string error, text;
    EXPECT_TRUE(mlir::succeeded(addRecipe(manager, nameOrJson, error))) << error;
    llvm::raw_string_ostream stream(text);
    manager.printAsTextualPipeline(stream);
    return text;
  }
};

TEST_F(RecipesTest, ShippedRecipesAreValid) {
  EXPECT_EQ(recipeNames(),
            (std::vector<std::string>{"f32", "bf16", "int8", "native", "int4", "small", "fast", "tiny"}));
  for (const Recipe &recipe : shippedRecipes()) {
    EXPECT_EQ(errorOf(recipe.name), "") << recipe.name;
    EXPECT_NE(recipe.summary, "") << recipe.name;
  }
}

TEST_F(RecipesTest, Int8RotatesBeforeItQuantizesAndEndsWithTheContract) {
  std::string pipeline = pipelineOf("int8");
  size_t rotate = pipeline.find("lm-rotate"), quantize = pipeline.find("lm-quantize-weights");
  ASSERT_NE(rotate, std::string::npos);
  ASSERT_NE(quantize, std::string::npos);
  EXPECT_LT(rotate, quantize);
  EXPECT_LT(quantize, pipeline.find("verify-lm-optimized"));
}

TEST_F(RecipesTest, F32HasNothingLossy) { EXPECT_FALSE(contains(pipelineOf("f32"), "quantize")); }

TEST_F(RecipesTest, JsonGoesRound) {
  for (const std::string &name : recipeNames()) {
    Recipe recipe, again;
    std::string error;
    ASSERT_TRUE(mlir::succeeded(parseRecipe(name, recipe, error))) << error;
    ASSERT_TRUE(mlir::succeeded(parseRecipe(recipe.toJson(), again, error))) << error;
    EXPECT_EQ(recipe.toJson(), again.toJson());
    EXPECT_EQ(pipelineOf(name), pipelineOf(recipe.toJson()));
  }
}

TEST_F(RecipesTest, OptionsReachThePass) {
  EXPECT_TRUE(contains(pipelineOf(R"({"name": "x", "passes": [{"pass": "lm-rotate", "options": {"block": 32}}]})"),
                       "block=32"));
  std::string two = pipelineOf(R"({"name": "x", "passes": [{"pass": "lm-quantize-groups",
                                   "options": {"skip": "head,layers.*.attn.o", "group": 64}}]})");
  EXPECT_TRUE(contains(two, "skip={head,layers.*.attn.o"));
  EXPECT_TRUE(contains(two, "group=64"));
}

TEST_F(RecipesTest, AnEmptyRecipeIsARecipe) { EXPECT_EQ(errorOf(R"({"name": "none", "passes": []})"), ""); }

TEST_F(RecipesTest, MistakesAreNamed) {
  EXPECT_TRUE(contains(errorOf("int9"), "unknown recipe 'int9'; known: f32, bf16, int8, native, int4"));
  EXPECT_TRUE(contains(errorOf("{"), "not valid JSON"));
  EXPECT_TRUE(contains(errorOf(R"({"passes": []})"), "'name' is missing"));
  EXPECT_TRUE(contains(errorOf(R"({"name": "x"})"), "recipe 'x': key 'passes' is missing"));
  EXPECT_TRUE(contains(errorOf(R"({"name": "x", "passes": [], "extra": 1})"), "unknown key 'extra'"));
  EXPECT_TRUE(contains(errorOf(R"({"name": "x", "passes": ["lm-rotate"]})"), "step 1: expected an object"));
  EXPECT_TRUE(contains(errorOf(R"({"name": "x", "passes": [{"options": {}}]})"), "step 1: key 'pass' is missing"));
  EXPECT_TRUE(contains(errorOf(R"({"name": "x", "passes": [{"pass": "lm-rotate", "opts": {}}]})"),
                       "step 1: unknown key 'opts'"));
  EXPECT_TRUE(contains(errorOf(R"({"name": "x", "passes": [{"pass": "lm-rotate", "options": 3}]})"),
                       "'options' must be an object"));
  EXPECT_TRUE(contains(errorOf(R"({"name": "x", "passes": [{"pass": "lm-rotat"}]})"),
                       "recipe 'x', step 1: unknown pass 'lm-rotat'"));
  std::string second = errorOf(R"({"name": "x", "passes": [{"pass": "lm-rotate"},
                                   {"pass": "lm-rotate", "options": {"blok": 64}}]})");
  EXPECT_TRUE(contains(second, "step 2"));
  EXPECT_TRUE(contains(second, "step 2: no such option blok; failed to add"));
  EXPECT_TRUE(
      contains(errorOf(R"({"name": "x", "passes": [{"pass": "lm-rotate", "options": {"block": "wide"}}]})"), "wide"));
  EXPECT_TRUE(contains(errorOf(R"({"name": "x", "passes": [{"pass": "lm-rotate", "options": {"block": [64]}}]})"),
                       "option 'block' must be a number"));
  EXPECT_TRUE(contains(errorOf(R"({"name": "x", "passes": [{"pass": "lm-rotate", "options": {"layers": "a} b{"}}]})"),
                       "without quotes, braces"));
}

TEST_F(RecipesTest, PipelinesAsText) {
  mlir::OpPassManager manager(mlir::ModuleOp::getOperationName());
  std::string error;
  EXPECT_TRUE(mlir::succeeded(addPassPipeline(manager, "lm-rotate{block=32},lm-quantize-weights", error))) << error;
  EXPECT_EQ(manager.size(), 2u);
  EXPECT_TRUE(mlir::failed(addPassPipeline(manager, "lm-rotate,lm-nothing", error)));
  EXPECT_TRUE(contains(error, "pass pipeline 'lm-rotate,lm-nothing'"));
  EXPECT_TRUE(contains(error, "lm-nothing': 'lm-nothing' does not refer to a registered pass"));
  EXPECT_FALSE(contains(error, "\n")) << error;
}

} // namespace
