// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm-project-attention on fixture encoders: means change no bit of texts that are not longer than the rank; learned
// matrices that hold those means compute the same; compiled models compute what the interpreter does, with the same
// bits however sentences are packed and threads share them; texts beyond the matrices are refused, and biases stay
// where a learned projection would give their rows different shares.
#include "test/unit/models/CompiledRuns.h"

#include "files/safetensors/Safetensors.h"

using namespace mlir;
using namespace lmopt;

namespace {

class ProjectedFixtures : public fixture::CompiledRuns {
protected:
  void apply(const std::string &passes) {
    PassManager manager(&context);
    std::string error;
    ASSERT_TRUE(succeeded(addPassPipeline(manager, passes, error))) << error;
    ASSERT_TRUE(succeeded(manager.run(*model.module)));
  }

  std::vector<float> meanings() {
    std::vector<float> all;
    for (const fixture::Case &one : fixture.cases)
      fixture::append(all, chosen(one, interpret(one)));
    return all;
  }

  std::string path() const {
    std::string name = fixture.name + "-" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::replace(name.begin(), name.end(), '/', '-');
    return std::string(LMOPT_BINARY_DIR) + "/test-project-" + name + ".safetensors";
  }

  /// One matrix for all attentions.
  std::string write(int64_t rows, int64_t columns, const std::function<float(int64_t, int64_t)> &number) {
    std::vector<float> matrix;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c)
        matrix.push_back(number(r, c));
    Result<SafetensorsWriter> writer = SafetensorsWriter::create(path(), {{"e", "F32", {rows, columns}}});
    EXPECT_TRUE(writer.ok() && writer->append(matrix.data(), 4 * matrix.size()).ok() && writer->finish().ok());
    return "lm-project-attention{keys=e values=e weights=" + path() + "}";
  }
  void TearDown() override {
    std::remove(path().c_str());
    CompiledRuns::TearDown();
  }

  /// Some matrix, of which no two rows and no two columns are alike.
  std::string writeAny(int64_t rows, int64_t columns) {
    return write(rows, columns, [](int64_t r, int64_t c) { return float(std::sin(1.0 + 3.0 * r + 0.7 * r * c)) / 4; });
  }

  int64_t longest() const {
    size_t length = 0;
    for (const fixture::Case &one : fixture.cases)
      length = std::max(length, one.ids.size());
    return int64_t(length);
  }

  void expectCompiled(const std::string &passes, double bound) {
    ASSERT_NO_FATAL_FAILURE(apply(passes));
    ASSERT_NO_FATAL_FAILURE(compile("f32"));
    std::vector<float> whole = all(1, {1000});
    EXPECT_LE(relativeError(whole, meanings()), bound);
    expectSameBitsAlways(whole);
  }
};

/// Products in f32 differ from the interpreter's by the order of their sums: 2^-24 of a sum for each of some hundred
/// additions, in some ten products one after the other.
constexpr double kSums = 1e-4;

TEST_P(ProjectedFixtures, MeansOfShortTextsChangeNothing) {
  std::vector<float> before = meanings();
  ASSERT_NO_FATAL_FAILURE(apply("lm-project-attention{rank=" + std::to_string(longest()) + "}"));
  expectSameBits(meanings(), before);
  ASSERT_NO_FATAL_FAILURE(compile("f32"));
  expectClose(all(1, {1000}), expectedValues());
}

TEST_P(ProjectedFixtures, FewerMeansChangeLongTextsOnly) {
  ASSERT_NO_FATAL_FAILURE(apply("lm-project-attention{rank=5}"));
  size_t changed = 0;
  for (const fixture::Case &one : fixture.cases) {
    double error = relativeError(chosen(one, interpret(one)), one.expected);
    EXPECT_TRUE(one.ids.size() > 5 || error < kSums) << one.ids.size() << " tokens: " << error;
    changed += error > 10 * kSums;
  }
  EXPECT_GT(changed, fixture.cases.size() / 4);
}

TEST_P(ProjectedFixtures, LearnedMeansAreMeans) {
  const int64_t rank = 4, n = longest();
  const auto longTexts = [&] {
    std::vector<float> all;
    for (const fixture::Case &one : fixture.cases)
      if (int64_t(one.ids.size()) == n)
        fixture::append(all, chosen(one, interpret(one)));
    return all;
  };
  OwningOpRef<ModuleOp> whole = model.module->clone();
  ASSERT_NO_FATAL_FAILURE(apply("lm-project-attention{rank=4}"));
  std::vector<float> means = longTexts();
  model.module = std::move(whole);
  ASSERT_NO_FATAL_FAILURE(apply(write(rank, n, [&](int64_t s, int64_t t) {
    int64_t begin = s * n / rank, end = (s + 1) * n / rank;
    return t >= begin && t < end ? 1 / float(end - begin) : 0;
  })));
  EXPECT_LE(relativeError(longTexts(), means), kSums);
}

TEST_P(ProjectedFixtures, CompiledMeans) { expectCompiled("lm-project-attention{rank=6}", kSums); }
TEST_P(ProjectedFixtures, CompiledNarrowMeans) {
  expectCompiled("lm-project-attention{rank=6},lm-narrow-attention{element=i8}", fixture::kInt8RelativeError);
}
/// More rows than most of the texts have tokens: they lie in the state.
TEST_P(ProjectedFixtures, CompiledMatrices) { expectCompiled(writeAny(19, longest()), kSums); }

TEST_P(ProjectedFixtures, LongTextsAreRefused) {
  ASSERT_NO_FATAL_FAILURE(apply(writeAny(3, 9)));
  auto config = (*model.module)->getAttrOfType<DictionaryAttr>("lm.config");
  EXPECT_EQ(config.getAs<IntegerAttr>("max_positions").getInt(), 9);
  ASSERT_NO_FATAL_FAILURE(compile("f32"));
  Session where = session(1);
  std::vector<int32_t> ids(10, 3);
  std::vector<float> result(10 * fixture.width);
  float *results[] = {result.data()};
  lmopt_error_t error = {};
  for (int64_t length : {9, 10})
    EXPECT_EQ(lmopt_session_encode_all(where.get(), ids.data(), &length, 1, nullptr, results, &error),
              length == 9 ? LMOPT_OK : LMOPT_ERROR_USAGE)
        << error.message;
  EXPECT_STREQ(error.message, "sequence 0 has 10 tokens, expected 1 to 9");
}

TEST_P(ProjectedFixtures, BiasesThatMatterStay) {
  ASSERT_NO_FATAL_FAILURE(apply(writeAny(7, longest())));
  std::vector<float> before = meanings();
  std::string text, after;
  llvm::raw_string_ostream(text) << *model.module;
  ASSERT_NO_FATAL_FAILURE(apply("lm-fold-key-bias,lm-fold-value-bias"));
  llvm::raw_string_ostream(after) << *model.module;
  EXPECT_EQ(after, text);
  expectSameBits(meanings(), before);
}

TEST_P(ProjectedFixtures, MeansLetBiasesGo) {
  ASSERT_NO_FATAL_FAILURE(apply("lm-project-attention{rank=5}"));
  std::vector<float> before = meanings();
  ASSERT_NO_FATAL_FAILURE(apply("lm-fold-key-bias,lm-fold-value-bias"));
  EXPECT_LE(relativeError(meanings(), before), kSums);
}

INSTANTIATE_TEST_SUITE_P(Models, ProjectedFixtures, testing::Values("bert-mean", "roberta-mean"),
                         fixture::parameterName);

} // namespace
