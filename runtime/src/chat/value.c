/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Values of chat templates with the meaning of Python: truth, equality, order, membership, iteration.
 * Integers have 64 bits (Python's have no end): what does not fit is an error, never a wrong number.
 * Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

#include <math.h>
#include <string.h>

value_t tpl_value_none(void) { return (value_t){.kind = V_NONE}; }
value_t tpl_value_bool(bool boolean) { return (value_t){.kind = V_BOOL, .boolean = boolean}; }
value_t tpl_value_int(int64_t integer) { return (value_t){.kind = V_INT, .integer = integer}; }
value_t tpl_value_float(double real) { return (value_t){.kind = V_FLOAT, .real = real}; }
value_t tpl_value_text(text_t text) { return (value_t){.kind = V_STRING, .text = text}; }
value_t tpl_value_undefined(text_t name) { return (value_t){.kind = V_UNDEFINED, .text = name}; }

value_t tpl_value_list(chat_t *chat, bool tuple) {
  list_t *list = tpl_chat_allocate(chat, sizeof *list);
  list->tuple = tuple;
  return (value_t){.kind = V_LIST, .list = list};
}

value_t tpl_value_dict(chat_t *chat) {
  return (value_t){.kind = V_DICT, .dict = tpl_chat_allocate(chat, sizeof(dict_t))};
}

value_t tpl_value_iterator(list_t *list) {
  list->position = 0;
  return (value_t){.kind = V_ITERATOR, .list = list};
}

value_t tpl_value_method(chat_t *chat, value_t object, text_t name) {
  method_t *method = tpl_chat_allocate(chat, sizeof *method);
  *method = (method_t){object, name};
  return (value_t){.kind = V_METHOD, .method = method};
}

static value_t *grow_values(chat_t *chat, const value_t *values, size_t count, size_t capacity) {
  value_t *grown = tpl_chat_allocate(chat, capacity * sizeof *grown);
  if (count)
    memcpy(grown, values, count * sizeof *grown);
  return grown;
}

void tpl_list_push(chat_t *chat, list_t *list, value_t item) {
  tpl_chat_step(chat, 1);
  if (list->count == list->capacity) {
    list->capacity = list->capacity ? list->capacity * 2 : 4;
    list->items = grow_values(chat, list->items, list->count, list->capacity);
  }
  list->items[list->count++] = item;
}

// Python's rule: what can change is no key.
bool tpl_value_is_key(value_t value) {
  bool key = value.kind != V_DICT && value.kind != V_VIEW && (value.kind != V_LIST || value.list->tuple);
  for (size_t i = 0; key && value.kind == V_LIST && i < value.list->count;
       ++i) // a tuple nests no deeper than it was made
    key = tpl_value_is_key(value.list->items[i]);
  return key;
}

const value_t *tpl_dict_find(chat_t *chat, const dict_t *dict, value_t key) {
  tpl_chat_step(chat, 1 + dict->count / 8);
  if (!tpl_value_is_key(key))
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "%s as the key of a mapping", tpl_value_type(key));
  for (size_t i = 0; i < dict->count; ++i)
    if (tpl_value_equal(chat, dict->keys[i], key))
      return &dict->values[i];
  return NULL;
}

const value_t *tpl_dict_find_text(chat_t *chat, const dict_t *dict, text_t key) {
  return tpl_dict_find(chat, dict, tpl_value_text(key));
}

void tpl_dict_set(chat_t *chat, dict_t *dict, value_t key, value_t value) {
  const value_t *old = tpl_dict_find(chat, dict, key);
  if (old) {
    dict->values[old - dict->values] = value;
    return;
  }
  if (dict->count == dict->capacity) {
    dict->capacity = dict->capacity ? dict->capacity * 2 : 4;
    dict->keys = grow_values(chat, dict->keys, dict->count, dict->capacity);
    dict->values = grow_values(chat, dict->values, dict->count, dict->capacity);
  }
  dict->keys[dict->count] = key;
  dict->values[dict->count++] = value;
}

const char *tpl_value_type(value_t value) {
  static const char *const names[] = {[V_UNDEFINED] = "an undefined value",
                                      [V_NONE] = "none",
                                      [V_BOOL] = "a boolean",
                                      [V_INT] = "an integer",
                                      [V_FLOAT] = "a float",
                                      [V_STRING] = "a string",
                                      [V_LIST] = "a list",
                                      [V_DICT] = "a mapping",
                                      [V_VIEW] = "a view of a mapping",
                                      [V_RANGE] = "a range",
                                      [V_ITERATOR] = "an iterator (make it a list with |list)",
                                      [V_NAMESPACE] = "a namespace",
                                      [V_LOOP] = "a loop",
                                      [V_FUNCTION] = "a function",
                                      [V_METHOD] = "a method",
                                      [V_MACRO] = "a macro"};
  return value.kind == V_LIST && value.list->tuple ? "a tuple" : names[value.kind];
}

bool tpl_value_truth(value_t value) {
  switch (value.kind) {
  case V_UNDEFINED:
  case V_NONE:
    return false;
  case V_BOOL:
    return value.boolean;
  case V_INT:
    return value.integer != 0;
  case V_FLOAT:
    return value.real != 0;
  case V_STRING:
    return value.text.size != 0;
  case V_LIST:
  case V_VIEW:
  case V_RANGE:
    return value.list->count != 0;
  case V_DICT:
    return value.dict->count != 0;
  default:
    return true;
  }
}

/*===--- Equality, order, membership ---===*/

static bool is_number(value_t value) { return value.kind == V_INT || value.kind == V_BOOL || value.kind == V_FLOAT; }

// -1, 0, 1; 2 when one of them is not a number (NaN).
static int number_order(value_t a, value_t b) {
  if (a.kind != V_FLOAT && b.kind != V_FLOAT) {
    int64_t x = a.kind == V_BOOL ? a.boolean : a.integer, y = b.kind == V_BOOL ? b.boolean : b.integer;
    return (x > y) - (x < y);
  }
  // long double has 64 bits of mantissa here: both kinds of numbers keep their value.
  long double x = a.kind == V_FLOAT ? (long double)a.real : a.kind == V_BOOL ? a.boolean : (long double)a.integer;
  long double y = b.kind == V_FLOAT ? (long double)b.real : b.kind == V_BOOL ? b.boolean : (long double)b.integer;
  return isnan(x) || isnan(y) ? 2 : (x > y) - (x < y);
}

static bool list_equal(chat_t *chat, const list_t *a, const list_t *b) {
  if (a->count != b->count || a->tuple != b->tuple)
    return false;
  bool equal = true;
  tpl_chat_enter(chat);
  for (size_t i = 0; i < a->count && equal; ++i)
    equal = tpl_value_equal(chat, a->items[i], b->items[i]);
  tpl_chat_leave(chat);
  return equal;
}

static bool dict_equal(chat_t *chat, const dict_t *a, const dict_t *b) {
  if (a->count != b->count)
    return false;
  bool equal = true;
  tpl_chat_enter(chat);
  for (size_t i = 0; i < a->count && equal; ++i) {
    const value_t *other = tpl_dict_find(chat, b, a->keys[i]);
    equal = other && tpl_value_equal(chat, a->values[i], *other);
  }
  tpl_chat_leave(chat);
  return equal;
}

bool tpl_value_equal(chat_t *chat, value_t a, value_t b) {
  tpl_chat_step(chat, 1);
  if (is_number(a) && is_number(b))
    return number_order(a, b) == 0;
  if (a.kind != b.kind)
    return false;
  switch (a.kind) {
  case V_STRING:
    return tpl_text_equal(a.text, b.text);
  case V_LIST:
  case V_RANGE:
    return list_equal(chat, a.list, b.list);
  case V_VIEW:
    tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "comparing views of mappings");
  case V_ITERATOR:
    return a.list == b.list;
  case V_METHOD:
    return a.method == b.method;
  case V_MACRO:
    return a.macro == b.macro;
  case V_DICT:
    return dict_equal(chat, a.dict, b.dict);
  case V_NAMESPACE:
    return a.dict == b.dict;
  case V_LOOP:
    return a.loop == b.loop;
  case V_FUNCTION:
    return a.function == b.function;
  default:
    return true; // none, undefined
  }
}

int tpl_value_order(chat_t *chat, value_t a, value_t b) {
  if (is_number(a) && is_number(b))
    return number_order(a, b);
  if (a.kind == V_STRING && b.kind == V_STRING) {
    int order = tpl_text_compare(a.text, b.text);
    return (order > 0) - (order < 0);
  }
  if (a.kind == V_LIST && b.kind == V_LIST && a.list->tuple == b.list->tuple) {
    tpl_chat_enter(chat);
    for (size_t i = 0; i < a.list->count && i < b.list->count; ++i)
      if (!tpl_value_equal(chat, a.list->items[i], b.list->items[i])) {
        int order = tpl_value_order(chat, a.list->items[i], b.list->items[i]);
        tpl_chat_leave(chat);
        return order;
      }
    tpl_chat_leave(chat);
    return (a.list->count > b.list->count) - (a.list->count < b.list->count);
  }
  if (a.kind == V_UNDEFINED || b.kind == V_UNDEFINED) {
    text_t name = a.kind == V_UNDEFINED ? a.text : b.text;
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "'%.*s' is undefined", TEXT_ARGS(name));
  }
  tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "%s and %s have no order", tpl_value_type(a), tpl_value_type(b));
}

bool tpl_value_contains(chat_t *chat, value_t container, value_t item) {
  if (container.kind == V_STRING) {
    if (item.kind != V_STRING)
      tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "'in' a string needs a string, found %s", tpl_value_type(item));
    tpl_chat_step(chat, container.text.size / 16);
    return tpl_text_find(container.text, item.text, 0) != SIZE_MAX;
  }
  if (container.kind == V_DICT)
    return tpl_dict_find(chat, container.dict, item) != NULL;
  bool once = container.kind == V_ITERATOR;
  const list_t *items = once ? container.list : tpl_value_items(chat, container);
  for (size_t i = once ? container.list->position : 0; i < items->count; ++i) {
    if (once)
      container.list->position = i + 1;
    if (tpl_value_equal(chat, items->items[i], item))
      return true;
  }
  return false;
}

static const list_t *characters(chat_t *chat, text_t text) {
  list_t *list = tpl_value_list(chat, false).list;
  for (size_t i = 0, length; i < text.size; i += length) {
    length = tpl_utf8_length(text, i);
    tpl_list_push(chat, list, tpl_value_text((text_t){text.data + i, length}));
  }
  return list;
}

// What an iterator still has; then it is empty.
static const list_t *rest_of(chat_t *chat, list_t *list) {
  list_t *rest = tpl_value_list(chat, false).list;
  for (; list->position < list->count; ++list->position)
    tpl_list_push(chat, rest, list->items[list->position]);
  return rest;
}

const list_t *tpl_value_items(chat_t *chat, value_t value) {
  switch (value.kind) {
  case V_LIST:
  case V_VIEW:
  case V_RANGE:
    return value.list;
  case V_ITERATOR:
    return rest_of(chat, value.list);
  case V_STRING:
    return characters(chat, value.text);
  case V_DICT: {
    list_t *list = tpl_value_list(chat, false).list;
    for (size_t i = 0; i < value.dict->count; ++i)
      tpl_list_push(chat, list, value.dict->keys[i]);
    return list;
  }
  case V_UNDEFINED:
    return tpl_value_list(chat, false).list;
  default:
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "%s cannot be iterated", tpl_value_type(value));
  }
}
