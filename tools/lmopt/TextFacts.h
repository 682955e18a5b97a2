// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a compiled encoder says to those who give it texts: prompts, and what a text without tokens becomes.
//
// In: a model. Out: the entries of lm.config in its manifest that `lmopt embed` follows; nothing where there are none.
// Tested by test/e2e/prompts.py.
#ifndef LMOPT_TOOLS_LMOPT_TEXTFACTS_H
#define LMOPT_TOOLS_LMOPT_TEXTFACTS_H

#include "tools/lmopt/Model.h"

#include <map>
#include <optional>

namespace lmopt::driver {

struct TextFacts {
  std::map<std::string, std::string> prompts; // by name
  std::string defaultPrompt;                  // the name of one of them, or empty
  bool emptyTextIsZero = false;
};

TextFacts readTextFacts(const Model &model);

/// What goes before every text: the prompt of that name (an empty name: none), or without a name the default one.
Result<std::string> choosePrompt(const TextFacts &facts, const std::optional<std::string> &name,
                                 const std::string &path);

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_TEXTFACTS_H
