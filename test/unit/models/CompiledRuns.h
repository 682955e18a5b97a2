// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A compiled fixture run on its cases, by any number of threads and in pieces of any size.
// In: the fixture's name as gtest parameter, a compiled model. Out: the numbers that have expectations, in their order.
#ifndef LMOPT_TEST_UNIT_MODELS_COMPILEDRUNS_H
#define LMOPT_TEST_UNIT_MODELS_COMPILEDRUNS_H

#include "test/unit/models/CompiledModel.h"

namespace lmopt::fixture {

/// What rounding may do to an int8 model: a code that flips moves an activation by 1/255 of its range.
inline constexpr double kInt8RelativeError = 0.01;

/// And to a bf16 model: an activation whose last bit tips moves by 2^-8 of itself. The formulas of activations before a
/// rounding are 4e-5 off, so that one in a hundred tips; in rows as short as these a result leans on two at most.
inline constexpr double kBf16RelativeError = 2.0 / 256;

class CompiledRuns : public CompiledModel {
protected:
  /// All logits of one case, fed in pieces of the given sizes (the last one again and again).
  std::vector<float> decode(lmopt_session_t *session, const Case &one, const std::vector<int64_t> &pieces) {
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
        append(all, row);
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
  std::vector<float> runHead(lmopt_session_t *session, llvm::ArrayRef<Case> cases) {
    std::vector<int32_t> ids, types;
    std::vector<int64_t> lengths;
    for (const Case &one : cases) {
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
    for (const Case &one : cases) {
      auto end = begin + (perToken ? one.ids.size() : 1) * fixture.width;
      append(chosenOnes, chosen(one, {begin, end}));
      begin = end;
    }
    return chosenOnes;
  }

  std::vector<float> runHead(lmopt_session_t *session, size_t sentences) {
    std::vector<float> all;
    for (llvm::ArrayRef<Case> left = fixture.cases; !left.empty(); left = left.drop_front(sentences)) {
      sentences = std::min(sentences, left.size());
      append(all, runHead(session, left.take_front(sentences)));
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
      append(all, vectors);
    }
    return all;
  }

  /// Everything that has expectations, in their order.
  std::vector<float> all(int32_t threads, const std::vector<int64_t> &pieces) {
    Session where = session(threads);
    if (!fixture.decoder)
      return isHead() ? runHead(where.get(), size_t(pieces[0])) : encode(where.get(), size_t(pieces[0]));
    std::vector<float> result;
    for (const Case &one : fixture.cases)
      append(result, chosen(one, decode(where.get(), one, pieces)));
    return result;
  }

  bool isHead() const { return fixture.json.at("kind") == "head"; }

  std::vector<float> expectedValues() const {
    std::vector<float> result;
    for (const Case &one : fixture.cases)
      append(result, one.expected);
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
};

} // namespace lmopt::fixture

#endif // LMOPT_TEST_UNIT_MODELS_COMPILEDRUNS_H
