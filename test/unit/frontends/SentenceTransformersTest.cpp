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
  EXPECT_EQ(full->encoderDirectory, "dir");
  EXPECT_EQ(full->poolingDirectory, "dir/1_Pooling");
  EXPECT_EQ(full->normalizeDirectories, std::vector<std::string>{"dir/2_Normalize"});
  EXPECT_TRUE(full->isSentenceModel);
  EXPECT_EQ(modules({{"Transformer", "0_Transformer/"}, {"Pooling", "./p"}})->encoderDirectory, "dir/0_Transformer");
  EXPECT_EQ(modules({{"Transformer", ""}, {"Pooling", "p"}, {"CNN", "c"}}).error().message,
            "dir/modules.json: module 'CNN' is not supported; supported are Transformer and Pooling, or "
            "StaticEmbedding, then any number of Dense, then Normalize or nothing");
  EXPECT_EQ(modules({{"Transformer", ""}, {"Normalize", "n"}, {"Pooling", "p"}}).error().code, 4);
  EXPECT_EQ(modules({{"Dense", "d"}}).error().code, 4);
  EXPECT_EQ(modules({{"StaticEmbedding", ""}, {"Pooling", "p"}}).error().code, 4);
  EXPECT_EQ(modules({{"Transformer", ""}, {"Pooling", "p"}, {"Normalize", "n"}, {"Dense", "d"}}).error().code, 4);
  EXPECT_EQ(modules({{"Transformer", "../other"}}).error().code, 3);
  EXPECT_EQ(modules({{"Transformer", ".."}}).error().code, 3);
  EXPECT_EQ(modules({{"Transformer", ""}}).error().code, 4);
  EXPECT_EQ(modules({}).error().code, 3);
  EXPECT_EQ(parseSentencePipeline(json::parse("{}"), "dir").error().code, 3);
  EXPECT_EQ(parseSentencePipeline(json::parse("[1]"), "dir").error().code, 3);
}

TEST(SentenceTransformers, ModulesBehindTheVector) {
  Result<SentencePipeline> full =
      modules({{"Transformer", ""}, {"Pooling", "p"}, {"Dense", "2_Dense"}, {"Dense", "3_Dense"}, {"Normalize", "n"}});
  ASSERT_TRUE(full) << full.error().message;
  EXPECT_EQ(full->denseFolders, (std::vector<std::string>{"2_Dense", "3_Dense"}));
  Result<SentencePipeline> table = modules({{"StaticEmbedding", "0_StaticEmbedding"}, {"Dense", "d"}});
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->encoderModule, "StaticEmbedding");
  EXPECT_EQ(table->encoderDirectory, "dir/0_StaticEmbedding");
  EXPECT_TRUE(table->poolingDirectory.empty());
}

static Result<EncoderConfig> dense(const char *patch) {
  json object = json::parse(R"({"in_features": 64, "out_features": 32, "bias": true,
                                "activation_function": "torch.nn.modules.activation.Tanh"})");
  object.merge_patch(json::parse(patch));
  EncoderConfig config;
  config.width = 64;
  Result<void> applied = applyDense(object, "d.json", "2_Dense", config);
  return applied ? Result<EncoderConfig>(config) : Result<EncoderConfig>(applied.error());
}

TEST(SentenceTransformers, Dense) {
  Result<EncoderConfig> config = dense("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->vectorWidth(), 32);
  EXPECT_EQ(config->dense.at(0).folder, "2_Dense");
  EXPECT_TRUE(config->dense.at(0).bias);
  EXPECT_EQ(config->dense.at(0).activation, Activation::Tanh);
  EXPECT_EQ(dense(R"({"activation_function": null})")->dense.at(0).activation, Activation::Tanh);
  EXPECT_FALSE(dense(R"({"activation_function": "torch.nn.modules.linear.Identity"})")->dense.at(0).activation);
  EXPECT_FALSE(dense(R"({"bias": false})")->dense.at(0).bias);
  EXPECT_EQ(dense(R"({"in_features": 63})").error().message,
            "d.json: field 'in_features': is 63, the vectors before it have 64");
  EXPECT_EQ(dense(R"({"activation_function": "torch.nn.modules.activation.Mish"})").error().code, 4);
  EXPECT_EQ(dense(R"({"activation_function": "theirs.Tanh"})").error().code, 4);
  EXPECT_EQ(dense(R"({"use_residual": true})").error().code, 4);
  EXPECT_EQ(dense(R"({"module_input_name": "token_embeddings"})").error().code, 4);
  EXPECT_EQ(dense(R"({"out_features": 0})").error().code, 3);
}

static Result<EncoderConfig> described(const char *text) {
  EncoderConfig config;
  config.width = 64;
  Result<void> applied = applySentenceModel(json::parse(text), "s.json", config);
  return applied ? Result<EncoderConfig>(config) : Result<EncoderConfig>(applied.error());
}

TEST(SentenceTransformers, Prompts) {
  Result<EncoderConfig> config =
      described(R"({"prompts": {"query": "Find: ", "passage": "", "other": null}, "default_prompt_name": "query"})");
  ASSERT_TRUE(config) << config.error().message;
  std::vector<std::pair<std::string, std::string>> prompts = {{"other", ""}, {"passage", ""}, {"query", "Find: "}};
  EXPECT_EQ(config->prompts, prompts);
  EXPECT_EQ(config->defaultPrompt, "query");
  EXPECT_EQ(described(R"({"prompts": {"a": ""}, "default_prompt_name": "a"})")->defaultPrompt, "");
  EXPECT_EQ(described(R"({"default_prompt_name": "document"})")->defaultPrompt, "");
  EXPECT_EQ(described(R"({"default_prompt_name": "a"})").error().message,
            "s.json: field 'default_prompt_name': there is no prompt of the name 'a'");
  EXPECT_EQ(described(R"({"prompts": {"": "x"}})").error().code, 3);
  EXPECT_EQ(described(R"({"prompts": {"a": 1}})").error().code, 3);
  EXPECT_EQ(described(R"({"prompts": [1]})").error().code, 3);
}

static Result<EncoderConfig> pooled(const char *text, bool onlyDirectionCounts = false) {
  EncoderConfig config;
  config.width = 64;
  Result<void> applied = applyPooling(json::parse(text), "p.json", config, onlyDirectionCounts);
  return applied ? Result<EncoderConfig>(config) : Result<EncoderConfig>(applied.error());
}

using Poolings = std::vector<Pooling>;

TEST(SentenceTransformers, PoolingModes) {
  auto poolings = [](const char *text, bool onlyDirectionCounts = false) {
    return pooled(text, onlyDirectionCounts).take().poolings;
  };
  EXPECT_EQ(poolings(R"({"word_embedding_dimension": 64, "pooling_mode_cls_token": true,
                         "pooling_mode_mean_tokens": false, "include_prompt": true})"),
            Poolings{Pooling::Cls});
  EXPECT_EQ(poolings(R"({"pooling_mode_max_tokens": true})"), Poolings{Pooling::Max});
  EXPECT_EQ(poolings(R"({"pooling_mode_lasttoken": true})"), Poolings{Pooling::Last});
  EXPECT_EQ(poolings(R"({"pooling_mode": "cls", "embedding_dimension": 64})"), Poolings{Pooling::Cls});
  EXPECT_EQ(poolings("{}"), Poolings{Pooling::Mean});
  EXPECT_EQ(poolings(R"({"pooling_mode": "weightedmean"})"), Poolings{Pooling::Weighted});
  EXPECT_EQ(poolings(R"({"pooling_mode_mean_sqrt_len_tokens": true})"), Poolings{Pooling::MeanSqrt});
  // Made one long, it is the mean.
  EXPECT_EQ(poolings(R"({"pooling_mode_mean_sqrt_len_tokens": true})", true), Poolings{Pooling::Mean});
}

// The older flags have an order of their own, a list has its own.
TEST(SentenceTransformers, SeveralPoolingModes) {
  Result<EncoderConfig> flags = pooled(R"({"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true})");
  ASSERT_TRUE(flags) << flags.error().message;
  EXPECT_EQ(flags->poolings, (Poolings{Pooling::Cls, Pooling::Mean}));
  EXPECT_EQ(flags->vectorWidth(), 128);
  EXPECT_EQ(pooled(R"({"pooling_mode": ["mean_sqrt_len_tokens", "cls"]})", /*onlyDirectionCounts=*/true)->poolings,
            (Poolings{Pooling::MeanSqrt, Pooling::Cls}));
}

TEST(SentenceTransformers, RefusesPoolingModes) {
  EXPECT_EQ(pooled(R"({"pooling_mode": ["cls", "swirl"]})").error().message,
            "p.json: pooling mode 'cls + swirl' is not supported; supported are mean, cls, max, lasttoken, "
            "mean_sqrt_len_tokens, weightedmean, and several of them");
  EXPECT_EQ(pooled(R"({"pooling_mode": []})").error().code, 4);
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
