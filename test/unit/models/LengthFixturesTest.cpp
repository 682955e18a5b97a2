// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A model whose rotary angles depend on the length of the sequence (longrope: short factors up to 16 tokens, long ones
// beyond), interpreted and compiled, with every format of the key/value cache. Whatever way its tokens came, a session
// gives the bits of a fresh one that reads them all at once, and that is what transformers computes.
#include "test/unit/models/CompiledModel.h"

using namespace lmopt;

namespace {

using Tokens = std::vector<int32_t>;
using Logits = std::vector<float>;

class LengthFixtures : public fixture::CompiledModel {
protected:
  Logits feed(lmopt_session_t *session, const Tokens &tokens) {
    Logits logits(fixture.width);
    lmopt_error_t error = {};
    lmopt_status_t status = tokens.size() == 1 ? lmopt_session_decode(session, tokens[0], logits.data(), &error)
                                               : lmopt_session_prefill(session, tokens.data(), int64_t(tokens.size()),
                                                                       logits.data(), &error);
    EXPECT_EQ(status, LMOPT_OK) << error.message;
    return logits;
  }

  Logits fresh(const Tokens &tokens) { return feed(session(1).get(), tokens); }

  Tokens firstOf(size_t count) const { return Tokens(stream().begin(), stream().begin() + std::ptrdiff_t(count)); }
  const Tokens &stream() const { return fixture.cases.back().ids; } // 40 tokens
  Tokens longStream() const {
    Tokens all;
    for (const fixture::Case &one : fixture.cases)
      all.insert(all.end(), one.ids.begin(), one.ids.end());
    return all;
  }

  void anyPiecesAndThreads(const std::vector<Logits> &expected) {
    for (int32_t threads : {1, 2, 3})
      for (const std::vector<size_t> &pieces :
           std::vector<std::vector<size_t>>{{1}, {5, 1, 2}, {16, 3}, {17}, {15, 2}, {30, 1}, {40}}) {
        SCOPED_TRACE(std::to_string(threads) + " threads, pieces of " + testing::PrintToString(pieces));
        Session where = session(threads);
        for (size_t done = 0, i = 0; done < stream().size(); ++i) {
          size_t size = std::min(pieces[std::min(i, pieces.size() - 1)], stream().size() - done);
          Tokens piece(stream().begin() + std::ptrdiff_t(done), stream().begin() + std::ptrdiff_t(done + size));
          done += size;
          expectSameBits(feed(where.get(), piece), expected[done]);
        }
      }
  }

  void cutBack(const std::vector<Logits> &expected) {
    Session where = session(2);
    feed(where.get(), stream());
    for (size_t cut : {30, 10, 16, 3}) {
      ASSERT_EQ(lmopt_session_truncate(where.get(), int64_t(cut), nullptr), LMOPT_OK);
      for (size_t i = cut; i < cut + 9; ++i)
        expectSameBits(feed(where.get(), {stream()[i]}), expected[i + 1]);
    }
  }

  void shortBesideLong(const std::vector<Logits> &expected) {
    for (int32_t threads : {1, 2, 3}) {
      std::vector<Session> sessions;
      std::vector<lmopt_session_t *> handles;
      std::vector<size_t> lengths = {3, 14, 16, 17, 30, 12};
      for (size_t length : lengths) {
        sessions.push_back(session(threads));
        handles.push_back(sessions.back().get());
        feed(handles.back(), firstOf(length));
      }
      for (int step = 0; step < 8; ++step) {
        Tokens next;
        for (size_t &length : lengths)
          next.push_back(stream()[length++]);
        Logits logits(handles.size() * fixture.width);
        ASSERT_EQ(lmopt_sessions_decode(handles.data(), int64_t(handles.size()), next.data(), logits.data(), nullptr),
                  LMOPT_OK);
        for (size_t i = 0; i < handles.size(); ++i) {
          auto own = logits.begin() + std::ptrdiff_t(i) * fixture.width;
          expectSameBits({own, own + fixture.width}, expected[lengths[i]]);
        }
      }
    }
  }

  /// The tokens kept are the sequence: a window that is full may fall below the switch.
  void windows() {
    for (auto [window, sinks] : {std::pair<size_t, size_t>{12, 2}, {17, 0}, {24, 2}, {40, 0}}) {
      Session where = session(2, int64_t(window), int64_t(sinks));
      Tokens held;
      for (int32_t token : longStream()) {
        if (held.size() == window) {
          auto moved = held.begin() + std::ptrdiff_t(sinks);
          held.erase(moved, held.end() - std::ptrdiff_t((window - sinks) / 2));
        }
        held.push_back(token);
        expectSameBits(feed(where.get(), {token}), fresh(held));
      }
    }
  }

  void everyWay() {
    std::vector<Logits> expected(1);
    for (size_t count = 1; count <= stream().size(); ++count)
      expected.push_back(fresh(firstOf(count)));
    anyPiecesAndThreads(expected);
    cutBack(expected);
    shortBesideLong(expected);
    windows();
  }
};

/// Generation that crosses the switch chooses what transformers chooses from a pass over all tokens each time.
TEST_P(LengthFixtures, GenerationAsTransformers) {
  ASSERT_NO_FATAL_FAILURE(compile("f32"));
  int decided = 0;
  for (const fixture::Case &one : fixture.cases) {
    Session where = session(2);
    Logits logits = feed(where.get(), one.ids);
    for (size_t i = 0; i < one.greedy.size(); ++i) {
      if (one.margins[i] > 2 * fixture.tolerance) {
        EXPECT_EQ(std::max_element(logits.begin(), logits.end()) - logits.begin(), one.greedy[i])
            << i << " after " << one.ids.size();
        ++decided;
      }
      logits = feed(where.get(), {one.greedy[i]});
    }
  }
  EXPECT_GE(decided, 35);
}

TEST_P(LengthFixtures, F32) {
  ASSERT_NO_FATAL_FAILURE(compile("f32"));
  everyWay();
}

TEST_P(LengthFixtures, Bf16) {
  ASSERT_NO_FATAL_FAILURE(compile("bf16"));
  everyWay();
}

TEST_P(LengthFixtures, CacheOf8Bits) {
  ASSERT_NO_FATAL_FAILURE(compile("int8", "lm-narrow-attention{element=i8}"));
  everyWay();
}

/// A cache that was filled by a shorter sequence is no beginning of a longer one.
TEST_P(LengthFixtures, InterpreterRefusesToGrowBeyond) {
  lm::WeightReader reader(model.baseDirectory);
  lm::Interpreter interpreter(*model.module, reader);
  std::vector<std::string> messages;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &told) { messages.push_back(told.str()); });
  auto results = interpreter.run("forward", {lm::makeIds(firstOf(16)), lm::reference::Cache()});
  ASSERT_TRUE(mlir::succeeded(results));
  lm::reference::Cache cache = std::get<lm::reference::Cache>((*results)[1]);
  EXPECT_TRUE(mlir::failed(interpreter.run("forward", {lm::makeIds({1}), cache})));
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_NE(messages[0].find("run the whole sequence again"), std::string::npos) << messages[0];
}

INSTANTIATE_TEST_SUITE_P(Models, LengthFixtures, testing::Values("llama-rope-longrope", "phi3-longrope"),
                         fixture::parameterName);

} // namespace
