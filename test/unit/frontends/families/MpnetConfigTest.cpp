// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the MPNet family.
#include "frontends/families/bert/BertConfig.h"
#include "test/unit/frontends/Families.h"

using namespace lmopt;
using nlohmann::json;

static Result<BertConfig> parse(const char *patch) {
  json config = json::parse(R"({"architectures": ["MPNetModel"], "model_type": "mpnet", "vocab_size": 100,
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 8,
    "max_position_embeddings": 514, "relative_attention_num_buckets": 32})");
  config.merge_patch(json::parse(patch));
  return test::readAs<BertConfig>("mpnet", config);
}

TEST(MpnetConfig, PositionsBeginInRowTwo) {
  Result<BertConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->firstPosition, 2);
  EXPECT_EQ(config->maxPositions, 512);
  EXPECT_EQ(config->maxTokens, 512);
  EXPECT_EQ(config->tokenTypes, 0);
  EXPECT_EQ(config->distanceBuckets, 32);
  EXPECT_EQ(config->largestDistance, 128);
  EXPECT_EQ(config->normEps, 1e-12);
  EXPECT_EQ(parse(R"({"pad_token_id": 7})")->firstPosition, 2);
  EXPECT_EQ(parse(R"({"relative_attention_num_buckets": null})")->distanceBuckets, 32);
}

TEST(MpnetConfig, Refuses) {
  Result<BertConfig> buckets = parse(R"({"relative_attention_num_buckets": 64})");
  ASSERT_FALSE(buckets);
  EXPECT_EQ(buckets.error().code, 4);
  EXPECT_NE(buckets.error().message.find("'relative_attention_num_buckets'"), std::string::npos)
      << buckets.error().message;
  EXPECT_EQ(parse(R"({"max_position_embeddings": 2})").error().message,
            "c.json: field 'max_position_embeddings': leaves no position behind the first two rows");
  EXPECT_EQ(parse(R"({"is_decoder": true})").error().code, 4);
  EXPECT_EQ(parse(R"({"num_attention_heads": 7})").error().code, 3);
}
