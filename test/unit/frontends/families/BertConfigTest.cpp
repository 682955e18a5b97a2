// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the BERT family.
#include "frontends/families/bert/BertConfig.h"
#include "test/unit/frontends/Families.h"

using namespace lmopt;
using nlohmann::json;

static Result<BertConfig> parse(const char *patch) {
  json config = json::parse(R"({"architectures": ["BertModel"], "model_type": "bert", "vocab_size": 100,
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 8,
    "max_position_embeddings": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "hidden_act": "gelu",
    "position_embedding_type": "absolute", "pad_token_id": 0})");
  config.merge_patch(json::parse(patch));
  return test::readAs<BertConfig>("bert", config);
}

TEST(BertConfig, Sizes) {
  Result<BertConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->layers, 3);
  EXPECT_EQ(config->heads, 8);
  EXPECT_EQ(config->maxTokens, 512);
  EXPECT_EQ(config->poolings, std::vector<Pooling>{Pooling::Mean});
  EXPECT_FALSE(config->normalize);
  EXPECT_EQ(config->activation, Activation::Gelu);
}

TEST(BertConfig, Refuses) {
  EXPECT_EQ(
      parse(R"({"position_embedding_type": "relative_key"})").error().message,
      "c.json: field 'position_embedding_type': only \"absolute\" is supported, found '\"relative_key\"': relative "
      "positions, which transformers 5 has dropped too");
  EXPECT_EQ(parse(R"({"position_embedding_type": "relative_key"})").error().code, 4);
  EXPECT_EQ(parse(R"({"is_decoder": true})").error().code, 4);
  EXPECT_EQ(parse(R"({"num_attention_heads": 7})").error().message,
            "c.json: field 'num_attention_heads': does not divide hidden_size");
  EXPECT_EQ(parse(R"({"magic": 7})").error().code, 4);
  EXPECT_EQ(parse(R"({"max_position_embeddings": -1})").error().code, 3);
}

TEST(BertConfig, TensorNames) {
  auto bertTensorName = [](const char *name) { return test::family("bert").huggingFace->tensors.translate(name); };
  EXPECT_EQ(bertTensorName("embed.weight"), "embeddings.word_embeddings.weight");
  EXPECT_EQ(bertTensorName("embed_norm.bias"), "embeddings.LayerNorm.bias");
  EXPECT_EQ(bertTensorName("layers.1.attn.o.weight"), "encoder.layer.1.attention.output.dense.weight");
  EXPECT_EQ(bertTensorName("layers.1.attn_norm.weight"), "encoder.layer.1.attention.output.LayerNorm.weight");
  EXPECT_EQ(bertTensorName("layers.1.ffn.up.bias"), "encoder.layer.1.intermediate.dense.bias");
  EXPECT_EQ(bertTensorName("layers.1.ffn.down.bias"), "encoder.layer.1.output.dense.bias");
  EXPECT_EQ(bertTensorName("layers.1.ffn_norm.bias"), "encoder.layer.1.output.LayerNorm.bias");
}
