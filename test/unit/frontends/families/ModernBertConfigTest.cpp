// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the ModernBERT family.
#include "frontends/families/modernbert/ModernBert.h"
#include "frontends/huggingface/Architecture.h"
#include "test/unit/frontends/Families.h"

using namespace lmopt;
using nlohmann::json;

static Result<ModernBertConfig> parse(const char *patch) {
  json config = json::parse(R"({"architectures": ["ModernBertModel"], "model_type": "modernbert", "vocab_size": 100,
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4, "num_attention_heads": 4})");
  config.merge_patch(json::parse(patch));
  return test::readAs<ModernBertConfig>("modernbert", config);
}

TEST(ModernBertConfig, WhatIsMissing) {
  Result<ModernBertConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->maxPositions, 8192);
  EXPECT_EQ(config->window, 64);
  EXPECT_EQ(config->slides, (std::vector<bool>{false, true, true, false}));
  EXPECT_EQ(config->base, 160000);
  EXPECT_EQ(config->localBase, 10000);
  EXPECT_EQ(config->normEps, 1e-5);
  EXPECT_EQ(config->activation, Activation::Gelu);
  EXPECT_FALSE(config->normBias);
}

TEST(ModernBertConfig, WindowsAndAngles) {
  EXPECT_EQ(parse(R"({"local_attention": 16})")->window, 8);
  EXPECT_EQ(parse(R"({"sliding_window": 5})")->window, 5);
  EXPECT_EQ(parse(R"({"max_position_embeddings": 64})")->window, 0); // no text is longer
  EXPECT_EQ(parse(R"({"global_attn_every_n_layers": 2})")->slides, (std::vector<bool>{false, true, false, true}));
  auto types = R"({"layer_types": ["sliding_attention", "full_attention", "full_attention", "full_attention"]})";
  EXPECT_EQ(parse(types)->slides, (std::vector<bool>{true, false, false, false}));
  EXPECT_EQ(parse(R"({"global_rope_theta": 500})")->base, 500);
  Result<ModernBertConfig> both =
      parse(R"({"rope_parameters": {"full_attention": {"rope_theta": 7, "rope_type": "default"},
    "sliding_attention": {"rope_theta": 9}}, "local_rope_theta": 5})");
  ASSERT_TRUE(both) << both.error().message;
  EXPECT_EQ(both->base, 7);
  EXPECT_EQ(both->localBase, 9);
}

static HeadConfig head(const char *architecture, const char *patch = "{}") {
  json config = json::parse(patch);
  config["architectures"] = {architecture};
  Result<ModernBertConfig> read = parse(config.dump().c_str());
  EXPECT_TRUE(read) << read.error().message;
  return read && read->head ? *read->head : HeadConfig();
}

static constexpr char kMasked[] = "ModernBertForMaskedLM", kSequence[] = "ModernBertForSequenceClassification",
                      kTokens[] = "ModernBertForTokenClassification", kQuestion[] = "ModernBertForQuestionAnswering";

TEST(ModernBertConfig, WhatIsMissingOfHeads) {
  for (const char *architecture : {kMasked, kSequence, kTokens, kQuestion}) {
    HeadConfig found = head(architecture, R"({"hidden_activation": "relu"})");
    EXPECT_EQ(found.activation, Activation::Gelu) << architecture;
    EXPECT_FALSE(found.denseBias) << architecture;
    EXPECT_FALSE(found.normBias) << architecture;
    EXPECT_EQ(found.pooling, Pooling::Cls) << architecture;
    EXPECT_FALSE(found.takesTypes) << architecture;
  }
  EXPECT_TRUE(head(kMasked).tableBias);
  EXPECT_TRUE(head(kMasked).tiedTable);
  EXPECT_EQ(head(kMasked).task, "masked_lm");
  EXPECT_EQ(head(kSequence).task, "sequence_classification");
  EXPECT_EQ(head(kTokens).task, "token_classification");
  EXPECT_EQ(head(kQuestion).task, "question_answering");
}

TEST(ModernBertConfig, Heads) {
  const char *all = R"({"classifier_activation": "silu", "classifier_bias": true, "norm_bias": true})";
  for (const char *architecture : {kMasked, kSequence, kTokens, kQuestion}) {
    EXPECT_EQ(head(architecture, all).activation, Activation::Silu) << architecture;
    EXPECT_TRUE(head(architecture, all).denseBias) << architecture;
    EXPECT_TRUE(head(architecture, all).normBias) << architecture;
  }
  EXPECT_FALSE(head(kMasked, R"({"decoder_bias": false})").tableBias);
  EXPECT_EQ(head(kSequence, R"({"classifier_pooling": "mean"})").pooling, Pooling::Mean);
  EXPECT_EQ(head(kSequence, R"({"classifier_pooling": "cls"})").pooling, Pooling::Cls);
}

static Error refusalOf(const char *architecture, const char *field, const json &value) {
  Result<ModernBertConfig> read = parse(json{{"architectures", {architecture}}, {field, value}}.dump().c_str());
  return read ? Error{kErrorInternal, "accepted"} : read.error();
}

TEST(ModernBertConfig, HeadsRefuse) {
  Error pooling = refusalOf(kSequence, "classifier_pooling", "max");
  EXPECT_EQ(pooling.code, 3);
  EXPECT_EQ(pooling.message, "c.json: field 'classifier_pooling': expected cls or mean, found 'max'");
  Error activation = refusalOf(kTokens, "classifier_activation", "odd");
  EXPECT_EQ(activation.code, 4);
  EXPECT_NE(activation.message.find("'classifier_activation'"), std::string::npos) << activation.message;
  EXPECT_EQ(refusalOf(kQuestion, "num_labels", 3).code, 3);
  EXPECT_EQ(refusalOf(kQuestion, "classifier_scale", 3).code, 4);
  json other = {{"architectures", {"ModernBertForMultipleChoice"}}, {"model_type", "modernbert"}};
  Result<const Family *> unknown = detectFamily(other, "c.json");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, 4);
  EXPECT_NE(unknown.error().message.find("'ModernBertForMultipleChoice'"), std::string::npos);
}

TEST(ModernBertConfig, Refuses) {
  EXPECT_EQ(parse(R"({"num_attention_heads": 5})").error().code, 3);
  EXPECT_EQ(parse(R"({"layer_types": ["full_attention"]})").error().code, 3);
  EXPECT_EQ(parse(R"({"layer_types": ["x", "x", "x", "x"]})").error().code, 4);
  EXPECT_EQ(parse(R"({"layer_types": 7})").error().message, "c.json: field 'layer_types': expected a list of names");
  EXPECT_EQ(parse(R"({"num_hidden_layers": 1, "layer_types": ["full_attention", "full_attention"]})").error().message,
            "c.json: field 'layer_types': expected a name for each of the 1 layers, found 2");
  EXPECT_EQ(parse(R"({"rope_parameters": {"full_attention": {"rope_type": "yarn"}}})").error().code, 4);
  EXPECT_EQ(parse(R"({"rope_parameters": {"full_attention": {"rope_theta": "big"}}})").error().code, 3);
  EXPECT_EQ(parse(R"({"rope_parameters": {"odd": {}}})").error().code, 4);
  EXPECT_EQ(parse(R"({"magic": 7})").error().code, 4);
}
