// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chat templates from any bytes: up to the first zero byte the template, behind it the variables (JSON). Any end is
// fine but a crash, a hang or memory beyond the limits.
#include "lmopt/lmopt.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const auto *zero = static_cast<const uint8_t *>(size ? std::memchr(data, 0, size) : nullptr);
  size_t length = zero ? size_t(zero - data) : size;
  std::string source(reinterpret_cast<const char *>(data), length), variables;
  if (zero)
    variables.assign(reinterpret_cast<const char *>(zero + 1), size - length - 1);
  const lmopt_chat_message_t messages[] = {
      {"system", "Be kind.", 8}, {"user", " Hi \xff\0\xc3\xa9\n", 9}, {"assistant", "a<b>'\"", 6}};
  lmopt_chat_options_t options{};
  options.struct_size = sizeof options;
  options.add_generation_prompt = size % 2;
  options.continue_field = size % 2 ? nullptr : "content";
  options.now = 1767323045; // the same text each time
  options.bos_token = "<s>";
  options.eos_token = "</s>";
  options.variables = zero ? variables.c_str() : nullptr;
  char *text = nullptr;
  size_t text_size = 0;
  lmopt_error_t error{};
  lmopt_status_t status =
      lmopt_chat_render(source.data(), source.size(), messages, 3, &options, &text, &text_size, &error);
  if (status == LMOPT_OK ? text[text_size] != 0 : !error.message[0])
    std::abort();
  lmopt_free(text);
  return 0;
}
