// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every fixture model, compiled and run through the runtime's C interface. After the recipe f32 it computes what
// transformers computed, within the fixture's derived tolerance; after the others what the reference interpreter
// computes from the same module. All: the same bits for any number of threads and in whatever pieces a prompt comes.
#include "test/unit/models/CompiledModel.h"

using namespace lmopt;

namespace {

/// What rounding may do to an int8 model: a code that flips moves an activation by 1/255 of its range.
constexpr double kInt8RelativeError = 0.01;

/// And to a bf16 model: an activation whose last bit tips moves by 2^-8 of itself. The formulas of activations before a
/// rounding are 4e-5 off, so that one in a hundred tips; in rows as short as these a result leans on two at most.
constexpr double kBf16RelativeError = 2.0 / 256;

class CompiledFixtures : public fixture::CompiledModel {
protected:
  /// All logits of one case, fed in pieces of the given sizes (the last one again and again).
  std::vector<float> decode(lmopt_session_t *session, const fixture::Case &one, const std::vector<int64_t> &pieces) {
    std::vector<float> all;
    lmopt_error_t error = {};
    auto receive = [](void *user, int64_t, int64_t rows, const float *logits) {
      auto &[to, width] = *static_cast<std::pair<std::vector<float> *, int64_t> *>(user);
      to->insert(to->end(), logits, logits + rows * width);
      return 0;
    };
    std::pair<std::vector<float> *, int64_t> target(&all, fixture.width);
    EXPECT_EQ(lmopt_session_truncate(session, 0, &error), LMOPT_OK);
    int64_t count = int64_t(one.ids.size());
    EXPECT_EQ(lmopt_session_expect(session, count, &error), LMOPT_OK) << error.message;
    for (size_t done = 0, piece = 0; int64_t(done) < count; ++piece) {
      int64_t size = std::min(pieces[std::min(piece, pieces.size() - 1)], count - int64_t(done));
      if (size == 1) {
        std::vector<float> row(fixture.width);
        EXPECT_EQ(lmopt_session_decode(session, one.ids[done], row.data(), &error), LMOPT_OK) << error.message;
        fixture::append(all, row);
      } else {
        EXPECT_EQ(lmopt_session_prefill_rows(session, one.ids.data() + done, size, 0, receive, &target, &error),
                  LMOPT_OK)
            << error.message;
      }
      done += size;
    }
    return all;
  }

  /// The numbers of a head for some cases in one call, with the token types of pairs: those that are expected.
  std::vector<float> runHead(lmopt_session_t *session, llvm::ArrayRef<fixture::Case> cases) {
    std::vector<int32_t> ids, types;
    std::vector<int64_t> lengths;
    for (const fixture::Case &one : cases) {
      ids.insert(ids.end(), one.ids.begin(), one.ids.end());
      types.insert(types.end(), one.types.begin(), one.types.end());
      types.resize(ids.size()); // without types: all 0
      lengths.push_back(int64_t(one.ids.size()));
    }
    bool perToken = !cases.front().rows.empty();
    std::vector<float> found((perToken ? ids.size() : cases.size()) * fixture.width), chosenOnes;
    const int32_t *inputs[] = {types.data()};
    float *results[] = {found.data()};
    lmopt_error_t error = {};
    EXPECT_EQ(lmopt_session_encode_all(session, ids.data(), lengths.data(), int64_t(cases.size()),
                                       fixture.json.at("types") ? inputs : nullptr, results, &error),
              LMOPT_OK)
        << error.message;
    auto begin = found.begin();
    for (const fixture::Case &one : cases) {
      auto end = begin + (perToken ? one.ids.size() : 1) * fixture.width;
      fixture::append(chosenOnes, chosen(one, {begin, end}));
      begin = end;
    }
    return chosenOnes;
  }

  std::vector<float> runHead(lmopt_session_t *session, size_t sentences) {
    std::vector<float> all;
    for (llvm::ArrayRef<fixture::Case> left = fixture.cases; !left.empty(); left = left.drop_front(sentences)) {
      sentences = std::min(sentences, left.size());
      fixture::append(all, runHead(session, left.take_front(sentences)));
    }
    return all;
  }

  /// The vectors of all cases, so many sentences to a call.
  std::vector<float> encode(lmopt_session_t *session, size_t sentences) {
    std::vector<float> all;
    lmopt_error_t error = {};
    for (size_t done = 0; done < fixture.cases.size(); done += sentences) {
      std::vector<int32_t> ids;
      std::vector<int64_t> lengths;
      for (size_t i = done; i < std::min(done + sentences, fixture.cases.size()); ++i) {
        ids.insert(ids.end(), fixture.cases[i].ids.begin(), fixture.cases[i].ids.end());
        lengths.push_back(int64_t(fixture.cases[i].ids.size()));
      }
      std::vector<float> vectors(lengths.size() * fixture.width);
      EXPECT_EQ(
          lmopt_session_encode(session, ids.data(), lengths.data(), int64_t(lengths.size()), vectors.data(), &error),
          LMOPT_OK)
          << error.message;
      fixture::append(all, vectors);
    }
    return all;
  }

  /// Everything that has expectations, in their order.
  std::vector<float> all(int32_t threads, const std::vector<int64_t> &pieces) {
    Session where = session(threads);
    if (!fixture.decoder)
      return isHead() ? runHead(where.get(), size_t(pieces[0])) : encode(where.get(), size_t(pieces[0]));
    std::vector<float> result;
    for (const fixture::Case &one : fixture.cases)
      fixture::append(result, chosen(one, decode(where.get(), one, pieces)));
    return result;
  }

  bool isHead() const { return fixture.json.at("kind") == "head"; }

  std::vector<float> expectedValues() const {
    std::vector<float> result;
    for (const fixture::Case &one : fixture.cases)
      fixture::append(result, one.expected);
    return result;
  }

  /// However many threads compute, and in whatever pieces a prompt comes: an int8 model would turn any difference of
  /// rounding into another code, and that into another answer.
  void expectSameBitsAlways(const std::vector<float> &whole) {
    for (int32_t threads : {2, 3, 5}) {
      SCOPED_TRACE(std::to_string(threads) + " threads");
      expectSameBits(all(threads, {1000}), whole);
    }
    for (const std::vector<int64_t> &split : std::vector<std::vector<int64_t>>{{1}, {5, 1, 2}, {16, 3}, {30, 1}}) {
      SCOPED_TRACE("pieces of " + testing::PrintToString(split));
      expectSameBits(all(2, split), whole);
    }
  }

  /// Near what the interpreter computes from the same module, and the same bits in every way of running it.
  void compareWithInterpreter(const std::string &recipe, double bound) {
    if (isHead() && GetParam().rfind("heads/bert-", 0) != 0)
      GTEST_SKIP() << "the heads of one family have been through this recipe";
    ASSERT_NO_FATAL_FAILURE(compile(recipe));
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

TEST_P(CompiledFixtures, Int8) { compareWithInterpreter("int8", kInt8RelativeError); }

TEST_P(CompiledFixtures, Bf16) { compareWithInterpreter("bf16", kBf16RelativeError); }

// Matrices whose width no group of 32 divides stay f32 here; the models have both.
TEST_P(CompiledFixtures, Int4) { compareWithInterpreter("int4", kInt8RelativeError); }

TEST_P(CompiledFixtures, Native) {
  if (GetParam() != "gguf-q4_0" && GetParam() != "gguf-q4_1" && GetParam() != "gguf-q8_0")
    GTEST_SKIP() << "the recipe is for checkpoints in these formats";
  compareWithInterpreter("native", kInt8RelativeError);
}

/// Ranks by the share of the products that goes are of all sizes, most of them no multiple of a register.
TEST_P(CompiledFixtures, FactoredLinears) {
  if (GetParam() != "llama-gqa-9-3" && GetParam() != "gguf-q4_1" && GetParam() != "bert-mean")
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
