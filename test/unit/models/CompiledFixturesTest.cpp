// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every fixture model, compiled and run through the runtime's C interface. After the recipe f32 it computes what
// transformers computed, within the fixture's derived tolerance; after the others what the reference interpreter
// computes from the same module. All: the same bits for any number of threads and in whatever pieces a prompt comes.
#include "test/unit/models/CompiledRuns.h"

using namespace lmopt;

namespace {

class CompiledFixtures : public fixture::CompiledRuns {
protected:
  /// Near what the interpreter computes from the same module, and the same bits in every way of running it.
  void compareWithInterpreter(const std::string &recipe, double bound, const std::string &passes = "") {
    if (isHead() && GetParam().rfind("heads/bert-", 0) != 0)
      GTEST_SKIP() << "the heads of one family have been through this recipe";
    ASSERT_NO_FATAL_FAILURE(compile(recipe, passes));
    std::vector<float> whole = all(1, {1000}), meaning;
    for (const fixture::Case &one : fixture.cases)
      fixture::append(meaning, chosen(one, interpret(one)));
    EXPECT_LE(relativeError(whole, meaning), bound);
    expectSameBitsAlways(whole);
  }
};

TEST_P(CompiledFixtures, F32) {
  ASSERT_NO_FATAL_FAILURE(compile("f32"));
  std::vector<float> whole = all(1, {1000});
  expectClose(whole, expectedValues());
  expectSameBitsAlways(whole);
}

TEST_P(CompiledFixtures, Int8) { compareWithInterpreter("int8", fixture::kInt8RelativeError); }

TEST_P(CompiledFixtures, Bf16) { compareWithInterpreter("bf16", fixture::kBf16RelativeError); }

// Matrices whose width no group of 32 divides stay f32 here; the models have both.
TEST_P(CompiledFixtures, Int4) {
  if (GetParam().rfind("static-", 0) == 0)
    GTEST_SKIP() << "the recipe is for layers, of which there are none";
  compareWithInterpreter("int4", fixture::kInt8RelativeError);
}

TEST_P(CompiledFixtures, Native) {
  static const std::set<std::string> blocks = {"gguf-q4_0", "gguf-q4_1", "gguf-q5_0",  "gguf-q5_1",
                                               "gguf-q8_0", "gguf-k",    "gguf-blocks"};
  if (blocks.count(GetParam()) == 0)
    GTEST_SKIP() << "the recipe is for checkpoints in blocks";
  compareWithInterpreter("native", fixture::kInt8RelativeError);
}

/// Three models go through passes that no recipe has.
bool isChosen(const std::string &name) { return name == "llama-gqa-9-3" || name == "gguf-q4_1" || name == "bert-mean"; }

/// Products in f32 differ from the interpreter's by the order of their sums alone: as the recipe f32.
TEST_P(CompiledFixtures, LargeCodebooks) {
  if (!isChosen(GetParam()))
    GTEST_SKIP() << "three models have been through the pass";
  ASSERT_NO_FATAL_FAILURE(compile("f32", "lm-quantize-codebook{entries=256}"));
  std::vector<float> whole = all(1, {1000}), meaning;
  for (const fixture::Case &one : fixture.cases)
    fixture::append(meaning, chosen(one, interpret(one)));
  expectClose(whole, meaning);
  expectSameBitsAlways(whole);
}

/// Numbers of three bits, in lines of two and of one.
TEST_P(CompiledFixtures, SmallCodebooks) {
  if (!isChosen(GetParam()))
    GTEST_SKIP() << "three models have been through the pass";
  compareWithInterpreter("f32", fixture::kInt8RelativeError, "lm-quantize-codebook{entries=8}");
}

/// Ranks by the share of the products that goes are of all sizes, most of them no multiple of a register.
TEST_P(CompiledFixtures, FactoredLinears) {
  if (!isChosen(GetParam()))
    GTEST_SKIP() << "three models have been through the pass";
  ASSERT_NO_FATAL_FAILURE(
      compile("f32", "lm-low-rank{method=plain ratio=0.3 multiple=1 base=" + model.baseDirectory + "}"));
  std::vector<float> whole = all(1, {1000}), meaning;
  for (const fixture::Case &one : fixture.cases)
    fixture::append(meaning, chosen(one, interpret(one)));
  expectClose(whole, meaning);
  expectSameBitsAlways(whole);
}

INSTANTIATE_TEST_SUITE_P(Heads, CompiledFixtures, testing::ValuesIn(fixture::names("heads/")), fixture::parameterName);
INSTANTIATE_TEST_SUITE_P(Models, CompiledFixtures, testing::ValuesIn(fixture::names()), fixture::parameterName);

} // namespace
