// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tokenizers of SentencePiece: BPE by scores against its definition, BPE of characters with bytes for what is no
// piece, blanks as U+2581, and how both are read from tokenizer.json and GGUF metadata. Real vocabularies are compared
// with sentencepiece, `tokenizers` and llama.cpp by test/tools/sentencepiece_parity.py.
#include "test/unit/tokenizer/GgufMetadata.h"

#include <nlohmann/json.hpp>
#include <random>

using namespace lmopt;
using namespace lmopt::test;
using nlohmann::json;

using Words = std::vector<std::string>;

static const std::string kSpace = "\u2581";

//===- By scores -------------------------------------------------------------------------------------------------===//

/// Pieces with scores; unknown is token 0.
static TokenizerSpec scored(const std::vector<std::pair<std::string, float>> &pieces, uint32_t metaspace) {
  TokenizerSpec spec;
  spec.kind = LMOPT_TOKENIZER_SCORED;
  spec.flags = LMOPT_TOKENIZER_METASPACE;
  spec.pieces = {"<unk>"};
  spec.scores = {0};
  for (const auto &[piece, score] : pieces) {
    spec.pieces.push_back(piece);
    spec.scores.push_back(score);
  }
  spec.tokenFlags = {LMOPT_TOKEN_FLAG_ADDED | LMOPT_TOKEN_FLAG_SPECIAL};
  spec.unknown = 0;
  spec.splits = {{LMOPT_SPLIT_METASPACE, metaspace}};
  return spec;
}

/// The definition: of all neighbours that spell a piece join those of the best score, the leftmost among equals.
static Words joinByScore(const std::map<std::string, float> &scores, Words parts) {
  for (;;) {
    size_t best = SIZE_MAX;
    auto scoreAt = [&](size_t i) { return scores.at(parts[i] + parts[i + 1]); };
    for (size_t i = 0; i + 1 < parts.size(); ++i)
      if (scores.count(parts[i] + parts[i + 1]) && (best == SIZE_MAX || scoreAt(i) > scoreAt(best)))
        best = i;
    if (best == SIZE_MAX)
      return parts;
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
}

TEST(ScoredPieces, EqualToTheDefinitionOnRandomWords) {
  std::mt19937 random(7);
  auto below = [&](size_t most) { return static_cast<size_t>(random() % most); };
  for (int round = 0; round < 60; ++round) {
    std::map<std::string, float> scores;
    for (int i = 0; i < 60; ++i) {
      std::string piece(1 + below(6), 'a');
      for (char &c : piece)
        c = static_cast<char>('a' + below(3));       // "d" is never a piece, but may join
      scores[piece] = -static_cast<float>(below(8)); // many are equal
    }
    for (const char *single : {"a", "b", "c"})
      scores.emplace(single, -9.0f);
    Opened tokenizer = open(scored({scores.begin(), scores.end()}, LMOPT_METASPACE_NEVER));
    for (int i = 0; i < 40; ++i) {
      Words parts(1 + below(60));
      std::string word;
      for (std::string &part : parts)
        word += part = std::string(1, static_cast<char>('a' + below(3)));
      EXPECT_EQ(tokenizer.pieces(word), joinByScore(scores, parts)) << word;
    }
  }
}

TEST(ScoredPieces, NeighboursJoinThoughNeitherIsAPiece) {
  Opened tokenizer = open(scored({{"xy", -1}}, LMOPT_METASPACE_NEVER));
  EXPECT_EQ(tokenizer.encode("xyx"), Ids({1, 0}));
}

TEST(ScoredPieces, BytesOfWhatIsNoPiece) {
  TokenizerSpec spec = scored({{"a", -1}, {"<0xC3>", 0}, {"<0xA9>", 0}}, LMOPT_METASPACE_NEVER);
  spec.tokenFlags.resize(spec.pieces.size());
  markByteTokens(spec);
  EXPECT_EQ(spec.pieces[2], "\xC3");
  Opened tokenizer = open(spec);
  EXPECT_EQ(tokenizer.encode("aéa"), Ids({1, 2, 3, 1}));
  EXPECT_EQ(tokenizer.encode("\xC3"), Ids({2}));         // bytes that are no UTF-8 as they are
  EXPECT_EQ(tokenizer.encode("ab\xF0"), Ids({1, 0, 0})); // no piece, no byte token
  EXPECT_EQ(tokenizer.encode("<0xC3>"), Ids(6, 0));      // its name is no text
}

/// A text of many MB is one word: the work must not grow with its square.
TEST(ScoredPieces, LongTexts) {
  Opened tokenizer = open(scored({{"a", -3}, {"aa", -2}, {"aaaa", -1}}, LMOPT_METASPACE_NEVER));
  EXPECT_EQ(tokenizer.encode(std::string(1 << 20, 'a')).size(), size_t(1) << 18);
}

//===- Blanks ----------------------------------------------------------------------------------------------------===//

static Words spaced(uint32_t argument, const std::string &text) {
  TokenizerSpec spec = scored({{kSpace, -2}, {"a", -2}, {"b", -2}, {kSpace + "a", -1}, {kSpace + "b", -1}}, argument);
  addToken(spec, "<x>", 0);
  spec.scores.push_back(0);
  return open(spec).pieces(text);
}

TEST(Metaspace, WhenSomethingComesBeforeAText) {
  const std::string a = kSpace + "a", b = kSpace + "b";
  EXPECT_EQ(spaced(LMOPT_METASPACE_NEVER, "a b<x>a"), Words({"a", b, "<x>", "a"}));
  EXPECT_EQ(spaced(LMOPT_METASPACE_FIRST, "a b<x>a"), Words({a, b, "<x>", "a"}));
  EXPECT_EQ(spaced(LMOPT_METASPACE_FIRST, "<x>a"), Words({"<x>", "a"}));
  EXPECT_EQ(spaced(LMOPT_METASPACE_ALWAYS, "a<x>a<x> a"), Words({a, "<x>", a, "<x>", a}));
  EXPECT_EQ(spaced(LMOPT_METASPACE_ALWAYS, kSpace + "a"), Words({a}));
  EXPECT_EQ(spaced(LMOPT_METASPACE_ANOTHER, "a<x> a"), Words({a, "<x>", kSpace, a}));
}

TEST(Metaspace, CutsBeforeEachBlank) {
  TokenizerSpec spec = scored({{kSpace, -2}, {"a", -2}, {"a" + kSpace, -1}, {kSpace + kSpace, -1}}, 0);
  EXPECT_EQ(open(spec).pieces("a a  "), Words({"a" + kSpace, "a" + kSpace, kSpace}));
  spec.splits = {{LMOPT_SPLIT_METASPACE, LMOPT_METASPACE_NEVER | LMOPT_METASPACE_CUT}};
  EXPECT_EQ(open(spec).pieces("a a  "), Words({"a", kSpace, "a", kSpace, kSpace}));
}

TEST(Metaspace, TokensKnowTheirBytes) {
  TokenizerSpec spec = scored({{kSpace, -2}, {"é", -2}, {"b", -2}, {kSpace + "é", -1}}, LMOPT_METASPACE_ALWAYS);
  Opened tokenizer = open(spec);
  const std::string text = "é b é";
  lmopt_text_t source = {text.data(), text.size()};
  lmopt_token_t tokens[8];
  size_t count = 0;
  ASSERT_EQ(
      lmopt_tokenizer_encode_texts(tokenizer.get(), &source, 1, LMOPT_TOKENIZE_DEFAULT, tokens, 8, &count, nullptr),
      LMOPT_OK);
  ASSERT_EQ(count, 4u); // what stands before the text comes from no byte of it, a blank from its own
  const std::pair<size_t, size_t> spans[] = {{0, 2}, {2, 3}, {3, 4}, {4, 7}};
  for (size_t i = 0; i < count; ++i)
    EXPECT_EQ(std::make_pair(size_t(tokens[i].begin), size_t(tokens[i].end)), spans[i]) << i;
}

TEST(Metaspace, WhiteSpaceWords) {
  TokenizerSpec spec = scored({{kSpace + "a", -1}, {kSpace, -2}, {"a", -2}, {"b", -2}}, 0);
  spec.splits = {{LMOPT_SPLIT_WHITESPACE, 0}, {LMOPT_SPLIT_METASPACE, LMOPT_METASPACE_ALWAYS}};
  EXPECT_EQ(open(spec).pieces(" a\tb\n\n"), Words({kSpace + "a", kSpace, "b"}));
}

//===- tokenizer.json --------------------------------------------------------------------------------------------===//

/// As transformers writes Llama 2: a normalizer and bytes for what is no piece.
static json piecesFile() {
  json replace = {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", kSpace}};
  json written = {{"type", "Replace"}, {"pattern", {{"String", kSpace}}}, {"content", " "}};
  return json{
      {"added_tokens", json::array({{{"id", 0}, {"content", "<unk>"}, {"special", true}},
                                    {{"id", 1}, {"content", "<s>"}, {"special", true}}})},
      {"normalizer",
       {{"type", "Sequence"}, {"normalizers", json::array({{{"type", "Prepend"}, {"prepend", kSpace}}, replace})}}},
      {"pre_tokenizer", nullptr},
      {"decoder",
       {{"type", "Sequence"},
        {"decoders", json::array({written,
                                  {{"type", "ByteFallback"}},
                                  {{"type", "Fuse"}},
                                  {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}})}}},
      {"model",
       {{"type", "BPE"},
        {"unk_token", "<unk>"},
        {"fuse_unk", true},
        {"byte_fallback", true},
        {"vocab",
         {{"<unk>", 0}, {"<s>", 1}, {"<0xC3>", 2}, {"<0xA9>", 3}, {kSpace, 4}, {"a", 5}, {kSpace + "a", 6}, {"aa", 7}}},
        {"merges", {kSpace + " a", "a a"}}}},
  };
}

static Opened read(const json &file, const std::string &config = "", const TokenizerOptions &options = {}) {
  Result<std::string> blob = buildTokenizerFromJson(file.dump(), config, options);
  EXPECT_TRUE(blob.ok()) << blob.error().message;
  return Opened(blob.take());
}

static void expectRefusal(const json &file, const std::string &message) {
  Result<std::string> blob = buildTokenizerFromJson(file.dump(), "");
  ASSERT_FALSE(blob.ok()) << message;
  EXPECT_EQ(blob.error().message, "tokenizer.json: " + message);
  EXPECT_EQ(blob.error().code, kErrorUnsupported);
}

TEST(CharacterBpe, MergesByRankAndBytes) {
  Opened tokenizer = read(piecesFile());
  EXPECT_EQ(tokenizer.encode("aaa a"), Ids({6, 7, 6}));
  EXPECT_EQ(tokenizer.encode("é"), Ids({4, 2, 3}));
  EXPECT_EQ(tokenizer.encode("è世a"), Ids({4, 0, 5})); // two characters, not all of whose bytes have tokens, are one
  EXPECT_EQ(tokenizer.encode("a<s>a"), Ids({6, 1, 6}));
  EXPECT_EQ(tokenizer.encode(""), Ids());
}

TEST(CharacterBpe, UnknownOneByOneOrNothing) {
  json file = piecesFile();
  file["model"]["fuse_unk"] = false;
  EXPECT_EQ(read(file).encode("èè"), Ids({4, 0, 0}));
  file["model"]["unk_token"] = nullptr;
  EXPECT_EQ(read(file).encode("aèa"), Ids({6, 5}));
}

TEST(CharacterBpe, WithoutBytes) {
  json file = piecesFile();
  file["model"]["byte_fallback"] = false;
  expectRefusal(file, "model.byte_fallback is false with the decoder ByteFallback is not supported");
  file["decoder"]["decoders"].erase(1);
  Opened tokenizer = read(file);
  EXPECT_EQ(tokenizer.encode("é"), Ids({4, 0}));
  EXPECT_EQ(tokenizer.pieces("é")[0], kSpace);
}

TEST(CharacterBpe, MetaspaceInsteadOfANormalizer) {
  json file = piecesFile();
  file["normalizer"] = nullptr;
  file["pre_tokenizer"] = {
      {"type", "Metaspace"}, {"replacement", kSpace}, {"prepend_scheme", "first"}, {"split", false}};
  EXPECT_EQ(read(file).encode("a<s>a a"), Ids({6, 1, 5, 6}));
  file["pre_tokenizer"].erase("prepend_scheme");
  EXPECT_EQ(read(file).encode("a<s>a"), Ids({6, 1, 6}));
  file["pre_tokenizer"]["add_prefix_space"] = false;
  EXPECT_EQ(read(file).encode("a<s>a"), Ids({5, 1, 5}));
  file["pre_tokenizer"]["replacement"] = "_";
  expectRefusal(file, "pre_tokenizer Metaspace with the replacement '_' is not supported; supported: " + kSpace);
}

/// Gemma's pre-tokenizer cuts at blanks, of which its normalizer leaves none.
TEST(CharacterBpe, ASplitThatNeverCuts) {
  json file = piecesFile();
  file["normalizer"] = file["normalizer"]["normalizers"][1];
  file["pre_tokenizer"] = {
      {"type", "Split"}, {"pattern", {{"String", " "}}}, {"behavior", "MergedWithPrevious"}, {"invert", false}};
  EXPECT_EQ(read(file).encode("a a"), Ids({5, 6}));
  file["normalizer"] = nullptr;
  expectRefusal(
      file, "pre_tokenizer Split with behavior 'MergedWithPrevious' is not supported; supported: Isolated, Removed");
}

TEST(CharacterBpe, NormalizersOfTexts) {
  json file = piecesFile();
  json strip = {{"type", "Strip"}, {"strip_left", true}, {"strip_right", false}};
  file["normalizer"]["normalizers"].insert(file["normalizer"]["normalizers"].begin(), strip);
  EXPECT_EQ(read(file).encode("  a "), Ids({6, 4}));
  file["normalizer"] = {{"type", "Replace"}, {"pattern", {{"Regex", "x+"}}}, {"content", " "}};
  expectRefusal(file, "normalizer Replace with the expression 'x+' is not supported; supported: a text (String), the "
                      "expressions ' {2,}' and '\\s+' of a normalizer");
}

TEST(CharacterBpe, DecodersThatAreNeeded) {
  json file = piecesFile();
  file["decoder"]["decoders"].erase(1);
  expectRefusal(file, "model.byte_fallback without the decoder ByteFallback is not supported");
  file["decoder"] = nullptr;
  expectRefusal(file,
                "BPE without the ByteLevel pre-tokenizer needs a decoder; supported: Replace, ByteFallback, Fuse, "
                "Strip, Metaspace, BPEDecoder");
  file["decoder"] = {{"type", "CTC"}};
  expectRefusal(file,
                "decoder 'CTC' is not supported; supported: Replace, ByteFallback, Fuse, Strip, Metaspace, BPEDecoder, "
                "Sequence; ByteLevel");
}

/// Version 5 of transformers builds both classes anew; version 4 runs the file, unless add_prefix_space is set.
TEST(CharacterBpe, ClassesByVersion) {
  TokenizerOptions five, four;
  five.context.writtenBy = "5.24.0";
  four.context.writtenBy = "4.57.1";
  json file = piecesFile();
  EXPECT_EQ(read(file, R"({"tokenizer_class": "LlamaTokenizerFast", "add_bos_token": false})", four).encode("a<s> a"),
            Ids({6, 1, 4, 6}));
  EXPECT_EQ(read(file, R"({"tokenizer_class": "LlamaTokenizerFast", "add_prefix_space": false})", four).encode("a"),
            Ids({1, 5}));
  EXPECT_EQ(read(file, R"({"tokenizer_class": "LlamaTokenizer"})", five).encode("a<s>a"), Ids({6, 1, 5}));
  EXPECT_EQ(read(file, R"({"tokenizer_class": "LlamaTokenizer", "legacy": true})", five).encode("a<s>a"),
            Ids({6, 1, 6}));
  EXPECT_EQ(read(file, R"({"tokenizer_class": "LlamaTokenizer", "add_prefix_space": false})", five).encode("a"),
            Ids({5}));
  EXPECT_EQ(read(file, R"({"tokenizer_class": "GemmaTokenizer"})", five).encode("a a"), Ids({5, 6}));
}

//===- GGUF ------------------------------------------------------------------------------------------------------===//

static Metadata llama() {
  Metadata metadata;
  metadata.model = "llama";
  metadata.pre = "";
  metadata.merges.clear();
  metadata.tokens = {"<unk>", "<s>", "</s>", kSpace, "a", kSpace + "a", "<0xC3>", "<0xA9>"};
  metadata.types = {2, 3, 3, 1, 1, 1, 6, 6};
  metadata.scores = {0, 0, 0, -2, -2, -1, 0, 0};
  metadata.numbers.clear();
  return metadata;
}

TEST(GgufPieces, RolesThatNoKeyNames) {
  Opened tokenizer = build(llama());
  EXPECT_EQ(tokenizer.encode("a aé"), Ids({1, 5, 5, 6, 7}));
  EXPECT_EQ(tokenizer.encode("b"), Ids({1, 3, 0}));
  EXPECT_EQ(tokenizer.encode("a</s> a"), Ids({1, 5, 2, 3, 5}));
  EXPECT_TRUE(lmopt_tokenizer_is_end(tokenizer.get(), 2));
  EXPECT_EQ(lmopt_tokenizer_role(tokenizer.get(), LMOPT_TOKEN_UNK), 0);
}

TEST(GgufPieces, Switches) {
  Metadata metadata = llama();
  metadata.switches = {{"tokenizer.ggml.add_space_prefix", false},
                       {"tokenizer.ggml.add_bos_token", false},
                       {"tokenizer.ggml.add_eos_token", true}};
  EXPECT_EQ(build(metadata).encode("a a"), Ids({4, 5, 2}));
}

TEST(GgufPieces, WhiteSpaceBehindSpecialTokensOfPhi3) {
  Metadata metadata = llama();
  metadata.add("<|end|>", 3);
  metadata.scores.push_back(0);
  EXPECT_EQ(build(metadata).encode("<|end|>\n a"), Ids({1, 8, 3, 0, 5}));
  metadata.texts = {{"general.name", "Phi-3 mini"}};
  EXPECT_EQ(build(metadata).encode("<|end|>\n a"), Ids({1, 8, 5}));
  EXPECT_EQ(build(metadata).encode("<s> a"), Ids({1, 1, 3, 5}));
}

TEST(GgufPieces, ScoresAreNeeded) {
  Metadata metadata = llama();
  metadata.scores.pop_back();
  Result<std::string> blob = tryBuild(metadata);
  ASSERT_FALSE(blob.ok());
  EXPECT_EQ(blob.error().message,
            "m.gguf: metadata key 'tokenizer.ggml.scores': expected one number for each of the 8 tokens");
  EXPECT_EQ(blob.error().code, kErrorMalformed);
}

//===- Written ---------------------------------------------------------------------------------------------------===//

TEST(GgufPieces, WrittenWithBlanksAndBytes) {
  Opened tokenizer = build(llama());
  lmopt_detokenizer_t *state = nullptr;
  ASSERT_EQ(lmopt_detokenizer_create(tokenizer.get(), 0, &state, nullptr), LMOPT_OK);
  std::string text;
  for (int32_t id : {1, 5, 6, 7, 3, 4}) {
    const char *bytes = nullptr;
    size_t size = 0;
    ASSERT_EQ(lmopt_detokenizer_push(state, id, &bytes, &size, nullptr), LMOPT_OK);
    text.append(bytes, size);
  }
  lmopt_detokenizer_destroy(state);
  EXPECT_EQ(text, " aé a");
}
