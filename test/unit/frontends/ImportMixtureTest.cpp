// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Imports of mixtures of experts: which weights the experts' tensors become, each way in which files hold them, and
// what is missing, left over or of a wrong shape. What the modules compute is tested on the models of test/models,
// which are imported here with changes.
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

class ImportMixture : public testing::Test {
protected:
  /// A fixture with a patch to config.json, and a part of the names of its tensors replaced by one of equal length.
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

  std::string text(Result<ImportedModel> model) {
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

size_t count(const std::string &text, const std::string &part) {
  size_t found = 0;
  for (size_t at = 0; (at = text.find(part, at)) != text.npos; ++at)
    ++found;
  return found;
}

} // namespace

/// Neuron n of expert e is row e H + n of all three matrices.
TEST_F(ImportMixture, ATensorForEachExpert) {
  std::string module = text(import("mixtral-experts"));
  expectHas(module, "@layers.0.ffn.router.weight : tensor<4x64xf32> = #lm.safetensors<");
  expectHas(module, "\"model.layers.0.block_sparse_moe.gate.weight\", f16>");
  expectHas(module, "@layers.0.ffn.experts.weight : tensor<128x64xf32> = #lm.concat_rows<[#lm.safetensors<");
  expectHas(module, "@layers.1.ffn.experts.values : tensor<128x64xf32> = #lm.concat_rows<[#lm.transpose<");
  size_t first = module.find("block_sparse_moe.experts.0.w3.weight"),
         last = module.find("block_sparse_moe.experts.3.w3.weight");
  EXPECT_LT(first, last);
  EXPECT_EQ(count(module, "block_sparse_moe.experts."), 2u * 3 * 4); // each tensor once
  expectHas(module, "lm.top_gates %");
  expectHas(module, "{count = 2, softmax = \"chosen\"} attributes {lm.part = \"layers.0.ffn.gates\"}");
  expectHas(module, "@layers.0.ffn.experts.weight times @layers.0.ffn.experts.up to @layers.0.ffn.experts.values {kind "
                    "= silu} attributes {lm.part = \"layers.0.ffn.experts\"}");
}

/// As transformers 5 has them in memory.
TEST_F(ImportMixture, Stacks) {
  std::string module = text(import("mixtral-stacked"));
  expectHas(module, "@layers.0.ffn.experts.weight : tensor<100x48xf32> = #lm.take_blocks<#lm.reshape<#lm.safetensors<");
  expectHas(module, "\"model.layers.0.mlp.experts.gate_up_proj\", f16>, shape = [200, 48]>, size = 20, first = 0, "
                    "step = 2>");
  expectHas(module, "shape = [200, 48]>, size = 20, first = 1, step = 2>");
  expectHas(module, "@layers.0.ffn.experts.values : tensor<100x48xf32> = #lm.reshape<#lm.transpose_each<");
  expectHas(module, "{count = 3, softmax = \"chosen\"}");
}

TEST_F(ImportMixture, StacksOfGguf) {
  std::string module = text(importModel(test::kModels + "/gguf/mixtral/model.gguf", context));
  expectHas(module, "@layers.0.ffn.experts.up : tensor<128x64xf32> = #lm.reshape<#lm.gguf<");
  expectHas(module, "\"blk.0.ffn_up_exps.weight\", f16>, shape = [128, 64]>");
  expectHas(module, "@layers.0.ffn.experts.values : tensor<128x64xf32> = #lm.reshape<#lm.transpose_each<#lm.gguf<");
  std::string each = text(importModel(test::kModels + "/gguf/mixtral-blocks/model.gguf", context));
  expectHas(each, "@layers.0.ffn.experts.weight : tensor<128x64xf32> = #lm.concat_rows<[#lm.gguf<");
  expectHas(each, "\"blk.0.ffn_gate.3.weight\", q8_0>]>");
}

TEST_F(ImportMixture, GatesAndDenseLayers) {
  std::string module = text(import("qwen3moe-dense"));
  expectHas(module, "@layers.0.ffn.gate.weight : tensor<72x48xf32>");
  EXPECT_EQ(module.find("@layers.0.ffn.router"), module.npos);
  expectHas(module, "@layers.1.ffn.experts.weight : tensor<144x48xf32>");
  expectHas(module, "{count = 2, softmax = \"all\"}");
  expectHas(text(import("olmoe-shares")), "{count = 2, softmax = \"all\"}");
  expectHas(text(import("olmoe-shares", R"({"norm_topk_prob": true})")), "{count = 2, softmax = \"chosen\"}");
}

TEST_F(ImportMixture, Malformed) {
  expectError(import("mixtral-experts", R"({"num_local_experts": 5})"), 3, "asks for the shape 5x64, found 4x64");
  expectError(
      import("mixtral-experts", R"({"intermediate_size": 40})"), 3,
      "tensor 'model.layers.0.block_sparse_moe.experts.0.w1.weight': the configuration asks for the shape 40x64, "
      "found 32x64");
  expectError(import("mixtral-experts", "{}", {"experts.2.w2", "experts.9.w2"}), 3,
              "'model.layers.0.block_sparse_moe.experts.2.w2.weight' (64x32)");
  expectError(import("mixtral-stacked", R"({"intermediate_size": 24})"), 3,
              "tensor 'model.layers.0.mlp.experts.gate_up_proj': the configuration asks for the shape 5x48x48, found "
              "5x40x48");
  expectError(import("mixtral-experts", "{}", {"block_sparse_moe.gate", "block_sparse_moe.bate"}), 3,
              "'model.layers.0.mlp.gate.weight' (4x64)");
  expectError(import("qwen3moe-dense", R"({"mlp_only_layers": []})"), 3, "'model.layers.0.mlp.gate.weight' (6x48)");
  expectError(import("qwen3moe-dense", R"({"mlp_only_layers": [0, 1]})"), 3,
              "'model.layers.1.mlp.gate_proj.weight' (72x48)");
}
