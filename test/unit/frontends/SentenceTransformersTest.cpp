// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The files of sentence-transformers, one by one; whole models in the ways of its versions are in VariantsTest.cpp.
#include "frontends/huggingface/SentenceTransformers.h"
#include "test/unit/frontends/TemporaryFolder.h"

#include <gtest/gtest.h>

using namespace lmopt;
using nlohmann::json;
using test::TemporaryFolder;

static Result<SentencePipeline> modules(const std::vector<std::pair<std::string, std::string>> &list) {
  json array = json::array();
  for (auto &[type, path] : list)
    array.push_back({{"idx", 0},
                     {"name", std::to_string(array.size())},
                     {"path", path},
                     {"type", "sentence_transformers.models." + type}});
  return parseSentencePipeline(array, "dir");
}

TEST(SentenceTransformers, Pipelines) {
  Result<SentencePipeline> full =
      modules({{"Transformer", ""}, {"Pooling", "1_Pooling"}, {"Normalize", "2_Normalize"}});
  ASSERT_TRUE(full) << full.error().message;
  EXPECT_EQ(full->transformerDirectory, "dir");
  EXPECT_EQ(full->poolingDirectory, "dir/1_Pooling");
  EXPECT_EQ(full->normalizeDirectories, std::vector<std::string>{"dir/2_Normalize"});
  EXPECT_TRUE(full->isSentenceModel);
  EXPECT_EQ(modules({{"Transformer", "0_Transformer/"}, {"Pooling", "./p"}})->transformerDirectory,
            "dir/0_Transformer");
  EXPECT_EQ(modules({{"Transformer", ""}, {"Pooling", "p"}, {"Dense", "d"}}).error().message,
            "dir/modules.json: module 'Dense' is not supported; supported are Transformer, Pooling, Normalize, in this "
            "order");
  EXPECT_EQ(modules({{"Transformer", ""}, {"Normalize", "n"}, {"Pooling", "p"}}).error().code, 4);
  EXPECT_EQ(modules({{"Transformer", "../other"}}).error().code, 3);
  EXPECT_EQ(modules({{"Transformer", ".."}}).error().code, 3);
  EXPECT_EQ(modules({{"Transformer", ""}}).error().code, 4);
  EXPECT_EQ(modules({}).error().code, 3);
  EXPECT_EQ(parseSentencePipeline(json::parse("{}"), "dir").error().code, 3);
  EXPECT_EQ(parseSentencePipeline(json::parse("[1]"), "dir").error().code, 3);
}

static Result<EncoderConfig> pooled(const char *text) {
  EncoderConfig config;
  config.width = 64;
  Result<void> applied = applyPooling(json::parse(text), "p.json", config);
  return applied ? Result<EncoderConfig>(config) : Result<EncoderConfig>(applied.error());
}

TEST(SentenceTransformers, PoolingModes) {
  EXPECT_EQ(pooled(R"({"word_embedding_dimension": 64, "pooling_mode_cls_token": true,
                       "pooling_mode_mean_tokens": false, "include_prompt": true})")
                ->pooling,
            Pooling::Cls);
  EXPECT_EQ(pooled(R"({"pooling_mode_max_tokens": true})")->pooling, Pooling::Max);
  EXPECT_EQ(pooled(R"({"pooling_mode_lasttoken": true})")->pooling, Pooling::Last);
  EXPECT_EQ(pooled(R"({"pooling_mode": "cls", "embedding_dimension": 64})")->pooling, Pooling::Cls);
  EXPECT_EQ(pooled("{}")->pooling, Pooling::Mean);
  EXPECT_EQ(pooled(R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true})").error().message,
            "p.json: pooling mode 'cls + mean' is not supported; supported is one of mean, cls, max, lasttoken");
  EXPECT_EQ(pooled(R"({"pooling_mode_mean_sqrt_len_tokens": true})").error().code, 4);
  EXPECT_EQ(pooled(R"({"word_embedding_dimension": 65})").error().message,
            "p.json: field 'word_embedding_dimension': is 65, the encoder's vectors have 64");
  EXPECT_EQ(pooled(R"({"pooling_mode_mean_tokens": "yes"})").error().code, 3);
  EXPECT_EQ(pooled(R"({"pooling_mode_swirl": true})").error().code, 4);
}

static constexpr char kModules[] = R"([{"path": "", "type": "sentence_transformers.models.Transformer"},
    {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}])";

static Result<EncoderConfig> apply(const TemporaryFolder &folder) {
  Result<SentencePipeline> pipeline = readSentencePipeline(folder.path());
  EncoderConfig config;
  config.width = 64;
  config.maxPositions = config.maxTokens = 512;
  if (!pipeline)
    return pipeline.error();
  Result<void> applied = applySentencePipeline(*pipeline, config);
  return applied ? Result<EncoderConfig>(config) : Result<EncoderConfig>(applied.error());
}

TEST(SentenceTransformers, LengthAndCase) {
  TemporaryFolder folder;
  EXPECT_EQ(apply(folder)->maxTokens, 512);
  EXPECT_FALSE(apply(folder)->normalize);
  folder.write("tokenizer_config.json", R"({"model_max_length": 128})");
  EXPECT_EQ(apply(folder)->maxTokens, 128);
  folder.write("tokenizer_config.json", R"({"model_max_length": 1000000000000000019884624838656})");
  EXPECT_EQ(apply(folder)->maxTokens, 512);
  folder.write("sentence_bert_config.json", R"({"max_seq_length": 256, "do_lower_case": false})");
  EXPECT_EQ(apply(folder)->maxTokens, 512); // not read without modules.json
  folder.write("modules.json", kModules);
  folder.write("1_Pooling/config.json", "{}");
  EXPECT_EQ(apply(folder)->maxTokens, 256);
  folder.write("sentence_bert_config.json", R"({"max_seq_length": 100000})");
  EXPECT_EQ(apply(folder)->maxTokens, 512);
  folder.write("sentence_bert_config.json", R"({"do_lower_case": true})");
  EXPECT_EQ(apply(folder).error().code, 4);
  folder.write("tokenizer.json", R"({"normalizer": {"type": "BertNormalizer", "lowercase": true}})");
  EXPECT_TRUE(apply(folder));
  folder.write("sentence_bert_config.json", R"({"max_seq_length": 0})");
  EXPECT_EQ(apply(folder).error().code, 3);
  folder.write("sentence_bert_config.json", "[]"); // says nothing, as in Python
  EXPECT_TRUE(apply(folder));
  folder.write("sentence_bert_config.json", "[1]");
  EXPECT_EQ(apply(folder).error().code, 3);
}

TEST(SentenceTransformers, WhoLowersTheCase) {
  auto lowers = [](const char *normalizer) {
    return lowersCase(json::parse(std::string(R"({"normalizer": )") + normalizer + "}"));
  };
  EXPECT_TRUE(lowers(R"({"type": "Lowercase"})"));
  EXPECT_TRUE(lowers(R"({"type": "BertNormalizer", "lowercase": true})"));
  EXPECT_TRUE(lowers(R"({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}]})"));
  EXPECT_FALSE(lowers(R"({"type": "BertNormalizer", "lowercase": false})"));
  EXPECT_FALSE(lowers(R"({"type": "Sequence", "normalizers": [{"type": "NFC"}]})"));
  EXPECT_FALSE(lowers(R"({"type": "Sequence", "normalizers": 1})"));
  EXPECT_FALSE(lowers("null"));
  EXPECT_FALSE(lowersCase(json::parse("[]")));
}

TEST(SentenceTransformers, MissingPoolingFileIsNamed) {
  TemporaryFolder folder;
  folder.write("modules.json", kModules);
  EXPECT_EQ(apply(folder).error().message,
            folder / "1_Pooling/config.json" + ": cannot be opened: No such file or directory");
  EXPECT_EQ(apply(folder).error().code, 5);
}
