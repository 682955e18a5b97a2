// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models with windows whose sequences are longer than the rings of their caches (1024 positions of windows of 5 and 8):
// what the compiled ones compute is what the interpreter does, which keeps all positions, and whatever way the tokens
// came, be it back from beyond the ring, a session gives the bits of a fresh one.
#include "test/unit/models/CompiledRuns.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <unistd.h>

using namespace lmopt;

namespace {

using Tokens = std::vector<int32_t>;
constexpr size_t kTokens = 1290; // the ring and half a step of a prompt

class RingFixtures : public fixture::CompiledRuns {
protected:
  /// The fixture as it is made for longer sequences. Its angles are computed, so nothing else depends on that.
  void SetUp() override {
    CompiledRuns::SetUp();
    folder = std::filesystem::temp_directory_path() /
             ("lmopt-ring-" + fixture.name + "-" + std::to_string(static_cast<long>(getpid())));
    std::filesystem::copy(fixture.path, folder,
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
    std::ifstream in(std::filesystem::path(fixture.path) / "config.json");
    std::ostringstream text;
    text << in.rdbuf();
    std::string config = text.str(), shorter = "\"max_position_embeddings\": 128";
    size_t where = config.find(shorter);
    ASSERT_NE(where, std::string::npos);
    config.replace(where, shorter.size(), "\"max_position_embeddings\": 4096");
    std::ofstream(folder / "config.json") << config;
    Result<ImportedModel> imported = importModel(folder.string(), context);
    ASSERT_TRUE(imported.ok()) << imported.error().message;
    model = imported.take();
    for (size_t i = 0; i < kTokens; ++i) // no period that divides a block
      stream.ids.push_back(static_cast<int32_t>(i * i % 251 + i % 7));
  }
  void TearDown() override {
    CompiledRuns::TearDown();
    std::filesystem::remove_all(folder);
  }

  void compileWithRing(const std::string &recipe, const std::string &passes = "") {
    ASSERT_NO_FATAL_FAILURE(compile(recipe, passes));
    lmopt_model_info_t info = {};
    info.struct_size = sizeof info;
    ASSERT_EQ(lmopt_model_get_info(compiled, &info, nullptr), LMOPT_OK);
    ASSERT_EQ(info.ring_positions, 1024);
    ASSERT_GT(info.ring_bytes_per_position, 0u);
  }

  /// Logits of all tokens but the first 1000, which say nothing about rings.
  std::vector<float> lastOf(const std::vector<float> &logits) const {
    return {logits.end() - std::ptrdiff_t((kTokens - 1000) * fixture.width), logits.end()};
  }

  void anyPieces(const std::vector<float> &whole) {
    for (int32_t threads : {1, 3})
      for (const std::vector<int64_t> &pieces : std::vector<std::vector<int64_t>>{{512}, {1010, 1}, {700, 300, 37}})
        expectSameBits(lastOf(decode(session(threads).get(), stream, pieces)), whole);
  }

  std::vector<float> next(lmopt_session_t *session, int32_t token) {
    std::vector<float> logits(fixture.width);
    lmopt_error_t error = {};
    EXPECT_EQ(lmopt_session_decode(session, token, logits.data(), &error), LMOPT_OK) << error.message;
    return logits;
  }

  /// By a token, to where the ring still has the window, and to where it has not.
  void cutBack(const std::vector<float> &whole) {
    Session where = session(2);
    decode(where.get(), stream, {512});
    for (size_t cut : {kTokens - 1, size_t(1200), size_t(1001)}) {
      ASSERT_EQ(lmopt_session_truncate(where.get(), int64_t(cut), nullptr), LMOPT_OK);
      for (size_t i = cut; i < std::min(cut + 5, kTokens); ++i) {
        auto row = whole.begin() + std::ptrdiff_t((i - 1000) * fixture.width);
        expectSameBits(next(where.get(), stream.ids[i]), {row, row + std::ptrdiff_t(fixture.width)});
      }
    }
    ASSERT_EQ(lmopt_session_truncate(where.get(), 40, nullptr), LMOPT_OK);
    Session fresh = session(1);
    ASSERT_EQ(lmopt_session_prefill(fresh.get(), stream.ids.data(), 40, nullptr, nullptr), LMOPT_OK);
    expectSameBits(next(where.get(), stream.ids[40]), next(fresh.get(), stream.ids[40]));
  }

  void everyWay(const std::vector<float> &whole) {
    anyPieces(whole);
    cutBack(whole);
  }

  std::filesystem::path folder;
  fixture::Case stream;
};

TEST_P(RingFixtures, F32) {
  ASSERT_NO_FATAL_FAILURE(compileWithRing("f32"));
  std::vector<float> whole = lastOf(decode(session(1).get(), stream, {int64_t(kTokens)}));
  expectClose(whole, lastOf(interpret(stream)));
  everyWay(whole);
}

TEST_P(RingFixtures, Int8) {
  ASSERT_NO_FATAL_FAILURE(compileWithRing("int8"));
  std::vector<float> whole = lastOf(decode(session(1).get(), stream, {int64_t(kTokens)}));
  EXPECT_LE(relativeError(whole, lastOf(interpret(stream))), fixture::kInt8RelativeError);
  everyWay(whole);
}

TEST_P(RingFixtures, CacheOf8Bits) {
  ASSERT_NO_FATAL_FAILURE(compileWithRing("int8", "lm-narrow-attention{element=i8}"));
  everyWay(lastOf(decode(session(1).get(), stream, {int64_t(kTokens)})));
}

INSTANTIATE_TEST_SUITE_P(Models, RingFixtures, testing::Values("mistral-window", "gemma3-windows"),
                         fixture::parameterName);

} // namespace
