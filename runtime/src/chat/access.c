/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Attributes, items and slices of values in chat templates. The rules are those of Jinja's sandbox over Python's
 * objects: a.b looks for a method first and a key second, a['b'] the other way round; what would change a list or a
 * mapping is not there; what is nowhere is undefined. Names that Python's objects have and this engine does not are
 * refused by name. Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

#include <string.h>

// Names that Python has, between blanks. Methods that are supported stand in methods.c and text_methods.c.
static const char unsupported_int[] = " as_integer_ratio bit_count bit_length conjugate denominator from_bytes imag "
                                      "numerator real to_bytes ";
static const char unsupported_float[] = " as_integer_ratio conjugate fromhex hex imag is_integer real ";
static const char unsupported_text[] = " encode isidentifier maketrans translate ";
static const char unsupported_dict[] = " fromkeys ";
static const char unsupported_view[] = " isdisjoint mapping ";
static const char unsupported_macro[] = " arguments caller catch_kwargs catch_varargs explicit_caller ";
static const char forbidden_list[] = " append clear extend insert pop remove reverse sort ";
static const char forbidden_dict[] = " clear pop popitem setdefault update ";

static bool is_listed(const char *names, text_t name) {
  char word[32];
  if (name.size > sizeof word - 3)
    return false;
  word[0] = ' ';
  memcpy(word + 1, name.data, name.size);
  memcpy(word + 1 + name.size, " ", 2);
  return strstr(names, word) != NULL;
}

static const char *unsupported_names(value_t object) {
  switch (object.kind) {
  case V_BOOL:
  case V_INT:
    return unsupported_int;
  case V_FLOAT:
    return unsupported_float;
  case V_STRING:
    return unsupported_text;
  case V_DICT:
    return unsupported_dict;
  case V_VIEW:
    return unsupported_view;
  case V_MACRO:
    return unsupported_macro;
  default:
    return "";
  }
}

static bool is_forbidden(value_t object, text_t name) {
  if (object.kind == V_LIST && !object.list->tuple)
    return is_listed(forbidden_list, name);
  return object.kind == V_DICT && is_listed(forbidden_dict, name);
}

// What getattr(object, name) finds in Python, through the sandbox; *found false: nothing.
static value_t object_attribute(chat_t *chat, value_t object, text_t name, bool *found) {
  *found = true;
  if (name.size > 4 && name.data[0] == '_' && name.data[1] == '_')
    return tpl_value_undefined(name);
  if (object.kind == V_LOOP)
    return tpl_loop_attribute(chat, object.loop, name);
  if (tpl_is_method(object, name))
    return tpl_value_method(chat, object, name);
  if (is_forbidden(object, name)) {
    text_t both = tpl_value_string(
        chat, tpl_binary(chat, OP_CONCAT, tpl_value_text(TEXT("a method that changes: ")), tpl_value_text(name)));
    return tpl_value_undefined(both);
  }
  if (is_listed(unsupported_names(object), name))
    tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "'%.*s' of %s", TEXT_ARGS(name), tpl_value_type(object));
  if (object.kind == V_LIST && object.list->group && (tpl_text_is(name, "grouper") || tpl_text_is(name, "list")))
    return object.list->items[name.data[0] == 'l'];
  if (object.kind == V_MACRO && tpl_text_is(name, "name"))
    return tpl_value_text(object.macro->name);
  for (int i = 0; object.kind == V_RANGE && i < 3; ++i)
    if (tpl_text_is(name, i == 0 ? "start" : i == 1 ? "stop" : "step"))
      return tpl_value_int(object.list->range[i]);
  const value_t *value = object.kind == V_NAMESPACE ? tpl_dict_find_text(chat, object.dict, name) : NULL;
  *found = value != NULL;
  return value ? *value : tpl_value_undefined(name);
}

value_t tpl_get_attribute(chat_t *chat, value_t object, text_t name) {
  tpl_want_defined(chat, object);
  bool found;
  value_t value = object_attribute(chat, object, name, &found);
  const value_t *item = !found && object.kind == V_DICT ? tpl_dict_find_text(chat, object.dict, name) : NULL;
  return item ? *item : value;
}

// |attr(name): an attribute and never a key.
value_t tpl_get_attribute_only(chat_t *chat, value_t object, text_t name) {
  bool found;
  tpl_want_defined(chat, object);
  return object_attribute(chat, object, name, &found);
}

/*===--- Items ---===*/

// Characters begin..end of a text, counted in characters.
static text_t sub_text(text_t text, size_t begin, size_t end) {
  size_t at = 0, index = 0;
  while (index < begin && at < text.size) {
    at += tpl_utf8_length(text, at);
    ++index;
  }
  size_t first = at;
  while (index < end && at < text.size) {
    at += tpl_utf8_length(text, at);
    ++index;
  }
  return (text_t){text.data + first, at - first};
}

text_t tpl_text_part(chat_t *chat, text_t text, size_t begin, size_t end) {
  tpl_chat_step(chat, text.size / 8);
  return sub_text(text, begin, end);
}

static value_t item_at(chat_t *chat, value_t object, int64_t at) {
  bool text = object.kind == V_STRING;
  int64_t count = (int64_t)(text ? tpl_utf8_count(object.text) : object.list->count);
  if (at < 0)
    at += count;
  if (at < 0 || at >= count)
    return tpl_value_undefined(TEXT("item"));
  return text ? tpl_value_text(tpl_text_part(chat, object.text, (size_t)at, (size_t)at + 1)) : object.list->items[at];
}

value_t tpl_get_item(chat_t *chat, value_t object, value_t index) {
  tpl_want_defined(chat, object);
  const value_t *found =
      object.kind == V_DICT && tpl_value_is_key(index) ? tpl_dict_find(chat, object.dict, index) : NULL;
  if (found)
    return *found;
  bool indexed = object.kind == V_LIST || object.kind == V_RANGE || object.kind == V_STRING;
  if (indexed && (index.kind == V_INT || index.kind == V_BOOL))
    return item_at(chat, object, tpl_want_int(chat, index, ""));
  return index.kind == V_STRING ? tpl_get_attribute_only(chat, object, index.text) : tpl_value_undefined(TEXT("item"));
}

// "a.b.0": attributes as filters name them; keys before methods, numbers are indices.
value_t tpl_get_path(chat_t *chat, value_t object, value_t path, const value_t *otherwise) {
  if (path.kind != V_STRING)
    return path.kind == V_NONE ? object : tpl_get_item(chat, object, path);
  for (size_t at = 0, end; at <= path.text.size; at = end + 1) {
    end = tpl_text_find(path.text, TEXT("."), at);
    end = end == SIZE_MAX ? path.text.size : end;
    text_t part = {path.text.data + at, end - at};
    object = tpl_get_item(chat, object, tpl_text_index(chat, part));
    if (object.kind == V_UNDEFINED && otherwise)
      object = *otherwise;
  }
  return object;
}

// Digits are an index, anything else a name.
value_t tpl_text_index(chat_t *chat, text_t text) {
  int64_t index = 0;
  for (size_t i = 0; i < text.size; ++i) {
    if (text.data[i] < '0' || text.data[i] > '9')
      return tpl_value_text(text);
    if (i > 17)
      tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "an index of more than 18 digits");
    index = index * 10 + (text.data[i] - '0');
  }
  return text.size ? tpl_value_int(index) : tpl_value_text(text);
}

/*===--- Slices ---===*/

// The bound of a slice as Python clamps it, for a step of 1 or -1's sign.
static int64_t slice_bound(chat_t *chat, value_t value, int64_t count, int64_t step, int64_t otherwise) {
  if (value.kind == V_NONE)
    return otherwise;
  int64_t bound = tpl_want_int(chat, value, "the bound of a slice");
  if (bound < 0)
    bound = bound < -count ? -1 : bound + count;
  else if (bound > count)
    bound = count;
  int64_t least = step < 0 ? -1 : 0, most = step < 0 ? count - 1 : count;
  return bound < least ? least : bound > most ? most : bound;
}

static value_t slice_items(chat_t *chat, const list_t *items, bool tuple, int64_t begin, int64_t end, int64_t step) {
  value_t result = tpl_value_list(chat, tuple);
  int64_t count = (int64_t)items->count;
  // A step beyond the list ends after one item; clamped so that the sum cannot overflow.
  step = step > count ? count + 1 : step < -count ? -count - 1 : step;
  for (int64_t i = begin; step > 0 ? i < end : i > end; i += step)
    tpl_list_push(chat, result.list, items->items[i]);
  return result;
}

value_t tpl_get_slice(chat_t *chat, value_t object, const value_t parts[3]) {
  tpl_want_defined(chat, object);
  if (object.kind == V_RANGE)
    tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "a slice of a range; make it a list with |list");
  if (object.kind != V_LIST && object.kind != V_STRING)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "a slice of %s", tpl_value_type(object));
  int64_t step = parts[2].kind == V_NONE ? 1 : tpl_want_int(chat, parts[2], "the step of a slice");
  if (step == 0)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "the step of a slice is zero");
  const list_t *items = step != 1 || object.kind == V_LIST ? tpl_value_items(chat, object) : NULL;
  int64_t count = (int64_t)(items ? items->count : tpl_utf8_count(object.text));
  int64_t begin = slice_bound(chat, parts[0], count, step, step < 0 ? count - 1 : 0);
  int64_t end = slice_bound(chat, parts[1], count, step, step < 0 ? -1 : count);
  value_t result;
  if (!items) {
    text_t part = begin < end ? tpl_text_part(chat, object.text, (size_t)begin, (size_t)end) : TEXT("");
    result = tpl_value_text(part);
  } else {
    result = slice_items(chat, items, object.kind == V_LIST && object.list->tuple, begin, end, step);
    if (object.kind == V_STRING)
      result = tpl_text_join(chat, TEXT(""), result.list);
  }
  result.markup = object.markup;
  return result;
}
