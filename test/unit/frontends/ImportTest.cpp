// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whole imports: files and directories in, modules out; what is missing, left over or of a wrong shape; writing an
// imported model and reading it again. What the modules compute is tested on the models of test/models.
#include "frontends/Import.h"
#include "dialects/lm/Lm.h"
#include "files/safetensors/Safetensors.h"
#include "test/unit/frontends/GgufBytes.h"
#include "test/unit/frontends/TemporaryFolder.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace lmopt;
using nlohmann::json;
using test::GgufBytes;
using test::TemporaryFolder;

namespace {
using Tensors = std::vector<SafetensorsWriter::Tensor>;

class Import : public testing::Test {
protected:
  Result<ImportedModel> import(const std::string &name) { return importModel(folder / name, context); }

  std::string text(ImportedModel &model) {
    std::string result;
    llvm::raw_string_ostream stream(result);
    model.module->print(stream);
    return result;
  }
  static bool contains(const std::string &text, const std::string &part) {
    return text.find(part) != std::string::npos;
  }
  void expectError(const std::string &name, int code, const std::string &part) {
    Result<ImportedModel> model = import(name);
    ASSERT_FALSE(model) << part;
    EXPECT_EQ(model.error().code, code) << model.error().message;
    EXPECT_TRUE(contains(model.error().message, part)) << model.error().message;
  }

  /// A file with these tensors: of zeros, but of ones where numbers must be positive (greatest magnitudes).
  void writeWeights(const std::string &name, const Tensors &tensors) {
    Result<SafetensorsWriter> writer = SafetensorsWriter::create(folder / name, tensors);
    ASSERT_TRUE(writer) << writer.error().message;
    for (const SafetensorsWriter::Tensor &tensor : tensors) {
      size_t size = safetensorsType(tensor.type)->bytes;
      for (int64_t dim : tensor.shape)
        size *= dim;
      std::string data(size, '\0');
      if (llvm::StringRef(tensor.name).ends_with("_amax"))
        for (size_t i = 0; i < size; i += 4)
          data.replace(i, 4, "\0\0\x80\x3f", 4);
      ASSERT_TRUE(writer->append(data.data(), size));
    }
    ASSERT_TRUE(writer->finish());
  }

  TemporaryFolder folder;
  mlir::MLIRContext context;
};

json llamaJson() {
  return json::parse(R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 5,
    "hidden_size": 4, "intermediate_size": 6, "num_hidden_layers": 1, "num_attention_heads": 2,
    "num_key_value_heads": 1, "max_position_embeddings": 16, "_name_or_path": "tiny"})");
}
Tensors llamaTensors() {
  std::string layer = "model.layers.0.";
  return {{"model.embed_tokens.weight", "BF16", {5, 4}},
          {"lm_head.weight", "F32", {5, 4}},
          {"model.norm.weight", "F32", {4}},
          {layer + "input_layernorm.weight", "F32", {4}},
          {layer + "post_attention_layernorm.weight", "F32", {4}},
          {layer + "self_attn.q_proj.weight", "F16", {4, 4}},
          {layer + "self_attn.k_proj.weight", "F16", {2, 4}},
          {layer + "self_attn.v_proj.weight", "F16", {2, 4}},
          {layer + "self_attn.o_proj.weight", "F16", {4, 4}},
          {layer + "mlp.gate_proj.weight", "F32", {6, 4}},
          {layer + "mlp.up_proj.weight", "F32", {6, 4}},
          {layer + "mlp.down_proj.weight", "F32", {4, 6}}};
}

json bertJson() {
  return json::parse(R"({"architectures": ["BertModel"], "model_type": "bert", "vocab_size": 5, "hidden_size": 4,
    "intermediate_size": 6, "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 16})");
}
Tensors bertTensors(const std::string &prefix = "", const std::string &gamma = "weight",
                    const std::string &beta = "bias") {
  Tensors tensors = {{"embeddings.word_embeddings.weight", "F32", {5, 4}},
                     {"embeddings.position_embeddings.weight", "F32", {16, 4}},
                     {"embeddings.token_type_embeddings.weight", "F32", {2, 4}},
                     {"embeddings.position_ids", "I64", {1, 16}},
                     {"pooler.dense.weight", "F32", {4, 4}}};
  for (const char *norm : {"embeddings.", "encoder.layer.0.attention.output.", "encoder.layer.0.output."}) {
    tensors.push_back({norm + ("LayerNorm." + gamma), "F32", {4}});
    tensors.push_back({norm + ("LayerNorm." + beta), "F32", {4}});
  }
  const std::pair<const char *, std::vector<int64_t>> matrices[] = {
      {"attention.self.query", {4, 4}},   {"attention.self.key", {4, 4}}, {"attention.self.value", {4, 4}},
      {"attention.output.dense", {4, 4}}, {"intermediate.dense", {6, 4}}, {"output.dense", {4, 6}}};
  for (auto &[name, shape] : matrices) {
    tensors.push_back({"encoder.layer.0." + std::string(name) + ".weight", "F32", shape});
    tensors.push_back({"encoder.layer.0." + std::string(name) + ".bias", "F32", {shape[0]}});
  }
  for (SafetensorsWriter::Tensor &tensor : tensors)
    tensor.name = prefix + tensor.name;
  return tensors;
}
} // namespace

TEST_F(Import, GgufLlama) {
  folder.write("m.gguf", test::tinyLlama().finish(test::kTinyLlamaData));
  Result<ImportedModel> model = import("m.gguf");
  ASSERT_TRUE(model) << model.error().message;
  std::string module = text(*model);
  std::string path = folder / "m.gguf";
  EXPECT_TRUE(contains(module, "lm.param @embed.weight : tensor<5x4xf32> = #lm.gguf<\"" + path +
                                   "\", \"token_embd.weight\", f32>"));
  EXPECT_TRUE(contains(module, "func.func @forward(%arg0: tensor<?x?xi32>, %arg1: !lm.cache) -> (tensor<?x?x5xf32>, "
                               "!lm.cache)"));
  EXPECT_TRUE(contains(module, "{layer = 0, heads = 2, kv_heads = 1, scale = 0.70710678118654746, mask = #lm.causal, "
                               "rope = #lm.rope<base = 1.000000e+04, dims = 2, layout = interleaved>}"));
  EXPECT_TRUE(contains(
      module,
      ", @embed.weight attributes {lm.part = \"head\"} : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>")); // the tied head
  EXPECT_FALSE(contains(module, "@head.weight"));
  EXPECT_TRUE(contains(module, "architecture = \"llama\", max_positions = 16 : i64"));
  EXPECT_TRUE(contains(module, "name = \"m.gguf\", size = "));
  EXPECT_EQ(model->tokenizerBlob, "");
  EXPECT_EQ(model->chatTemplate, "");
}

TEST_F(Import, OpsCarryTheNamesOfTheirParts) {
  folder.write("m.gguf", test::tinyLlama().finish(test::kTinyLlamaData));
  Result<ImportedModel> model = import("m.gguf");
  ASSERT_TRUE(model);
  std::vector<std::string> names;
  model->module->walk([&](lm::LinearOp op) { names.push_back(lm::getPartName(op).str()); });
  EXPECT_EQ(names, (std::vector<std::string>{"layers.0.attn.q", "layers.0.attn.k", "layers.0.attn.v", "layers.0.attn.o",
                                             "layers.0.ffn.gate", "layers.0.ffn.up", "layers.0.ffn.down", "head"}));
}

TEST_F(Import, HuggingFaceLlama) {
  folder.write("config.json", llamaJson().dump());
  writeWeights("model.safetensors", llamaTensors());
  Result<ImportedModel> model = import("");
  ASSERT_TRUE(model) << model.error().message;
  std::string module = text(*model);
  EXPECT_TRUE(contains(module, "\"model.embed_tokens.weight\", bf16>"));
  EXPECT_TRUE(contains(module, "\"model.layers.0.self_attn.q_proj.weight\", f16>"));
  EXPECT_TRUE(contains(module, "@head.weight : tensor<5x4xf32>"));
  EXPECT_TRUE(contains(module, "layout = half>"));
  EXPECT_TRUE(contains(module, "name = \"tiny\""));
}

TEST_F(Import, HuggingFaceLlamaOptions) {
  json config = llamaJson();
  config["tie_word_embeddings"] = true; // and lm_head.weight is repeated in the file
  config["attention_bias"] = config["mlp_bias"] = true;
  config["rope_scaling"] = {{"rope_type", "llama3"},
                            {"factor", 8.0},
                            {"low_freq_factor", 1.0},
                            {"high_freq_factor", 4.0},
                            {"original_max_position_embeddings", 8}};
  folder.write("config.json", config.dump());
  Tensors tensors = llamaTensors();
  for (size_t i = 5; i < 12; ++i) // the seven matrices of the layer
    tensors.push_back({tensors[i].name.substr(0, tensors[i].name.rfind('.')) + ".bias", "F32", {tensors[i].shape[0]}});
  tensors.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq", "F32", {1}});
  writeWeights("model.safetensors", tensors);
  Result<ImportedModel> model = import("");
  ASSERT_TRUE(model) << model.error().message;
  std::string module = text(*model);
  EXPECT_FALSE(contains(module, "@head.weight"));
  for (const char *part : {"attn.q", "attn.k", "attn.v", "attn.o", "ffn.gate", "ffn.up", "ffn.down"})
    EXPECT_TRUE(contains(module, std::string("@layers.0.") + part + ".weight bias @layers.0." + part + ".bias"))
        << part;
  EXPECT_TRUE(contains(module, "scaling = #lm.rope_scaling<llama3, factor = 8.000000e+00, original_positions = 8>"));
}

TEST_F(Import, HuggingFaceBert) {
  for (auto [prefix, gamma, beta] : {std::tuple("", "weight", "bias"), std::tuple("bert.", "gamma", "beta")}) {
    folder.write("config.json", bertJson().dump());
    writeWeights("model.safetensors", bertTensors(prefix, gamma, beta));
    Result<ImportedModel> model = import("");
    ASSERT_TRUE(model) << model.error().message;
    std::string module = text(*model);
    EXPECT_TRUE(contains(module, "@token_type.weight : tensor<4xf32> = #lm.row<#lm.safetensors<"));
    EXPECT_TRUE(contains(module, "func.func @encode(%arg0: tensor<?x?xi32>, %arg1: tensor<?xi32>) -> tensor<?x4xf32>"));
    EXPECT_TRUE(contains(module, "lm.pool"));
    EXPECT_TRUE(contains(module, "{kind = mean}"));
    EXPECT_FALSE(contains(module, "lm.l2_normalize"));
    EXPECT_TRUE(contains(module, "max_tokens = 16 : i64"));
  }
}

TEST_F(Import, SentenceTransformers) {
  folder.write("modules.json", R"([{"path": "", "type": "sentence_transformers.models.Transformer"},
                                   {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
                                   {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}])");
  folder.write("1_Pooling/config.json", R"({"pooling_mode_cls_token": true})");
  folder.write("sentence_bert_config.json", R"({"max_seq_length": 12})");
  folder.write("config.json", bertJson().dump());
  writeWeights("model.safetensors", bertTensors());
  Result<ImportedModel> model = import("");
  ASSERT_TRUE(model) << model.error().message;
  std::string module = text(*model);
  EXPECT_TRUE(contains(module, "{kind = cls}"));
  EXPECT_TRUE(contains(module, "lm.l2_normalize"));
  EXPECT_TRUE(contains(module, "max_tokens = 12 : i64"));
}

TEST_F(Import, TensorsMustFitTheConfiguration) {
  folder.write("config.json", llamaJson().dump());
  Tensors tensors = llamaTensors();
  SafetensorsWriter::Tensor last = tensors.back();
  tensors.pop_back();
  writeWeights("model.safetensors", tensors);
  expectError("", 3,
              "model.safetensors: the tensor 'model.layers.0.mlp.down_proj.weight' (4x6) that the configuration asks "
              "for is missing");
  tensors.push_back({last.name, "F32", {6, 4}});
  writeWeights("model.safetensors", tensors);
  expectError("", 3,
              "tensor 'model.layers.0.mlp.down_proj.weight': the configuration asks for the shape 4x6, found 6x4");
  tensors.back() = {last.name, "I8", {4, 6}};
  writeWeights("model.safetensors", tensors);
  expectError("", 4, "has dtype I8, which is not supported; supported are F32, F16, BF16");
  tensors.back() = last;
  tensors.push_back({"model.layers.0.self_attn.q_norm.weight", "F32", {2}});
  writeWeights("model.safetensors", tensors);
  expectError("", 4, "the tensor 'model.layers.0.self_attn.q_norm.weight' is not part of this family");
}

TEST_F(Import, RangesOfTraining) {
  folder.write("config.json", llamaJson().dump());
  Tensors tensors = llamaTensors();
  const std::string layer = "model.layers.0.self_attn.";
  for (const char *part : {"q_proj", "k_proj", "v_proj"})
    tensors.push_back({layer + part + "._input_quantizer._amax", "F32", {}});
  tensors.push_back({layer + "q_proj._weight_quantizer._amax", "F32", {4, 1}});
  tensors.push_back({layer + "k_proj._weight_quantizer._amax", "F32", {}});
  tensors.push_back({"lm_head.input_quantizer._amax", "F32", {}});
  writeWeights("model.safetensors", tensors);
  Result<ImportedModel> model = import("");
  ASSERT_TRUE(model) << model.error().message;
  std::string module = text(*model);
  EXPECT_TRUE(contains(module, "@layers.0.attn.q.weight : tensor<4x4xf32> = #lm.fake_quantize<#lm.safetensors<"));
  EXPECT_TRUE(contains(module, "q_proj._weight_quantizer._amax\", f32>, steps = 127, least = -128>"));
  EXPECT_TRUE(
      contains(module, "ranges = dense<1.000000e+00> : tensor<1xf32>, steps = 127, least = -128> exactness <trained>"));
  std::string fake = "lm.fake_quantize %"; // one for the three that read it, one for the head
  size_t first = module.find(fake), second = module.find(fake, first + 1);
  EXPECT_NE(second, std::string::npos);
  EXPECT_EQ(module.find(fake, second + 1), std::string::npos);
  EXPECT_TRUE(contains(module, "lm.part = \"head.input\""));
}

TEST_F(Import, RefusesRangesThatItDoesNotApply) {
  auto expectRefusal = [&](bool tied, const std::string &tensor, std::vector<int64_t> shape, const std::string &words) {
    json config = llamaJson();
    config["tie_word_embeddings"] = tied;
    folder.write("config.json", config.dump());
    Tensors tensors = llamaTensors();
    tensors.push_back({tensor, "F32", std::move(shape)});
    writeWeights("model.safetensors", tensors);
    expectError("", 4, tensor);
    expectError("", 4, words);
  };
  const char *strange = "belongs to a range of quantization-aware training that lmopt does not apply";
  expectRefusal(false, "model.embed_tokens._weight_quantizer._amax", {}, strange);
  expectRefusal(false, "model.norm.weight_quantizer._amax", {}, strange);
  expectRefusal(false, "model.layers.0.self_attn.q_bmm_quantizer._amax", {}, strange);
  expectRefusal(false, "model.layers.0.self_attn.q_proj.output_quantizer._amax", {}, strange);
  expectRefusal(false, "model.layers.0.self_attn.q_proj._weight_quantizer._amax", {2}, "each of 4 rows, found 2");
  expectRefusal(true, "lm_head._weight_quantizer._amax", {5}, "a table that the embedding shares");
}

TEST_F(Import, RangesOfPartsThatAreNotBuilt) {
  folder.write("config.json", bertJson().dump());
  Tensors tensors = bertTensors();
  tensors.push_back({"pooler.dense._weight_quantizer._amax", "F32", {}});
  writeWeights("model.safetensors", tensors);
  EXPECT_TRUE(import(""));
}

TEST_F(Import, GgufTensorsMustFitTheMetadata) {
  std::string good = test::tinyLlama().finish(test::kTinyLlamaData);
  std::string bad = good;
  bad.replace(bad.find("output_norm.weight"), 6, "sutput");
  folder.write("m.gguf", bad);
  expectError("m.gguf", 3, "the tensor 'output_norm.weight' (4) that the configuration asks for is missing");
  bad = good;
  size_t width = bad.find("llama.feed_forward_length") + 25 + 4;
  bad[width] = 7;
  folder.write("m.gguf", bad);
  expectError("m.gguf", 3, "tensor 'blk.0.ffn_gate.weight': the configuration asks for the shape 7x4, found 6x4");
  bad = good;
  bad.replace(bad.find("blk.0.attn_k.weight"), 19, "blk.0.attn_x.weight");
  folder.write("m.gguf", bad);
  expectError("m.gguf", 3, "the tensor 'blk.0.attn_k.weight' (2x4)");
}

TEST_F(Import, GgufHeadThatRepeatsTheTable) {
  // The data repeat every 256 bytes, so a second table at 768 is the first one.
  test::GgufBytes file = test::tinyLlama(/*moreTensors=*/1);
  file.tensor("output.weight", {4, 5}, 0, 768);
  folder.write("m.gguf", file.finish(768 + 80));
  Result<ImportedModel> model = import("m.gguf");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_FALSE(contains(text(*model), "@head.weight"));
  file = test::tinyLlama(1);
  file.tensor("output.weight", {4, 5}, 0, 800);
  folder.write("m.gguf", file.finish(800 + 80));
  model = import("m.gguf");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_TRUE(contains(text(*model), "@head.weight"));
}

TEST_F(Import, RefusesWhatItDoesNotKnow) {
  expectError("absent", 5, "cannot be opened: No such file or directory");
  folder.write("other.bin", "PK\3\4xxxxxx");
  expectError("other.bin", 3, "expected a GGUF file (its first bytes are 'GGUF'), an .mlir file, or a directory");
  folder.write("empty/x", "");
  expectError("empty", 3, "expected a Hugging Face model (config.json) or an imported one (model.mlir)");
  folder.write("config.json", "{");
  expectError("", 3, "config.json: not valid JSON");
  folder.write("config.json", R"({"architectures": ["MambaForCausalLM"]})");
  expectError("", 4, "architecture 'MambaForCausalLM' is not supported; supported are BloomForCausalLM");
  folder.write("config.json", llamaJson().dump());
  expectError("", 3, "expected model.safetensors or model.safetensors.index.json, found neither");
}

TEST_F(Import, WritesAndReadsAgain) {
  folder.write("m.gguf", test::tinyLlama().finish(test::kTinyLlamaData));
  Result<ImportedModel> model = import("m.gguf");
  ASSERT_TRUE(model);
  model->chatTemplate = "{{ messages }}";
  model->tokenizerBlob = "blob";
  ASSERT_TRUE(writeImportedModel(*model, folder / "out/deep"));
  for (const char *name : {"out/deep", "out/deep/model.mlir"}) {
    Result<ImportedModel> again = import(name);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(text(*again), text(*model));
    EXPECT_EQ(again->chatTemplate, "{{ messages }}");
    EXPECT_EQ(again->tokenizerBlob, "blob");
    EXPECT_EQ(again->baseDirectory, folder / "out/deep");
    size_t named = 0;
    again->module->walk([&](lm::LinearOp op) { named += !lm::getPartName(op).empty(); });
    EXPECT_EQ(named, 8u);
  }
}

TEST_F(Import, WeightsInsideTheFolderGetRelativePaths) {
  folder.write("m.gguf", test::tinyLlama().finish(test::kTinyLlamaData));
  Result<ImportedModel> model = import("m.gguf");
  ASSERT_TRUE(model);
  ASSERT_TRUE(writeImportedModel(*model, folder.path()));
  EXPECT_TRUE(contains(text(*model), "#lm.gguf<\"m.gguf\", "));
  // Read and written elsewhere, the file is found again.
  Result<ImportedModel> again = import("model.mlir");
  ASSERT_TRUE(again) << again.error().message;
  ASSERT_TRUE(writeImportedModel(*again, folder / "elsewhere"));
  EXPECT_TRUE(contains(text(*again), "#lm.gguf<\"" + folder / "m.gguf" + "\", "));
}

TEST_F(Import, RefusesBytecodeByItsContents) {
  folder.write("m.gguf", test::tinyLlama().finish(test::kTinyLlamaData));
  Result<ImportedModel> model = import("m.gguf");
  ASSERT_TRUE(model);
  std::string bytecode;
  llvm::raw_string_ostream stream(bytecode);
  ASSERT_TRUE(mlir::succeeded(mlir::writeBytecodeToFile(*model->module, stream)));
  for (const char *name : {"m.mlirbc", "m.mlir"}) {
    folder.write(name, bytecode);
    expectError(name, 4, "is MLIR bytecode, which is read only where files are trusted");
    for (size_t size = 0; size < bytecode.size(); size += 97) {
      folder.write(name, bytecode.substr(0, size));
      EXPECT_FALSE(import(name)) << size;
    }
  }
}

TEST_F(Import, WhatParserSaysIsToldWithItsPlace) {
  folder.write("m.mlir", "module {\n  lm.param @x : tensor<2xf32> = 3\n}");
  expectError("m.mlir", 3, "m.mlir\":2:");
  folder.write("m.mlir", "module {\n  \"a\x1b[31m" + std::string(5000, 'x') + "\"() : () -> ()\n}");
  Result<ImportedModel> model = import("m.mlir");
  ASSERT_FALSE(model);
  EXPECT_LT(model.error().message.size(), 2000u);
  EXPECT_FALSE(contains(model.error().message, "\x1b")) << model.error().message;
}

TEST_F(Import, AModuleWithoutAModelIsNone) {
  std::string body = "(%x: i32) -> i32 { return %x : i32 }\n";
  folder.write("m.mlir", "");
  expectError("m.mlir", 3, "expected one function with a body, @forward (decoder) or @encode (encoder), found neither");
  folder.write("m.mlir", "func.func @other" + body);
  expectError("m.mlir", 3, "found neither");
  folder.write("m.mlir", "func.func private @forward(i32) -> i32");
  expectError("m.mlir", 3, "found neither");
  folder.write("m.mlir", "func.func @forward" + body + "func.func @encode" + body);
  expectError("m.mlir", 3, "found both");
  folder.write("m.mlir", "func.func @encode" + body);
  EXPECT_TRUE(import("m.mlir"));
}

TEST_F(Import, NothingIsWrittenOverASource) {
  folder.write("m.gguf", test::tinyLlama().finish(test::kTinyLlamaData));
  Result<ImportedModel> model = import("m.gguf");
  ASSERT_TRUE(model);
  EXPECT_EQ(model->sources.all().front(), folder / "m.gguf");
  model->tokenizerBlob = "blob";
  for (const char *name : {"model.mlir", "tokenizer.bin", "chat_template.jinja"}) {
    std::filesystem::create_directories(folder / "out");
    std::filesystem::create_symlink(folder / "m.gguf", folder / "out/" + name);
    Result<void> written = writeImportedModel(*model, folder / "out");
    ASSERT_FALSE(written) << name;
    EXPECT_EQ(written.error().code, 2);
    EXPECT_TRUE(contains(written.error().message, "is the source " + folder / "m.gguf")) << written.error().message;
    std::filesystem::remove_all(folder / "out");
  }
  ASSERT_TRUE(writeImportedModel(*model, folder / "out"));
  Result<ImportedModel> again = import("out");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->sources.module, (std::vector<std::string>{folder / "out/model.mlir", folder / "out/tokenizer.bin"}));
  EXPECT_EQ(again->sources.checkpoint, std::vector<std::string>{folder / "m.gguf"});
  ASSERT_TRUE(writeImportedModel(*again, folder / "out")); // onto itself
  EXPECT_EQ(text(*import("out")), text(*model));
  folder.write("hub/config.json", "{}");
  EXPECT_TRUE(contains(writeImportedModel(*model, folder / "hub").error().message, "holds a Hugging Face model"));
}

TEST_F(Import, RefusesModules) {
  folder.write("bad.mlir", "lm.param @x : tensor<2xf32>");
  expectError("bad.mlir", 3, "bad.mlir");
  folder.write("escape.mlir", R"(module attributes {lm.tokenizer = "../secret"} {})");
  expectError("escape.mlir", 3, "lm.tokenizer: expected the name of a file beside the module, found '../secret'");
  folder.write("gone.mlir", R"(module attributes {lm.chat_template = "t.jinja"} {})");
  expectError("gone.mlir", 5, "t.jinja: cannot be opened");
}

TEST_F(Import, WritingSaysWhatFailed) {
  folder.write("m.gguf", test::tinyLlama().finish(test::kTinyLlamaData));
  folder.write("file", "");
  Result<ImportedModel> model = import("m.gguf");
  ASSERT_TRUE(model);
  Result<void> written = writeImportedModel(*model, folder / "file/sub");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, 5);
  EXPECT_TRUE(contains(written.error().message, "file/sub: cannot be created")) << written.error().message;
}
