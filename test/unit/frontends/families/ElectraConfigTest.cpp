// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the ELECTRA family.
#include "frontends/families/bert/BertConfig.h"
#include "test/unit/frontends/Families.h"

using namespace lmopt;
using nlohmann::json;

static Result<BertConfig> parse(const char *patch) {
  json config = json::parse(R"({"architectures": ["ElectraModel"], "model_type": "electra", "vocab_size": 100,
    "embedding_size": 32, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 8,
    "max_position_embeddings": 512, "summary_type": "first"})");
  config.merge_patch(json::parse(patch));
  return test::readAs<BertConfig>("electra", config);
}

TEST(ElectraConfig, TablesHaveAWidthOfTheirOwn) {
  Result<BertConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->width, 64);
  EXPECT_EQ(config->embeddingWidth, 32);
  EXPECT_EQ(config->maxTokens, 512);
  EXPECT_EQ(config->firstPosition, 0);
  EXPECT_EQ(config->tokenTypes, 2);
  EXPECT_EQ(parse(R"({"embedding_size": null})")->embeddingWidth, 128);
  EXPECT_EQ(parse(R"({"embedding_size": 64})")->embeddingWidth, 0); // no linear then
}

TEST(ElectraConfig, Refuses) {
  EXPECT_EQ(parse(R"({"embedding_size": 0})").error().code, 3);
  EXPECT_EQ(parse(R"({"hidden_act": "mish"})").error().code, 4);
  EXPECT_EQ(parse(R"({"magic": 7})").error().code, 4);
}

TEST(ElectraConfig, TensorNames) {
  auto name = [](const char *ours) { return test::family("electra").huggingFace->tensors.translate(ours); };
  EXPECT_EQ(name("embed_project.weight"), "embeddings_project.weight");
  EXPECT_EQ(name("layers.1.attn.o.weight"), "encoder.layer.1.attention.output.dense.weight");
}
