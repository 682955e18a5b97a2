/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The public door of the chat template engine. In: template, messages, options. Out: the text that the model is fed.
 * Parsing and rendering happen in one go: a template takes microseconds, and so no errors block the loading of a model.
 * Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  text_t source;
  const lmopt_chat_message_t *messages;
  size_t count;
  lmopt_chat_options_t options;
} request_t;

static text_t text_of(const char *string) { return string ? (text_t){string, strlen(string)} : TEXT(""); }

static value_t make_messages(chat_t *chat, const request_t *request) {
  value_t list = tpl_value_list(chat, false);
  for (size_t i = 0; i < request->count; ++i) {
    value_t message = tpl_value_dict(chat);
    tpl_dict_set(chat, message.dict, tpl_value_text(TEXT("role")), tpl_value_text(text_of(request->messages[i].role)));
    tpl_dict_set(chat, message.dict, tpl_value_text(TEXT("content")),
                 tpl_value_text(text_of(request->messages[i].content)));
    tpl_list_push(chat, list.list, message);
  }
  return list;
}

static void set_variables(chat_t *chat, const request_t *request) {
  static const struct {
    const char *name;
    function_t function;
  } functions[] = {{"raise_exception", F_RAISE}, {"namespace", F_NAMESPACE}, {"range", F_RANGE}, {"dict", F_DICT}};
  tpl_scope_push(chat);
  for (size_t i = 0; i < sizeof functions / sizeof *functions; ++i)
    tpl_scope_set(chat, text_of(functions[i].name), (value_t){.kind = V_FUNCTION, .function = functions[i].function});
  tpl_scope_set(chat, TEXT("messages"), make_messages(chat, request));
  tpl_scope_set(chat, TEXT("add_generation_prompt"), tpl_value_bool(request->options.add_generation_prompt != 0));
  tpl_scope_set(chat, TEXT("bos_token"), tpl_value_text(text_of(request->options.bos_token)));
  tpl_scope_set(chat, TEXT("eos_token"), tpl_value_text(text_of(request->options.eos_token)));
  if (request->options.variables) {
    value_t variables = tpl_json_parse(chat, text_of(request->options.variables), "the variables");
    if (variables.kind != V_DICT)
      tpl_chat_fail(chat, LMOPT_ERROR_USAGE, "the variables must be a JSON object, found %s",
                    tpl_value_type(variables));
    for (size_t i = 0; i < variables.dict->count; ++i)
      tpl_scope_set(chat, variables.dict->keys[i].text, variables.dict->values[i]);
  }
  tpl_scope_push(chat); // what the template sets
}

static char *copy_result(chat_t *chat, const buffer_t *out) {
  char *copy = malloc(out->size + 1);
  if (!copy)
    tpl_chat_fail(chat, LMOPT_ERROR_RESOURCE, "out of memory");
  if (out->size)
    memcpy(copy, out->data, out->size);
  copy[out->size] = 0;
  return copy;
}

// Everything that may fail by longjmp happens inside; locals that live across it stay in `chat` and `request`.
static lmopt_status_t render(chat_t *chat, const request_t *request, char **text, size_t *size) {
  if (setjmp(chat->failed) == 0) {
    if (request->source.size > CHAT_MAX_TEMPLATE)
      tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "longer than %d MiB", CHAT_MAX_TEMPLATE >> 20);
    chat->source = tpl_lexer_normalise(chat, request->source);
    node_t *body = tpl_parse_template(chat);
    set_variables(chat, request);
    buffer_t out = {0};
    tpl_execute(chat, body, &out);
    char *copy = copy_result(chat, &out);
    *text = copy;
    if (size)
      *size = out.size;
  }
  tpl_chat_release(chat);
  return chat->status;
}

lmopt_status_t lmopt_chat_render(const char *chat_template, size_t template_size, const lmopt_chat_message_t *messages,
                                 size_t count, const lmopt_chat_options_t *options, char **text, size_t *size,
                                 lmopt_error_t *error) {
  request_t request = {.source = {chat_template, template_size}, .messages = messages, .count = count};
  lmopt_status_t status =
      lmoptp_read_options(&request.options, sizeof request.options, options, "lmopt_chat_options_t", error);
  if (status)
    return status;
  chat_t chat = {.error = error};
  return render(&chat, &request, text, size);
}

/*===--- With the template of a model ---===*/

// A zero-terminated copy of a special token's text; *copy stays NULL when the tokenizer has none.
static lmopt_status_t role_text(const lmopt_tokenizer_t *tokenizer, lmopt_token_role_t role, char **copy,
                                lmopt_error_t *error) {
  int32_t id = tokenizer ? lmopt_tokenizer_role(tokenizer, role) : -1;
  if (id < 0)
    return LMOPT_OK;
  const char *bytes;
  size_t size;
  lmopt_status_t status = lmopt_tokenizer_piece(tokenizer, id, &bytes, &size, error);
  if (!status && !(*copy = strndup(bytes, size)))
    status = lmoptp_fail_memory(error, size, "a token");
  return status;
}

lmopt_status_t lmopt_model_chat(const lmopt_model_t *model, const lmopt_chat_message_t *messages, size_t count,
                                const lmopt_chat_options_t *options, char **text, size_t *size, lmopt_error_t *error) {
  return lmopt_artifact_chat(model->artifact, model->tokenizer, messages, count, options, text, size, error);
}

lmopt_status_t lmopt_artifact_chat(const lmopt_artifact_t *artifact, const lmopt_tokenizer_t *tokenizer,
                                   const lmopt_chat_message_t *messages, size_t count,
                                   const lmopt_chat_options_t *options, char **text, size_t *size,
                                   lmopt_error_t *error) {
  size_t template_size;
  const char *chat_template = lmopt_artifact_meta(artifact, "chat_template", &template_size);
  if (!chat_template)
    return lmoptp_fail(error, LMOPT_ERROR_UNSUPPORTED,
                       "this model has no chat template; give it plain text, or render with a template of your own");
  lmopt_chat_options_t own;
  lmopt_status_t status = lmoptp_read_options(&own, sizeof own, options, "lmopt_chat_options_t", error);
  if (status)
    return status;
  char *bos = NULL, *eos = NULL;
  own.struct_size = sizeof own;
  if (!own.bos_token)
    status = role_text(tokenizer, LMOPT_TOKEN_BOS, &bos, error);
  if (!status && !own.eos_token)
    status = role_text(tokenizer, LMOPT_TOKEN_EOS, &eos, error);
  if (bos)
    own.bos_token = bos;
  if (eos)
    own.eos_token = eos;
  if (!status)
    status = lmopt_chat_render(chat_template, template_size, messages, count, &own, text, size, error);
  free(bos);
  free(eos);
  return status;
}
