// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the RoBERTa family.
#include "frontends/families/bert/BertConfig.h"
#include "frontends/huggingface/Architecture.h"
#include "test/unit/frontends/Families.h"

using namespace lmopt;
using nlohmann::json;

static Result<BertConfig> parse(const char *patch) {
  json config = json::parse(R"({"architectures": ["RobertaModel"], "model_type": "roberta", "vocab_size": 100,
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 8,
    "max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5, "pad_token_id": 1})");
  config.merge_patch(json::parse(patch));
  return test::readAs<BertConfig>("roberta", config);
}

TEST(RobertaConfig, PositionsBeginBehindThePaddingToken) {
  Result<BertConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->firstPosition, 2);
  EXPECT_EQ(config->maxPositions, 512);
  EXPECT_EQ(config->maxTokens, 512);
  EXPECT_EQ(config->tokenTypes, 1);
  EXPECT_EQ(parse(R"({"pad_token_id": null})")->firstPosition, 2);
  EXPECT_EQ(parse(R"({"pad_token_id": 0})")->maxPositions, 513);
}

TEST(RobertaConfig, Refuses) {
  EXPECT_EQ(parse(R"({"pad_token_id": 513})").error().message,
            "c.json: field 'max_position_embeddings': leaves no position behind that of pad_token_id, 513");
  EXPECT_EQ(parse(R"({"pad_token_id": -1})").error().code, 3);
  EXPECT_EQ(parse(R"({"is_decoder": true})").error().code, 4);
  EXPECT_EQ(parse(R"({"num_attention_heads": 7})").error().message,
            "c.json: field 'num_attention_heads': does not divide hidden_size");
}

/// Their tokenizers or layers are others, so that they are not said to be RoBERTa either.
TEST(RobertaConfig, OthersOfItsKindAreNotIt) {
  for (const char *type : {"camembert", "roberta-prelayernorm"}) {
    std::string message = detectFamily({{"model_type", type}}, "c.json").error().message;
    EXPECT_NE(message.find("model_type '" + std::string(type) + "' is not supported"), std::string::npos) << message;
  }
}
