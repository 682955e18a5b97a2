// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every fixture model, imported and run by the reference interpreter, computes what Hugging Face transformers computes:
// as imported and after the recipe f32 within the fixture's derived tolerance; in one piece and token by token; after
// the recipe int8 it stays near, which catches wrong code, not small losses (those are measured on the real models).
#include "dialects/lm/Lm.h"
#include "dialects/lm/interpreter/Interpreter.h"
#include "frontends/Import.h"
#include "passes/AllPasses.h"
#include "passes/pipelines/Recipes.h"
#include "test/unit/models/Fixture.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace lmopt;
using lm::RuntimeValue;
using lm::reference::Cache;
using lm::reference::Tensor;

namespace {

class InterpreterFixtures : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override {
    static bool once = (registerAllPasses(), true);
    (void)once;
    mlir::DialectRegistry registry;
    lm::registerDialects(registry);
    context.appendDialectRegistry(registry);
    fixture = fixture::load(GetParam());
    Result<ImportedModel> imported = importModel(fixture.path, context);
    ASSERT_TRUE(imported.ok()) << imported.error().message;
    model = imported.take();
  }

  void apply(const std::string &recipe) {
    mlir::PassManager manager(&context);
    std::string error;
    ASSERT_TRUE(mlir::succeeded(addRecipe(manager, recipe, error))) << error;
    ASSERT_TRUE(mlir::succeeded(manager.run(*model.module)));
  }

  /// All logits or the vector of one case; `pieces`: token by token.
  std::vector<float> run(const fixture::Case &one, bool pieces = false) {
    lm::WeightReader reader(model.baseDirectory);
    lm::Interpreter::Options options;
    auto config = (*model.module)->getAttrOfType<mlir::DictionaryAttr>("lm.config");
    options.positions = config.getAs<mlir::IntegerAttr>("max_positions").getInt();
    lm::Interpreter interpreter(*model.module, reader, options);
    if (!fixture.decoder)
      return take(interpreter.run("encode", {lm::makeIds(one.ids), lm::makeLengths({int32_t(one.ids.size())})}));
    std::vector<float> all;
    Cache cache;
    for (size_t done = 0, size = pieces ? 1 : one.ids.size(); done < one.ids.size(); done += size) {
      auto results = interpreter.run("forward", {lm::makeIds(llvm::ArrayRef(one.ids).slice(done, size)), cache});
      if (mlir::failed(results))
        return {};
      cache = std::get<Cache>((*results)[1]);
      std::vector<float> rows = take(std::move(results));
      all.insert(all.end(), rows.begin(), rows.end());
    }
    return all;
  }

  static std::vector<float> take(mlir::FailureOr<std::vector<RuntimeValue>> results) {
    return mlir::failed(results) ? std::vector<float>() : std::get<Tensor>((*results)[0]).f32;
  }

  /// The found values that the case has expectations for, in their order.
  std::vector<float> chosen(const fixture::Case &one, const std::vector<float> &found) const {
    if (!fixture.decoder || found.size() != one.ids.size() * fixture.width)
      return found;
    std::vector<float> result;
    for (int64_t row : one.rows)
      result.insert(result.end(), found.begin() + row * fixture.width, found.begin() + (row + 1) * fixture.width);
    return result;
  }

  void expectClose(const std::vector<float> &found, const std::vector<float> &expected) const {
    ASSERT_EQ(found.size(), expected.size());
    double worst = 0;
    for (size_t i = 0; i < found.size(); ++i)
      worst = std::max(worst, std::isfinite(found[i]) ? std::abs(double(found[i]) - expected[i]) : INFINITY);
    EXPECT_LE(worst, fixture.tolerance) << "the largest value is " << fixture.largest;
  }

  void expectAllClose(bool pieces = false) {
    for (const fixture::Case &one : fixture.cases) {
      SCOPED_TRACE("case of " + std::to_string(one.ids.size()) + " tokens");
      expectClose(chosen(one, run(one, pieces)), one.expected);
    }
  }

  mlir::MLIRContext context;
  fixture::Fixture fixture;
  ImportedModel model;
};

TEST_P(InterpreterFixtures, AsImported) { expectAllClose(); }

TEST_P(InterpreterFixtures, TokenByToken) {
  if (fixture.decoder)
    expectAllClose(/*pieces=*/true);
}

TEST_P(InterpreterFixtures, RecipeF32) {
  apply("f32");
  expectAllClose();
}

// Eight bits leave about 1 % of error in each product; a wrong rotation, scale or zero point leaves nothing alike.
TEST_P(InterpreterFixtures, RecipeInt8StaysNear) {
  apply("int8");
  double error = 0, power = 0;
  for (const fixture::Case &one : fixture.cases) {
    std::vector<float> found = chosen(one, run(one));
    ASSERT_EQ(found.size(), one.expected.size());
    for (size_t i = 0; i < found.size(); ++i) {
      error += (found[i] - one.expected[i]) * (found[i] - one.expected[i]);
      power += one.expected[i] * one.expected[i];
    }
  }
  double relative = std::sqrt(error / power);
  RecordProperty("relative_error", std::to_string(relative));
  EXPECT_LE(relative, 0.1);
  EXPECT_GT(relative, 1e-5) << "int8 changed nothing: was it applied?";
}

INSTANTIATE_TEST_SUITE_P(Models, InterpreterFixtures, testing::ValuesIn(fixture::names()), fixture::parameterName);

} // namespace
