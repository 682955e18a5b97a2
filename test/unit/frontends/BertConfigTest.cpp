// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the BERT family, and the files of sentence-transformers.
#include "frontends/huggingface/Config.h"
#include "frontends/huggingface/SentenceTransformers.h"
#include "test/unit/frontends/TemporaryFolder.h"

#include <gtest/gtest.h>

using namespace lmopt;
using nlohmann::json;
using test::TemporaryFolder;

static Result<BertConfig> parse(const char *patch) {
  json config = json::parse(R"({"architectures": ["BertModel"], "model_type": "bert", "vocab_size": 100,
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 8,
    "max_position_embeddings": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "hidden_act": "gelu",
    "position_embedding_type": "absolute", "pad_token_id": 0})");
  config.merge_patch(json::parse(patch));
  return parseBertConfig(config, "c.json");
}

TEST(BertConfig, Sizes) {
  Result<BertConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->layers, 3);
  EXPECT_EQ(config->heads, 8);
  EXPECT_EQ(config->maxTokens, 512);
  EXPECT_EQ(config->pooling, Pooling::Mean);
  EXPECT_FALSE(config->normalize);
  EXPECT_EQ(config->activation, Activation::Gelu);
}

TEST(BertConfig, Refuses) {
  EXPECT_EQ(parse(R"({"position_embedding_type": "relative_key"})").error().message,
            "c.json: field 'position_embedding_type': only \"absolute\" is supported, found '\"relative_key\"'");
  EXPECT_EQ(parse(R"({"position_embedding_type": "relative_key"})").error().code, 4);
  EXPECT_EQ(parse(R"({"is_decoder": true})").error().code, 4);
  EXPECT_EQ(parse(R"({"num_attention_heads": 7})").error().message,
            "c.json: field 'num_attention_heads': does not divide hidden_size");
  EXPECT_EQ(parse(R"({"magic": 7})").error().code, 4);
  EXPECT_EQ(parse(R"({"max_position_embeddings": -1})").error().code, 3);
}

TEST(BertConfig, TensorNames) {
  EXPECT_EQ(bertTensorName("embed.weight"), "embeddings.word_embeddings.weight");
  EXPECT_EQ(bertTensorName("embed_norm.bias"), "embeddings.LayerNorm.bias");
  EXPECT_EQ(bertTensorName("layers.1.attn.o.weight"), "encoder.layer.1.attention.output.dense.weight");
  EXPECT_EQ(bertTensorName("layers.1.attn_norm.weight"), "encoder.layer.1.attention.output.LayerNorm.weight");
  EXPECT_EQ(bertTensorName("layers.1.ffn.up.bias"), "encoder.layer.1.intermediate.dense.bias");
  EXPECT_EQ(bertTensorName("layers.1.ffn.down.bias"), "encoder.layer.1.output.dense.bias");
  EXPECT_EQ(bertTensorName("layers.1.ffn_norm.bias"), "encoder.layer.1.output.LayerNorm.bias");
}

//===- sentence-transformers -------------------------------------------------------------------------------------===//

static Result<SentencePipeline> modules(const std::vector<std::pair<std::string, std::string>> &list) {
  json array = json::array();
  for (auto &[type, path] : list)
    array.push_back({{"idx", 0}, {"name", "0"}, {"path", path}, {"type", "sentence_transformers.models." + type}});
  return parseSentencePipeline(array, "dir");
}

TEST(SentenceTransformers, Pipelines) {
  Result<SentencePipeline> full =
      modules({{"Transformer", ""}, {"Pooling", "1_Pooling"}, {"Normalize", "2_Normalize"}});
  ASSERT_TRUE(full) << full.error().message;
  EXPECT_EQ(full->transformerDirectory, "dir");
  EXPECT_EQ(full->poolingDirectory, "dir/1_Pooling");
  EXPECT_TRUE(full->normalize);
  EXPECT_EQ(modules({{"Transformer", "0_Transformer"}})->transformerDirectory, "dir/0_Transformer");
  EXPECT_EQ(modules({{"Transformer", ""}, {"Pooling", "p"}, {"Dense", "d"}}).error().message,
            "dir/modules.json: module 'Dense' is not supported; supported are Transformer, Pooling, Normalize, in this "
            "order");
  EXPECT_EQ(modules({{"Transformer", ""}, {"Normalize", "n"}, {"Pooling", "p"}}).error().code, 4);
  EXPECT_EQ(modules({{"Transformer", "../other"}}).error().code, 3);
  EXPECT_EQ(modules({{"Transformer", ".."}}).error().code, 3);
  EXPECT_EQ(parseSentencePipeline(json::parse("{}"), "dir").error().code, 3);
  EXPECT_EQ(parseSentencePipeline(json::parse("[1]"), "dir").error().code, 3);
}

static Result<BertConfig> pooled(const char *text) {
  BertConfig config;
  config.width = 64;
  Result<void> applied = applyPooling(json::parse(text), "p.json", config);
  return applied ? Result<BertConfig>(config) : Result<BertConfig>(applied.error());
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

static Result<BertConfig> apply(const TemporaryFolder &folder) {
  Result<SentencePipeline> pipeline = readSentencePipeline(folder.path());
  BertConfig config;
  config.width = 64;
  config.positions = config.maxTokens = 512;
  if (!pipeline)
    return pipeline.error();
  Result<void> applied = applySentencePipeline(*pipeline, config);
  return applied ? Result<BertConfig>(config) : Result<BertConfig>(applied.error());
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
  EXPECT_EQ(apply(folder)->maxTokens, 256);
  folder.write("sentence_bert_config.json", R"({"max_seq_length": 100000})");
  EXPECT_EQ(apply(folder)->maxTokens, 512);
  folder.write("sentence_bert_config.json", R"({"do_lower_case": true})");
  EXPECT_EQ(apply(folder).error().code, 4);
  folder.write("tokenizer.json", R"({"normalizer": {"type": "BertNormalizer", "lowercase": true}})");
  EXPECT_TRUE(apply(folder));
  folder.write("sentence_bert_config.json", R"({"max_seq_length": 0})");
  EXPECT_EQ(apply(folder).error().code, 3);
}

TEST(SentenceTransformers, PromptsThatWouldBeMissedAreRefused) {
  TemporaryFolder folder;
  folder.write("config_sentence_transformers.json", R"({"prompts": {"query": "q: "}, "default_prompt_name": null})");
  EXPECT_TRUE(apply(folder));
  folder.write("config_sentence_transformers.json", R"({"prompts": {"query": ""}, "default_prompt_name": "query"})");
  EXPECT_TRUE(apply(folder));
  folder.write("config_sentence_transformers.json", R"({"prompts": {"query": "q: "}, "default_prompt_name": "query"})");
  EXPECT_EQ(apply(folder).error().code, 4);
}

TEST(SentenceTransformers, MissingPoolingFileIsNamed) {
  TemporaryFolder folder;
  folder.write("modules.json",
               R"([{"path": "", "type": "x.Transformer"}, {"path": "1_Pooling", "type": "x.Pooling"}])");
  EXPECT_EQ(apply(folder).error().message,
            folder / "1_Pooling/config.json" + ": cannot be opened: No such file or directory");
  EXPECT_EQ(apply(folder).error().code, 5);
}
