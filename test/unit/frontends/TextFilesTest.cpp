// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The text side of a Hugging Face directory: which file wins, and what config.json says about it.
#include "frontends/huggingface/TextFiles.h"
#include "test/unit/frontends/TemporaryFolder.h"

#include <gtest/gtest.h>

using namespace lmopt;
using nlohmann::json;
using test::TemporaryFolder;

TEST(TextFiles, ChatTemplates) {
  auto read = [](const char *text) { return parseChatTemplate(json::parse(text), "t.json"); };
  EXPECT_EQ(*read("{}"), "");
  EXPECT_EQ(*read(R"({"chat_template": "x"})"), "x");
  EXPECT_EQ(
      *read(R"({"chat_template": [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]})"),
      "d");
  EXPECT_EQ(*read(R"({"chat_template": [{"name": "tool_use", "template": "t"}]})"), "");
  EXPECT_EQ(read(R"({"chat_template": 1})").error().code, 3);
  EXPECT_EQ(read(R"({"chat_template": [1]})").error().code, 3);
}

TEST(TextFiles, EndTokens) {
  auto read = [](const char *text) { return parseEndTokens(json::parse(text), "g.json"); };
  EXPECT_EQ(*read("{}"), std::vector<int64_t>());
  EXPECT_EQ(*read(R"({"eos_token_id": 2})"), std::vector<int64_t>{2});
  EXPECT_EQ(*read(R"({"eos_token_id": [2, 7]})"), (std::vector<int64_t>{2, 7}));
  EXPECT_EQ(read(R"({"eos_token_id": -1})").error().code, 3);
  EXPECT_EQ(read(R"({"eos_token_id": "x"})").error().code, 3);
}

TEST(TextFiles, Directories) {
  TemporaryFolder folder;
  EXPECT_EQ(readTokenizerFiles(folder.path())->tokenizer, "");
  folder.write("vocab.txt", "a");
  EXPECT_EQ(readTokenizerFiles(folder.path()).error().code, 4);
  folder.write("tokenizer.model", "m");
  EXPECT_EQ(readTokenizerFiles(folder.path())->model, "m");
  folder.write("tokenizer.json", "{}");
  EXPECT_EQ(readTokenizerFiles(folder.path())->model, "");
  folder.write("tokenizer_config.json", R"({"chat_template": "from config"})");
  folder.write("generation_config.json", R"({"eos_token_id": [5]})");
  EXPECT_EQ(readTokenizerFiles(folder.path())->tokenizer, "{}");
  EXPECT_EQ(readTokenizerFiles(folder.path())->chatTemplate, "from config");
  EXPECT_EQ(readTokenizerFiles(folder.path())->endTokens, std::vector<int64_t>{5});
  folder.write("chat_template.jinja", "from file");
  EXPECT_EQ(readTokenizerFiles(folder.path())->chatTemplate, "from file");
  folder.write("tokenizer_config.json", "{");
  folder.write("chat_template.jinja", "");
  EXPECT_EQ(readTokenizerFiles(folder.path()).error().code, 3);
}

TEST(TextFiles, ChatTemplatesByName) {
  auto read = [](const char *text) { return parseChatTemplate(json::parse(text), "t.json"); };
  EXPECT_EQ(*read(R"({"chat_template": {"default": "d", "tool_use": "t"}})"), "d");
  EXPECT_EQ(read(R"({"chat_template": {"default": 1}})").error().code, 3);
}

/// Compared with transformers 5.24: model.generation_config of such a directory. A generation_config.json without end
/// tokens has none; config.json does not fill the gap.
TEST(TextFiles, EndTokensOfTheFirstFileThatExists) {
  TemporaryFolder folder;
  auto ends = [&]() { return readTokenizerFiles(folder.path())->endTokens; };
  EXPECT_EQ(ends(), std::vector<int64_t>());
  folder.write("config.json", R"({"eos_token_id": 7})");
  EXPECT_EQ(ends(), std::vector<int64_t>{7});
  folder.write("config.json", R"({"eos_token_id": [7, 8]})");
  EXPECT_EQ(ends(), (std::vector<int64_t>{7, 8}));
  folder.write("config.json", R"({"eos_token_id": null})");
  EXPECT_EQ(ends(), std::vector<int64_t>());
  folder.write("config.json", R"({"eos_token_id": [7, 8]})");
  folder.write("generation_config.json", R"({"eos_token_id": 9})");
  EXPECT_EQ(ends(), std::vector<int64_t>{9});
  folder.write("generation_config.json", R"({"eos_token_id": null})");
  EXPECT_EQ(ends(), std::vector<int64_t>());
  folder.write("generation_config.json", "{}");
  EXPECT_EQ(ends(), std::vector<int64_t>());
  folder.write("config.json", R"({"eos_token_id": -1})");
  EXPECT_EQ(readTokenizerFiles(folder.path()).error().message,
            folder / "config.json" + ": field 'eos_token_id': expected a token id or a list of at most 64 ids");
}

TEST(TextFiles, WhatElseBelongsToTheTokenizer) {
  TemporaryFolder folder;
  folder.write("tokenizer.json", "{}");
  folder.write("special_tokens_map.json", R"({"eos_token": "x"})");
  folder.write("added_tokens.json", R"({"x": 3})");
  folder.write("config.json", R"({"model_type": "llama", "tokenizer_class": "A", "transformers_version": "4.1.0"})");
  Result<TokenizerFiles> files = readTokenizerFiles(folder.path());
  ASSERT_TRUE(files.ok());
  EXPECT_EQ(files->specialTokens, R"({"eos_token": "x"})");
  EXPECT_EQ(files->addedTokens, R"({"x": 3})");
  EXPECT_EQ(files->modelType, "llama");
  EXPECT_EQ(files->tokenizerClass, "A");
  EXPECT_EQ(files->writtenBy, "4.1.0");
  folder.write("config.json", R"({"tokenizer_class": null, "transformers_version": null})");
  EXPECT_EQ(readTokenizerFiles(folder.path())->tokenizerClass, "");
}
