// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the DistilBERT family.
#include "frontends/families/bert/BertConfig.h"
#include "test/unit/frontends/Families.h"

using namespace lmopt;
using nlohmann::json;

static Result<BertConfig> parse(const char *patch) {
  json config = json::parse(R"({"architectures": ["DistilBertModel"], "model_type": "distilbert", "vocab_size": 100,
    "dim": 64, "hidden_dim": 96, "n_layers": 3, "n_heads": 8, "max_position_embeddings": 512, "activation": "relu",
    "sinusoidal_pos_embds": true, "tie_weights_": true})");
  config.merge_patch(json::parse(patch));
  return test::readAs<BertConfig>("distilbert", config);
}

TEST(DistilBertConfig, Sizes) {
  Result<BertConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->width, 64);
  EXPECT_EQ(config->layers, 3);
  EXPECT_EQ(config->heads, 8);
  EXPECT_EQ(config->ffnWidth, 96);
  EXPECT_EQ(config->maxTokens, 512);
  EXPECT_EQ(config->tokenTypes, 0);
  EXPECT_EQ(config->normEps, 1e-12);
  EXPECT_EQ(config->activation, Activation::Relu);
  EXPECT_EQ(parse(R"({"activation": null})")->activation, Activation::Gelu);
}

TEST(DistilBertConfig, Refuses) {
  EXPECT_EQ(parse(R"({"n_heads": 7})").error().message, "c.json: field 'n_heads': does not divide dim");
  EXPECT_EQ(parse(R"({"activation": "mish"})").error().code, 4);
  EXPECT_EQ(parse(R"({"hidden_size": 64})").error().code, 4); // another name of dim; who wins depends on the order
  EXPECT_EQ(parse(R"({"dim": null})").error().code, 3);
}

TEST(DistilBertConfig, TensorNames) {
  auto name = [](const char *ours) { return test::family("distilbert").huggingFace->tensors.translate(ours); };
  EXPECT_EQ(name("embed.weight"), "embeddings.word_embeddings.weight");
  EXPECT_EQ(name("layers.1.attn.o.weight"), "transformer.layer.1.attention.out_lin.weight");
  EXPECT_EQ(name("layers.11.attn_norm.bias"), "transformer.layer.11.sa_layer_norm.bias");
  EXPECT_EQ(name("layers.0.ffn.down.weight"), "transformer.layer.0.ffn.lin2.weight");
}
