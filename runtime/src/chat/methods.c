/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Methods of lists, tuples, mappings and ranges in chat templates; those of strings are in text_methods.c. What would
 * change its object is refused, as in Jinja's immutable sandbox (access.c).
 * Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

/*===--- Mappings ---===*/

// keys(), values(), items(): `view` is the name of Python's type.
static value_t make_view(chat_t *chat, const dict_t *dict, const char *view) {
  value_t result = tpl_value_list(chat, false);
  result.kind = V_VIEW;
  result.list->view = view;
  for (size_t i = 0; i < dict->count; ++i) {
    value_t item = view[5] == 'k' ? dict->keys[i] : dict->values[i];
    if (view[5] == 'i') {
      item = tpl_value_list(chat, true);
      tpl_list_push(chat, item.list, dict->keys[i]);
      tpl_list_push(chat, item.list, dict->values[i]);
    }
    tpl_list_push(chat, result.list, item);
  }
  return result;
}

static value_t dict_get(chat_t *chat, value_t object, const arguments_t *arguments) {
  call_t call = tpl_bind(chat, arguments, "$ $", 1, "get");
  const value_t *found = tpl_dict_find(chat, object.dict, call.values[0]);
  return found ? *found : tpl_call_value(&call, 1, tpl_value_none());
}

static value_t dict_items(chat_t *chat, value_t object, const arguments_t *arguments) {
  tpl_bind(chat, arguments, "", 0, "items");
  return make_view(chat, object.dict, "dict_items");
}

static value_t dict_keys(chat_t *chat, value_t object, const arguments_t *arguments) {
  tpl_bind(chat, arguments, "", 0, "keys");
  return make_view(chat, object.dict, "dict_keys");
}

static value_t dict_values(chat_t *chat, value_t object, const arguments_t *arguments) {
  tpl_bind(chat, arguments, "", 0, "values");
  return make_view(chat, object.dict, "dict_values");
}

static value_t dict_copy(chat_t *chat, value_t object, const arguments_t *arguments) {
  value_t copy = tpl_value_dict(chat);
  tpl_bind(chat, arguments, "", 0, "copy");
  for (size_t i = 0; i < object.dict->count; ++i)
    tpl_dict_set(chat, copy.dict, object.dict->keys[i], object.dict->values[i]);
  return copy;
}

/*===--- Lists, tuples, ranges ---===*/

static value_t list_count(chat_t *chat, value_t object, const arguments_t *arguments) {
  call_t call = tpl_bind(chat, arguments, "$", 1, "count");
  int64_t count = 0;
  for (size_t i = 0; i < object.list->count; ++i)
    count += tpl_value_equal(chat, object.list->items[i], call.values[0]);
  return tpl_value_int(count);
}

static int64_t clamp(int64_t at, int64_t count) {
  at = at < 0 ? (at < -count ? 0 : at + count) : at;
  return at > count ? count : at;
}

static value_t list_index(chat_t *chat, value_t object, const arguments_t *arguments) {
  call_t call = tpl_bind(chat, arguments, object.kind == V_LIST ? "$ $ $" : "$", 1, "index");
  int64_t count = (int64_t)object.list->count, end = clamp(tpl_call_int(chat, &call, 2, count, "the end"), count);
  for (int64_t i = clamp(tpl_call_int(chat, &call, 1, 0, "the begin"), count); i < end; ++i)
    if (tpl_value_equal(chat, object.list->items[i], call.values[0]))
      return tpl_value_int(i);
  tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "'index' of something that is not in the list");
}

static value_t list_copy(chat_t *chat, value_t object, const arguments_t *arguments) {
  value_t copy = tpl_value_list(chat, false);
  tpl_bind(chat, arguments, "", 0, "copy");
  for (size_t i = 0; i < object.list->count; ++i)
    tpl_list_push(chat, copy.list, object.list->items[i]);
  return copy;
}

/*===--- All of them ---===*/

typedef value_t (*method_fn)(chat_t *chat, value_t object, const arguments_t *arguments);
typedef struct {
  const char *name;
  method_fn function;
} entry_t;

static const entry_t dict_methods[] = {{"get", dict_get},       {"items", dict_items}, {"keys", dict_keys},
                                       {"values", dict_values}, {"copy", dict_copy},   {NULL, NULL}};
static const entry_t list_methods[] = {{"count", list_count}, {"index", list_index}, {"copy", list_copy}, {NULL, NULL}};
static const entry_t tuple_methods[] = {{"count", list_count}, {"index", list_index}, {NULL, NULL}};
static const entry_t no_methods[] = {{NULL, NULL}};

static method_fn find_method(value_t object, text_t name) {
  const entry_t *entry = no_methods;
  if (object.kind == V_DICT)
    entry = dict_methods;
  else if (object.kind == V_RANGE || (object.kind == V_LIST && object.list->tuple))
    entry = tuple_methods;
  else if (object.kind == V_LIST)
    entry = list_methods;
  while (entry->name && !tpl_text_is(name, entry->name))
    ++entry;
  return entry->function;
}

bool tpl_is_method(value_t object, text_t name) {
  return object.kind == V_STRING ? tpl_is_text_method(name) : find_method(object, name) != NULL;
}

value_t tpl_call_method(chat_t *chat, value_t object, text_t name, const arguments_t *arguments) {
  if (object.kind == V_STRING)
    return tpl_call_text_method(chat, object, name, arguments);
  if (object.kind == V_LOOP)
    return tpl_loop_method(chat, object.loop, name, arguments);
  return find_method(object, name)(chat, object, arguments);
}
