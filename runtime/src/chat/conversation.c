/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What a chat template is given, in the shape that `apply_chat_template` of transformers (5.24) gives it: `messages`
 * without fields that are null and with reasoning under both of its names; `tools` and `documents`, always there;
 * special tokens that the tokenizer has; and the final message that is to be continued.
 * Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "conversation.h"

#include <string.h>

static text_t text_of(const char *string) { return string ? (text_t){string, strlen(string)} : TEXT(""); }

static value_t key(const char *name) { return tpl_value_text(text_of(name)); }

/*===--- Messages ---===*/

static value_t make_messages(chat_t *chat, const lmopt_chat_message_t *messages, size_t count) {
  value_t list = tpl_value_list(chat, false);
  for (size_t i = 0; i < count; ++i) {
    value_t message = tpl_value_dict(chat);
    text_t content = {messages[i].content ? messages[i].content : "",
                      messages[i].content ? messages[i].content_size : 0};
    tpl_dict_set(chat, message.dict, key("role"), tpl_value_text(text_of(messages[i].role)));
    tpl_dict_set(chat, message.dict, key("content"), tpl_value_text(content));
    tpl_list_push(chat, list.list, message);
  }
  return list;
}

static const char *const reasoning_fields[] = {"reasoning_content", "thinking", "reasoning"};

static const value_t *find_reasoning(chat_t *chat, const dict_t *message) {
  for (size_t i = 0; i < 3; ++i) {
    const value_t *found = tpl_dict_find(chat, message, key(reasoning_fields[i]));
    if (found && found->kind != V_NONE)
      return found;
  }
  return NULL;
}

static value_t normalised(chat_t *chat, value_t message) {
  if (message.kind != V_DICT)
    tpl_chat_fail(chat, LMOPT_ERROR_USAGE, "a message must be a JSON object, found %s", tpl_value_type(message));
  value_t result = tpl_value_dict(chat);
  const value_t *reasoning = find_reasoning(chat, message.dict);
  if (reasoning)
    tpl_dict_set(chat, result.dict, key("thinking"), *reasoning);
  for (size_t i = 0; i < message.dict->count; ++i)
    if (message.dict->values[i].kind != V_NONE)
      tpl_dict_set(chat, result.dict, message.dict->keys[i], message.dict->values[i]);
  if (reasoning)
    tpl_dict_set(chat, result.dict, key("reasoning_content"), *reasoning);
  return result;
}

static value_t normalised_messages(chat_t *chat, value_t messages) {
  if (messages.kind != V_LIST)
    tpl_chat_fail(chat, LMOPT_ERROR_USAGE, "messages must be a JSON array, found %s", tpl_value_type(messages));
  if (!messages.list->count)
    tpl_chat_fail(chat, LMOPT_ERROR_USAGE, "a conversation needs at least one message");
  value_t result = tpl_value_list(chat, false);
  for (size_t i = 0; i < messages.list->count; ++i)
    tpl_list_push(chat, result.list, normalised(chat, messages.list->items[i]));
  return result;
}

/*===--- Variables ---===*/

// tools and documents: none, or a list of mappings.
static void check_list(chat_t *chat, text_t name) {
  value_t value = tpl_scope_find(chat, name);
  bool good = value.kind == V_NONE || value.kind == V_LIST;
  for (size_t i = 0; value.kind == V_LIST && i < value.list->count; ++i)
    good &= value.list->items[i].kind == V_DICT;
  if (!good)
    tpl_chat_fail(chat, LMOPT_ERROR_USAGE, "%.*s must be null or a JSON array of objects", TEXT_ARGS(name));
}

static void set_globals(chat_t *chat) {
  static const struct {
    const char *name;
    function_t function;
  } functions[] = {{"raise_exception", F_RAISE},
                   {"strftime_now", F_STRFTIME},
                   {"namespace", F_NAMESPACE},
                   {"range", F_RANGE},
                   {"dict", F_DICT},
                   {"cycler", F_CYCLER},
                   {"joiner", F_JOINER},
                   {"lipsum", F_LIPSUM},
                   {"self", F_SELF}};
  for (size_t i = 0; i < sizeof functions / sizeof *functions; ++i)
    tpl_scope_set(chat, text_of(functions[i].name), (value_t){.kind = V_FUNCTION, .function = functions[i].function});
}

static void set_tokens(chat_t *chat, const request_t *request) {
  static const struct {
    const char *name;
    lmopt_token_role_t role;
  } tokens[] = {{"bos_token", LMOPT_TOKEN_BOS},  {"eos_token", LMOPT_TOKEN_EOS}, {"unk_token", LMOPT_TOKEN_UNK},
                {"sep_token", LMOPT_TOKEN_SEP},  {"pad_token", LMOPT_TOKEN_PAD}, {"cls_token", LMOPT_TOKEN_CLS},
                {"mask_token", LMOPT_TOKEN_MASK}};
  for (size_t i = 0; i < sizeof tokens / sizeof *tokens; ++i) {
    int32_t id = request->tokenizer ? lmopt_tokenizer_role(request->tokenizer, tokens[i].role) : -1;
    text_t text;
    if (id >= 0 && lmopt_tokenizer_piece(request->tokenizer, id, &text.data, &text.size, NULL) == LMOPT_OK)
      tpl_scope_set(chat, text_of(tokens[i].name), tpl_value_text(text));
  }
  if (request->options.bos_token)
    tpl_scope_set(chat, TEXT("bos_token"), tpl_value_text(text_of(request->options.bos_token)));
  if (request->options.eos_token)
    tpl_scope_set(chat, TEXT("eos_token"), tpl_value_text(text_of(request->options.eos_token)));
}

static void set_json(chat_t *chat, const char *json) {
  value_t variables = tpl_json_parse(chat, text_of(json), "the variables");
  if (variables.kind != V_DICT)
    tpl_chat_fail(chat, LMOPT_ERROR_USAGE, "the variables must be a JSON object, found %s", tpl_value_type(variables));
  for (size_t i = 0; i < variables.dict->count; ++i)
    tpl_scope_set(chat, variables.dict->keys[i].text, variables.dict->values[i]);
}

void tpl_set_conversation(chat_t *chat, const request_t *request) {
  tpl_scope_push(chat);
  set_globals(chat);
  set_tokens(chat, request);
  tpl_scope_set(chat, TEXT("messages"), make_messages(chat, request->messages, request->count));
  tpl_scope_set(chat, TEXT("tools"), tpl_value_none());
  tpl_scope_set(chat, TEXT("documents"), tpl_value_none());
  tpl_scope_set(chat, TEXT("add_generation_prompt"), tpl_value_bool(request->options.add_generation_prompt != 0));
  if (request->options.variables)
    set_json(chat, request->options.variables);
  check_list(chat, TEXT("tools"));
  check_list(chat, TEXT("documents"));
  tpl_scope_set(chat, TEXT("messages"), normalised_messages(chat, tpl_scope_find(chat, TEXT("messages"))));
}

/*===--- Continuing the final message ---===*/

// Where the message ends in what the template makes is found by a mark behind it.
static const text_t mark = TEXT("CONTINUE_FINAL_MESSAGE_TAG ");

static text_t with_mark(chat_t *chat, value_t text) {
  return tpl_value_string(chat, tpl_binary(chat, OP_CONCAT, text, tpl_value_text(mark)));
}

// The last part of a content list that has a text gets the mark; its text is returned.
static text_t mark_part(chat_t *chat, list_t *parts) {
  for (size_t i = parts->count; i-- > 0;) {
    dict_t *part = parts->items[i].kind == V_DICT ? parts->items[i].dict : NULL;
    const value_t *text = part ? tpl_dict_find(chat, part, key("text")) : NULL;
    if (!text)
      continue;
    text_t result = tpl_want_text(chat, *text, "the text to continue");
    tpl_dict_set(chat, part, key("text"), tpl_value_text(with_mark(chat, *text)));
    return result;
  }
  tpl_chat_fail(chat, LMOPT_ERROR_USAGE, "the final message has no text to continue");
}

// Reasoning stands under several names; whichever the template reads has the mark.
static void mark_fields(chat_t *chat, dict_t *message, const char *field, value_t value) {
  bool reasoning = false;
  for (size_t i = 0; i < 3; ++i)
    reasoning |= strcmp(field, reasoning_fields[i]) == 0;
  for (size_t i = 0; i < (reasoning ? 3 : 1); ++i) {
    const char *name = reasoning ? reasoning_fields[i] : field;
    const value_t *found = tpl_dict_find(chat, message, key(name));
    if (found && tpl_value_equal(chat, *found, value))
      tpl_dict_set(chat, message, key(name), tpl_value_text(with_mark(chat, value)));
  }
}

void tpl_mark_final_message(chat_t *chat, request_t *request) {
  const char *field = request->options.continue_field;
  if (!field)
    return;
  if (request->options.add_generation_prompt)
    tpl_chat_fail(chat, LMOPT_ERROR_USAGE, "continue_field and add_generation_prompt exclude each other");
  const list_t *messages = tpl_scope_find(chat, TEXT("messages")).list;
  dict_t *message = messages->items[messages->count - 1].dict;
  const value_t *value = tpl_dict_find(chat, message, key(field));
  if (!value)
    tpl_chat_fail(chat, LMOPT_ERROR_USAGE, "the final message has no '%s' to continue", field);
  if (value->kind == V_LIST) {
    request->final = mark_part(chat, value->list);
    return;
  }
  request->final = tpl_want_text(chat, *value, "the text to continue");
  mark_fields(chat, message, field, *value);
}

void tpl_cut_final_message(chat_t *chat, const request_t *request, buffer_t *out) {
  if (!request->options.continue_field)
    return;
  text_t all = tpl_buffer_finish(out), bare = tpl_text_strip(mark, true, true);
  size_t at = tpl_text_find_last(chat, all, bare);
  if (at == SIZE_MAX || tpl_text_find(all, tpl_text_strip(request->final, true, true), 0) == SIZE_MAX)
    tpl_chat_fail(chat, LMOPT_ERROR_USAGE, "the template does not show the final message, so it cannot be continued");
  bool whole = tpl_text_find(all, mark, at) == at; // else the template has trimmed the end of the message
  out->size = whole ? at : tpl_text_strip((text_t){all.data, at}, false, true).size;
}
