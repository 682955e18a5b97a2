// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The streaming detokenizer: whatever the cuts, each part that comes out is well-formed UTF-8, and together they are
// the text; bytes that are no UTF-8 are replaced as Python and Rust do.
#include "test/unit/tokenizer/Support.h"

#include "runtime/src/tokenizer/unicode.h"

#include <random>

using namespace lmopt;
using namespace lmopt::test;

namespace {
class Stream {
public:
  explicit Stream(const Opened &tokenizer, uint32_t flags = 0) {
    EXPECT_EQ(lmopt_detokenizer_create(tokenizer.get(), flags, &state, nullptr), LMOPT_OK);
  }
  ~Stream() { lmopt_detokenizer_destroy(state); }
  std::string push(int32_t id) {
    const char *bytes = nullptr;
    size_t size = 0;
    EXPECT_EQ(lmopt_detokenizer_push(state, id, &bytes, &size, nullptr), LMOPT_OK);
    return checked(bytes, size);
  }
  std::string flush() {
    const char *bytes = nullptr;
    size_t size = 0;
    EXPECT_EQ(lmopt_detokenizer_flush(state, &bytes, &size, nullptr), LMOPT_OK);
    return checked(bytes, size);
  }
  std::string all(const Ids &ids) {
    std::string text;
    for (int32_t id : ids)
      text += push(id);
    return text + flush();
  }
  lmopt_detokenizer_t *state = nullptr;

private:
  static std::string checked(const char *bytes, size_t size) {
    EXPECT_EQ(lmopt_utf8_valid_prefix(reinterpret_cast<const uint8_t *>(bytes), size), size);
    return std::string(bytes, size);
  }
};
} // namespace

/// Tokens 0-255 of bytePairs are the bytes themselves.
static Ids bytes(const std::string &text) {
  Ids ids;
  for (char c : text)
    ids.push_back(static_cast<uint8_t>(c));
  return ids;
}

TEST(Detokenizer, CutAtEveryByte) {
  Opened tokenizer = open(bytePairs({}));
  const std::string text = "aé世🤗\u0301\n👨‍👩‍👧 ẞ";
  Stream stream(tokenizer);
  std::string result;
  for (int32_t id : bytes(text)) {
    result += stream.push(id);
    EXPECT_EQ(text.compare(0, result.size(), result), 0); // nothing is taken back
  }
  EXPECT_EQ(result, text); // all of it without the flush: nothing is held longer than needed
  EXPECT_EQ(stream.flush(), "");
}

TEST(Detokenizer, CutIntoTwoTokensAtEveryByte) {
  const std::string text = "é世🤗";
  for (size_t cut = 1; cut < text.size(); ++cut) {
    TokenizerSpec spec = bytePairs({});
    spec.pieces.push_back(text.substr(0, cut));
    spec.pieces.push_back(text.substr(cut));
    EXPECT_EQ(Stream(open(spec)).all({256, 257}), text);
  }
}

TEST(Detokenizer, UnfinishedCharactersComeOutAtTheEnd) {
  Opened tokenizer = open(bytePairs({}));
  Stream stream(tokenizer);
  EXPECT_EQ(stream.push(0xE4), "");
  EXPECT_EQ(stream.push(0xB8), "");
  EXPECT_EQ(stream.flush(), "\uFFFD");
  EXPECT_EQ(stream.push('x'), "x"); // as new
}

TEST(Detokenizer, InvalidBytesAreReplacedByMaximalParts) {
  Opened tokenizer = open(bytePairs({}));
  auto text = [&](const std::string &input) { return Stream(tokenizer).all(bytes(input)); };
  EXPECT_EQ(text("a\x80z"), "a\uFFFDz");
  EXPECT_EQ(text("\xE4\xB8z"), "\uFFFDz");               // one for both bytes
  EXPECT_EQ(text("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD"); // a surrogate
  EXPECT_EQ(text("\xC0\xAF"), "\uFFFD\uFFFD");
  EXPECT_EQ(text("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(text("\xF0\x9F\xF0\x9F\xA4\x97"), "\uFFFD🤗");
}

TEST(Detokenizer, RandomBytesNeverGiveInvalidText) {
  Opened tokenizer = open(bytePairs({}));
  std::mt19937 random(3);
  for (int i = 0; i < 2000; ++i) {
    Ids ids(random() % 12);
    for (int32_t &id : ids)
      id = random() % 4 ? 0x80 + random() % 0x80 : random() % 0x80;
    Stream(tokenizer).all(ids); // each part is checked
  }
}

TEST(Detokenizer, SpecialTokens) {
  TokenizerSpec spec = bytePairs({});
  addToken(spec, "<s>", LMOPT_ADDED_SPECIAL);
  addToken(spec, "TOOL", 0);
  Opened tokenizer = open(spec);
  EXPECT_EQ(Stream(tokenizer).all({'a', 256, 257}), "aTOOL");
  EXPECT_EQ(Stream(tokenizer, LMOPT_DETOKENIZE_SPECIAL).all({'a', 256, 257}), "a<s>TOOL");
}

TEST(Detokenizer, WordPiece) {
  Opened tokenizer = open(wordPieces({"un", "##able", "é"}));
  Stream stream(tokenizer);
  EXPECT_EQ(stream.all({1, 2, 3, 1}), "unable é un");
  EXPECT_EQ(stream.all({1}), "un");
}

TEST(Detokenizer, UnknownIdIsRefused) {
  Opened tokenizer = open(bytePairs({}));
  Stream stream(tokenizer);
  const char *out;
  size_t size;
  EXPECT_EQ(lmopt_detokenizer_push(stream.state, 256, &out, &size, nullptr), LMOPT_ERROR_USAGE);
  EXPECT_EQ(lmopt_detokenizer_push(stream.state, -1, &out, &size, nullptr), LMOPT_ERROR_USAGE);
  EXPECT_EQ(stream.push('a'), "a");
}
