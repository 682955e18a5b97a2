// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the ALBERT family.
#include "frontends/families/bert/BertConfig.h"
#include "test/unit/frontends/Families.h"

using namespace lmopt;
using nlohmann::json;

static Result<BertConfig> parse(const char *patch) {
  json config = json::parse(R"({"architectures": ["AlbertModel"], "model_type": "albert", "vocab_size": 100,
    "embedding_size": 32, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 12,
    "num_attention_heads": 8, "max_position_embeddings": 512, "num_hidden_groups": 1, "inner_group_num": 1,
    "net_structure_type": 0, "gap_size": 0, "down_scale_factor": 1, "num_memory_blocks": 0})");
  config.merge_patch(json::parse(patch));
  return test::readAs<BertConfig>("albert", config);
}

/// The owners of the weights of all layers, as one text.
static std::string owners(const char *patch) {
  Result<BertConfig> config = parse(patch);
  EXPECT_TRUE(config) << config.error().message;
  std::string text;
  for (int64_t i = 0; config && i < config->layers; ++i)
    text += std::to_string(config->ownerOf(i));
  return text;
}

TEST(AlbertConfig, LayersShareTheirWeights) {
  EXPECT_EQ(owners("{}"), "000000000000");
  EXPECT_EQ(owners(R"({"num_hidden_groups": null})"), "000000000000");
  EXPECT_EQ(owners(R"({"num_hidden_groups": 3})"), "000011112222");
  EXPECT_EQ(owners(R"({"num_hidden_groups": 2, "num_hidden_layers": 5})"), "00011");
  EXPECT_EQ(owners(R"({"num_hidden_groups": 5, "num_hidden_layers": 5})"), "01234");
}

TEST(AlbertConfig, TablesHaveAWidthOfTheirOwnAndALinear) {
  EXPECT_EQ(parse("{}")->embeddingWidth, 32);
  EXPECT_EQ(parse(R"({"embedding_size": null})")->embeddingWidth, 128);
  EXPECT_EQ(parse(R"({"embedding_size": 64})")->embeddingWidth, 64);
  EXPECT_EQ(parse("{}")->activation, Activation::GeluTanh);
  EXPECT_EQ(parse(R"({"hidden_act": "gelu"})")->activation, Activation::Gelu);
}

TEST(AlbertConfig, Refuses) {
  EXPECT_EQ(parse(R"({"embedding_size": 0})").error().code, 3);
  EXPECT_EQ(parse(R"({"inner_group_num": 2})").error().code, 4);
  EXPECT_EQ(parse(R"({"num_hidden_groups": 13})").error().message,
            "c.json: field 'num_hidden_groups': is more than num_hidden_layers, 12");
  EXPECT_EQ(parse(R"({"hidden_act": "mish"})").error().code, 4);
  EXPECT_EQ(parse(R"({"position_embedding_type": "relative_key"})").error().code, 4);
  EXPECT_EQ(parse(R"({"magic": 7})").error().code, 4);
}

TEST(AlbertConfig, TensorNames) {
  auto name = [](const char *ours) { return test::family("albert").huggingFace->tensors.translate(ours); };
  EXPECT_EQ(name("embed_project.bias"), "encoder.embedding_hidden_mapping_in.bias");
  EXPECT_EQ(name("layers.1.ffn.up.weight"), "encoder.albert_layer_groups.1.albert_layers.0.ffn.weight");
  EXPECT_EQ(name("layers.0.attn_norm.weight"),
            "encoder.albert_layer_groups.0.albert_layers.0.attention.LayerNorm.weight");
}
