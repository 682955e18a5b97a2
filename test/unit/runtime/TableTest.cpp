// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The code table as the runtime reads it: a longer one of a later lmopt serves, entries are found by name wherever they
// stand, and a table that makes no sense is refused with the name of the field. The fake model lets its table be
// changed: whoever loads the same library a second time gets the same one.
#include "Fixture.h"

#include <dlfcn.h>

#include <algorithm>
#include <functional>
#include <limits>

using namespace lmopt::test;

namespace {

const std::string tablePath = LMOPT_BINARY_DIR "/lib/fake_table.so";

class Table : public testing::Test {
protected:
  void SetUp() override {
    library = dlopen(tablePath.c_str(), RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library, nullptr) << dlerror();
    table = static_cast<lmopt_code_table_t *>(dlsym(library, "fake_table"));
    ASSERT_NE(table, nullptr);
    before = *table;
    decode = const_cast<lmopt_entry_t *>(lmopt_entry_find(table, LMOPT_ENTRY_DECODE));
    decodeBefore = *decode;
    top = const_cast<lmopt_entry_t *>(lmopt_entry_find(table, LMOPT_ENTRY_DECODE_TOP));
    topBefore = *top;
    score = const_cast<lmopt_entry_t *>(lmopt_entry_find(table, LMOPT_ENTRY_SCORE));
    scoreBefore = *score;
  }
  void TearDown() override {
    *table = before;
    *decode = decodeBefore;
    *top = topBefore;
    *score = scoreBefore;
    dlclose(library);
  }

  /// Makes one change, tries to open, and takes the change back.
  void expectRefused(lmopt_status_t status, const std::string &part, const std::function<void()> &change) {
    change();
    lmopt_model_t *model = nullptr;
    lmopt_error_t error{};
    EXPECT_EQ(lmopt_model_open(tablePath.c_str(), nullptr, &model, &error), status) << part;
    EXPECT_NE(std::string(error.message).find(part), std::string::npos) << error.message;
    EXPECT_NE(std::string(error.message).find("fake_table.so"), std::string::npos) << error.message;
    *table = before;
    *decode = decodeBefore;
    *top = topBefore;
    *score = scoreBefore;
  }

  void *library = nullptr;
  lmopt_code_table_t *table = nullptr, before{};
  lmopt_entry_t *decode = nullptr, decodeBefore{}, *top = nullptr, topBefore{}, *score = nullptr, scoreBefore{};
};

TEST_F(Table, aLaterOneServes) {
  ASSERT_GT(table->struct_size, sizeof *table);
  ASSERT_GT(table->entry_size, sizeof(lmopt_entry_t));
  ASSERT_STREQ(table->entries[0].name, "summarize");
  Model model = openModel(tablePath);
  Session session = makeSession(model, makeTeam(2));
  std::vector<int32_t> tokens = someTokens(40);
  std::vector<float> logits(fakeVocabulary);
  ASSERT_EQ(lmopt_session_prefill(session.get(), tokens.data(), 39, nullptr, nullptr), LMOPT_OK);
  ASSERT_EQ(lmopt_session_decode(session.get(), tokens[39], logits.data(), nullptr), LMOPT_OK);
  EXPECT_EQ(logits, fakeLogits(tokens, 40));
}

TEST_F(Table, codeThatReadsLessServes) {
  table->step_size = offsetof(lmopt_step_t, mark);
  table->segment_size = offsetof(lmopt_segment_t, state);
  EXPECT_NE(openModel(tablePath), nullptr);
}

// Of before there were rings: what lies behind it is none of its business.
TEST_F(Table, oneWithoutRingsServes) {
  table->abi_version = LMOPT_ABI_WITHOUT_RINGS;
  table->struct_size = LMOPT_CODE_TABLE_SIZE_MIN;
  table->ring_positions = 63;
  Model model = openModel(tablePath);
  lmopt_model_info_t info{};
  info.struct_size = sizeof info;
  ASSERT_EQ(lmopt_model_get_info(model.get(), &info, nullptr), LMOPT_OK);
  EXPECT_EQ(info.ring_positions, 0);
}

TEST_F(Table, ringsAreWholeBlocksAndShorterThanTheLongestSequence) {
  expectRefused(LMOPT_ERROR_MALFORMED, "field ring_positions", [&] { table->ring_positions = 63; });
  expectRefused(LMOPT_ERROR_MALFORMED, "field ring_positions", [&] { table->ring_positions = 256; });
  expectRefused(LMOPT_ERROR_MALFORMED, "field ring_back", [&] { table->ring_positions = table->ring_back = 64; });
}

TEST_F(Table, codeThatReadsMoreNeedsANewerRuntime) {
  expectRefused(LMOPT_ERROR_ABI, "needs a newer runtime", [&] { table->step_size += 8; });
  expectRefused(LMOPT_ERROR_ABI, "needs a newer runtime", [&] { table->segment_size += 8; });
}

TEST_F(Table, shorterOnesAreRefused) {
  expectRefused(LMOPT_ERROR_ABI, "its code table has ABI 4",
                [&] { table->struct_size = LMOPT_CODE_TABLE_SIZE_MIN - 1; });
  expectRefused(LMOPT_ERROR_ABI, "its code table has ABI 4", [&] { table->entry_size = LMOPT_ENTRY_SIZE_MIN - 8; });
  expectRefused(LMOPT_ERROR_ABI, "its code table has ABI 2", [&] { table->abi_version = 2; });
}

/// The first `count` logits: what the entry of the fake model leaves.
std::vector<float> firstOf(std::vector<float> logits, size_t count) {
  std::fill(logits.begin() + static_cast<int64_t>(count), logits.end(), -std::numeric_limits<float>::infinity());
  return logits;
}

TEST_F(Table, theEntryForTheGreatestLogitsServesAsManyAsItFinds) {
  Model model = openModel(tablePath);
  lmopt_model_info_t info{};
  info.struct_size = sizeof info;
  ASSERT_EQ(lmopt_model_get_info(model.get(), &info, nullptr), LMOPT_OK);
  EXPECT_EQ(info.top_logits, 5);
  Session session = makeSession(model, makeTeam(2));
  std::vector<int32_t> tokens = someTokens(4);
  std::vector<float> logits(fakeVocabulary);
  for (int32_t count : {1, 5, 6, 97}) {
    ASSERT_EQ(lmopt_session_truncate(session.get(), 0, nullptr), LMOPT_OK);
    ASSERT_EQ(lmopt_session_decode_top(session.get(), tokens[0], count, logits.data(), nullptr), LMOPT_OK);
    std::vector<float> all = fakeLogits(tokens, 1);
    EXPECT_EQ(logits, count > 5 ? all : firstOf(all, static_cast<size_t>(count))) << count;
  }
  lmopt_error_t error{};
  EXPECT_EQ(lmopt_session_decode_top(session.get(), tokens[0], 0, logits.data(), &error), LMOPT_ERROR_USAGE);
  EXPECT_NE(std::string(error.message).find("the 0 greatest logits; at least one is needed"), std::string::npos);
  EXPECT_EQ(lmopt_session_position(session.get()), 1);
}

TEST_F(Table, withoutThatEntryAllAreComputed) {
  top->name = "later";
  Model model = openModel(tablePath);
  Session session = makeSession(model, makeTeam(1));
  std::vector<int32_t> tokens = someTokens(1);
  std::vector<float> logits(fakeVocabulary);
  ASSERT_EQ(lmopt_session_decode_top(session.get(), tokens[0], 2, logits.data(), nullptr), LMOPT_OK);
  EXPECT_EQ(logits, fakeLogits(tokens, 1));
}

TEST_F(Table, theEntryForScoresGivesThoseOfTheTargets) {
  Model model = openModel(tablePath);
  lmopt_model_info_t info{};
  info.struct_size = sizeof info;
  ASSERT_EQ(lmopt_model_get_info(model.get(), &info, nullptr), LMOPT_OK);
  EXPECT_EQ(info.token_scores, 1);
  Session session = makeSession(model, makeTeam(2));
  std::vector<int32_t> tokens = someTokens(70), targets = someTokens(70, 9); // more than a chunk
  std::vector<float> scores(70);
  ASSERT_EQ(lmopt_session_score(session.get(), tokens.data(), targets.data(), 3, scores.data(), nullptr), LMOPT_OK);
  ASSERT_EQ(lmopt_session_score(session.get(), &tokens[3], &targets[3], 67, &scores[3], nullptr), LMOPT_OK);
  EXPECT_EQ(lmopt_session_position(session.get()), 70);
  for (size_t i = 0; i < 70; ++i)
    EXPECT_EQ(scores[i], fakeLogits(tokens, i + 1)[targets[i]]) << i;
}

TEST_F(Table, scoresThatCannotBe) {
  Model model = openModel(tablePath);
  Session session = makeSession(model, makeTeam(1));
  std::vector<int32_t> tokens = someTokens(2), targets = {1, 97};
  std::vector<float> scores(2);
  lmopt_error_t error{};
  EXPECT_EQ(lmopt_session_score(session.get(), tokens.data(), targets.data(), 2, scores.data(), &error),
            LMOPT_ERROR_USAGE);
  EXPECT_NE(std::string(error.message).find("97"), std::string::npos) << error.message;
  EXPECT_EQ(lmopt_session_score(session.get(), tokens.data(), targets.data(), 0, scores.data(), &error),
            LMOPT_ERROR_USAGE);
  EXPECT_EQ(lmopt_session_position(session.get()), 0);
  score->name = "later";
  model = openModel(tablePath);
  session = makeSession(model, makeTeam(1));
  EXPECT_EQ(lmopt_session_score(session.get(), tokens.data(), tokens.data(), 2, scores.data(), &error),
            LMOPT_ERROR_USAGE);
  EXPECT_NE(std::string(error.message).find("the model computes all logits"), std::string::npos) << error.message;
}

// Entries as they were before they could say `top`, one behind another.
TEST_F(Table, shortEntriesServe) {
  std::vector<char> entries;
  for (const char *name : {LMOPT_ENTRY_PREFILL, LMOPT_ENTRY_DECODE}) {
    const auto *bytes = reinterpret_cast<const char *>(lmopt_entry_find(table, name));
    entries.insert(entries.end(), bytes, bytes + LMOPT_ENTRY_SIZE_MIN);
  }
  table->entries = reinterpret_cast<const lmopt_entry_t *>(entries.data());
  table->entry_count = 2;
  table->entry_size = LMOPT_ENTRY_SIZE_MIN;
  Model model = openModel(tablePath);
  std::vector<int32_t> tokens = someTokens(1);
  std::vector<float> logits(fakeVocabulary);
  Session session = makeSession(model, makeTeam(1));
  ASSERT_EQ(lmopt_session_decode_top(session.get(), tokens[0], 1, logits.data(), nullptr), LMOPT_OK);
  EXPECT_EQ(logits, fakeLogits(tokens, 1));
}

TEST_F(Table, fieldsThatMakeNoSense) {
  expectRefused(LMOPT_ERROR_MALFORMED, "field vocabulary", [&] { table->vocabulary = 0; });
  expectRefused(LMOPT_ERROR_MALFORMED, "field max_positions", [&] { table->max_positions = 1u << 31; });
  expectRefused(LMOPT_ERROR_MALFORMED, "field rope_switch", [&] { table->rope_switch = table->max_positions + 1; });
  expectRefused(LMOPT_ERROR_MALFORMED, "field kind", [&] { table->kind = 2; });
  expectRefused(LMOPT_ERROR_MALFORMED, "field entries", [&] { table->entries = nullptr; });
  expectRefused(LMOPT_ERROR_MALFORMED, "field entries", [&] { table->entry_count = 1u << 30; });
  expectRefused(LMOPT_ERROR_MALFORMED, "field entries", [&] { decode->name = nullptr; });
}

TEST_F(Table, entriesThatMakeNoSense) {
  expectRefused(LMOPT_ERROR_MALFORMED, "entry \"decode\" is missing", [&] { decode->name = "decodes"; });
  expectRefused(LMOPT_ERROR_MALFORMED, "entry \"encode\" is missing", [&] { table->kind = LMOPT_KIND_ENCODER; });
  expectRefused(LMOPT_ERROR_MALFORMED, "entry \"decode\": field run", [&] { decode->run = nullptr; });
  expectRefused(LMOPT_ERROR_MALFORMED, "field kind", [&] { decode->kind = LMOPT_KIND_ENCODER; });
  expectRefused(LMOPT_ERROR_MALFORMED, "field max_rows", [&] { decode->max_rows = 0; });
  expectRefused(LMOPT_ERROR_MALFORMED, "field results", [&] { decode->result_count = 0; });
  expectRefused(LMOPT_ERROR_MALFORMED, "field results", [&] { decode->results = nullptr; });
  expectRefused(LMOPT_ERROR_MALFORMED, "entry \"decode_top\": field top", [&] { top->top = 0; });
  expectRefused(LMOPT_ERROR_MALFORMED, "entry \"decode_top\": field top", [&] { top->top = 98; });
  expectRefused(LMOPT_ERROR_MALFORMED, "entry \"decode_top\": field run", [&] { top->run = nullptr; });
  expectRefused(LMOPT_ERROR_MALFORMED, "entry \"score\": field run", [&] { score->run = nullptr; });
  expectRefused(LMOPT_ERROR_MALFORMED, "entry \"score\": field inputs", [&] { score->input_count = 0; });
  expectRefused(LMOPT_ERROR_MALFORMED, "entry \"score\": field results", [&] { score->results = decode->results; });
  lmopt_input_t few = {"targets", 96, 0};
  expectRefused(LMOPT_ERROR_MALFORMED, "entry \"score\": field inputs", [&] { score->inputs = &few; });
  lmopt_input_t input = {"marks", 5, 0};
  expectRefused(LMOPT_ERROR_MALFORMED, "field inputs", [&] {
    decode->inputs = &input;
    decode->input_count = 1;
  });
  for (lmopt_result_t wrong : {lmopt_result_t{nullptr, LMOPT_DOMAIN_OUTPUTS, 97},
                               {"logits", LMOPT_DOMAIN_TOKENS, 97},
                               {"logits", LMOPT_DOMAIN_OUTPUTS, 96},
                               {"logits", 3, 97},
                               {"logits", LMOPT_DOMAIN_OUTPUTS, 0}})
    expectRefused(LMOPT_ERROR_MALFORMED, "field results", [&] { decode->results = &wrong; });
}

} // namespace
