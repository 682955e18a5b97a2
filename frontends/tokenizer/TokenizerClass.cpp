// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of TokenizerClass.h: a table of classes, and for each kind the rules that its constructor builds.
#include "frontends/tokenizer/TokenizerClass.h"

#include "files/File.h"
#include "frontends/tokenizer/TokenizerRuleWriter.h"

#include <algorithm>

using namespace lmopt;
using nlohmann::json;

namespace {
struct KnownClass {
  const char *name;
  ClassKind kind;
};

/// Classes that build their own rules in version 5. Names that stand nowhere here run tokenizer.json as it is.
constexpr KnownClass kClasses[] = {
    {"LlamaTokenizer", ClassKind::Llama},
    {"BertTokenizer", ClassKind::Bert},
    {"DistilBertTokenizer", ClassKind::Bert},
    {"ElectraTokenizer", ClassKind::Bert},
    {"MobileBertTokenizer", ClassKind::Bert},
    {"SqueezeBertTokenizer", ClassKind::Bert},
    {"LxmertTokenizer", ClassKind::Bert},
    {"LayoutLMTokenizer", ClassKind::Bert},
    {"ConvBertTokenizer", ClassKind::Bert},
    {"MPNetTokenizer", ClassKind::MpNet},
    {"OpenAIGPTTokenizer", ClassKind::OpenAiGpt},
    {"GPT2Tokenizer", ClassKind::Gpt2},
    {"CodeGenTokenizer", ClassKind::Gpt2},
    {"GPTNeoXTokenizer", ClassKind::GptNeoX},
    {"Qwen2Tokenizer", ClassKind::Qwen2},
    {"RobertaTokenizer", ClassKind::Roberta},
    {"BartTokenizer", ClassKind::Roberta},
    {"LongformerTokenizer", ClassKind::Roberta},
    {"LEDTokenizer", ClassKind::Roberta},
    {"CohereTokenizer", ClassKind::Cohere},
    {"XLMRobertaTokenizer", ClassKind::XlmRoberta},
    {"CamembertTokenizer", ClassKind::XlmRoberta},
    {"AlbertTokenizer", ClassKind::Albert},
    {"BarthezTokenizer", ClassKind::Other},
    {"BigBirdTokenizer", ClassKind::Other},
    {"DebertaV2Tokenizer", ClassKind::Other},
    {"LayoutXLMTokenizer", ClassKind::Other},
    {"MBartTokenizer", ClassKind::Other},
    {"MBart50Tokenizer", ClassKind::Other},
    {"PegasusTokenizer", ClassKind::Other},
    {"RemBertTokenizer", ClassKind::Other},
    {"T5Tokenizer", ClassKind::Other},
    {"UdopTokenizer", ClassKind::Other},
    {"XGLMTokenizer", ClassKind::Other},
    {"XLNetTokenizer", ClassKind::Other},
    {"BlenderbotTokenizer", ClassKind::Other},
    {"CLIPTokenizer", ClassKind::Other},
    {"CodeLlamaTokenizer", ClassKind::Other},
    {"DPRContextEncoderTokenizer", ClassKind::Other},
    {"DPRQuestionEncoderTokenizer", ClassKind::Other},
    {"DPRReaderTokenizer", ClassKind::Other},
    {"DebertaTokenizer", ClassKind::Other},
    {"EsmcTokenizer", ClassKind::Other},
    {"FunnelTokenizer", ClassKind::Other},
    {"GemmaTokenizer", ClassKind::Gemma},
    {"HerbertTokenizer", ClassKind::Other},
    {"LayoutLMv2Tokenizer", ClassKind::Other},
    {"LayoutLMv3Tokenizer", ClassKind::Other},
    {"LukeTokenizer", ClassKind::Other},
    {"MarkupLMTokenizer", ClassKind::Other},
    {"NllbTokenizer", ClassKind::Other},
    {"NougatTokenizer", ClassKind::Other},
    {"Qwen3_5Tokenizer", ClassKind::Other},
    {"ReformerTokenizer", ClassKind::Other},
    {"RoFormerTokenizer", ClassKind::Other},
    {"SeamlessM4TTokenizer", ClassKind::Other},
    {"Siglip2Tokenizer", ClassKind::Other},
    {"SplinterTokenizer", ClassKind::Other},
    {"Tipsv2Tokenizer", ClassKind::Other},
    {"WhisperTokenizer", ClassKind::Other},
};

constexpr const char *kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
} // namespace

static bool isWordPiece(const json &file) {
  return file.contains("model") && textOf(file["model"], "type") == "WordPiece";
}

/// transformers looks for the word anywhere in the text; as a type it stands only in these rules.
bool lmopt::namesByteLevel(const json &value) {
  if (value.is_object() && textOf(value, "type") == "ByteLevel")
    return true;
  return value.is_structured() && std::any_of(value.begin(), value.end(), namesByteLevel);
}

static std::map<std::string, std::string> standardTokens(ClassKind kind) {
  static const std::string text = "<|endoftext|>";
  switch (kind) {
  case ClassKind::Bert:
    return {{"unk_token", "[UNK]"},
            {"sep_token", "[SEP]"},
            {"pad_token", "[PAD]"},
            {"cls_token", "[CLS]"},
            {"mask_token", "[MASK]"}};
  case ClassKind::MpNet:
    return {{"bos_token", "<s>"},   {"eos_token", "</s>"},  {"sep_token", "</s>"},   {"cls_token", "<s>"},
            {"unk_token", "[UNK]"}, {"pad_token", "<pad>"}, {"mask_token", "<mask>"}};
  case ClassKind::Albert:
    return {{"bos_token", "[CLS]"}, {"eos_token", "[SEP]"}, {"sep_token", "[SEP]"},  {"cls_token", "[CLS]"},
            {"unk_token", "<unk>"}, {"pad_token", "<pad>"}, {"mask_token", "[MASK]"}};
  case ClassKind::XlmRoberta:
  case ClassKind::Roberta:
    return {{"bos_token", "<s>"},   {"eos_token", "</s>"},  {"sep_token", "</s>"},   {"cls_token", "<s>"},
            {"unk_token", "<unk>"}, {"pad_token", "<pad>"}, {"mask_token", "<mask>"}};
  case ClassKind::LlamaPieces:
    return {{"unk_token", "<unk>"}, {"bos_token", "<s>"}, {"eos_token", "</s>"}};
  case ClassKind::Gemma:
    return {{"unk_token", "<unk>"},
            {"bos_token", "<bos>"},
            {"eos_token", "<eos>"},
            {"pad_token", "<pad>"},
            {"mask_token", "<mask>"}};
  case ClassKind::OpenAiGpt:
    return {{"unk_token", "<unk>"}};
  case ClassKind::Gpt2:
    return {{"unk_token", text}, {"bos_token", text}, {"eos_token", text}};
  case ClassKind::GptNeoX:
    return {{"unk_token", text}, {"bos_token", text}, {"eos_token", text}, {"pad_token", "<|padding|>"}};
  case ClassKind::Qwen2:
    return {{"unk_token", text}, {"eos_token", text}, {"pad_token", text}};
  case ClassKind::Cohere:
    return {{"unk_token", "<UNK>"},        {"bos_token", "<BOS_TOKEN>"}, {"eos_token", "<|END_OF_TURN_TOKEN|>"},
            {"pad_token", "<PAD>"},        {"cls_token", "<CLS>"},       {"sep_token", "<SEP>"},
            {"mask_token", "<MASK_TOKEN>"}};
  default:
    return {};
  }
}

/// auto_map names code of the checkpoint for AutoTokenizer: a list, or an object with that key.
static bool hasOwnCode(const json &config) {
  auto found = config.is_object() ? config.find("auto_map") : config.end();
  if (!config.is_object() || found == config.end() || found->is_null())
    return false;
  return found->is_array() ||
         (found->is_object() && found->contains("AutoTokenizer") && !(*found)["AutoTokenizer"].is_null());
}

Result<TokenizerClass> lmopt::findTokenizerClass(const json &file, const json &config, const TokenizerContext &context,
                                                 const std::string &configPath) {
  TokenizerClass result;
  result.name = textOf(config, "tokenizer_class");
  if (result.name.empty())
    result.name = context.tokenizerClass;
  if (result.name.empty() && context.modelType == "bert")
    result.name = "BertTokenizer";
  if (result.name.size() > 4 && result.name.compare(result.name.size() - 4, 4, "Fast") == 0 &&
      result.name != "PreTrainedTokenizerFast")
    result.name.resize(result.name.size() - 4);
  bool known = result.name == "PreTrainedTokenizerFast" || result.name == "PreTrainedTokenizer" ||
               result.name == "TokenizersBackend";
  for (const KnownClass &candidate : kClasses)
    if (result.name == candidate.name) {
      result.kind = candidate.kind;
      known = true;
    }
  if (!known && hasOwnCode(config))
    return unsupported(configPath + ": tokenizer_class " + printable(result.name) +
                       " is defined by code of the checkpoint (auto_map), which lmopt does not run; supported: "
                       "tokenizers of the library, say PreTrainedTokenizerFast");
  if (result.kind == ClassKind::Llama && !namesByteLevel(tokenizerRules(file)))
    result.kind = ClassKind::LlamaPieces;
  result.standardTokens = standardTokens(result.kind);
  if (file.contains("padding") && !textOf(file["padding"], "pad_token").empty())
    result.standardTokens.emplace("pad_token", textOf(file["padding"], "pad_token"));
  return result;
}

json lmopt::tokenizerRules(const json &file) {
  json rules = {{"normalizer", nullptr}, {"pre_tokenizer", nullptr}, {"post_processor", nullptr}};
  for (const auto &[name, value] : file.items())
    if (name != "model")
      rules[name] = value;
  if (file.contains("model") && file["model"].is_object())
    for (const auto &[name, value] : file["model"].items())
      if (name != "vocab" && name != "merges")
        rules["model"][name] = value;
  return rules;
}

void lmopt::setTokenizerRules(json &file, const json &rules) {
  for (const auto &[name, value] : rules.items())
    if (name != "model")
      file[name] = value;
  if (rules.contains("model") && file.contains("model"))
    for (const auto &[name, value] : rules["model"].items())
      file["model"][name] = value;
}

int lmopt::writingVersion(const json &config, const TokenizerContext &context) {
  if (!textOf(config, "backend").empty())
    return 5; // version 4 does not write it
  const std::string &text = context.writtenBy;
  if (text.empty() || text[0] < '0' || text[0] > '9')
    return 0;
  return atoi(text.c_str()) >= 5 ? 5 : 4;
}

/// The text of the token with this role, "" for none.
std::string RuleWriter::token(const std::string &role) const {
  if (const json *value = find(role.c_str()))
    return value->is_string() ? value->get<std::string>() : textOf(*value, "content");
  auto standard = tokenizerClass.standardTokens.find(role);
  bool isNull = config.is_object() && config.contains(role);
  return standard == tokenizerClass.standardTokens.end() || isNull ? "" : standard->second;
}

std::optional<int64_t> RuleWriter::id(const std::string &text) const {
  const json &vocabulary = file["model"]["vocab"];
  for (size_t i = vocabulary.is_array() ? vocabulary.size() : 0; i-- > 0;) // of equal pieces the last counts
    if (vocabulary[i].is_array() && !vocabulary[i].empty() && vocabulary[i][0] == json(text))
      return static_cast<int64_t>(i);
  if (auto found = vocabulary.find(text);
      vocabulary.is_object() && found != vocabulary.end() && found->is_number_integer())
    return found->get<int64_t>();
  if (file.contains("added_tokens") && file["added_tokens"].is_array())
    for (const json &entry : file["added_tokens"])
      if (textOf(entry, "content") == text && entry.contains("id") && entry["id"].is_number_integer())
        return entry["id"].get<int64_t>();
  return std::nullopt;
}

json RuleWriter::bertNormalizer(bool clean) {
  const json *strip = find("strip_accents");
  return {{"type", "BertNormalizer"},
          {"clean_text", clean},
          {"handle_chinese_chars", flag("tokenize_chinese_chars", true)},
          {"strip_accents", strip ? *strip : json(nullptr)},
          {"lowercase", flag("do_lower_case", true)}};
}

void RuleWriter::plainBpe() {
  const std::pair<const char *, json> settings[] = {{"dropout", nullptr},      {"unk_token", nullptr},
                                                    {"fuse_unk", false},       {"byte_fallback", false},
                                                    {"ignore_merges", false},  {"continuing_subword_prefix", ""},
                                                    {"end_of_word_suffix", ""}};
  for (const auto &[name, value] : settings)
    rules["model"][name] = value;
  rules["normalizer"] = nullptr;
  rules["decoder"] = {{"type", "ByteLevel"}};
}

/// GPT-1: BERT's words, pieces of characters, of which the last of a word are marked.
void RuleWriter::markedBpe() {
  plainBpe();
  rules["model"]["unk_token"] = token("unk_token");
  rules["model"]["end_of_word_suffix"] = "</w>";
  rules["normalizer"] = {{"type", "BertNormalizer"},
                         {"clean_text", true},
                         {"handle_chinese_chars", true},
                         {"strip_accents", nullptr},
                         {"lowercase", true}};
  rules["pre_tokenizer"] = {{"type", "BertPreTokenizer"}};
  rules["decoder"] = {{"type", "BPEDecoder"}, {"suffix", "</w>"}};
}

void RuleWriter::wordPiece() {
  rules["normalizer"] = bertNormalizer(true);
  rules["pre_tokenizer"] = {{"type", "BertPreTokenizer"}};
  rules["decoder"] = {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}};
  rules["model"]["unk_token"] = token("unk_token");
  rules["model"]["continuing_subword_prefix"] = "##";
  rules["model"]["max_input_chars_per_word"] = 100;
}

/// A post-processor that puts tokens around the text.
void RuleWriter::frame(const std::vector<std::string> &before, const std::vector<std::string> &after) {
  json single = json::array(), special = json::object();
  auto add = [&](const std::vector<std::string> &tokens) {
    for (const std::string &text : tokens) {
      single.push_back({{"SpecialToken", {{"id", text}, {"type_id", 0}}}});
      special[text] = {{"id", text}, {"ids", json::array({id(text).value_or(-1)})}, {"tokens", json::array({text})}};
    }
  };
  add(before);
  single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  add(after);
  rules["post_processor"] = {{"type", "TemplateProcessing"},
                             {"single", single},
                             {"pair", json::array()}, // none, but for those that say it
                             {"special_tokens", special}};
}

/// The same, for classes that need both tokens.
Result<void> RuleWriter::framed(const char *first, const char *last) {
  for (const char *role : {first, last})
    if (!id(token(role)))
      return unsupported(path + ": tokenizer_class " + printable(tokenizerClass.name) + " adds its " + role + ", " +
                         printable(token(role)) + ", to each text, but tokenizer.json has no such token");
  frame({token(first)}, {token(last)});
  pairFrame(token(first), token(last));
  return {};
}

/// Two texts: [CLS] A [SEP] B [SEP] of two token types, or <s> A </s></s> B </s> of one.
void RuleWriter::pairFrame(const std::string &first, const std::string &last) {
  bool bert = tokenizerClass.kind == ClassKind::Bert || tokenizerClass.kind == ClassKind::Albert;
  json pair = json::array();
  auto add = [&](const char *kind, const std::string &name, int type) {
    pair.push_back({{kind, {{"id", name}, {"type_id", type}}}});
  };
  add("SpecialToken", first, 0);
  add("Sequence", "A", 0);
  add("SpecialToken", last, 0);
  if (!bert)
    add("SpecialToken", last, 0);
  add("Sequence", "B", bert ? 1 : 0);
  add("SpecialToken", last, bert ? 1 : 0);
  rules["post_processor"]["pair"] = pair;
}

/// LlamaTokenizerFast of version 4 builds the post-processor anew, whatever tokenizer.json says.
void RuleWriter::llamaFrame(const char *standardBos, const char *standardEos) {
  auto named = [&](const char *role, const char *standard) {
    std::string text = token(role);
    return text.empty() && !(config.is_object() && config.contains(role)) ? std::string(standard) : text;
  };
  std::vector<std::string> before, after;
  std::string bos = named("bos_token", standardBos), eos = named("eos_token", standardEos);
  if (flag("add_bos_token", true) && id(bos))
    before.push_back(bos);
  if (flag("add_eos_token", false) && id(eos))
    after.push_back(eos);
  frame(before, after);
}

Result<json> RuleWriter::version4() {
  json &normalizer = rules["normalizer"];
  bool bert = tokenizerClass.kind == ClassKind::Bert || tokenizerClass.kind == ClassKind::MpNet;
  if (bert && textOf(normalizer, "type") == "BertNormalizer") {
    bool clean = !normalizer.contains("clean_text") || normalizer["clean_text"] != json(false);
    normalizer = bertNormalizer(clean);
  }
  json &pre = rules["pre_tokenizer"];
  bool standard = tokenizerClass.kind != ClassKind::AsFile && tokenizerClass.kind != ClassKind::Llama;
  if (textOf(pre, "type") == "ByteLevel" && (find("add_prefix_space") || standard))
    pre["add_prefix_space"] = flag("add_prefix_space", false);
  if (tokenizerClass.kind == ClassKind::LlamaPieces && find("add_prefix_space"))
    llamaPieces(flag("legacy", true));
  if (tokenizerClass.kind == ClassKind::Llama || tokenizerClass.kind == ClassKind::LlamaPieces)
    llamaFrame("<s>", "</s>");
  if (tokenizerClass.kind == ClassKind::Gemma)
    llamaFrame("<bos>", "<eos>");
  return rules;
}

/// Normalizer, pre-tokenizer and frame of the classes with byte-level BPE.
void RuleWriter::byteLevelBpe() {
  ClassKind kind = tokenizerClass.kind;
  plainBpe();
  rules["pre_tokenizer"] = byteLevel(true);
  if (kind == ClassKind::GptNeoX || kind == ClassKind::Cohere || kind == ClassKind::Qwen2)
    rules["normalizer"] = {{"type", "NFC"}};
  if (kind == ClassKind::GptNeoX)
    frame({}, {});
  json split;
  if (kind == ClassKind::Qwen2)
    split = {{"type", "Split"}, {"pattern", {{"Regex", kQwen2Pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
  if (kind == ClassKind::Cohere)
    split = {{"type", "Digits"}, {"individual_digits", true}};
  if (!split.is_null())
    rules["pre_tokenizer"] = {{"type", "Sequence"},
                              {"pretokenizers", json::array({split, byteLevel(kind != ClassKind::Qwen2)})}};
}

Result<json> RuleWriter::version5() {
  ClassKind kind = tokenizerClass.kind;
  if (kind == ClassKind::AsFile || kind == ClassKind::Llama)
    return rules;
  if ((kind == ClassKind::LlamaPieces || kind == ClassKind::Gemma) && textOf(file["model"], "type") == "BPE")
    return pieces5();
  bool unigram = textOf(file["model"], "type") == "Unigram";
  if ((kind == ClassKind::XlmRoberta || kind == ClassKind::Albert) && unigram)
    return unigram5();
  bool wantsWordPiece = kind == ClassKind::Bert || kind == ClassKind::MpNet;
  if (kind == ClassKind::Other || wantsWordPiece != isWordPiece(file))
    return unsupported(
        path + ": tokenizer_class " + printable(tokenizerClass.name) + " with " +
        (isWordPiece(file) ? "WordPiece"
         : unigram         ? "Unigram"
                           : "BPE") +
        " in tokenizer.json is not supported: transformers 5 builds another tokenizer for this class; set "
        "tokenizer_class to PreTrainedTokenizerFast if tokenizer.json is right as it is");
  if (find("added_tokens_decoder"))
    rules["added_tokens"] = json::array(); // these classes start from the vocabulary
  if (wantsWordPiece)
    wordPiece();
  else if (kind == ClassKind::OpenAiGpt)
    markedBpe();
  else
    byteLevelBpe();
  if (wantsWordPiece || kind == ClassKind::Roberta)
    if (Result<void> framedAll = framed("cls_token", "sep_token"); !framedAll)
      return framedAll.error();
  return rules;
}

Result<json> lmopt::rulesOfVersion(int version, const TokenizerClass &tokenizerClass, const json &file,
                                   const json &config, const std::string &configPath) {
  RuleWriter writer(tokenizerClass, file, config, configPath);
  return version == 5 ? writer.version5() : writer.version4();
}
