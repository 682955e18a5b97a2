// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of a head: what a checkpoint of a class with a head has behind the last hidden state of its encoder, in
// the place of pooling. The files beside this one have one each (CMakeLists.txt finds them): what it reads of
// config.json. What its tensors are called, each family says (families/Family.h); its graph is made in NAMEBuilder.cpp.
//
// Plain C++ without MLIR: fuzzed and sanitized. Tested by test/unit/frontends/HeadsTest.cpp.
#ifndef LMOPT_FRONTENDS_HEADS_HEAD_H
#define LMOPT_FRONTENDS_HEADS_HEAD_H

#include "files/Json.h"
#include "frontends/FieldTable.h"
#include "frontends/families/ModelConfig.h"

namespace lmopt {

struct Head {
  const char *task = nullptr; // of lm.config: "masked_lm"
  const char *name = nullptr; // for people: "masked LM"
  FieldTable fields;          // of config.json: what matters where there is this head
  /// Fills the configuration; what is wrong stays in `fields`.
  void (*read)(JsonFields &fields, const std::string &path, HeadConfig &head) = nullptr;
  bool takesPairs = false; // two texts as one sequence; their token types are an input where the encoder has them
};

/// One of each file.
#define HEAD(NAME) Head describe##NAME();
#include "frontends/heads/AllHeads.inc"
#undef HEAD

/// All heads there are, in the order of their files.
const std::vector<Head> &allHeads();
const Head &headOf(std::string_view task);

/// For heads with classes: the labels in their order, by id2label, or as many as num_labels says, or two.
std::vector<std::string> readLabels(JsonFields &fields);
/// The rules of the two fields.
FieldTable labelFields();

/// What a Python class that makes scores of numbers is called here (softmax, sigmoid, none); null for others.
const char *scoreActivationOf(std::string_view pythonClass);
/// Refuses others by their name.
void readScoreActivation(JsonFields &fields, const char *field, HeadConfig &head);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_HEADS_HEAD_H
