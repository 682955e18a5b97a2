// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A fixture model imported as lm module, for tests that run it: apply recipes, interpret, pick the rows to compare.
// In: the fixture's name as gtest parameter. Out: floats as the expectations have them.
#ifndef LMOPT_TEST_UNIT_MODELS_FIXTUREMODEL_H
#define LMOPT_TEST_UNIT_MODELS_FIXTUREMODEL_H

#include "dialects/lm/Lm.h"
#include "dialects/lm/interpreter/Interpreter.h"
#include "frontends/Import.h"
#include "passes/AllPasses.h"
#include "passes/pipelines/Recipes.h"
#include "test/unit/models/Fixture.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"

#include <cmath>

namespace lmopt::fixture {

class FixtureModel : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override {
    static bool once = (registerAllPasses(), true);
    (void)once;
    mlir::DialectRegistry registry;
    lm::registerDialects(registry);
    lm::registerMeanings(registry);
    context.appendDialectRegistry(registry);
    fixture = load(GetParam());
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
  std::vector<float> interpret(const Case &one, bool pieces = false) {
    lm::WeightReader reader(model.baseDirectory);
    lm::Interpreter::Options options;
    options.length = int64_t(one.ids.size());
    lm::Interpreter interpreter(*model.module, reader, options);
    if (!fixture.decoder)
      return take(interpreter.run("encode", encoderInputs(one)));
    std::vector<float> all;
    lm::reference::Cache cache;
    for (size_t done = 0, size = pieces ? 1 : one.ids.size(); done < one.ids.size(); done += size) {
      auto results = interpreter.run("forward", {lm::makeIds(llvm::ArrayRef(one.ids).slice(done, size)), cache});
      if (mlir::failed(results))
        return {};
      cache = std::get<lm::reference::Cache>((*results)[1]);
      std::vector<float> rows = take(std::move(results));
      all.insert(all.end(), rows.begin(), rows.end());
    }
    return all;
  }

  /// Ids, lengths and, where the model takes them, token types.
  std::vector<lm::RuntimeValue> encoderInputs(const Case &one) {
    std::vector<lm::RuntimeValue> inputs = {lm::makeIds(one.ids), lm::makeLengths({int32_t(one.ids.size())})};
    auto encode = model.module->lookupSymbol<mlir::func::FuncOp>("encode");
    if (encode.getNumArguments() > 2)
      inputs.push_back(lm::makeIds(one.types.empty() ? std::vector<int32_t>(one.ids.size()) : one.types));
    return inputs;
  }

  static std::vector<float> take(mlir::FailureOr<std::vector<lm::RuntimeValue>> results) {
    return mlir::failed(results) ? std::vector<float>() : std::get<lm::reference::Tensor>((*results)[0]).f32;
  }

  /// The found values that the case has expectations for, in their order.
  std::vector<float> chosen(const Case &one, const std::vector<float> &found) const {
    if (one.rows.empty() || found.size() != one.ids.size() * fixture.width)
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

  /// Root mean square of all differences as a share of that of the values expected.
  static double relativeError(const std::vector<float> &found, const std::vector<float> &expected) {
    EXPECT_EQ(found.size(), expected.size());
    double error = 0, power = 0;
    for (size_t i = 0; i < std::min(found.size(), expected.size()); ++i) {
      error += (double(found[i]) - expected[i]) * (double(found[i]) - expected[i]);
      power += double(expected[i]) * expected[i];
    }
    return found.size() == expected.size() ? std::sqrt(error / power) : INFINITY;
  }

  mlir::MLIRContext context;
  Fixture fixture;
  ImportedModel model;
};

} // namespace lmopt::fixture

#endif // LMOPT_TEST_UNIT_MODELS_FIXTUREMODEL_H
