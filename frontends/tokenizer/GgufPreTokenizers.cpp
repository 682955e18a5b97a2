// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See GgufPreTokenizers.h. Expressions are Oniguruma's. In those of llama.cpp a letter is upper case that is not a to
// z, and lower case that is not A to Z: it asks for categories and for letters of ASCII, never for the case of others.
#include "frontends/tokenizer/GgufPreTokenizers.h"

#include "lmopt/tokenizer_format.h"

using namespace lmopt;

using Splits = std::vector<std::array<uint32_t, 2>>;
using Patterns = std::vector<std::string>;

/// Words with the blank before them; white space and some punctuation of several scripts stand apart.
static constexpr char kBloom[] = R"( ?[^(\s|.,!?…。，、।۔،)]+)";
static constexpr char kGpt2[] = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))";

// Parts of the expressions that came after GPT-2's.
static const std::string kContractions = R"((?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]))";
static const std::string kUpper = R"((?:(?=\p{L})[^a-z]))", kLower = R"((?:(?=\p{L})[^A-Z]))";
static const std::string kBeforeWord = R"([^\r\n\p{L}\p{N}]?)", kBlanks = R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";

/// Words of which a change of case is an end; `after`: what may end a word; `numbers`: what is one.
static std::string wordsByCase(const std::string &after, const std::string &numbers) {
  return kBeforeWord + kUpper + "*" + kLower + "+" + after + "|" + kBeforeWord + kUpper + "+" + kLower + "*" + after +
         "|" + numbers + R"(| ?[^\s\p{L}\p{N}]+[\r\n/]*)" + kBlanks;
}

/// Words of `letters`, numbers of one digit, and `others`.
static std::string wordsOf(const std::string &letters, const std::string &others) {
  return kContractions + "|" + kBeforeWord + letters + R"(+|\p{N}|)" + others + kBlanks;
}

/// CJK, and much else: from U+0800 on. llama.cpp makes white space beyond ASCII one character before it looks, so that
/// no range has it.
static const char kDeepSeekHan[] = R"([\x{4E00}-\x{9FA5}\x{800}-\x{167F}\x{1681}-\x{1FFF}\x{200B}-\x{2027})"
                                   R"(\x{202A}-\x{202E}\x{2030}-\x{205E}\x{2060}-\x{2FFF}\x{3001}-\x{4E00})"
                                   R"(\x{AC00}-\x{D7FF}]+)";
/// Letters that have a case, those of Armenian and Georgian in part.
static const char kDeepSeekLetters[] =
    R"(\s?[)"
    R"(A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293}\x{295}-\x{2AF})"
    R"(\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386}\x{388}-\x{38A}\x{38C}\x{38E}-\x{3A1})"
    R"(\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F}\x{531}-\x{556}\x{10A0}-\x{10C5}\x{13A0}-\x{13F5})"
    R"(\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA}\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77})"
    R"(\x{1D79}-\x{1D9A}\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D}\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D})"
    R"(\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4}\x{1FB6}-\x{1FBC}\x{1FBE})"
    R"(\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC}\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC})"
    R"(\x{1FF2}-\x{1FF4}\x{1FF6}-\x{1FFC}\x{2102}\x{2107}\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124})"
    R"(\x{2126}\x{2128}\x{212A}-\x{212D}\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F}\x{2145}-\x{2149}\x{214E})"
    R"(\x{2183}\x{2184}\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4}\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D})"
    R"(\x{A680}-\x{A69B}\x{A722}-\x{A76F}\x{A771}-\x{A787}\x{A78B}-\x{A78E}\x{AB70}-\x{ABBF})"
    R"(\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}\x{10400}-\x{1044F})"
    R"(\x{104B0}-\x{104D3}\x{104D8}-\x{104FB}\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}\x{118A0}-\x{118DF})"
    R"(\x{1E900}-\x{1E943})"
    R"(]+)";
static const char kDeepSeekPunctuation[] =
    R"(\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3001}-\x{3002}]+)";
static const std::string kDeepSeekWords =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*)" +
    kBlanks;

static Patterns deepSeekLlm() {
  return {R"([\r\n])", kDeepSeekLetters, kDeepSeekPunctuation, R"(\s+\z)", kDeepSeekHan, R"(\p{N}+)"};
}
static Patterns deepSeekCoder() { return {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", kDeepSeekHan, R"(\p{N})"}; }
static Patterns deepSeekV3() {
  return {R"(\p{N}{1,3})", R"([\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)", kDeepSeekWords};
}
static Patterns falcon() { return {R"([\p{P}\$\+<=>\^~\|`]+)", kGpt2, "[0-9][0-9][0-9]"}; }

static std::vector<GgufPreTokenizer> makeList() {
  constexpr uint32_t kTables = LMOPT_SPLIT_ARG_GGML;
  const Splits gpt2 = {{LMOPT_SPLIT_GPT2, kTables}}, llama3 = {{LMOPT_SPLIT_LLAMA3, kTables}};
  const Splits qwen2 = {{LMOPT_SPLIT_QWEN2, kTables}}, digits = {{LMOPT_SPLIT_DIGITS, kTables}};
  const Splits digitsGpt2 = {digits[0], gpt2[0]}, none;
  const bool addBos = true, ignoreMerges = true;
  return {
      {{"gpt-2", "phi-2", "gigachat", "a.x-4.0", "mellum", "exaone4", "mpt", "olmo", "jais", "trillion",
        "granite-docling"},
       {},
       gpt2},
      {{"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2"}, {}, digitsGpt2},
      {{"llama-bpe", "llama-v3", "llama3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2"},
       {},
       llama3,
       addBos,
       ignoreMerges},
      {{"dbrx", "smaug-bpe"}, {}, llama3},
      {{"qwen2", "deepseek-r1-qwen", "megrez", "stablelm2", "hunyuan", "kormo", "f2llmv2", "solar-open", "grok-2"},
       {},
       qwen2},
      {{"bloom", "gpt3-finnish", "poro-chat"}, {kBloom}, none},
      {{"viking"}, {kBloom}, digits},
      {{"tekken"}, {wordsByCase("", R"(\p{N})")}, none, addBos, ignoreMerges},
      {{"gpt-4o", "llama4"}, {wordsByCase(kContractions + "?", R"(\p{N}{1,3})")}, none},
      {{"deepseek-llm"}, deepSeekLlm(), none},
      {{"deepseek-coder"}, deepSeekCoder(), none},
      {{"deepseek-v3", "hunyuan-dense"}, deepSeekV3(), none},
      {{"falcon"}, falcon(), none},
      {{"seed-coder"}, {wordsOf(R"(\p{L})", R"( ?[^\s\p{L}\p{N}\r\n]+)")}, none},
      {{"qwen35"}, {wordsOf(R"([\p{L}\p{M}])", R"( ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*)")}, none},
  };
}

const std::vector<GgufPreTokenizer> &lmopt::ggufPreTokenizers() {
  static const std::vector<GgufPreTokenizer> list = makeList();
  return list;
}
