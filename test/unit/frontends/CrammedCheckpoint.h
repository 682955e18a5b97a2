// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The smallest checkpoint of the UltraFastBERT family, to be changed and written: width 4, two heads, one layer, trees
// of depth 1. All numbers are zero but the factor of attention, 0.5, and the depth. In the layout of ScriptableLM.
#ifndef LMOPT_TEST_UNIT_FRONTENDS_CRAMMEDCHECKPOINT_H
#define LMOPT_TEST_UNIT_FRONTENDS_CRAMMEDCHECKPOINT_H

#include "files/safetensors/Safetensors.h"
#include "test/unit/frontends/TemporaryFolder.h"

#include "gtest/gtest.h"
#include <map>
#include <nlohmann/json.hpp>

namespace lmopt::test {

struct CrammedCheckpoint {
  struct Tensor {
    std::vector<int64_t> shape;
    const char *type = "F32";
    std::string bytes = ""; // empty: zeros
  };
  nlohmann::json config;
  std::map<std::string, Tensor> tensors;

  nlohmann::json &arch() { return config["arch"]; }

  /// The same tensors as the pretraining classes have them.
  void putBehindPrefix() {
    std::map<std::string, Tensor> renamed;
    for (auto &[name, tensor] : tensors)
      renamed["encoder." + name] = tensor;
    tensors = std::move(renamed);
    config["architectures"] = {"ScriptableLMForPreTraining"};
  }

  void write(const TemporaryFolder &folder) const {
    folder.write("config.json", config.dump());
    std::vector<SafetensorsWriter::Tensor> table;
    for (auto &[name, tensor] : tensors)
      table.push_back({name, tensor.type, tensor.shape});
    Result<SafetensorsWriter> writer = SafetensorsWriter::create(folder / "model.safetensors", table);
    ASSERT_TRUE(writer) << writer.error().message;
    for (auto &[name, tensor] : tensors) {
      size_t size = safetensorsType(tensor.type)->bytes;
      for (int64_t dim : tensor.shape)
        size *= dim;
      std::string bytes = tensor.bytes.empty() ? std::string(size, '\0') : tensor.bytes;
      ASSERT_TRUE(writer->append(bytes.data(), bytes.size()));
    }
    ASSERT_TRUE(writer->finish());
  }
};

template <class T>
std::string bytesOf(T value) {
  return std::string(reinterpret_cast<const char *>(&value), sizeof value);
}

/// Without a feed-forward block.
inline CrammedCheckpoint crammedWithoutTree() {
  CrammedCheckpoint made;
  made.config = nlohmann::json::parse(R"({"architectures": ["ScriptableLM"], "model_type": "crammedBERT", "arch": {
    "num_transformer_layers": 1, "hidden_size": 4, "norm": "LayerNorm", "norm_eps": 1e-12, "final_norm": true,
    "embedding": {"vocab_size": 5, "pos_embedding": "scaled-sinusoidal", "max_seq_length": 8, "embedding_dim": 4,
                  "normalization": true},
    "attention": {"type": "self-attention", "num_attention_heads": 2, "sequence_op": "torch-softmax"}}})");
  for (const char *norm : {"embedding.norm", "layers.0.norm1", "layers.0.norm2", "final_norm"})
    for (const char *kind : {".weight", ".bias"})
      made.tensors[std::string(norm) + kind] = {{4}};
  made.tensors["embedding.word_embedding.weight"] = {{5, 4}};
  made.tensors["embedding.pos_embedding.scale_factor"] = {{1}};
  made.tensors["layers.0.attn.self_attention.query_key_value.weight"] = {{12, 4}};
  made.tensors["layers.0.attn.self_attention.norm_factor"] = {{}, "F32", bytesOf(0.5f)};
  made.tensors["layers.0.attn.dense.weight"] = {{4, 4}};
  return made;
}

/// Two trees of three neurons.
inline CrammedCheckpoint crammedWithNeurons() {
  CrammedCheckpoint made = crammedWithoutTree();
  made.arch().update({{"intermed_type", "fff"}, {"intermed_size", 2}, {"intermed_depth", 1}, {"nonlin", "GELU"}});
  made.tensors["layers.0.ffn.linear_in.weight"] = {{6, 4}};
  made.tensors["layers.0.ffn.linear_in.bias"] = {{6}};
  made.tensors["layers.0.ffn.linear_out.weight"] = {{4, 6}};
  return made;
}

/// Two leaves of three neurons.
inline CrammedCheckpoint crammedWithLeaves() {
  CrammedCheckpoint made = crammedWithoutTree();
  made.arch().update(
      {{"intermed_type", "fastfeedforward"}, {"intermed_size", 3}, {"intermed_depth", 1}, {"nonlin", "ReLU"}});
  std::string ffn = "layers.0.ffn.";
  made.tensors[ffn + "depth"] = {{}, "I64", bytesOf(int64_t{1})};
  made.tensors[ffn + "node_weights"] = {{1, 4}};
  made.tensors[ffn + "node_biases"] = {{1, 1}};
  made.tensors[ffn + "w1s"] = {{2, 4, 3}};
  made.tensors[ffn + "b1s"] = {{2, 3}};
  made.tensors[ffn + "w2s"] = {{2, 3, 4}};
  made.tensors[ffn + "b2s"] = {{2, 4}};
  return made;
}

} // namespace lmopt::test

#endif // LMOPT_TEST_UNIT_FRONTENDS_CRAMMEDCHECKPOINT_H
