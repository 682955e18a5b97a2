// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tokenizers with fewer tokens: the texts become the same tokens as before, any text keeps its bytes, no merge leads to
// a token that has gone, ids are those of the same pieces; and a blob is written again as it was read.
#include "frontends/tokenizer/ShortList.h"
#include "test/unit/tokenizer/Support.h"

#include <random>

using namespace lmopt;
using namespace lmopt::test;

using Words = std::vector<std::string>;
using Kept = std::vector<int64_t>;

namespace {
/// A tokenizer before and after it was cut to what `texts` need.
struct Shortened {
  std::unique_ptr<std::string> blob;
  Opened before, after;
  Kept kept;
  size_t occurring;
};
} // namespace

static Shortened shorten(TokenizerSpec spec, const Words &texts) {
  spec.tokenFlags.resize(spec.pieces.size());
  auto blob = std::make_unique<std::string>(writeTokenizerBlob(spec, "test").take());
  ShortList list = ShortList::create(*blob, "test").take();
  for (const std::string &text : texts)
    EXPECT_TRUE(list.addText(text).ok());
  Opened before(*blob), after(list.writeTokenizer().take());
  return {std::move(blob), std::move(before), std::move(after), list.kept(), list.textVocabulary()};
}

static Ids original(const Shortened &tokenizers, const std::string &text) {
  Ids ids;
  for (int32_t id : tokenizers.after.encode(text))
    ids.push_back(static_cast<int32_t>(tokenizers.kept.at(id)));
  return ids;
}

static std::string joined(const Words &pieces) {
  std::string text;
  for (const std::string &piece : pieces)
    text += piece;
  return text;
}

TEST(ShortListBpe, KeepsWhatAWordIsJoinedFrom) {
  TokenizerSpec spec = bytePairs({{"a", "b"}, {"ab", "c"}, {"abc", "d"}, {"x", "y"}, {"c", "d"}, {"ab", "cd"}});
  Shortened shortened = shorten(spec, {"abcd"});
  EXPECT_EQ(shortened.kept.size(), 256u + 3u); // ab, abc, abcd
  EXPECT_EQ(shortened.occurring, 1u);
  EXPECT_EQ(shortened.after.pieces("abcd"), Words({"abcd"}));
  EXPECT_EQ(shortened.after.pieces("xy"), Words({"x", "y"}));
  EXPECT_EQ(shortened.after.pieces("cd"), Words({"c", "d"}));
  EXPECT_EQ(shortened.after.pieces("abc"), Words({"abc"})); // was on the way
}

// "abc" was joined from "ab" + "c"; the token "bc" stays for another word, but "a" + "bc" never led anywhere.
TEST(ShortListBpe, NoJoinTakesAnotherWay) {
  TokenizerSpec spec = bytePairs({{"b", "c"}, {"a", "b"}, {"ab", "c"}, {"a", "bc"}});
  Shortened shortened = shorten(spec, {"bc", "ab"});
  for (const std::string text : {"abc", "bca", "aab", "bcbc"})
    EXPECT_EQ(joined(shortened.after.pieces(text)), text);
  EXPECT_EQ(shortened.after.pieces("abc"), Words({"a", "bc"}));
}

TEST(ShortListBpe, RandomVocabularies) {
  std::mt19937 random(7);
  auto letters = [&](size_t most) {
    std::string text;
    for (size_t size = 1 + random() % most; text.size() < size;)
      text += static_cast<char>('a' + random() % 4);
    return text;
  };
  for (int round = 0; round < 60; ++round) {
    // Pieces that are joined from pieces that there are, in any order: also merges that can never happen.
    std::vector<std::string> pieces = {"a", "b", "c", "d"};
    std::vector<std::pair<std::string, std::string>> merges;
    for (int i = 0; i < 40; ++i) {
      merges.emplace_back(pieces[random() % pieces.size()], pieces[random() % pieces.size()]);
      pieces.push_back(merges.back().first + merges.back().second);
    }
    std::shuffle(merges.begin(), merges.end(), random);
    Words texts = {letters(30) + " " + letters(30), letters(60)};
    TokenizerSpec spec = bytePairs(merges);
    spec.flags = round % 2 ? uint32_t(LMOPT_TOKENIZER_IGNORE_MERGES) : 0;
    Shortened shortened = shorten(spec, texts);
    for (const std::string &text : texts)
      EXPECT_EQ(original(shortened, text), shortened.before.encode(text)) << text;
    for (int i = 0; i < 20; ++i) {
      std::string text = letters(40);
      EXPECT_EQ(joined(shortened.after.pieces(text)), text);
    }
  }
}

TEST(ShortListBpe, SpecialTokensAndRolesKeepTheirMeaning) {
  TokenizerSpec spec = bytePairs({{"h", "i"}});
  spec.pieces.emplace_back("unused");
  addToken(spec, "<end>", LMOPT_ADDED_SPECIAL);
  auto end = static_cast<int32_t>(spec.pieces.size() - 1);
  addToken(spec, "<begin>", LMOPT_ADDED_SPECIAL);
  addToken(spec, "tool", 0);
  spec.roles[LMOPT_TOKEN_BOS] = end + 1;
  spec.roles[LMOPT_TOKEN_EOS] = end;
  spec.endTokens = {end};
  spec.frame = {end + 1, -1};
  spec.pairFrame = {{end + 1, 0}, {-1, 0}, {end, 0}, {-2, 1}};
  Shortened shortened = shorten(spec, {"hello"});
  const lmopt_tokenizer_t *after = shortened.after.get();
  EXPECT_EQ(lmopt_tokenizer_token_count(after), 256 + 3); // without "hi" and "unused"
  int32_t newEnd = lmopt_tokenizer_role(after, LMOPT_TOKEN_EOS);
  EXPECT_EQ(shortened.kept[newEnd], end);
  EXPECT_TRUE(lmopt_tokenizer_is_end(after, newEnd));
  EXPECT_TRUE(lmopt_tokenizer_is_special(after, newEnd));
  EXPECT_EQ(shortened.kept[lmopt_tokenizer_role(after, LMOPT_TOKEN_BOS)], end + 1);
  for (const std::string text : {"hi<end>tool hi", "<begin>", ""})
    EXPECT_EQ(joined(shortened.after.pieces(text)), joined(shortened.before.pieces(text)));
  EXPECT_EQ(shortened.after.encode("")[0], lmopt_tokenizer_role(after, LMOPT_TOKEN_BOS));
}

// The tokens that merges make first, with what they are joined from, as far as there are any.
TEST(ShortListBpe, FillsUpInOrderOfMerges) {
  TokenizerSpec spec = bytePairs({{"a", "b"}, {"c", "d"}, {"ab", "cd"}, {"x", "y"}, {"xy", "z"}});
  spec.pieces.emplace_back("no merge leads here");
  auto filled = [&](size_t tokens) {
    spec.tokenFlags.resize(spec.pieces.size());
    std::string blob = writeTokenizerBlob(spec, "test").take();
    ShortList list = ShortList::create(blob, "test").take();
    EXPECT_TRUE(list.addText("xy").ok());
    list.fill(tokens);
    return list.kept();
  };
  EXPECT_EQ(filled(0).size(), 257u);
  EXPECT_EQ(filled(257).size(), 257u);
  Kept three = filled(259);
  EXPECT_EQ(Kept(three.begin() + 256, three.end()), Kept({256, 257, 259})); // ab, cd, xy
  EXPECT_EQ(filled(1000).size(), 261u);
}

TEST(ShortListWordPiece, FillsUpInOrderOfPieces) {
  // "[a]" comes out of no text: brackets stand alone.
  TokenizerSpec spec = wordPieces({"[a]", "a", "b", "##a", "##b", "[", "]", "##]", "ab", "##ab", "ba"});
  spec.tokenFlags.resize(spec.pieces.size());
  std::string blob = writeTokenizerBlob(spec, "test").take();
  ShortList list = ShortList::create(blob, "test").take();
  EXPECT_EQ(list.kept(), Kept({0, 2, 3, 4, 5, 6, 7, 8}));
  list.fill(10);
  EXPECT_EQ(list.kept(), Kept({0, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
}

TEST(ShortListWordPiece, WordsOfKnownCharactersNeverBecomeUnknown) {
  TokenizerSpec spec = wordPieces({"a", "b", "##a", "##b", "ab", "##ab", "aba", "zu", "##q", "\xC3\xA9", "b\xC3\xA9"});
  Shortened shortened = shorten(spec, {"aba"});
  // [UNK], four characters, "aba" of the text; "##q" and "é" are single; z and u, and é inside words, are in these
  // only.
  EXPECT_EQ(shortened.kept, Kept({0, 1, 2, 3, 4, 7, 8, 9, 10, 11}));
  EXPECT_EQ(shortened.after.pieces("aba ab bab"), Words({"aba", "a", "##b", "b", "##a", "##b"}));
  EXPECT_EQ(shortened.after.pieces("zu b\xC3\xA9 x"), Words({"zu", "b\xC3\xA9", "[UNK]"}));
  EXPECT_EQ(original(shortened, "aba"), shortened.before.encode("aba"));
}

// Blobs are read as they were written, added tokens in normalized form too.
TEST(ShortList, BlobIsWrittenAsItWasRead) {
  TokenizerSpec pairs = bytePairs({{"a", "b"}, {"ab", "c"}});
  addToken(pairs, "<s>", LMOPT_ADDED_SPECIAL | LMOPT_ADDED_LSTRIP);
  TokenizerSpec words = wordPieces({"a", "##b", "ab"});
  words.normalizer = {LMOPT_NORMALIZE_CLEAN, LMOPT_NORMALIZE_CJK, LMOPT_NORMALIZE_LOWER};
  addToken(words, "A\xE4\xB8\xADZ", 0, /*normalized=*/true); // blanks around the character, once
  addToken(words, "[SEP]", LMOPT_ADDED_SPECIAL);
  words.maxLength = 24;
  for (TokenizerSpec spec : {pairs, words}) {
    spec.tokenFlags.resize(spec.pieces.size());
    std::string blob = writeTokenizerBlob(spec, "test").take();
    TokenizerSpec read = readTokenizerBlob(blob, "test").take();
    EXPECT_EQ(writeTokenizerBlob(read, "test").take(), blob);
  }
}

TEST(ShortList, BadBlobsAreRefused) {
  TokenizerSpec spec = bytePairs({{"a", "b"}});
  spec.tokenFlags.resize(spec.pieces.size());
  addToken(spec, "<s>", 0);
  std::string blob = writeTokenizerBlob(spec, "test").take();
  lmopt_tokenizer_header_t header;
  memcpy(&header, blob.data(), sizeof header);
  auto broken = [&](lmopt_tokenizer_section_t section, size_t offset) {
    std::string bytes = blob;
    memset(bytes.data() + header.sections[section].offset + offset, 0xEE, 4);
    Result<ShortList> list = ShortList::create(bytes, "test");
    return list.ok() ? std::string("accepted") : list.error().message;
  };
  EXPECT_EQ(broken(LMOPT_TOKENIZER_MERGES, 4), "test: tokenizer blob: merge 0 names token 4008636142 of 258");
  EXPECT_EQ(broken(LMOPT_TOKENIZER_TOKEN_OFFSETS, 8), "test: tokenizer blob: token 1 has no valid piece");
  EXPECT_EQ(broken(LMOPT_TOKENIZER_ADDED, 0), "test: tokenizer blob: added token 0 has no valid text or id");
  EXPECT_NE(broken(LMOPT_TOKENIZER_TEMPLATE, 0).find("'template' names token"), std::string::npos);
}
