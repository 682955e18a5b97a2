/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Evaluates expressions. In: a syntax tree and the scope. Out: a value, with the meaning that Python and Jinja give it.
 * Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

#include <string.h>

static value_t evaluate_chain(chat_t *chat, const node_t *node) {
  value_t left = tpl_evaluate(chat, node->a);
  for (size_t i = 0; i < node->count; ++i) {
    value_t right = tpl_evaluate(chat, node->children[i]->b);
    chat->at = node->at;
    if (!tpl_compare(chat, node->children[i]->op, left, right))
      return tpl_value_bool(false);
    left = right;
  }
  return tpl_value_bool(true);
}

static value_t evaluate_slice(chat_t *chat, const node_t *node) {
  value_t object = tpl_evaluate(chat, node->a), parts[3];
  for (int i = 0; i < 3; ++i)
    parts[i] = node->children[i] ? tpl_evaluate(chat, node->children[i]) : tpl_value_none();
  chat->at = node->at;
  return tpl_get_slice(chat, object, parts);
}

/*===--- Calls ---===*/

static void push_argument(chat_t *chat, arguments_t *arguments, value_t value, text_t name) {
  tpl_chat_step(chat, 1);
  if (arguments->count == arguments->capacity) {
    size_t capacity = arguments->capacity ? arguments->capacity * 2 : 4;
    value_t *values = tpl_chat_allocate(chat, capacity * sizeof *values);
    text_t *names = tpl_chat_allocate(chat, capacity * sizeof *names);
    if (arguments->count) {
      memcpy(values, arguments->values, arguments->count * sizeof *values);
      memcpy(names, arguments->names, arguments->count * sizeof *names);
    }
    arguments->values = values;
    arguments->names = names;
    arguments->capacity = capacity;
  }
  arguments->values[arguments->count] = value;
  arguments->names[arguments->count++] = name;
}

static void unpack_mapping(chat_t *chat, arguments_t *arguments, value_t value) {
  if (value.kind != V_DICT)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "'**' needs a mapping, found %s", tpl_value_type(value));
  for (size_t i = 0; i < value.dict->count; ++i)
    push_argument(chat, arguments, value.dict->values[i],
                  tpl_want_text(chat, value.dict->keys[i], "the name of an argument"));
}

// Positional arguments first, in order; then those with names.
static arguments_t evaluate_arguments(chat_t *chat, const node_t *node) {
  arguments_t positional = {0}, named = {0};
  for (size_t i = 0; i < node->count; ++i) {
    value_t value = tpl_evaluate(chat, node->children[i]);
    text_t name = node->names[i];
    chat->at = node->at;
    if (tpl_text_is(name, "**")) {
      unpack_mapping(chat, &named, value);
    } else if (tpl_text_is(name, "*")) {
      const list_t *items = tpl_value_items(chat, value);
      for (size_t j = 0; j < items->count; ++j)
        push_argument(chat, &positional, items->items[j], TEXT(""));
    } else {
      push_argument(chat, name.size ? &named : &positional, value, name);
    }
  }
  for (size_t i = 0; i < named.count; ++i)
    push_argument(chat, &positional, named.values[i], named.names[i]);
  return positional;
}

value_t tpl_call(chat_t *chat, value_t callee, const arguments_t *arguments) {
  tpl_want_defined(chat, callee);
  switch (callee.kind) {
  case V_FUNCTION:
    return tpl_call_function(chat, callee.function, arguments);
  case V_METHOD:
    return tpl_call_method(chat, callee.method->object, callee.method->name, arguments);
  case V_MACRO:
    return tpl_call_macro(chat, callee.macro, arguments);
  case V_LOOP:
    return tpl_call_loop(chat, callee.loop, arguments);
  default:
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "%s cannot be called", tpl_value_type(callee));
  }
}

// `caller`: one named argument more, unless it is undefined.
value_t tpl_evaluate_call(chat_t *chat, const node_t *node, value_t caller) {
  value_t callee = tpl_evaluate(chat, node->a);
  arguments_t arguments = evaluate_arguments(chat, node);
  if (caller.kind != V_UNDEFINED)
    push_argument(chat, &arguments, caller, TEXT("caller"));
  chat->at = node->a->at;
  return tpl_call(chat, callee, &arguments);
}

/*===--- The rest ---===*/

static value_t make_list(chat_t *chat, const node_t *node) {
  value_t list = tpl_value_list(chat, node->kind == N_TUPLE);
  for (size_t i = 0; i < node->count; ++i)
    tpl_list_push(chat, list.list, tpl_evaluate(chat, node->children[i]));
  return list;
}

static value_t make_dict(chat_t *chat, const node_t *node) {
  value_t dict = tpl_value_dict(chat);
  for (size_t i = 0; i + 1 < node->count; i += 2) {
    value_t key = tpl_evaluate(chat, node->children[i]);
    tpl_dict_set(chat, dict.dict, key, tpl_evaluate(chat, node->children[i + 1]));
  }
  return dict;
}

static value_t evaluate_filter(chat_t *chat, const node_t *node) {
  value_t input = tpl_evaluate(chat, node->a);
  arguments_t arguments = evaluate_arguments(chat, node);
  chat->at = node->at;
  return tpl_apply_filter(chat, input, node->value.text, &arguments);
}

static value_t evaluate_test(chat_t *chat, const node_t *node) {
  value_t input = tpl_evaluate(chat, node->a);
  arguments_t arguments = evaluate_arguments(chat, node);
  chat->at = node->at;
  return tpl_value_bool(tpl_apply_test(chat, input, node->value.text, &arguments));
}

static value_t evaluate_binary(chat_t *chat, const node_t *node) {
  value_t a = tpl_evaluate(chat, node->a), b = tpl_evaluate(chat, node->b);
  chat->at = node->at;
  return tpl_binary(chat, node->op, a, b);
}

static value_t evaluate_item(chat_t *chat, const node_t *node) {
  value_t object = tpl_evaluate(chat, node->a), index = tpl_evaluate(chat, node->b);
  chat->at = node->at;
  return tpl_get_item(chat, object, index);
}

static value_t evaluate_attribute(chat_t *chat, const node_t *node) {
  value_t object = tpl_evaluate(chat, node->a);
  chat->at = node->at;
  return tpl_get_attribute(chat, object, node->value.text);
}

static value_t evaluate_signed(chat_t *chat, const node_t *node) {
  value_t value = tpl_evaluate(chat, node->a);
  chat->at = node->at;
  return tpl_signed(chat, value, node->kind == N_NEGATE);
}

// and, or: the value that decides; a if b else c.
static value_t choose(chat_t *chat, const node_t *node) {
  if (node->kind == N_CONDITION) {
    if (tpl_value_truth(tpl_evaluate(chat, node->b)))
      return tpl_evaluate(chat, node->a);
    return node->c ? tpl_evaluate(chat, node->c) : tpl_value_undefined(TEXT("the value of an if without else"));
  }
  value_t left = tpl_evaluate(chat, node->a);
  return tpl_value_truth(left) == (node->kind == N_OR) ? left : tpl_evaluate(chat, node->b);
}

static value_t evaluate_node(chat_t *chat, const node_t *node) {
  switch (node->kind) {
  case N_CONSTANT:
    return node->value;
  case N_NAME:
    return tpl_scope_find(chat, node->value.text);
  case N_HOLE:
    return chat->hole;
  case N_LIST:
  case N_TUPLE:
    return make_list(chat, node);
  case N_DICT:
    return make_dict(chat, node);
  case N_ATTRIBUTE:
    return evaluate_attribute(chat, node);
  case N_ITEM:
    return evaluate_item(chat, node);
  case N_SLICE:
    return evaluate_slice(chat, node);
  case N_CALL:
    return tpl_evaluate_call(chat, node, tpl_value_undefined(TEXT("")));
  case N_FILTER:
    return evaluate_filter(chat, node);
  case N_TEST:
    return evaluate_test(chat, node);
  case N_NOT:
    return tpl_value_bool(!tpl_value_truth(tpl_evaluate(chat, node->a)));
  case N_NEGATE:
  case N_PLUS:
    return evaluate_signed(chat, node);
  case N_AND:
  case N_OR:
  case N_CONDITION:
    return choose(chat, node);
  case N_COMPARE:
    return evaluate_chain(chat, node);
  default:
    return evaluate_binary(chat, node);
  }
}

value_t tpl_evaluate(chat_t *chat, const node_t *node) {
  tpl_chat_enter(chat);
  tpl_chat_step(chat, 1);
  chat->at = node->at;
  value_t value = evaluate_node(chat, node);
  tpl_chat_leave(chat);
  return value;
}
