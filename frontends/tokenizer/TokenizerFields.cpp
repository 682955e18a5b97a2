// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tables of TokenizerFields.h.
#include "frontends/tokenizer/TokenizerFields.h"

using namespace lmopt;
using nlohmann::json;

static constexpr FieldUse kRead = FieldUse::Read, kOnly = FieldUse::Only, kHarmless = FieldUse::Harmless;

static constexpr char kTokens[] = "tokens to add to those of tokenizer.json";
static constexpr char kClass[] = "a switch of the class, see below";
static constexpr char kCall[] = "how a program calls the tokenizer; lmopt has its own limit and pads nothing";
static constexpr char kSlow[] = "of tokenizers without tokenizer.json";
static constexpr char kShown[] = "how text is shown or named in Python, not which ids it has";
static constexpr char kOrigin[] = "says who made the file and from what";
static constexpr char kNumber[] = "transformers takes the tokens by their text";
static constexpr char kSetting[] = "a setting of the rule";
static constexpr char kOffsets[] = "places of tokens in the text, not ids";
static constexpr char kKind[] = "which rule it is";
static constexpr char kVocabulary[] = "pieces and ids";
static constexpr char kFirst[] = "of the decoder: the blank that a text begins with, which lmopt writes";

const FieldTable &lmopt::tokenizerConfigFields() {
  static const FieldTable table = {
      {"tokenizer_class", kRead, "which rules hold, see below"},
      {"auto_map", kRead, "refused where it alone defines the class: it names code of the checkpoint"},
      {"backend", kRead, "written by transformers 5 only"},
      {"added_tokens_decoder", kRead, kTokens},
      {"additional_special_tokens", kRead, kTokens},
      {"extra_special_tokens", kRead, kTokens},
      {"model_specific_special_tokens", kRead, kTokens},
      {"do_lower_case", kRead, kClass},
      {"strip_accents", kRead, kClass},
      {"keep_accents", kRead, kClass},
      {"tokenize_chinese_chars", kRead, kClass},
      {"add_prefix_space", kRead, kClass},
      {"add_bos_token", kRead, kClass},
      {"add_eos_token", kRead, kClass},
      {"split_special_tokens", kRead, "special tokens are not recognised in a text"},
      {"truncation_side", kRead, "which end of a too long text goes"},
      {"model_max_length", kRead, "the length of an encoder's text, with the files of sentence-transformers"},
      {"max_len", kRead, "the old name of model_max_length"},
      {"chat_template", kRead, "the chat template, where there is no chat_template.jinja"},

      {"fix_mistral_regex", kOnly, "another pre-tokenizer than that of tokenizer.json; save the tokenizer with it",
       "[false]"},
      {"fast_tokenizer_files", kOnly, "another file than tokenizer.json; rename it", R"([[], ["tokenizer.json"]])"},
      {"from_slow", kOnly, "a tokenizer made anew from other files; save it as tokenizer.json", "[false]"},
      {"clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output", kOnly,
       "blanks taken out of what is written", "[false]"},

      {"padding_side", kHarmless, kCall},
      {"padding", kHarmless, kCall},
      {"pad_to_multiple_of", kHarmless, kCall},
      {"pad_token_type_id", kHarmless, kCall},
      {"max_length", kHarmless, kCall},
      {"stride", kHarmless, kCall},
      {"truncation", kHarmless, kCall},
      {"truncation_strategy", kHarmless, kCall},
      {"model_input_names", kHarmless, kCall},
      {"return_token_type_ids", kHarmless, kCall},
      {"max_len_single_sentence", kHarmless, kCall},
      {"max_len_sentences_pair", kHarmless, kCall},
      {"init_inputs", kHarmless, kCall},

      {"do_basic_tokenize", kHarmless, kSlow},
      {"never_split", kHarmless, kSlow},
      {"wordpieces_prefix", kHarmless, kSlow},
      {"legacy", kRead, kClass},
      {"sp_model_kwargs", kHarmless, kSlow},
      {"spaces_between_special_tokens", kHarmless, kSlow},
      {"use_fast", kHarmless, kSlow},
      {"errors", kHarmless, kSlow},

      {"trim_offsets", kHarmless, kOffsets},
      {"clean_up_tokenization_spaces", kHarmless,
       "transformers 5 does it for WordPiece only, whose models write no text"},
      {"verbose", kHarmless, kShown},
      {"use_default_system_prompt", kHarmless, "read by nothing any more"},
      {"response_template", kHarmless, kShown},
      {"response_schema", kHarmless, kShown},
      {"chat_control_tokens", kHarmless, "used only where a caller asks for it"},

      {"name_or_path", kHarmless, kOrigin},
      {"_name_or_path", kHarmless, kOrigin},
      {"special_tokens_map_file", kHarmless, kOrigin},
      {"tokenizer_file", kHarmless, kOrigin},
      {"full_tokenizer_file", kHarmless, kOrigin},
      {"added_tokens_file", kHarmless, kOrigin},
      {"vocab_file", kHarmless, kOrigin},
      {"merges_file", kHarmless, kOrigin},
      {"files_loaded", kHarmless, kOrigin},
      {"processor_class", kHarmless, kOrigin},
      {"is_local", kHarmless, kOrigin},
      {"local_files_only", kHarmless, kOrigin},
      {"trust_remote_code", kHarmless, kOrigin},
      {"_commit_hash", kHarmless, kOrigin},
      {"transformers_version", kHarmless, kOrigin},
      {"vocab_size", kHarmless, kOrigin},

      {"bos_token_id", kHarmless, kNumber},
      {"eos_token_id", kHarmless, kNumber},
      {"unk_token_id", kHarmless, kNumber},
      {"sep_token_id", kHarmless, kNumber},
      {"pad_token_id", kHarmless, kNumber},
      {"cls_token_id", kHarmless, kNumber},
      {"mask_token_id", kHarmless, kNumber},
  };
  return table;
}

const FieldTable &lmopt::specialTokensFields() {
  static const FieldTable table = {
      {"additional_special_tokens", kRead, kTokens},
      {"extra_special_tokens", kRead, kTokens},
  };
  return table;
}

const FieldTable &lmopt::tokenizerFileFields() {
  static const FieldTable table = {
      {"version", kHarmless, kOrigin},
      {"model", kRead, "BPE, WordPiece or Unigram"},
      {"added_tokens", kRead, "tokens that are sought in the text"},
      {"normalizer", kRead, "what happens to the text first"},
      {"pre_tokenizer", kRead, "where it is cut"},
      {"post_processor", kRead, "what is put around it"},
      {"decoder", kRead, "BPE: how bytes and blanks are written; WordPiece: its models write no text"},
      {"truncation", kRead, "its direction, where tokenizer_config.json has none; the rest is how a program calls it"},
      {"padding", kRead, "its pad_token, where no other file has one; the rest is how a program calls it"},
  };
  return table;
}

const FieldTable &lmopt::addedTokenFields() {
  static const FieldTable table = {
      {"id", kRead, kVocabulary},
      {"content", kRead, kVocabulary},
      {"special", kRead, "it is not text"},
      {"lstrip", kRead, "it takes the white space before it"},
      {"rstrip", kRead, "it takes the white space after it"},
      {"single_word", kRead, "it is no part of a word"},
      {"normalized", kRead, "it is sought in the normalized text"},
      {"__type", kHarmless, "the name of the class"},
  };
  return table;
}

namespace {
using RuleTable = std::pair<const char *, FieldTable>;
} // namespace

static const std::vector<RuleTable> &ruleTables() {
  static const FieldRule type = {"type", kRead, kKind};
  static const std::vector<RuleTable> tables = {
      {"BPE",
       {type,
        {"vocab", kRead, kVocabulary},
        {"merges", kRead, "which pieces join"},
        {"dropout", kOnly, "merges left out at random, for training", "[0]"},
        {"unk_token", kRead, "what a byte without a piece becomes"},
        {"fuse_unk", kRead, "several of them become one"},
        {"ignore_merges", kRead, "a word that is a piece is that piece"},
        {"continuing_subword_prefix", kRead, "what each character of a word but the first begins with"},
        {"end_of_word_suffix", kRead, "what the last character of a word ends with"},
        {"byte_fallback", kRead, "a character without a piece becomes its bytes"}}},
      {"WordPiece",
       {type,
        {"vocab", kRead, kVocabulary},
        {"unk_token", kRead, "what a word without pieces becomes"},
        {"continuing_subword_prefix", kRead, "how inner pieces begin"},
        {"max_input_chars_per_word", kRead, "longer words are unknown"}}},
      {"Unigram",
       {type,
        {"vocab", kRead, "pieces and scores"},
        {"unk_id", kRead, "the token of characters without a piece"},
        {"byte_fallback", kRead, "a character without a piece becomes its bytes"}}},
      {"Sequence",
       {type,
        {"normalizers", kRead, "rules in order"},
        {"pretokenizers", kRead, "rules in order"},
        {"processors", kRead, "rules in order"},
        {"decoders", kRead, "rules in order"}}},
      {"BertNormalizer",
       {type,
        {"clean_text", kRead, kSetting},
        {"handle_chinese_chars", kRead, kSetting},
        {"strip_accents", kRead, kSetting},
        {"lowercase", kRead, kSetting}}},
      {"NFC", {type}},
      {"NFD", {type}},
      {"NFKC", {type}},
      {"NFKD", {type}},
      {"Precompiled", {type, {"precompiled_charsmap", kRead, "a table of SentencePiece"}}},
      {"Lowercase", {type}},
      {"StripAccents", {type}},
      {"ByteLevel",
       {type,
        {"add_prefix_space", kRead, kSetting},
        {"use_regex", kRead, kSetting},
        {"trim_offsets", kHarmless, kOffsets}}},
      {"Prepend", {type, {"prepend", kRead, kSetting}}},
      {"Replace",
       {type,
        {"pattern", kRead, "a text, or one of the expressions ' {2,}' and '\\s+'"},
        {"content", kRead, kSetting}}},
      {"Strip",
       {type,
        {"strip_left", kRead, kSetting},
        {"strip_right", kRead, kSetting},
        {"content", kHarmless, kFirst},
        {"start", kHarmless, kFirst},
        {"stop", kHarmless, kFirst}}},
      {"Metaspace",
       {type,
        {"replacement", kRead, "U+2581"},
        {"prepend_scheme", kRead, kSetting},
        {"add_prefix_space", kRead, "of files of before 2024"},
        {"split", kRead, kSetting},
        {"str_rep", kHarmless, "the replacement again"}}},
      {"WhitespaceSplit", {type}},
      {"Fuse", {type}},
      {"ByteFallback", {type}},
      {"BPEDecoder", {type, {"suffix", kRead, "the model's end_of_word_suffix, which is written as a blank"}}},
      {"Split", {type, {"pattern", kRead, kSetting}, {"behavior", kRead, kSetting}, {"invert", kRead, kSetting}}},
      {"Digits", {type, {"individual_digits", kRead, kSetting}}},
      {"BertPreTokenizer", {type}},
      {"TemplateProcessing",
       {type,
        {"single", kRead, "what is put around a text; only of token type 0"},
        {"pair", kRead, "what is put around two texts; of token types 0 and 1"},
        {"special_tokens", kRead, "the ids of its tokens"}}},
      {"BertProcessing", {type, {"cls", kRead, kSetting}, {"sep", kRead, kSetting}}},
      {"RobertaProcessing",
       {type,
        {"cls", kRead, kSetting},
        {"sep", kRead, kSetting},
        {"trim_offsets", kHarmless, kOffsets},
        {"add_prefix_space", kHarmless, kOffsets}}},
  };
  return tables;
}

const FieldTable *lmopt::tokenizerRuleFields(const std::string &type) {
  for (const auto &[name, table] : ruleTables())
    if (type == name)
      return &table;
  return nullptr;
}

const FieldTable &lmopt::ggufTokenizerKeys() {
  static constexpr char kRole[] = "a token with a role; one that does not exist counts as none";
  static constexpr char kInfill[] = "a token for infilling; some end a text, see below";
  static constexpr char kOther[] = "of other kinds of tokenizer";
  static const FieldTable table = {
      {"tokenizer.ggml.model", kRead,
       "gpt2 (byte-level BPE), bert (WordPiece), llama (BPE of SentencePiece) or t5 (its Unigram)"},
      {"tokenizer.ggml.pre", kRead, "where the text is cut"},
      {"tokenizer.ggml.tokens", kRead, kVocabulary},
      {"tokenizer.ggml.token_type", kRead, "which tokens are control tokens, which are always found"},
      {"tokenizer.ggml.merges", kRead, "which pieces join"},
      {"tokenizer.ggml.bos_token_id", kRead, kRole},
      {"tokenizer.ggml.eos_token_id", kRead, "ends a text"},
      {"tokenizer.ggml.eot_token_id", kRead, "ends a text"},
      {"tokenizer.ggml.eom_token_id", kRead, "ends a text"},
      {"tokenizer.ggml.unknown_token_id", kRead, kRole},
      {"tokenizer.ggml.seperator_token_id", kRead, kRole},
      {"tokenizer.ggml.separator_token_id", kRead, kRole},
      {"tokenizer.ggml.padding_token_id", kRead, kRole},
      {"tokenizer.ggml.cls_token_id", kRead, kRole},
      {"tokenizer.ggml.mask_token_id", kRead, kRole},
      {"tokenizer.ggml.fim_pre_token_id", kRead, kInfill},
      {"tokenizer.ggml.fim_suf_token_id", kRead, kInfill},
      {"tokenizer.ggml.fim_mid_token_id", kRead, kInfill},
      {"tokenizer.ggml.fim_pad_token_id", kRead, kInfill},
      {"tokenizer.ggml.fim_rep_token_id", kRead, kInfill},
      {"tokenizer.ggml.fim_sep_token_id", kRead, kInfill},
      {"tokenizer.ggml.prefix_token_id", kRead, kInfill},
      {"tokenizer.ggml.suffix_token_id", kRead, kInfill},
      {"tokenizer.ggml.middle_token_id", kRead, kInfill},
      {"tokenizer.ggml.add_bos_token", kRead, "BPE: whether a text begins with it"},
      {"tokenizer.ggml.add_eos_token", kRead, "BPE: whether a text ends with it"},
      {"tokenizer.ggml.normalizer.lowercase", kRead, "of bert"},
      {"tokenizer.ggml.normalizer.strip_accents", kRead, "of bert"},
      {"tokenizer.ggml.suppress_tokens", kRead, "tokens never written: only an empty list is supported"},
      {"tokenizer.chat_template", kRead, "the chat template"},
      {"tokenizer.chat_template.*", kHarmless, "templates for special purposes"},
      {"tokenizer.chat_templates", kHarmless, "their names"},
      {"tokenizer.ggml.scores", kRead, "llama: which neighbours join first; t5: how probable a piece is"},
      {"tokenizer.ggml.add_sep_token", kHarmless, "for two texts at once"},
      {"tokenizer.ggml.add_space_prefix", kRead, "llama, t5: a blank before each part between special tokens"},
      {"tokenizer.ggml.remove_extra_whitespaces", kRead, "t5: of several blanks one stays, before a word"},
      {"tokenizer.ggml.precompiled_charsmap", kRead, "t5: what characters become first"},
      {"tokenizer.ggml.token_type_count", kHarmless, "every text has token type 0"},
      {"tokenizer.rwkv.world", kHarmless, kOther},
      {"tokenizer.huggingface.json", kHarmless, "a copy that llama.cpp does not read either"},
  };
  return table;
}

std::vector<std::pair<std::string, const FieldTable *>> lmopt::allTokenizerTables() {
  std::vector<std::pair<std::string, const FieldTable *>> all = {{"tokenizer_config.json", &tokenizerConfigFields()},
                                                                 {"special_tokens_map.json", &specialTokensFields()},
                                                                 {"tokenizer.json", &tokenizerFileFields()},
                                                                 {"a token", &addedTokenFields()},
                                                                 {"GGUF: the tokenizer", &ggufTokenizerKeys()}};
  for (const auto &[name, table] : ruleTables())
    all.emplace_back(name, &table);
  return all;
}

bool lmopt::namesToken(std::string_view field) {
  static constexpr std::string_view kEnd = "_token";
  return field.size() > kEnd.size() && field.substr(field.size() - kEnd.size()) == kEnd;
}

Result<void> lmopt::checkTokenizerFields(const json &object, const FieldTable &table, const std::string &path,
                                         const std::string &prefix) {
  Warnings none; // no row has any
  bool byName = &table == &tokenizerConfigFields() || &table == &specialTokensFields();
  if (!byName || !object.is_object())
    return checkFields(object, table, path, none, prefix);
  json others = json::object();
  for (const auto &[name, value] : object.items())
    if (!namesToken(name) || findRule(table, name))
      others[name] = value;
  return checkFields(others, table, path, none, prefix);
}
