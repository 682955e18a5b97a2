// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Damaged blobs: cut at every byte, every bit flipped, every word replaced by large numbers. Each is refused or used
// without a crash and without ids beyond the vocabulary; the sanitizer build makes any bad access visible.
#include "test/unit/tokenizer/Support.h"

#include <cstring>

using namespace lmopt;
using namespace lmopt::test;

static std::string bpeBlob() {
  // Few tokens, so that the damage is quick to go through.
  TokenizerSpec spec;
  spec.pieces = {"a", "b", " ", "ab", " ab", "é"};
  spec.merges = {{0, 1, 3}, {2, 3, 4}};
  spec.splits = {{LMOPT_SPLIT_DIGITS, LMOPT_SPLIT_ARG_HF}, {LMOPT_SPLIT_PREFIX_SPACE, 0}, {LMOPT_SPLIT_GPT2, 0}};
  spec.normalizer = {LMOPT_NORMALIZE_NFC};
  addToken(spec, "<s>", LMOPT_ADDED_SPECIAL | LMOPT_ADDED_LSTRIP | LMOPT_ADDED_RSTRIP | LMOPT_ADDED_SINGLE_WORD);
  addToken(spec, "b", 0, /*normalized=*/true);
  spec.frame = {6, -1};
  spec.endTokens = {6};
  spec.maxLength = 20;
  return writeTokenizerBlob(spec, "test").take();
}

static std::string wordPieceBlob() {
  TokenizerSpec spec = wordPieces({"a", "##b", "é"});
  spec.tokenFlags.resize(spec.pieces.size());
  spec.normalizer = {LMOPT_NORMALIZE_CLEAN, LMOPT_NORMALIZE_CJK, LMOPT_NORMALIZE_NFD, LMOPT_NORMALIZE_MARKS,
                     LMOPT_NORMALIZE_LOWER};
  spec.flags = LMOPT_TOKENIZER_TRUNCATE_LEFT;
  spec.maxLength = 3;
  return writeTokenizerBlob(spec, "test").take();
}

static std::string patternBlob() {
  TokenizerSpec spec;
  spec.pieces = {"a", "b", " ", "ab"};
  spec.merges = {{0, 1, 3}};
  spec.patterns = {"\\s?[a-b]+|(?:é|\\d{2})*"};
  spec.splits = {{LMOPT_SPLIT_PATTERN, 0}};
  spec.tokenFlags.resize(spec.pieces.size());
  return writeTokenizerBlob(spec, "test").take();
}

static std::string markedBlob() {
  TokenizerSpec spec;
  spec.flags = LMOPT_TOKENIZER_CHARACTERS | LMOPT_TOKENIZER_AFFIXES | LMOPT_TOKENIZER_WORD_ENDS;
  spec.continuation = "#";
  spec.wordEnd = "/";
  spec.pieces = {"a", "#b", "#b/", "ab/", "é/"};
  spec.merges = {{0, 2, 3}};
  spec.normalizer = {{LMOPT_NORMALIZE_REPLACE_WHITE, " "}};
  spec.splits = {{LMOPT_SPLIT_WHITESPACE, 0}};
  spec.tokenFlags.resize(spec.pieces.size());
  return writeTokenizerBlob(spec, "test").take();
}

static std::string scoredBlob() {
  TokenizerSpec spec;
  spec.kind = LMOPT_TOKENIZER_SCORED;
  spec.flags = LMOPT_TOKENIZER_SENTENCEPIECE | LMOPT_TOKENIZER_METASPACE;
  spec.pieces = {"<unk>", "a", "b", "ab"};
  spec.scores = {0, -1, -2, -0.5};
  spec.charsmap = std::string("\x08\0\0\0\0\x04\0\0\0\0\0\0x", 13);
  spec.normalizer = {LMOPT_NORMALIZE_LONGEST, NormalizerStep::spaces(LMOPT_SPACES_PREFIX | LMOPT_SPACES_SQUEEZE)};
  spec.unknown = 0;
  spec.tokenFlags.resize(spec.pieces.size());
  return writeTokenizerBlob(spec, "test").take();
}

/// Opens and, if that works, uses the tokenizer in every way.
static bool use(const std::string &blob) {
  // A copy of just the right size, so that the sanitizer sees a read behind it.
  std::vector<char> exact;
  exact.reserve(blob.size() + blob.empty());
  exact.assign(blob.begin(), blob.end());
  lmopt_tokenizer_t *tokenizer = nullptr;
  lmopt_error_t error = {};
  if (lmopt_status_t status = lmopt_tokenizer_create(exact.data(), exact.size(), &tokenizer, &error)) {
    EXPECT_TRUE(status == LMOPT_ERROR_MALFORMED || status == LMOPT_ERROR_ABI) << error.message;
    EXPECT_NE(error.message[0], '\0');
    return false;
  }
  static const std::string texts[] = {"ab <s> ab", "aab b1é\xFF", std::string(40, 'a'), "a世B\u0301 é"};
  int32_t ids[256];
  lmopt_detokenizer_t *detokenizer = nullptr;
  EXPECT_EQ(lmopt_detokenizer_create(tokenizer, 0, &detokenizer, nullptr), LMOPT_OK);
  for (const std::string &text : texts)
    for (uint32_t flags : {0u, uint32_t(LMOPT_TOKENIZE_DEFAULT)}) {
      size_t count = 0;
      lmopt_status_t status =
          lmopt_tokenizer_encode(tokenizer, text.data(), text.size(), flags, ids, 256, &count, nullptr);
      EXPECT_TRUE(status == LMOPT_OK || status == LMOPT_ERROR_RESOURCE) << status; // an expression without an end
      for (size_t i = 0; i < count && i < 256; ++i) {
        EXPECT_GE(ids[i], 0);
        EXPECT_LT(ids[i], lmopt_tokenizer_token_count(tokenizer));
        const char *bytes;
        size_t size;
        lmopt_detokenizer_push(detokenizer, ids[i], &bytes, &size, nullptr); // may be refused: the piece is damaged
      }
    }
  lmopt_tokenizer_is_end(tokenizer, 3);
  lmopt_tokenizer_find(tokenizer, "ab", 2);
  lmopt_detokenizer_destroy(detokenizer);
  lmopt_tokenizer_destroy(tokenizer);
  return true;
}

TEST(Blob, Sound) {
  EXPECT_TRUE(use(bpeBlob()));
  EXPECT_TRUE(use(wordPieceBlob()));
  EXPECT_TRUE(use(patternBlob()));
  EXPECT_TRUE(use(markedBlob()));
  EXPECT_TRUE(use(scoredBlob()));
  EXPECT_EQ(bpeBlob(), bpeBlob()); // the same input, the same bytes
}

TEST(Blob, CutAnywhereIsRefused) {
  for (const std::string &blob : {bpeBlob(), wordPieceBlob(), patternBlob(), markedBlob(), scoredBlob()})
    for (size_t size = 0; size < blob.size(); ++size)
      ASSERT_FALSE(use(blob.substr(0, size))) << size;
}

TEST(Blob, LongerIsRefused) { EXPECT_FALSE(use(bpeBlob() + "x")); }

TEST(Blob, EveryBitFlipped) {
  for (const std::string &blob : {bpeBlob(), wordPieceBlob(), patternBlob(), markedBlob(), scoredBlob()})
    for (size_t bit = 0; bit < 8 * blob.size(); ++bit) {
      std::string damaged = blob;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      use(damaged);
    }
}

TEST(Blob, EveryWordReplaced) {
  for (const std::string &blob : {bpeBlob(), wordPieceBlob(), patternBlob(), markedBlob(), scoredBlob()})
    for (size_t at = 0; at + 4 <= blob.size(); at += 4)
      for (uint32_t value : {0u, 1u, 0x7FFFFFFFu, 0x80000000u, 0xFFFFFFFEu, 0xFFFFFFFFu}) {
        std::string damaged = blob;
        memcpy(damaged.data() + at, &value, sizeof(value));
        use(damaged);
      }
}

TEST(Blob, MessagesSayWhatIsWrong) {
  auto message = [](std::string blob, size_t at, uint32_t value) {
    memcpy(blob.data() + at, &value, sizeof(value));
    lmopt_tokenizer_t *tokenizer = nullptr;
    lmopt_error_t error = {};
    EXPECT_NE(lmopt_tokenizer_create(blob.data(), blob.size(), &tokenizer, &error), LMOPT_OK);
    return std::string(error.message);
  };
  std::string blob = bpeBlob();
  EXPECT_EQ(message(blob, 0, 7), "tokenizer blob: it does not begin with LMOPTK01");
  EXPECT_EQ(message(blob, offsetof(lmopt_tokenizer_header_t, version), 9),
            "tokenizer blob: version 9, but this runtime reads version 3; compile the model again");
  EXPECT_EQ(message(blob, offsetof(lmopt_tokenizer_header_t, kind), 9), "tokenizer blob: unknown model kind 9");
  EXPECT_EQ(message(blob, offsetof(lmopt_tokenizer_header_t, flags), 0x800), "tokenizer blob: unknown flags 0x800");
  EXPECT_EQ(message(blob, offsetof(lmopt_tokenizer_header_t, roles), 99), "tokenizer blob: role 0 names token 99 of 8");
  EXPECT_EQ(message(blob, offsetof(lmopt_tokenizer_header_t, sections), 1u << 30),
            "tokenizer blob: section 'token offsets' lies outside of it");
}

TEST(Blob, WriterRefusesWhatTheReaderWould) {
  TokenizerSpec empty;
  EXPECT_EQ(writeTokenizerBlob(empty, "f").error().message, "f: 0 tokens; 1 to 16777216 expected");
  TokenizerSpec spec = bytePairs({});
  spec.tokenFlags.resize(spec.pieces.size());
  spec.normalizer.assign(17, LMOPT_NORMALIZE_NFC);
  EXPECT_EQ(writeTokenizerBlob(spec, "f").error().code, kErrorMalformed);
}
