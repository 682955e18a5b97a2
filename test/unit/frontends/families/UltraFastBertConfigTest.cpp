// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the UltraFastBERT family, which keeps its settings in objects.
#include "frontends/families/ultrafastbert/UltraFastBertConfig.h"
#include "test/unit/frontends/CrammedCheckpoint.h"
#include "test/unit/frontends/Families.h"

using namespace lmopt;
using nlohmann::json;

/// Two trees of three neurons, with changes to `arch`.
static Result<UltraFastBertConfig> parse(const char *patch, json config = test::crammedWithNeurons().config) {
  config["arch"].merge_patch(json::parse(patch));
  return test::readAs<UltraFastBertConfig>("ultrafastbert", config);
}

static Result<UltraFastBertConfig> parseLeaves(const char *patch) {
  return parse(patch, test::crammedWithLeaves().config);
}

static std::string message(const char *patch) {
  Result<UltraFastBertConfig> config = parse(patch);
  return config ? "accepted" : config.error().message;
}

TEST(UltraFastBertConfig, Sizes) {
  Result<UltraFastBertConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->vocabulary, 5);
  EXPECT_EQ(config->width, 4);
  EXPECT_EQ(config->layers, 1);
  EXPECT_EQ(config->heads, 2);
  EXPECT_EQ(config->maxPositions, 8);
  EXPECT_EQ(config->maxTokens, 8);
  EXPECT_EQ(config->normEps, 1e-12);
  EXPECT_EQ(config->poolings, std::vector<Pooling>{Pooling::Mean});
  EXPECT_FALSE(config->normalize);
  ASSERT_EQ(config->attentionScales.size(), 1u);
  EXPECT_DOUBLE_EQ(config->attentionScales[0], 1 / std::sqrt(2.0));
}

TEST(UltraFastBertConfig, TreesOfNeurons) {
  Result<UltraFastBertConfig> config = parse("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->tree, TreeKind::Neurons);
  EXPECT_EQ(config->trees, 2);
  EXPECT_EQ(config->depth, 1);
  EXPECT_EQ(config->neurons(), 6);
  EXPECT_EQ(config->activation, Activation::Gelu);
  // The released model, 1x11, and the other layout of the paper, 128x4.
  EXPECT_EQ(parse(R"({"intermed_size": 1, "intermed_depth": 11})")->neurons(), 4095);
  EXPECT_EQ(parse(R"({"intermed_size": 128, "intermed_depth": 4})")->neurons(), 3968);
  EXPECT_EQ(parse(R"({"intermed_depth": 0})")->neurons(), 2);
  EXPECT_EQ(parse(R"({"nonlin": "SiLU"})")->activation, Activation::Silu);
}

TEST(UltraFastBertConfig, TreeWithLeaves) {
  Result<UltraFastBertConfig> config = parseLeaves("{}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->tree, TreeKind::Leaves);
  EXPECT_EQ(config->depth, 1);
  EXPECT_EQ(config->leaves(), 2);
  EXPECT_EQ(config->leafWidth, 3);
  EXPECT_EQ(config->activation, Activation::Relu);
  EXPECT_TRUE(config->leafBias);
  EXPECT_FALSE(parseLeaves(R"({"leaf_output_bias": false})")->leafBias);
  EXPECT_TRUE(parseLeaves(R"({"region_leak": 0.7, "train_hardened": true, "usage_mode": "soft", "dropout": 0.5})"));
  EXPECT_EQ(parseLeaves(R"({"intermed_depth": 0})").error().code, 3); // eval_forward has no leaf to go to
}

TEST(UltraFastBertConfig, RefusesWhatIsAnotherModel) {
  EXPECT_EQ(message(R"({"intermed_type": "ff"})"), "c.json: field 'arch.intermed_type': 'ff' is not supported; "
                                                   "supported are 'fff' and 'fastfeedforward'");
  EXPECT_EQ(message(R"({"intermed_type": null})"), message(R"({"intermed_type": "ff"})")); // what the class takes then
  EXPECT_EQ(message(R"({"nonlin": "GELUglu"})"),
            "c.json: field 'arch.nonlin': 'GELUglu' is not supported; supported are GELU, ReLU, SiLU");
  for (const char *other :
       {R"({"intermed_type": "ff"})", R"({"nonlin": "GELUglu"})", R"({"use_bias": true})", R"({"norm": "RMSNorm"})",
        R"({"final_norm": false})", R"({"magic": 7})", R"({"embedding": {"magic": 7}})",
        R"({"attention": {"magic": 7}})", R"({"embedding": {"pos_embedding": "learned"}})",
        R"({"embedding": {"normalization": false}})", R"({"attention": {"type": "pytorch"}})",
        R"({"attention": {"qkv_bias": true}})", R"({"attention": {"rotary_embedding": "v2"}})",
        R"({"attention": {"causal_attention": true}})", R"({"attention": {"sequence_op": "torch-norm"}})"}) {
    Result<UltraFastBertConfig> config = parse(other);
    ASSERT_FALSE(config) << other;
    EXPECT_EQ(config.error().code, kErrorUnsupported) << config.error().message;
  }
  EXPECT_NE(message(R"({"attention": {"magic": 7}})").find("'arch.attention.magic'"), std::string::npos);
}

TEST(UltraFastBertConfig, RefusesWhatCannotBe) {
  EXPECT_EQ(message(R"({"attention": {"num_attention_heads": 3}})"),
            "c.json: field 'arch.attention.num_attention_heads': does not divide hidden_size");
  EXPECT_EQ(message(R"({"embedding": {"embedding_dim": 6}})"),
            "c.json: field 'arch.embedding.embedding_dim': must be hidden_size, 4");
  EXPECT_EQ(message(R"({"embedding": {"pos_embedding": null}})"),
            "c.json: field 'arch.embedding.pos_embedding': is missing");
  EXPECT_EQ(message(R"({"hidden_size": 5})"),
            "c.json: field 'arch.hidden_size': must be even: half of a position are sines, half cosines");
  for (const char *odd :
       {R"({"intermed_depth": 21})", R"({"intermed_depth": -1})", R"({"intermed_depth": null})",
        R"({"intermed_size": 0})", R"({"norm_eps": null})", R"({"norm": null})", R"({"embedding": null})",
        R"({"attention": "x"})", R"({"embedding": {"max_seq_length": 67108865}})",
        R"({"hidden_size": 1048576, "embedding": {"embedding_dim": 1048576, "max_seq_length": 512}})"}) {
    Result<UltraFastBertConfig> config = parse(odd);
    ASSERT_FALSE(config) << odd;
    EXPECT_EQ(config.error().code, kErrorMalformed) << config.error().message;
  }
}

TEST(UltraFastBertConfig, TensorNames) {
  auto name = [](const char *ours) { return test::family("ultrafastbert").huggingFace->tensors.translate(ours); };
  EXPECT_EQ(name("embed.weight"), "embedding.word_embedding.weight");
  EXPECT_EQ(name("position.scale_factor"), "embedding.pos_embedding.scale_factor");
  EXPECT_EQ(name("layers.1.attn.qkv.weight"), "layers.1.attn.self_attention.query_key_value.weight");
  EXPECT_EQ(name("layers.11.ffn_norm.bias"), "layers.11.norm2.bias");
  EXPECT_EQ(name("layers.0.ffn.tree.weight"), "layers.0.ffn.linear_in.weight");
  EXPECT_EQ(name("layers.0.ffn.node_weights"), "layers.0.ffn.node_weights");
  EXPECT_EQ(name("final_norm.weight"), "final_norm.weight");
}
