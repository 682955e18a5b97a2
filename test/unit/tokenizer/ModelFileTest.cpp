// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// tokenizer.model: what is read of it, what is refused, and texts cut as sentencepiece cuts them. Expected ids are
// those of sentencepiece 0.2.3 for the same bytes; real vocabularies are compared by
// test/tools/sentencepiece_parity.py.
#include "files/File.h"
#include "frontends/tokenizer/SentencePieceFile.h"
#include "frontends/tokenizer/TokenizerBuilder.h"
#include "test/unit/tokenizer/Support.h"

#include <cmath>
#include <cstring>

using namespace lmopt;
using namespace lmopt::test;

namespace {
/// Writes a ModelProto; a test changes what it is about.
struct Proto {
  using Piece = std::tuple<std::string, float, uint32_t>;
  std::vector<Piece> pieces = {{"<unk>", 0, 2}, {"<s>", 0, 3},   {"</s>", 0, 3}, {"\u2581", -3, 1},
                               {"a", -2, 1},    {"b", -2.5f, 1}, {"ab", -1, 1},  {"\u2581a", -1.5f, 1}};
  uint32_t type = 1; // unigram
  std::string trainer, normalizer, rest;

  static std::string number(uint64_t value) {
    std::string bytes;
    for (; value >= 0x80; value >>= 7)
      bytes += static_cast<char>(value | 0x80);
    return bytes + static_cast<char>(value);
  }
  static std::string field(uint32_t id, uint64_t value) { return number(id << 3) + number(value); }
  static std::string field(uint32_t id, const std::string &bytes) {
    return number(id << 3 | 2) + number(bytes.size()) + bytes;
  }
  static std::string field(uint32_t id, float value) {
    std::string bytes(sizeof(value), 0);
    memcpy(bytes.data(), &value, sizeof(value));
    return number(id << 3 | 5) + bytes;
  }
  void bytePieces() {
    static const char kDigits[] = "0123456789ABCDEF";
    for (int byte = 0; byte < 256; ++byte)
      pieces.emplace_back(std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + ">", 0, 6);
    trainer += field(35, uint64_t(1));
  }
  void keepSpaces() { normalizer += field(4, uint64_t(0)); }

  std::string bytes() const {
    std::string all;
    for (const auto &[text, score, kind] : pieces)
      all += field(1, field(1, text) + field(2, score) + (kind == 1 ? "" : field(3, uint64_t(kind))));
    return all + field(2, field(3, uint64_t(type)) + trainer) + field(3, normalizer) + rest;
  }
};
} // namespace

static Result<std::string> tryBuild(const Proto &proto, const std::string &config = "{}") {
  TokenizerOptions options;
  options.path = "m/tokenizer.model";
  options.context.modelType = "llama";
  return buildTokenizerFromModel(proto.bytes(), config, options);
}

static Opened build(const Proto &proto, const std::string &config = "{}") {
  Result<std::string> blob = tryBuild(proto, config);
  EXPECT_TRUE(blob.ok()) << blob.error().message;
  return Opened(blob.take());
}

static void expectError(const Proto &proto, int code, const std::string &message) {
  Result<std::string> blob = tryBuild(proto);
  ASSERT_FALSE(blob.ok()) << message;
  EXPECT_EQ(blob.error().message, "m/tokenizer.model: " + message);
  EXPECT_EQ(blob.error().code, code);
}

TEST(ModelFile, Unigram) {
  Opened tokenizer = build({});
  EXPECT_EQ(tokenizer.encode("ab a"), Ids({1, 3, 6, 7})); // "▁", "ab", "▁a"
  EXPECT_EQ(tokenizer.encode("  a   b "), Ids({1, 7, 3, 5}));
  EXPECT_EQ(tokenizer.encode(" "), Ids({1}));
  EXPECT_EQ(tokenizer.encode("axyb"), Ids({1, 7, 0, 5}));
  EXPECT_EQ(tokenizer.encode("a\u2581"), Ids({1, 7})); // taken for a blank at the end
  EXPECT_EQ(tokenizer.encode("a<s>a"), Ids({1, 7, 1, 7}));
  EXPECT_EQ(lmopt_tokenizer_role(tokenizer.get(), LMOPT_TOKEN_UNK), 0);
}

TEST(ModelFile, Bpe) {
  Proto proto;
  proto.type = 2;
  Opened tokenizer = build(proto);
  EXPECT_EQ(tokenizer.encode("ab a"), Ids({1, 3, 6, 7}));
  EXPECT_EQ(tokenizer.encode("axyb"), Ids({1, 7, 0, 5})); // characters in a row are unknown as one
  EXPECT_EQ(tokenizer.encode("x y"), Ids({1, 3, 0, 3, 0}));
  EXPECT_EQ(tokenizer.encode("xa", 0), Ids({3, 0, 4}));
  EXPECT_EQ(tokenizer.encode("<s>", 0), Ids({3, 0})); // its characters, which do not join to it
  std::vector<lmopt_token_t> tokens(8);
  lmopt_text_t text = {"xyz", 3};
  size_t count = 0;
  ASSERT_EQ(lmopt_tokenizer_encode_texts(tokenizer.get(), &text, 1, 0, tokens.data(), 8, &count, nullptr), LMOPT_OK);
  ASSERT_EQ(count, 2u);
  EXPECT_EQ(tokens[1].begin, 0u);
  EXPECT_EQ(tokens[1].end, 3u);
}

TEST(ModelFile, Spaces) {
  Proto proto;
  proto.keepSpaces();
  EXPECT_EQ(build(proto).encode("  a "), Ids({1, 3, 3, 7, 3}));
  proto.normalizer += Proto::field(3, uint64_t(0)); // no blank before a text
  EXPECT_EQ(build(proto).encode("a a"), Ids({1, 4, 7}));
  proto.normalizer += Proto::field(5, uint64_t(0)); // blanks as they are
  EXPECT_EQ(build(proto).encode("a a"), Ids({1, 4, 0, 4}));
}

TEST(ModelFile, BytesOfWhatIsNoPiece) {
  for (uint32_t type : {1u, 2u}) {
    Proto proto;
    proto.type = type;
    proto.bytePieces();
    EXPECT_EQ(build(proto).encode("aé"), Ids({1, 7, 8 + 0xC3, 8 + 0xA9})) << type;
    EXPECT_EQ(build(proto).encode("<0x00>", 0).size(), 7u) << type; // its name is a text
  }
}

TEST(ModelFile, UserDefined) {
  for (uint32_t type : {1u, 2u}) {
    Proto proto;
    proto.type = type;
    proto.pieces.emplace_back("<user>", 0, 4);
    proto.pieces.emplace_back("ba", 0, 4);
    EXPECT_EQ(build(proto).encode("a<user>a", 0), Ids({7, 8, 4})) << type; // no blank behind it
    EXPECT_EQ(build(proto).encode("aba", 0), Ids({7, 9})) << type;         // "ab" is not even tried
    proto.pieces.emplace_back("a  b", 0, 4);
    expectError(proto, kErrorUnsupported,
                "the user-defined piece 'a  b' is one that the normalizer changes, which is not supported");
  }
}

TEST(ModelFile, SwitchesOfTheClass) {
  EXPECT_EQ(build({}, R"({"add_bos_token": false, "add_eos_token": true})").encode("a"), Ids({7, 2}));
  EXPECT_EQ(build({}, R"({"legacy": false})").encode("a<s>a"), Ids({1, 7, 1, 4})); // a blank at the very beginning only
  EXPECT_EQ(build({}, R"({"tokenizer_class": "GemmaTokenizer", "bos_token": "</s>"})").encode("a"), Ids({2, 7}));
  EXPECT_EQ(build({}, R"({"additional_special_tokens": ["<x>"]})").encode("a<x>"), Ids({1, 7, 8}));
  EXPECT_EQ(build({}, R"({"bos_token": "<new>"})").encode("a"), Ids({8, 7})); // added, as transformers does
  auto error = [](const char *config) { return tryBuild({}, config).error(); };
  EXPECT_EQ(error(R"({"tokenizer_class": "T5Tokenizer"})").code, kErrorUnsupported);
  EXPECT_EQ(error(R"({"sp_model_kwargs": {"alpha": 1}})").message,
            "m/tokenizer_config.json: field 'sp_model_kwargs' has other ids drawn at random; supported: {}");
  EXPECT_EQ(error(R"({"add_prefix_space": false})").message,
            "m/tokenizer_config.json: field 'add_prefix_space' contradicts tokenizer.model");
}

TEST(ModelFile, Refusals) {
  auto changed = [](auto change) {
    Proto proto;
    change(proto);
    return proto;
  };
  auto refuse = [&](auto change, const char *message) { expectError(changed(change), kErrorUnsupported, message); };
  refuse([](Proto &p) { p.type = 3; }, "a model of type word is not supported; supported: unigram, bpe");
  refuse([](Proto &p) { p.type = 4; }, "a model of type char is not supported; supported: unigram, bpe");
  refuse([](Proto &p) { p.type = 9; }, "a model of type 9 is not supported; supported: unigram, bpe");
  refuse([](Proto &p) { p.trainer = Proto::field(24, uint64_t(1)); },
         "trainer_spec.treat_whitespace_as_suffix is not supported");
  refuse([](Proto &p) { p.rest = Proto::field(5, Proto::field(2, std::string("x"))); },
         "denormalizer_spec.precompiled_charsmap, which changes what is written, is not supported");
  refuse([](Proto &p) { p.rest = Proto::field(200, uint64_t(1)); }, "the model: field 200 is not known to lmopt");
  refuse([](Proto &p) { p.normalizer = Proto::field(7, uint64_t(1)); },
         "normalizer_spec: field 7 is not known to lmopt");
  refuse([](Proto &p) { p.pieces.emplace_back("x", 0, 7); }, "piece 8: type 7 is not known; supported: 1 to 6");
  refuse(
      [](Proto &p) {
        p.type = 2;
        p.pieces.emplace_back("x", 0, 5);
      },
      "piece 8, 'x': an unused piece of a model of type bpe is not supported");
  refuse([](Proto &p) { p.pieces.emplace_back(std::string(1025, 'x'), 0, 1); },
         ("piece 8, " + printable(std::string(1025, 'x')) + ": a piece of 1025 bytes; supported: up to 1024").c_str());
}

TEST(ModelFile, Malformed) {
  auto wrong = [](auto change, const char *message) {
    Proto proto;
    change(proto);
    expectError(proto, kErrorMalformed, message);
  };
  wrong([](Proto &p) { p.pieces.clear(); }, "0 pieces of type UNKNOWN; expected one");
  wrong([](Proto &p) { p.pieces.emplace_back("<u>", 0, 2); }, "2 pieces of type UNKNOWN; expected one");
  wrong([](Proto &p) { p.pieces.emplace_back("ab", 0, 1); }, "piece 8, 'ab', is there twice");
  wrong([](Proto &p) { p.pieces.emplace_back("", 0, 1); }, "piece 8 has no text");
  wrong([](Proto &p) { p.pieces.emplace_back("x", INFINITY, 1); }, "piece 8, 'x': the score is not a finite number");
  wrong([](Proto &p) { p.pieces.emplace_back("<0x00>", 0, 6); },
        "piece 8, '<0x00>': it is of type BYTE, but trainer_spec.byte_fallback is false");
  wrong([](Proto &p) { p.pieces.emplace_back("x", 0, 6); }, "piece 8, 'x': it is of type BYTE, but names no byte");
  wrong([](Proto &p) { p.trainer = Proto::field(35, uint64_t(1)); },
        "trainer_spec.byte_fallback with 0 pieces of type BYTE; expected 256");
  wrong([](Proto &p) { p.normalizer = Proto::field(2, std::string("\xFF\xFF\xFF\xFF")); },
        "normalizer_spec.precompiled_charsmap is no table of SentencePiece: it is not as long as it says");
  wrong([](Proto &p) { p.normalizer = Proto::field(2, uint64_t(1)); },
        "field 'precompiled_charsmap' has another type than SentencePiece gives it");
  wrong([](Proto &p) { p.rest = "\x80"; }, "the model: byte 108: the key of a field has no end");
}

/// Cut at every byte, every byte replaced: read or refused, never worse (the sanitizer build sees bad accesses).
TEST(ModelFile, Damaged) {
  Proto proto;
  proto.normalizer = Proto::field(2, std::string("\x04\0\0\0\x01\0\0\0x", 9));
  const std::string bytes = proto.bytes();
  TokenizerOptions options;
  options.context.modelType = "llama";
  size_t refused = 0;
  auto use = [&](const std::string &damaged) {
    Result<std::string> blob = buildTokenizerFromModel(damaged, "", options);
    refused += !blob.ok();
    if (blob.ok())
      Opened(blob.take()).encode("ab <s>é");
    else
      EXPECT_TRUE(blob.error().code == kErrorMalformed || blob.error().code == kErrorUnsupported);
  };
  for (size_t size = 0; size < bytes.size(); ++size)
    use(bytes.substr(0, size));
  for (size_t at = 0; at < bytes.size(); ++at)
    for (char value : {'\0', '\x01', '\x7F', '\x80', '\xFF'}) {
      std::string damaged = bytes;
      damaged[at] = value;
      use(damaged);
    }
  EXPECT_GT(refused, bytes.size());
}
