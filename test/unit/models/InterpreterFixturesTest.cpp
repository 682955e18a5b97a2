// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every fixture model, imported and run by the reference interpreter, computes what Hugging Face transformers computes:
// as imported and after the recipe f32 within the fixture's derived tolerance; in one piece and token by token; after
// the recipes int8 and bf16 it stays near, which catches wrong code, not small losses (those are measured on the real
// models).
#include "test/unit/models/FixtureModel.h"

using namespace lmopt;

namespace {

class InterpreterFixtures : public fixture::FixtureModel {
protected:
  void expectAllClose(bool pieces = false) {
    for (const fixture::Case &one : fixture.cases) {
      SCOPED_TRACE("case of " + std::to_string(one.ids.size()) + " tokens");
      expectClose(chosen(one, interpret(one, pieces)), one.expected);
    }
  }

  double relativeErrorToExpected() {
    std::vector<float> found, expected;
    for (const fixture::Case &one : fixture.cases) {
      fixture::append(found, chosen(one, interpret(one)));
      fixture::append(expected, one.expected);
    }
    return relativeError(found, expected);
  }
};

TEST_P(InterpreterFixtures, AsImported) { expectAllClose(); }

/// What lm.config says of a head: its task, the labels, what makes scores; and whether token types are an input.
TEST_P(InterpreterFixtures, SaysWhatItsNumbersAre) {
  if (fixture.json.at("kind") != "head")
    return;
  auto config = (*model.module)->getAttrOfType<mlir::DictionaryAttr>("lm.config");
  auto text = [&](const char *name) { return config.getAs<mlir::StringAttr>(name).str(); };
  EXPECT_EQ(text("task"), fixture.json.at("task"));
  EXPECT_EQ(text("score_activation"), fixture.json.at("score"));
  std::vector<std::string> labels;
  for (mlir::Attribute label : config.getAs<mlir::ArrayAttr>("labels"))
    labels.push_back(mlir::cast<mlir::StringAttr>(label).str());
  EXPECT_EQ(labels, fixture.json.at("labels"));
  auto encode = model.module->lookupSymbol<mlir::func::FuncOp>("encode");
  EXPECT_EQ(encode.getNumArguments() > 2, fixture.json.at("types"));
  if (encode.getNumArguments() > 2)
    EXPECT_EQ(encode.getArgAttrOfType<mlir::StringAttr>(2, "lm.input").str(), "token_types");
}

TEST_P(InterpreterFixtures, TokenByToken) {
  if (fixture.decoder)
    expectAllClose(/*pieces=*/true);
}

TEST_P(InterpreterFixtures, RecipeF32) {
  apply("f32");
  expectAllClose();
}

// A factor is off by 2^-9 of itself at most: a product by 0.4 %, and random signs leave less of a sum.
TEST_P(InterpreterFixtures, RecipeBf16StaysNear) {
  if (GetParam().rfind("static-", 0) == 0)
    GTEST_SKIP() << "the recipe leaves tables and what reads one vector a text in f32";
  apply("bf16");
  double relative = relativeErrorToExpected();
  EXPECT_LE(relative, 0.02);
  EXPECT_GT(relative, 1e-5) << "bf16 changed nothing: was it applied?";
}

// Eight bits leave about 1 % of error in each product; a wrong rotation, scale or zero point leaves nothing alike.
TEST_P(InterpreterFixtures, RecipeInt8StaysNear) {
  apply("int8");
  double relative = relativeErrorToExpected();
  RecordProperty("relative_error", std::to_string(relative));
  EXPECT_LE(relative, 0.1);
  EXPECT_GT(relative, 1e-5) << "int8 changed nothing: was it applied?";
}

INSTANTIATE_TEST_SUITE_P(Heads, InterpreterFixtures, testing::ValuesIn(fixture::names("heads/")),
                         fixture::parameterName);
// What differs from the Hugging Face fixtures of these families is import.
INSTANTIATE_TEST_SUITE_P(Gguf, InterpreterFixtures, testing::ValuesIn(fixture::names("gguf/")), fixture::parameterName);
INSTANTIATE_TEST_SUITE_P(Models, InterpreterFixtures, testing::ValuesIn(fixture::names()), fixture::parameterName);

} // namespace
