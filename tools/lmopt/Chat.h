// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversations in the words of a model's own chat template.
//
// In: messages. Out: tokens to feed. Tested by test/tools/lmopt.
#ifndef LMOPT_TOOLS_LMOPT_CHAT_H
#define LMOPT_TOOLS_LMOPT_CHAT_H

#include "tools/lmopt/Model.h"

#include <string>
#include <vector>

namespace lmopt::driver {

struct Message {
  std::string role, content;
};

/// The tokens of a conversation that the model is to answer. `variables`: a JSON object for the template, or empty.
Result<std::vector<int32_t>> renderChat(const Model &model, const std::vector<Message> &messages,
                                        const std::string &variables);

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_CHAT_H
