// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the XLM-R family.
#include "frontends/families/bert/BertConfig.h"
#include "frontends/huggingface/Architecture.h"
#include "test/unit/frontends/Families.h"

using namespace lmopt;
using nlohmann::json;

static Result<BertConfig> parse(const char *patch) {
  json config = json::parse(R"({"architectures": ["XLMRobertaModel"], "model_type": "xlm-roberta", "vocab_size": 100,
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 8, "output_past": true,
    "max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5, "pad_token_id": 1})");
  config.merge_patch(json::parse(patch));
  return test::readAs<BertConfig>("xlmroberta", config);
}

TEST(XlmRobertaConfig, IsRobertas) {
  Result<BertConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->firstPosition, 2);
  EXPECT_EQ(config->maxPositions, 512);
  EXPECT_EQ(parse(R"({"magic": 7})").error().code, 4);
  EXPECT_EQ(parse(R"({"architectures": ["XLMRobertaForMaskedLM"]})")->head->task, "masked_lm");
  const HuggingFaceForm &form = *test::family("xlmroberta").huggingFace;
  EXPECT_STREQ(form.prefix, "roberta.");
  EXPECT_EQ(form.tensors.translate("layers.1.attn.o.weight"), "encoder.layer.1.attention.output.dense.weight");
}

TEST(XlmRobertaConfig, EveryHeadHasAClass) {
  for (const HeadForm &head : test::family("xlmroberta").huggingFace->heads)
    EXPECT_EQ(std::string(head.architecture).rfind("XLMRobertaFor", 0), 0u) << head.architecture;
}

TEST(XlmRobertaConfig, TheLargerOneIsAnotherModel) {
  EXPECT_EQ(detectFamily({{"model_type", "xlm-roberta-xl"}}, "c.json").error().code, 4);
}
