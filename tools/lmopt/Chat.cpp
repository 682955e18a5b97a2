// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From messages to tokens; see Chat.h.
#include "tools/lmopt/Chat.h"

#include <memory>

namespace lmopt::driver {

Result<std::vector<int32_t>> renderChat(const Model &model, const std::vector<Message> &messages,
                                        const std::string &variables) {
  std::vector<lmopt_chat_message_t> list;
  for (const Message &message : messages)
    list.push_back({message.role.c_str(), message.content.data(), message.content.size()});
  lmopt_chat_options_t options{};
  options.struct_size = sizeof options;
  options.add_generation_prompt = 1;
  options.variables = variables.empty() ? nullptr : variables.c_str();
  lmopt_error_t error{};
  char *text = nullptr;
  size_t size = 0;
  if (lmopt_model_chat(model.handle.get(), list.data(), list.size(), &options, &text, &size, &error) != LMOPT_OK)
    return runtimeError(error);
  std::unique_ptr<char, void (*)(void *)> owner(text, lmopt_free);
  // The template has written the special tokens itself.
  return encodeText(model, {text, size}, LMOPT_TOKENIZE_PARSE_SPECIAL);
}

} // namespace lmopt::driver
