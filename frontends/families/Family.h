// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of a model family: all that importing asks of it, in the words of the files that hold such models. The
// folders beside this file have one each, in a function `Family describeNAME()`, and are found by their presence
// (cmake/LmoptFamily.cmake): whatever lists families (detection, messages, documents, tests, fuzzing) asks
// allFamilies().
//
// Plain C++ without MLIR: fuzzed and sanitized. The other half of a family, which builds lm ops, is FamilyBuilder.h.
// Tested by test/unit/frontends/FamiliesTest.cpp.
#ifndef LMOPT_FRONTENDS_FAMILIES_FAMILY_H
#define LMOPT_FRONTENDS_FAMILIES_FAMILY_H

#include "files/gguf/Gguf.h"
#include "frontends/families/ModelConfig.h"
#include "frontends/families/TensorNames.h"

#include <algorithm>
#include <memory>

namespace lmopt {

class ModelBuilder; // ModelBuilder.h; the builders of families are declared beside their records
class Checkpoint;   // files/safetensors/Checkpoint.h

enum class FamilyKind { Decoder, Encoder };

using ConfigResult = Result<std::unique_ptr<ModelConfig>>;
/// The configuration of one family as that of any.
template <class Config>
ConfigResult ownConfig(Result<Config> config) {
  return config ? ConfigResult(std::make_unique<Config>(config.take())) : ConfigResult(config.error());
}

/// The table of an object inside config.json, for the documentation; the family's reader checks it.
struct ObjectFields {
  const char *title;
  const char *about; // a paragraph
  FieldTable fields;
};

/// A class whose checkpoints have a head behind the encoder.
struct HeadForm {
  const char *architecture;
  const char *task;                     // which of frontends/heads
  TensorNames::Pairs tensors;           // its parts; whole names, no prefix comes before them
  std::optional<Activation> activation; // between its linears; empty: that of the feed-forward block
  std::vector<const char *> ignorable;  // tensors that it does not need (patterns of whole names)
  FieldTable fields = {};               // of config.json: what only this family says of it
  /// What these say, into the head; what is wrong stays in `fields`; may be missing.
  void (*read)(JsonFields &fields, const EncoderConfig &config, HeadConfig &head) = nullptr;

  bool hasPart(std::string_view part) const {
    return std::any_of(tensors.begin(), tensors.end(), [&](auto &pair) { return pair.first == part; });
  }
};

/// Models as Hugging Face's transformers saves them.
struct HuggingFaceForm {
  const char *modelType = nullptr;
  std::vector<const char *> architectures; // classes whose checkpoints hold the model
  std::vector<HeadForm> heads;             // encoders: and those with a head
  /// A field that only this family's config.json has, for files that name neither a class nor a model type.
  const char *telltale = nullptr;
  FieldTable fields; // of config.json
  std::vector<ObjectFields> objects;
  /// config.json, whose fields were checked against the table, as the family's configuration.
  ConfigResult (*read)(const nlohmann::json &object, const std::string &path) = nullptr;
  /// The module of sentence-transformers that is such a model without a config.json, and what it is then.
  const char *sentenceModule = nullptr;
  ConfigResult (*readModule)() = nullptr;
  /// What tensors that are no weights say, into the family's configuration, or why they contradict it; may be missing.
  Result<void> (*readTensors)(const Checkpoint &checkpoint, const std::string &prefix, ModelConfig &config) = nullptr;

  TensorNames tensors;
  const char *prefix = "";             // of all names where the class has a head
  TensorNames::Pairs olderEndings;     // of names, and how the first checkpoints end them
  std::vector<const char *> ignorable; // tensors that the model does not need (patterns, without the prefix)
  bool turned = false;                 // matrices of linears are [IN, OUT]: those that other tools quantize are not
};

/// All classes of a form, those with a head last.
std::vector<const char *> architecturesOf(const HuggingFaceForm &form);

/// Models as llama.cpp's converters write them.
struct GgufForm {
  const char *architecture = nullptr;
  FieldTable keys; // of the metadata
  /// Metadata, whose keys were checked against the table, and tensors as the family's configuration.
  ConfigResult (*read)(const GgufFile &file) = nullptr;

  TensorNames tensors;
  std::vector<const char *> ignorable;
};

struct Family {
  std::string id;             // its folder; lm.config's architecture
  const char *name = nullptr; // for people
  FamilyKind kind = FamilyKind::Decoder;
  std::optional<HuggingFaceForm> huggingFace;
  std::optional<GgufForm> gguf;
};

/// All families there are: decoders, then encoders, each in the order of their ids.
const std::vector<Family> &allFamilies();

/// The families of one kind by the names for people: "BERT, DistilBERT".
std::string familyNames(FamilyKind kind);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_FAMILY_H
