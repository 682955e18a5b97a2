// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Imports of checkpoints of the UltraFastBERT family: which ops and weights they become, and what is refused of
// tensors that do not fit. What the modules compute is tested on the models of test/models.
#include "frontends/Import.h"
#include "test/unit/frontends/CrammedCheckpoint.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"

using namespace lmopt;
using test::CrammedCheckpoint;

namespace {
struct ImportUltraFastBert : testing::Test {
  std::string text(const CrammedCheckpoint &checkpoint) {
    checkpoint.write(folder);
    Result<ImportedModel> model = importModel(folder.path(), context);
    EXPECT_TRUE(model) << model.error().message;
    std::string result;
    llvm::raw_string_ostream stream(result);
    if (model)
      model->module->print(stream);
    return result;
  }
  void expectError(const CrammedCheckpoint &checkpoint, int code, const std::string &part) {
    checkpoint.write(folder);
    Result<ImportedModel> model = importModel(folder.path(), context);
    ASSERT_FALSE(model) << part;
    EXPECT_EQ(model.error().code, code) << model.error().message;
    EXPECT_NE(model.error().message.find(part), std::string::npos) << model.error().message;
  }
  /// A checkpoint with one tensor of another shape; without one: missing.
  static CrammedCheckpoint changed(CrammedCheckpoint checkpoint, const std::string &name,
                                   std::vector<int64_t> shape = {}) {
    EXPECT_EQ(checkpoint.tensors.count(name), 1u) << name;
    if (shape.empty())
      checkpoint.tensors.erase(name);
    else
      checkpoint.tensors[name] = {shape};
    return checkpoint;
  }

  test::TemporaryFolder folder;
  mlir::MLIRContext context;
};

void expectHas(const std::string &text, const std::string &part) {
  EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}
} // namespace

TEST_F(ImportUltraFastBert, TreesOfNeurons) {
  std::string module = text(test::crammedWithNeurons());
  std::string leaf = "#lm.safetensors<\"" + (folder / "model.safetensors") + "\", \"";
  std::string fused = leaf + "layers.0.attn.self_attention.query_key_value.weight\", f32>, size = 2, ";
  expectHas(module, "@position.weight : tensor<8x4xf32> = #lm.sinusoids<" + leaf +
                        "embedding.pos_embedding.scale_factor\", f32>, rows = 8, columns = 4>");
  for (const char *part :
       {"q.weight : tensor<4x4xf32> = 0", "k.weight : tensor<4x4xf32> = 1", "v.weight : tensor<4x4xf32> = 2"}) {
    std::string start = part, number(1, start.back());
    start.pop_back();
    expectHas(module, "@layers.0.attn." + start + "#lm.take_blocks<" + fused + "first = " + number + ", step = 3>");
  }
  expectHas(module, "@layers.0.ffn.tree.values : tensor<6x4xf32> = #lm.transpose<" + leaf +
                        "layers.0.ffn.linear_out.weight\", f32>>");
  expectHas(module, "lm.neuron_tree %9, @layers.0.ffn.tree.weight bias @layers.0.ffn.tree.bias to "
                    "@layers.0.ffn.tree.values {kind = gelu, trees = 2} attributes {lm.part = \"layers.0.ffn.tree\"}");
  expectHas(module, "scale = 5.000000e-01, mask = #lm.full");
  expectHas(module, "architecture = \"ultrafastbert\"");
}

TEST_F(ImportUltraFastBert, TreeWithLeaves) {
  CrammedCheckpoint checkpoint = test::crammedWithLeaves();
  std::string module = text(checkpoint);
  std::string leaf = "#lm.safetensors<\"" + (folder / "model.safetensors") + "\", \"layers.0.ffn.";
  std::string part = "@layers.0.ffn.experts.";
  expectHas(module, part + "weight : tensor<6x4xf32> = #lm.reshape<#lm.transpose_each<" + leaf +
                        "w1s\", f32>>, shape = [6, 4]>");
  expectHas(module, part + "bias : tensor<6xf32> = #lm.reshape<" + leaf + "b1s\", f32>, shape = [6]>");
  expectHas(module, part + "values : tensor<6x4xf32> = #lm.reshape<" + leaf + "w2s\", f32>, shape = [6, 4]>");
  expectHas(module,
            "@layers.0.ffn.gates.bias : tensor<1xf32> = #lm.reshape<" + leaf + "node_biases\", f32>, shape = [1]>");
  expectHas(module, "@layers.0.ffn.gates.weight bias @layers.0.ffn.gates.bias {count = 1, tie_right}");
  expectHas(module,
            part + "weight bias " + part + "bias to " + part + "values bias " + part + "values_bias {kind = relu}");

  checkpoint.arch()["leaf_output_bias"] = false; // b2s is there all the same
  module = text(checkpoint);
  expectHas(module, part + "weight bias " + part + "bias to " + part + "values {kind = relu}");
  EXPECT_EQ(module.find("b2s"), std::string::npos);
}

TEST_F(ImportUltraFastBert, TensorsMustFitTheConfiguration) {
  const CrammedCheckpoint neurons = test::crammedWithNeurons(), leaves = test::crammedWithLeaves();
  const std::string ffn = "layers.0.ffn.";
  // Not P (2^(D+1) - 1) rows.
  expectError(changed(neurons, ffn + "linear_in.weight", {7, 4}), kErrorMalformed,
              "tensor 'layers.0.ffn.linear_in.weight': the configuration asks for the shape 6x4, found 7x4");
  expectError(changed(neurons, ffn + "linear_out.weight", {4, 7}), kErrorMalformed,
              "asks for the shape 4x6, found 4x7");
  expectError(changed(neurons, ffn + "linear_in.bias"), kErrorMalformed,
              "the tensor 'layers.0.ffn.linear_in.bias' (6) that the configuration asks for is missing");
  CrammedCheckpoint deeper = neurons;
  deeper.arch()["intermed_depth"] = 2;
  expectError(deeper, kErrorMalformed, "asks for the shape 14x4, found 6x4");
  expectError(changed(neurons, "layers.0.attn.self_attention.query_key_value.weight", {8, 4}), kErrorMalformed,
              "asks for the shape 12x4, found 8x4");
  expectError(changed(neurons, "embedding.pos_embedding.scale_factor"), kErrorMalformed,
              "the tensor 'embedding.pos_embedding.scale_factor' (1) that the configuration asks for is missing");
  expectError(changed(leaves, ffn + "w1s", {2, 3, 4}), kErrorMalformed, "asks for the shape 2x4x3, found 2x3x4");
  expectError(changed(leaves, ffn + "node_biases", {1}), kErrorMalformed, "asks for the shape 1x1, found 1");
  expectError(changed(leaves, ffn + "b2s"), kErrorMalformed, "'layers.0.ffn.b2s' (2x4)");
}

TEST_F(ImportUltraFastBert, RefusesTensorsThatItDoesNotKnow) {
  for (const char *name : {"layers.0.attn.dense.bias", "layers.0.ffn.linear_out.bias", "layers.0.ffn.dense_in.weight",
                           "pooler.dense.weight", "head.weight"}) {
    CrammedCheckpoint checkpoint = test::crammedWithNeurons();
    checkpoint.tensors[name] = {{4}};
    expectError(checkpoint, kErrorUnsupported, std::string("the tensor '") + name + "' is not part of this family");
  }
  CrammedCheckpoint counted = test::crammedWithLeaves();
  counted.tensors["layers.0.ffn.node_usage"] = {{1}};
  counted.tensors["layers.0.ffn.leaf_usage"] = {{2}};
  EXPECT_NE(text(counted), "");
}
