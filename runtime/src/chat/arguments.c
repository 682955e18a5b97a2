/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What filters, tests, functions and methods of chat templates are called with, sorted by the names of their
 * parameters. Too many, unknown and missing arguments are errors, as in Python: an argument that is overlooked would
 * make a wrong text. Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

#include <string.h>

// Word `index` of "name name name"; empty: there are fewer.
static text_t parameter_name(const char *parameters, int index) {
  for (; index > 0 && *parameters; --index) {
    parameters += strcspn(parameters, " ");
    parameters += *parameters == ' ';
  }
  return (text_t){parameters, strcspn(parameters, " ")};
}

static int find_parameter(const char *parameters, text_t name) {
  for (int i = 0; i < 5; ++i) {
    text_t word = parameter_name(parameters, i);
    if (word.size && tpl_text_equal(word, name))
      return i;
  }
  return -1;
}

// `parameters`: at most five names, "$" for those that have none. The first `required` must be given.
call_t tpl_bind(chat_t *chat, const arguments_t *arguments, const char *parameters, int required, const char *what) {
  call_t call = {.all = arguments};
  for (size_t i = 0; i < arguments->count; ++i) {
    text_t name = arguments->names[i];
    int at = name.size                                          ? find_parameter(parameters, name)
             : i < 5 && parameter_name(parameters, (int)i).size ? (int)i
                                                                : -1;
    if (at < 0 && name.size)
      tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "'%s' has no argument '%.*s'", what, TEXT_ARGS(name));
    if (at < 0)
      tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "too many arguments for '%s'", what);
    if (call.given[at])
      tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "argument %d of '%s' is given twice", at + 1, what);
    call.given[at] = true;
    call.values[at] = arguments->values[i];
  }
  for (int i = 0; i < required; ++i)
    if (!call.given[i])
      tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "'%s' needs %d argument%s", what, required, required > 1 ? "s" : "");
  return call;
}

value_t tpl_call_value(const call_t *call, int index, value_t otherwise) {
  return call->given[index] ? call->values[index] : otherwise;
}

int64_t tpl_call_int(chat_t *chat, const call_t *call, int index, int64_t otherwise, const char *what) {
  return call->given[index] ? tpl_want_int(chat, call->values[index], what) : otherwise;
}

bool tpl_call_bool(const call_t *call, int index, bool otherwise) {
  return call->given[index] ? tpl_value_truth(call->values[index]) : otherwise;
}

text_t tpl_call_text(chat_t *chat, const call_t *call, int index, text_t otherwise, const char *what) {
  return call->given[index] ? tpl_want_text(chat, call->values[index], what) : otherwise;
}
