/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The public door of the chat template engine. In: template, messages, options. Out: the text that the model is fed.
 * Parsing and rendering happen in one go: a template takes microseconds, and so no errors block the loading of a model.
 * Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "conversation.h"

#include "runtime/src/artifact/model.h"

#include <stdlib.h>
#include <string.h>

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
static lmopt_status_t render(chat_t *chat, request_t *request, char **text, size_t *size) {
  if (setjmp(chat->failed) == 0) {
    if (request->source.size > CHAT_MAX_TEMPLATE)
      tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "longer than %d MiB", CHAT_MAX_TEMPLATE >> 20);
    chat->source = tpl_lexer_normalise(chat, request->source);
    node_t *body = tpl_parse_template(chat);
    tpl_find_unset(chat, body);
    chat->at = 0;
    tpl_set_conversation(chat, request);
    tpl_mark_final_message(chat, request);
    buffer_t out = {0};
    tpl_execute(chat, body, &out);
    tpl_cut_final_message(chat, request, &out);
    char *copy = copy_result(chat, &out);
    *text = copy;
    if (size)
      *size = out.size;
  }
  tpl_chat_release(chat);
  return chat->status;
}

static lmopt_status_t render_with(request_t *request, const lmopt_chat_options_t *options, char **text, size_t *size,
                                  lmopt_error_t *error) {
  lmopt_status_t status =
      lmoptp_read_options(&request->options, sizeof request->options, options, "lmopt_chat_options_t", error);
  if (status)
    return status;
  chat_t chat = {.error = error, .now = request->options.now};
  return render(&chat, request, text, size);
}

lmopt_status_t lmopt_chat_render(const char *chat_template, size_t template_size, const lmopt_chat_message_t *messages,
                                 size_t count, const lmopt_chat_options_t *options, char **text, size_t *size,
                                 lmopt_error_t *error) {
  request_t request = {.source = {chat_template, template_size}, .messages = messages, .count = count};
  return render_with(&request, options, text, size, error);
}

lmopt_status_t lmopt_model_chat(const lmopt_model_t *model, const lmopt_chat_message_t *messages, size_t count,
                                const lmopt_chat_options_t *options, char **text, size_t *size, lmopt_error_t *error) {
  return lmopt_artifact_chat(model->artifact, model->tokenizer, messages, count, options, text, size, error);
}

lmopt_status_t lmopt_artifact_chat(const lmopt_artifact_t *artifact, const lmopt_tokenizer_t *tokenizer,
                                   const lmopt_chat_message_t *messages, size_t count,
                                   const lmopt_chat_options_t *options, char **text, size_t *size,
                                   lmopt_error_t *error) {
  request_t request = {.messages = messages, .count = count, .tokenizer = tokenizer};
  request.source.data = lmopt_artifact_meta(artifact, "chat_template", &request.source.size);
  if (!request.source.data)
    return lmoptp_fail(error, LMOPT_ERROR_UNSUPPORTED,
                       "this model has no chat template; give it plain text, or render with a template of your own");
  return render_with(&request, options, text, size, error);
}
