// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tables of fields: what is not named is refused, what is named stands in docs/checkpoints.md too, and files as
// the libraries write them pass.
#include "files/File.h"
#include "frontends/tokenizer/TokenizerBuilder.h"
#include "frontends/tokenizer/TokenizerFields.h"

#include "gtest/gtest.h"

#include <functional>

using namespace lmopt;
using nlohmann::json;

static json baseFile(const char *name = "bpe") {
  Result<std::string> text = readSmallFile(LMOPT_SOURCE_DIR "/test/unit/tokenizer/golden/variants.json", 16 << 20);
  return json::parse(*text)["bases"][name];
}

TEST(TokenizerFields, EveryRowStandsInTheDocumentation) {
  Result<std::string> text = readSmallFile(LMOPT_SOURCE_DIR "/docs/checkpoints.md", 1 << 20);
  ASSERT_TRUE(text.ok());
  for (const auto &[title, table] : allTokenizerTables()) {
    EXPECT_NE(text->find(title), std::string::npos) << title;
    for (const FieldRule &rule : *table)
      EXPECT_NE(text->find("`" + std::string(rule.name) + "`"), std::string::npos) << title << ": " << rule.name;
  }
}

static void expectConfigError(const char *config, const std::string &message) {
  Result<std::string> blob = buildTokenizerFromJson(baseFile().dump(), config);
  ASSERT_FALSE(blob.ok()) << message;
  EXPECT_EQ(blob.error().message, "tokenizer_config.json: field " + message);
  EXPECT_EQ(blob.error().code, kErrorUnsupported);
}

TEST(TokenizerFields, ConfigurationsThatChangeSomething) {
  expectConfigError(R"({"fix_mistral_regex": true})",
                    "'fix_mistral_regex': only false is supported, found 'true': another pre-tokenizer than that of "
                    "tokenizer.json; save the tokenizer with it");
  expectConfigError(
      R"({"from_slow": true})",
      "'from_slow': only false is supported, found 'true': a tokenizer made anew from other files; save it "
      "as tokenizer.json");
  expectConfigError(R"({"unheard_of": 1})",
                    "'unheard_of': not known, and it may change what the model computes; remove it if it does not "
                    "(docs/checkpoints.md lists the known ones)");
  EXPECT_TRUE(buildTokenizerFromJson(baseFile().dump(), R"({"unheard_of": null})").ok());
}

/// Every object of tokenizer.json that holds fields, with one field more.
TEST(TokenizerFields, UnknownFieldsOfTokenizerJson) {
  const std::pair<const char *, const char *> places[] = {
      {"bpe", ""},
      {"bpe", "/model"},
      {"bpe", "/pre_tokenizer"},
      {"bpe", "/added_tokens/0"},
      {"word", "/model"},
      {"word", "/normalizer"},
      {"word", "/pre_tokenizer"},
      {"word", "/post_processor"},
      {"word", "/added_tokens/1"},
  };
  for (const auto &[base, place] : places) {
    json file = baseFile(base);
    EXPECT_TRUE(buildTokenizerFromJson(file.dump(), "").ok());
    file[json::json_pointer(place)]["unheard_of"] = 1;
    Result<std::string> blob = buildTokenizerFromJson(file.dump(), R"({"tokenizer_class": "PreTrainedTokenizerFast"})");
    ASSERT_FALSE(blob.ok()) << place;
    EXPECT_NE(blob.error().message.find("unheard_of"), std::string::npos) << blob.error().message;
    EXPECT_EQ(blob.error().code, kErrorUnsupported);
  }
}

static void expectRefused(const std::function<void(json &)> &change, const std::string &message) {
  json file = baseFile();
  change(file);
  Result<std::string> blob = buildTokenizerFromJson(file.dump(), "");
  ASSERT_FALSE(blob.ok()) << message;
  EXPECT_EQ(blob.error().message, "tokenizer.json: " + message);
  EXPECT_EQ(blob.error().code, kErrorUnsupported);
}

TEST(TokenizerFields, ValuesOfTokenizerJsonThatChangeSomething) {
  expectRefused([](json &file) { file["model"]["dropout"] = 0.1; },
                "field 'model.dropout': only 0 is supported, found '0.1': merges left out at random, for training");
  expectRefused([](json &file) { file["model"]["byte_fallback"] = true; },
                "model.byte_fallback with the ByteLevel pre-tokenizer is not supported");
  expectRefused([](json &file) { file["decoder"] = {{"type", "Metaspace"}}; },
                "decoder 'Metaspace' is not supported; supported: ByteLevel, alone or in a Sequence with Fuse");
  json template1 = {{"type", "TemplateProcessing"},
                    {"single", {{{"Sequence", {{"id", "A"}, {"type_id", 1}}}}}},
                    {"special_tokens", json::object()}};
  expectRefused([&](json &file) { file["post_processor"] = template1; },
                "post_processor.single: 'A' has another type_id than 0; supported: texts of token type 0 only");
}

/// tokenizer_config.json as save_pretrained writes it, from versions 4 and 5 and by hand.
TEST(TokenizerFields, HonestConfigurationsPass) {
  const std::pair<const char *, const char *> configs[] = {
      {"word", R"({"added_tokens_decoder": {"0": {"content": "[PAD]", "lstrip": false, "normalized": false,
        "rstrip": false, "single_word": false, "special": true}}, "clean_up_tokenization_spaces": true,
        "cls_token": "[CLS]", "do_basic_tokenize": true, "do_lower_case": true, "extra_special_tokens": {},
        "mask_token": "[MASK]", "max_length": 128, "model_max_length": 256, "never_split": null,
        "pad_to_multiple_of": null, "pad_token": "[PAD]", "pad_token_type_id": 0, "padding_side": "right",
        "sep_token": "[SEP]", "stride": 0, "strip_accents": null, "tokenize_chinese_chars": true,
        "tokenizer_class": "BertTokenizer", "truncation_side": "right", "truncation_strategy": "longest_first",
        "unk_token": "[UNK]"})"},
      {"word", R"({"backend": "tokenizers", "cls_token": "[CLS]", "do_lower_case": true, "is_local": true,
        "local_files_only": false, "mask_token": "[MASK]", "model_max_length": 1000000000000000019884624838656,
        "pad_token": "[PAD]", "sep_token": "[SEP]", "strip_accents": null, "tokenize_chinese_chars": true,
        "tokenizer_class": "BertTokenizer", "unk_token": "[UNK]", "name_or_path": "x", "special_tokens_map_file": "y"})"},
      {"bpe", R"({"add_prefix_space": false, "additional_special_tokens": ["<|start|>", "<|end|>"],
        "bos_token": {"__type": "AddedToken", "content": "<|start|>", "lstrip": false, "normalized": true,
        "rstrip": false, "single_word": false}, "clean_up_tokenization_spaces": false, "eos_token": "<|end|>",
        "errors": "replace", "legacy": true, "model_max_length": 8192, "pad_token": null, "sp_model_kwargs": {},
        "split_special_tokens": false, "tokenizer_class": "GPT2Tokenizer", "unk_token": "<|end|>",
        "use_default_system_prompt": false, "processor_class": null, "vocab_size": 300, "auto_map": null,
        "model_input_names": ["input_ids", "attention_mask"]})"},
      {"bpe", R"({"tokenizer_class": null, "chat_template": null, "do_lower_case": null, "truncation_side": null,
        "add_prefix_space": null, "added_tokens_decoder": null, "extra_special_tokens": null})"},
  };
  for (const auto &[base, config] : configs) {
    Result<std::string> blob = buildTokenizerFromJson(baseFile(base).dump(), config);
    EXPECT_TRUE(blob.ok()) << (blob.ok() ? "" : blob.error().message) << "\n" << config;
  }
}
