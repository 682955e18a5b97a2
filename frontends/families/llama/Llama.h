// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The Llama family: its record, its builder, and the parts of the record that stand in files of their own.
#ifndef LMOPT_FRONTENDS_FAMILIES_LLAMA_LLAMA_H
#define LMOPT_FRONTENDS_FAMILIES_LLAMA_LLAMA_H

#include "frontends/families/Family.h"

namespace lmopt {

class GgufFields;
class JsonFields;
struct LlamaConfig;

/// LlamaFamily.cpp
Family describeLlama();
/// The forms of a family whose tensors have Llama's names: its own fields count before Llama's.
HuggingFaceForm llamaForm(const char *modelType, const char *architecture, const FieldTable &own,
                          decltype(HuggingFaceForm::read) read);
GgufForm ggufLlamaForm(const char *architecture, const FieldTable &own, decltype(GgufForm::read) read);
/// The tensors of norms of queries and keys.
void nameQueryKeyNorms(HuggingFaceForm &form);
void nameQueryKeyNorms(GgufForm &form);
/// LlamaBuilder.cpp: @forward of a LlamaConfig.
void buildLlama(ModelBuilder &model, const ModelConfig &config);

/// Which layers of a family see only the last positions, and what says so in config.json.
enum class Windows {
  Ignored, // nothing: a switch that is refused must be on for sliding_window
  Refused, // sliding_window, which the family's code does not read but its cache does
  All,     // sliding_window: all layers
  Typed    // sliding_window: those that layer_types names or, where it is missing, LlamaShape::slides
};

/// What a family of Llama's shape says otherwise in config.json.
struct LlamaShape {
  bool readsBiases = true;     // attention_bias and mlp_bias say which there are
  bool queryBias = false;      // else: q, k and v always have one
  int64_t maxPositions = 2048; // when the field is missing
  int64_t kvHeads = 0;         // the same; 0: as many as query heads
  Windows windows = Windows::Refused;
  std::optional<int64_t> window; // sliding_window when the field is missing
  bool windowSwitch = false;     // use_sliding_window must be true
  std::vector<bool> (*slides)(JsonFields &fields, const LlamaConfig &config) = nullptr; // a flag for each layer
  double normEps = 1e-6;                                                                // when the field is missing
  double ropeBase = 10000;                                                              // the same
  bool tiedHead = false;                                                                // the same
  bool partialRotary = false; // partial_rotary_factor says how much of a head is turned
  int64_t originalPositions =
      0;                     // before stretching, when the outer field is missing, whatever the object says; 0: none
  bool longRopeOnly = false; // other scalings are not the family's
  int64_t headSize = 0;      // when the field is missing; 0: width / heads
  const char *activationField = "hidden_act";
  Activation activation = Activation::Silu; // when that is missing
  double localRopeBase = 0; // not 0: layers that slide have angles of their own, of this base when the field is missing
  /// Fields and facts that only this family has; may be missing. After all but the windows.
  void (*readOwn)(JsonFields &fields, LlamaConfig &config) = nullptr;
};

/// What an architecture of Llama's shape says otherwise in the metadata of GGUF files.
struct LlamaMetadata {
  bool interleaved = true;       // rotary positions turn neighbours, since converters have put them beside each other
  bool readsScale = false;       // attention.scale may be any
  bool factorTensors = false;    // rope.scaling.attn_factor belongs to them
  std::optional<int64_t> window; // attention.sliding_window when the key is missing; empty: none, and 0 is none, too
  /// Where there is such a window: a flag for each layer that attends to it; missing: a window is refused.
  std::vector<bool> (*slides)(GgufFields &fields, const LlamaConfig &config) = nullptr;
  /// Keys and facts that only this architecture has; may be missing.
  void (*readOwn)(const GgufFile &file, GgufFields &fields, LlamaConfig &config) = nullptr;
};

/// LlamaFields.cpp: config.json, with the fields that any family has, and its object that sets rotary positions.
FieldTable llamaConfigFields();
FieldTable ropeFields(bool partialRotary = false);
/// LlamaWindows.cpp
/// Qwen's windows: use_sliding_window says whether there are any, max_window_layers from which layer on.
FieldTable switchedWindowFields();
void readSwitchedWindows(LlamaShape &shape);
void readWindows(JsonFields &fields, const nlohmann::json &object, LlamaConfig &config, const LlamaShape &shape);
/// LlamaMixture.cpp: what config.json of a family with mixtures of experts says otherwise.
struct MixtureShape {
  const char *count = "num_experts", *otherCount = "num_local_experts"; // transformers takes either name
  int64_t experts = 0, used = 0;                                        // when the fields are missing
  int64_t width = 0;           // of moe_intermediate_size when missing; 0: experts have intermediate_size
  bool switchedSum = true;     // norm_topk_prob says whether gates sum to one; else they always do
  bool hasDenseLayers = false; // num_experts, mlp_only_layers and decoder_sparse_step say which have no experts
};
/// The fields of all of them that change nothing; those of a family that has layers without experts.
FieldTable mixtureFields();
FieldTable denseLayerFields();
void readMixture(JsonFields &fields, LlamaConfig &config, const MixtureShape &shape);
/// Names of tensors where each expert has its own, one '*' for its number: "block_sparse_moe.experts.*.w1".
void nameMixture(HuggingFaceForm &form, const char *gate, const char *up, const char *down);
void nameMixture(GgufForm &form);
/// The keys of architecture llama, which has experts where they say so.
FieldTable llamaMixtureKeys();
/// `widthKey`: of the neurons of an expert; without one it has those of feed_forward_length.
void readMixture(GgufFields &fields, LlamaConfig &config, const char *widthKey = nullptr);
/// LlamaHuggingFace.cpp
ConfigResult readLlamaJson(const nlohmann::json &object, const std::string &path, const LlamaShape &shape);

/// LlamaKeys.cpp: the metadata of GGUF files, with the keys that any architecture has.
FieldTable ggufLlamaKeys(const std::string &architecture);
/// LlamaGguf.cpp; the divisors of all frequencies that a tensor holds, `count` of them, empty where there is no tensor.
std::vector<double> readRopeFactors(const GgufFile &file, GgufFields &fields, const std::string &tensor, int64_t count);
ConfigResult readLlamaMetadata(const GgufFile &file, const std::string &architecture, const LlamaMetadata &shape);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_LLAMA_LLAMA_H
