// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whole imports of decoders whose files hold several matrices in one tensor, or whose numbers become part of others:
// what the params derive from, and what is missing, left over or of a wrong shape. What the modules compute is tested
// on the models of test/models, which are imported here with changes.
#include "dialects/lm/Lm.h"
#include "frontends/Import.h"
#include "test/unit/frontends/TemporaryFolder.h"
#include "test/unit/frontends/Variants.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"
#include <gtest/gtest.h>

using namespace lmopt;
using nlohmann::json;
using test::TemporaryFolder;

namespace {

class ImportDecoders : public testing::Test {
protected:
  /// A fixture with a patch to config.json, and tensors under other names: pairs of what is replaced by what (of equal
  /// length, so that the header keeps its size).
  Result<ImportedModel> import(const std::string &fixture, const char *patch = "{}",
                               std::pair<std::string, std::string> rename = {}) {
    std::string from = test::kModels + "/" + fixture;
    json config = json::parse(test::readBytes(from + "/config.json"));
    config.merge_patch(json::parse(patch));
    std::string weights = test::readBytes(from + "/model.safetensors");
    for (size_t at = 0; !rename.first.empty() && (at = weights.find(rename.first, at)) != weights.npos;)
      weights.replace(at, rename.first.size(), rename.second);
    folder.write("config.json", config.dump());
    folder.write("model.safetensors", weights);
    return importModel(folder / "", context);
  }

  std::string text(const std::string &fixture, const char *patch = "{}",
                   std::pair<std::string, std::string> rename = {}) {
    Result<ImportedModel> model = import(fixture, patch, std::move(rename));
    if (!model)
      return model.error().message;
    std::string result;
    llvm::raw_string_ostream stream(result);
    model->module->print(stream);
    return result;
  }

  void expectError(Result<ImportedModel> model, int code, const std::string &part) {
    ASSERT_FALSE(model) << part;
    EXPECT_EQ(model.error().code, code) << model.error().message;
    EXPECT_NE(model.error().message.find(part), std::string::npos) << model.error().message;
  }

  TemporaryFolder folder;
  mlir::MLIRContext context;
};

void expectHas(const std::string &text, const std::string &part) {
  EXPECT_NE(text.find(part), std::string::npos) << part << " is not in\n" << text;
}

} // namespace

TEST_F(ImportDecoders, Gpt2TurnsAndSplits) {
  std::string module = text("gpt2-tied");
  expectHas(module, "@layers.0.attn.k.weight : tensor<48x48xf32> = #lm.take_blocks<#lm.transpose<#lm.safetensors<");
  expectHas(module, "\"transformer.h.0.attn.c_attn.weight\", f16>>, size = 48, first = 1, step = 3>");
  expectHas(module, "@layers.1.ffn.down.weight : tensor<48x72xf32> = #lm.transpose<#lm.safetensors<");
  expectHas(module, "lm.add_positions");
  EXPECT_EQ(module.find("rope ="), module.npos);
}

/// The first checkpoints have no prefix, and say no such thing as a mask.
TEST_F(ImportDecoders, Gpt2WithoutPrefix) {
  // The same number of bytes: what is left of the prefix becomes blanks before the name's quotation mark.
  std::string module = text("gpt2-tied", "{}", {"\"transformer.", "            \""});
  expectHas(module, "\"h.0.attn.c_attn.weight\", f16>");
}

TEST_F(ImportDecoders, Gpt2Malformed) {
  expectError(import("gpt2-tied", R"({"n_inner": 80})"), 3,
              "tensor 'transformer.h.0.mlp.c_fc.weight': the configuration asks for the shape 48x80, found 48x72");
  expectError(import("gpt2-tied", R"({"n_positions": 64})"), 3, "'transformer.wpe.weight'");
  expectError(import("gpt2-tied", R"({"n_layer": 3})"), 3,
              "the tensor 'transformer.h.2.ln_1.weight' (48) that the configuration asks for is missing");
  expectError(import("gpt2-tied", R"({"n_layer": 1})"), 4, "is not part of this family");
  expectError(import("gpt2-tied", "{}", {"c_attn.bias", "d_attn.bias"}), 3, "c_attn.bias' (144)");
}

TEST_F(ImportDecoders, BloomGrowsWithPositions) {
  std::string module = text("bloom-tied");
  expectHas(module, "\"transformer.h.0.self_attention.query_key_value.weight\", f16>, size = 16, first = 1, step = 3>");
  expectHas(module, "mask = #lm.causal bias = #lm.alibi<slopes = [6.250000e-02, 3.906250e-03, 2.500000e-01]>}");
  expectHas(module, "attributes {lm.part = \"embed_norm\"");
  EXPECT_EQ(module.find("lm.add_positions"), module.npos);
  // The first checkpoints have no prefix.
  expectHas(text("bloom-tied", "{}", {"\"transformer.", "            \""}),
            "\"h.0.self_attention.dense.weight\", f16>");
  expectError(import("bloom-tied", R"({"hidden_size": 96})"), 3, "'transformer.word_embeddings.weight'");
}

/// Branches are added to what stands before norms, or behind.
TEST_F(ImportDecoders, BloomResiduals) {
  auto sumsOfNorms = [&](const char *patch) {
    Result<ImportedModel> model = import("bloom-tied", patch);
    int count = 0;
    model->module->walk([&](lm::AddOp sum) { count += sum.getLhs().getDefiningOp<lm::LayerNormOp>() != nullptr; });
    return count;
  };
  EXPECT_EQ(sumsOfNorms("{}"), 1); // that of the table, in the first layer
  EXPECT_EQ(sumsOfNorms(R"({"apply_residual_connection_post_layernorm": true})"), 4);
}

TEST_F(ImportDecoders, GptNeoxSplitsHeadByHead) {
  std::string module = text("gptneox-parallel");
  expectHas(module, "\"gpt_neox.layers.0.attention.query_key_value.bias\", f16>, size = 32, first = 2, step = 3>");
  expectHas(module, "rope = #lm.rope<base = 1.000000e+04, dims = 8, layout = half>");
  expectHas(text("gptneox-parallel", "{}", {"\"embed_out.weight\"", "\"lm_head.weight\"  "}), "\"lm_head.weight\"");
  expectError(import("gptneox-parallel", "{}", {"embed_out", "embed_oot"}), 3, "'embed_out.weight' (301x64)");
}

/// Where the residual is not parallel the feed-forward block reads what attention has made.
TEST_F(ImportDecoders, GptNeoxOrders) {
  auto normsOfSums = [&](const char *patch) {
    Result<ImportedModel> model = import("gptneox-parallel", patch);
    int count = 0;
    model->module->walk([&](lm::LayerNormOp norm) { count += norm.getInput().getDefiningOp<lm::AddOp>() != nullptr; });
    return count;
  };
  EXPECT_EQ(normsOfSums("{}"), 3);                                  // two of the second layer, the last one
  EXPECT_EQ(normsOfSums(R"({"use_parallel_residual": false})"), 4); // and the second one of either layer
}

TEST_F(ImportDecoders, OptDropsRowsOfPositions) {
  expectHas(text("opt-tied"), "@position.weight : tensor<128x48xf32> = #lm.drop_rows<#lm.safetensors<");
  std::string last = text("opt-norms-last");
  expectHas(last, "@head_project.weight : tensor<32x48xf32>");
  EXPECT_EQ(last.find("@final_norm"), last.npos);
  expectError(import("opt-tied", R"({"word_embed_proj_dim": 32})"), 3, "asks for the shape 301x32");
  expectError(import("opt-tied", R"({"_remove_final_layer_norm": true})"), 4, "is not part of this family");
  expectError(import("opt-tied", R"({"enable_bias": false})"), 4, "is not part of this family");
}

TEST_F(ImportDecoders, Phi3Splits) {
  std::string module = text("phi3-fused");
  expectHas(module, "@layers.0.attn.q.weight : tensor<64x64xf32> = #lm.concat_rows<[#lm.take_blocks<");
  expectHas(module, "size = 32, first = 1, step = 4>]>");
  expectHas(module, "@layers.0.attn.v.weight : tensor<32x64xf32> = #lm.take_blocks<");
  expectHas(module, "size = 32, first = 3, step = 4>");
  expectHas(module, "\"model.layers.1.mlp.gate_up_proj.weight\", f16>, size = 72, first = 1, step = 2>");
  expectError(import("phi3-fused", R"({"num_key_value_heads": 4})"), 3, "asks for the shape 192x64, found 128x64");
  expectError(import("phi3-fused", "{}", {"gate_up_proj", "gate_op_proj"}), 3, "gate_up_proj.weight' (144x64)");
}

TEST_F(ImportDecoders, Olmo2NormsBranches) {
  std::string module = text("olmo2-norms");
  expectHas(module, "@layers.0.attn.k_norm.weight : tensor<32xf32>");
  expectError(import("olmo2-norms", "{}", {"q_norm", "p_norm"}), 3, "self_attn.q_norm.weight' (64)");
}

/// The table takes e / r, the last norm 1 / l and where the head is the table r / e; an epsilon is divided by r^2.
TEST_F(ImportDecoders, GraniteFoldsMultipliers) {
  const char *powers = R"({"embedding_multiplier": 8, "residual_multiplier": 0.5, "attention_multiplier": 0.125,
    "logits_scaling": 4, "rms_norm_eps": 0.0625})";
  std::string module = text("granite-tied", powers);
  expectHas(module, "@embed.weight : tensor<301x64xf32> = #lm.scale<#lm.safetensors<");
  expectHas(module, "\"model.embed_tokens.weight\", f16>, 1.600000e+01>");
  expectHas(module, "\"model.norm.weight\", f16>, 1.562500e-02>"); // 1 / (4 * 16)
  expectHas(module, "{eps = 2.500000e-01}");
  expectHas(module, "scale = 1.250000e-01");
  std::string plain = text("granite-tied", R"({"embedding_multiplier": 1, "residual_multiplier": 1,
    "logits_scaling": 1})");
  EXPECT_EQ(plain.find("#lm.scale"), plain.npos) << plain;
}

TEST_F(ImportDecoders, SmolLm3LayersWithoutPositions) {
  Result<ImportedModel> model = import("smollm3-tied");
  ASSERT_TRUE(model) << model.error().message;
  std::vector<bool> turned;
  model->module->walk([&](lm::AttentionOp attention) { turned.push_back(bool(attention.getRopeAttr())); });
  EXPECT_EQ(turned, (std::vector<bool>{true, true, true, false}));
}

static std::vector<std::string> masks(ImportedModel &model) {
  std::vector<std::string> texts;
  model.module->walk(
      [&](lm::AttentionOp attention) { llvm::raw_string_ostream(texts.emplace_back()) << attention.getMask(); });
  return texts;
}

TEST_F(ImportDecoders, Windows) {
  Result<ImportedModel> all = import("mistral-window");
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(masks(*all), (std::vector<std::string>{"#lm.causal<window = 8>", "#lm.causal<window = 8>"}));
  Result<ImportedModel> some = import("qwen3-windows"); // from layer 1 on
  ASSERT_TRUE(some) << some.error().message;
  EXPECT_EQ(masks(*some), (std::vector<std::string>{"#lm.causal", "#lm.causal<window = 8>"}));
  Result<ImportedModel> none = import("mistral-window", R"({"max_position_embeddings": 8})");
  ASSERT_TRUE(none) << none.error().message; // no sequence is longer than the window
  EXPECT_EQ(masks(*none), (std::vector<std::string>{"#lm.causal", "#lm.causal"}));
}

TEST_F(ImportDecoders, Qwen3NormsHeads) {
  std::string module = text("qwen3-norms");
  expectHas(module, "@layers.0.attn.q_norm.weight : tensor<32xf32>");
  expectHas(module, "@layers.0.attn.q_norm.weight {eps = 1.000000e-05, heads = 2}");
  expectHas(module, "@layers.0.attn.k_norm.weight {eps = 1.000000e-05}"); // one head is all of the row
  expectError(import("qwen3-norms", "{}", {"k_norm", "p_norm"}), 3, "self_attn.k_norm.weight' (32)");
}

/// Weights of norms are the file's and 1; the table is multiplied by the root of the width.
TEST_F(ImportDecoders, GemmaScalesItsTable) {
  std::string module = text("gemma-tied");
  expectHas(module, "@layers.1.ffn_norm.weight : tensor<48xf32> = #lm.sum<#lm.safetensors<");
  expectHas(module, "dense<1.000000e+00> : tensor<48xf32>>");
  expectHas(module, "@embed.weight : tensor<301x48xf32> = #lm.scale<#lm.safetensors<");
  expectHas(module, "{kind = gelu_tanh}");
}

/// Where norms stand around branches, the stream is divided instead: the table stays as it is, with its codes.
TEST_F(ImportDecoders, Gemma2KeepsItsTable) {
  std::string module = text("gemma2-caps");
  expectHas(module, "@embed.weight : tensor<301x48xf32> = #lm.safetensors<");
  expectHas(module, "@layers.0.attn_norm.weight : tensor<48xf32> = #lm.sum<");
  expectHas(module, "@layers.0.attn_norm_behind.weight : tensor<48xf32> = #lm.scale<#lm.sum<");
  expectHas(module, "scale = 2.500000e-01 soft_cap = 3.000000e+00, mask = #lm.causal<window = 8>");
  expectHas(module, "lm.soft_cap %");
  expectHas(module, "{cap = 4.000000e+00}");
  expectError(import("gemma2-caps", "{}", {"pre_feedforward", "pro_feedforward"}), 3,
              "pre_feedforward_layernorm.weight' (48)");
}

TEST_F(ImportDecoders, Gemma3HasTwoKindsOfAngles) {
  std::string module = text("gemma3-windows");
  expectHas(module, "mask = #lm.causal<window = 5>, rope = #lm.rope<base = 1.000000e+03, dims = 16, layout = half>");
  expectHas(module, "mask = #lm.causal, rope = #lm.rope<base = 1.000000e+05, dims = 16, layout = half, scaling = ");
  EXPECT_EQ(module.find("lm.soft_cap"), module.npos);
}
