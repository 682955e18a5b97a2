// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the numbers of all families have in common, and the words they are told in. A family derives its own
// configuration from DecoderConfig or EncoderConfig; what is done with any model needs no more than stands here.
//
// Filled from config.json or GGUF metadata by the family's readers. Plain C++: fuzzed and sanitized.
// Tested by test/unit/frontends/families/*Test.cpp.
#ifndef LMOPT_FRONTENDS_FAMILIES_MODELCONFIG_H
#define LMOPT_FRONTENDS_FAMILIES_MODELCONFIG_H

#include "dialects/lm/Kinds.h"
#include "frontends/FieldTable.h"
#include "frontends/tokenizer/PlainTextRules.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lmopt {

/// Bounds on what a model file may claim; far above real models, low enough that no product of two overflows.
constexpr int64_t kMaxLayers = 4096;
constexpr int64_t kMaxWidth = 1 << 20;
constexpr int64_t kMaxHeads = 1 << 14;
constexpr int64_t kMaxVocabulary = 1 << 24;
constexpr int64_t kMaxPositions = 1 << 26;

/// Understands the names of Hugging Face ("gelu", "gelu_new", "silu", ...); empty for others.
std::optional<Activation> activationFromName(const std::string &name);
/// The names it understands, for messages.
const char *activationNames();

/// How another tool has quantized the weights of a checkpoint (huggingface/Quantization.h).
enum class PackedMethod { Gptq, GptqV2, Awq, Compressed };

struct ModelConfig {
  virtual ~ModelConfig() = default;

  std::string name; // of the model, for people; may be empty
  int64_t vocabulary = 0;
  int64_t width = 0;
  int64_t maxPositions = 0;
  int64_t maxTokens = 0; // longer inputs are cut to this length, special tokens included; 0: nothing is cut
  std::optional<PackedMethod> packed;      // empty: weights are numbers
  std::optional<PlainTextRules> plainText; // empty: texts become what transformers makes of them

  Warnings warnings; // for the user, in whole sentences
};

struct DecoderConfig : ModelConfig {
  bool tiedHead = false; // the head is the embedding table
};

struct HeadForm; // Family.h

/// What stands behind the last hidden state in the place of pooling (frontends/heads).
struct HeadConfig {
  const HeadForm *form = nullptr;           // the names of its tensors
  std::string task;                         // of lm.config
  std::vector<std::string> labels;          // of the classes in their order
  const char *scoreActivation = "none";     // what makes scores of the numbers: softmax, sigmoid, none
  Activation activation = Activation::Gelu; // between its linears
  Pooling pooling = Pooling::Cls;           // of one with numbers a text
  bool denseBias = true, normBias = true;   // of what stands before its last linear
  bool tableBias = true;                    // of the last linear of one with numbers a word
  bool tiedTable = true;                    // its last matrix is the embedding table
  bool takesTypes = false;                  // the token types of two texts are an input
};

/// A linear over the vector of a text (sentence-transformers' Dense).
struct DenseConfig {
  std::string folder; // of its weights; their names begin with it
  int64_t outputs = 0;
  bool bias = true;
  std::optional<Activation> activation;
};

/// With what is done to the last hidden state: pooling and what follows it, or a head.
struct EncoderConfig : ModelConfig {
  std::vector<Pooling> poolings = {Pooling::Mean}; // their vectors side by side
  std::vector<DenseConfig> dense;                  // behind the pooling, one after another
  bool normalize = false;                          // in the end
  std::optional<HeadConfig> head;
  std::vector<std::pair<std::string, std::string>> prompts; // name and text, which callers put before their texts
  std::string defaultPrompt;          // the name of that of callers who ask for none; may be empty
  std::optional<int64_t> wantedWidth; // of vectors that are cut; refused when smaller than theirs

  int64_t tokenTypes = 0;     // rows of their table; 0: there is none
  int64_t embeddingWidth = 0; // of all tables, which a linear brings to `width`; 0: they have that width, without one
  double normEps = 0;
  Activation activation = Activation::Gelu; // of the feed-forward block

  int64_t tableWidth() const { return embeddingWidth ? embeddingWidth : width; }
  int64_t vectorWidth() const {
    return dense.empty() ? width * static_cast<int64_t>(poolings.size()) : dense.back().outputs;
  }
};

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_MODELCONFIG_H
