/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What templates can call: the global functions, and the methods of strings and mappings, with Python's meaning.
 * Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

#include <string.h>

/*===--- Arguments ---===*/

value_t tpl_argument(chat_t *chat, const arguments_t *arguments, size_t position, const char *name, value_t otherwise) {
  if (position < arguments->count && !arguments->names[position].size)
    return arguments->values[position];
  for (size_t i = 0; i < arguments->count; ++i)
    if (tpl_text_is(arguments->names[i], name))
      return arguments->values[i];
  return otherwise;
}

void tpl_check_arguments(chat_t *chat, const arguments_t *arguments, size_t least, size_t most, const char *what) {
  if (arguments->count < least || arguments->count > most)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "'%s' takes %zu to %zu arguments, found %zu", what, least, most,
                  arguments->count);
}

/*===--- Global functions ---===*/

static value_t make_namespace(chat_t *chat, const arguments_t *arguments, value_kind_t kind) {
  value_t result = tpl_value_dict(chat);
  result.kind = kind;
  for (size_t i = 0; i < arguments->count; ++i) {
    if (arguments->names[i].size) {
      tpl_dict_set(chat, result.dict, tpl_value_text(arguments->names[i]), arguments->values[i]);
      continue;
    }
    if (arguments->values[i].kind != V_DICT)
      tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "this argument: expected name=value or a mapping, found %s",
                    tpl_value_type(arguments->values[i]));
    const dict_t *from = arguments->values[i].dict;
    for (size_t j = 0; j < from->count; ++j)
      tpl_dict_set(chat, result.dict, from->keys[j], from->values[j]);
  }
  return result;
}

static value_t make_range(chat_t *chat, const arguments_t *arguments) {
  tpl_check_arguments(chat, arguments, 1, 3, "range");
  int64_t begin = 0, end = tpl_want_int(chat, arguments->values[0], "an argument of range"), step = 1;
  if (arguments->count > 1) {
    begin = end;
    end = tpl_want_int(chat, arguments->values[1], "an argument of range");
  }
  if (arguments->count > 2)
    step = tpl_want_int(chat, arguments->values[2], "an argument of range");
  if (step == 0)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "the step of range is zero");
  value_t list = tpl_value_list(chat, false);
  for (int64_t i = begin; step > 0 ? i < end : i > end;) {
    tpl_list_push(chat, list.list, tpl_value_int(i));
    if (__builtin_add_overflow(i, step, &i))
      break;
  }
  return list;
}

value_t tpl_call_function(chat_t *chat, function_t function, const arguments_t *arguments) {
  switch (function) {
  case F_RAISE: {
    tpl_check_arguments(chat, arguments, 1, 1, "raise_exception");
    text_t message = tpl_value_string(chat, arguments->values[0]);
    int size = message.size < 300 ? (int)message.size : 300;
    tpl_chat_fail(chat, LMOPT_ERROR_USAGE, "the template refuses this conversation: %.*s", size, message.data);
  }
  case F_NAMESPACE:
    return make_namespace(chat, arguments, V_NAMESPACE);
  case F_DICT:
    return make_namespace(chat, arguments, V_DICT);
  case F_RANGE:
    break;
  }
  return make_range(chat, arguments);
}

/*===--- Strings ---===*/

// Upper and lower case of ASCII. Other scripts have rules of their own: refused rather than done wrong.
text_t tpl_text_case(chat_t *chat, text_t text, char mode) {
  char *copy = tpl_chat_allocate(chat, text.size);
  bool inside = false; // of a word
  tpl_chat_step(chat, text.size / 16);
  for (size_t i = 0; i < text.size; ++i) {
    char c = text.data[i];
    if ((unsigned char)c >= 0x80)
      tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "upper and lower case of text beyond ASCII");
    bool small = c >= 'a' && c <= 'z', capital = c >= 'A' && c <= 'Z';
    bool up = mode == 'u' || (mode == 'c' && i == 0) || (mode == 't' && !inside);
    copy[i] = up && small ? (char)(c - 32) : !up && capital ? (char)(c + 32) : c;
    inside = small || capital;
  }
  return (text_t){copy, text.size};
}

text_t tpl_text_replace(chat_t *chat, text_t text, text_t old, text_t with, int64_t most) {
  buffer_t buffer = {0};
  size_t at = 0;
  for (; most != 0 && at <= text.size; --most) {
    tpl_chat_step(chat, 1);
    size_t found = tpl_text_find(text, old, at);
    if (found == SIZE_MAX)
      break;
    tpl_buffer_append(chat, &buffer, text.data + at, found - at);
    tpl_buffer_text(chat, &buffer, with);
    at = found + old.size;
    if (old.size == 0) { // between all characters
      size_t length = at < text.size ? tpl_utf8_length(text, at) : 0;
      tpl_buffer_append(chat, &buffer, text.data + at, length);
      at += length ? length : 1;
    }
  }
  if (at < text.size)
    tpl_buffer_append(chat, &buffer, text.data + at, text.size - at);
  tpl_chat_step(chat, text.size / 16);
  return (text_t){buffer.data ? buffer.data : "", buffer.size};
}

static bool in_set(text_t set, text_t text, size_t at, size_t length) {
  return tpl_text_find(set, (text_t){text.data + at, length}, 0) != SIZE_MAX;
}

// strip(characters): `set` none means white space.
text_t tpl_text_strip_set(chat_t *chat, value_t input, value_t set, bool left, bool right) {
  text_t text = tpl_value_string(chat, input);
  tpl_chat_step(chat, text.size / 16);
  if (set.kind == V_NONE)
    return tpl_text_strip(text, left, right);
  text_t characters = tpl_want_text(chat, set, "the characters to strip");
  size_t begin = 0, end = text.size;
  while (left && begin < end && in_set(characters, text, begin, tpl_utf8_length(text, begin)))
    begin += tpl_utf8_length(text, begin);
  while (right && end > begin) {
    size_t last = end - 1;
    while (last > begin && ((unsigned char)text.data[last] & 0xc0) == 0x80)
      --last;
    if (!in_set(characters, text, last, end - last))
      break;
    end = last;
  }
  return (text_t){text.data + begin, end - begin};
}

static value_t split_space(chat_t *chat, text_t text, int64_t most) {
  value_t list = tpl_value_list(chat, false);
  text = tpl_text_strip(text, true, false);
  while (text.size) {
    size_t end = 0;
    if (most-- == 0) {
      tpl_list_push(chat, list.list, tpl_value_text(text));
      break;
    }
    while (end < text.size && !tpl_space_length(text, end))
      end += tpl_utf8_length(text, end);
    tpl_list_push(chat, list.list, tpl_value_text((text_t){text.data, end}));
    text = tpl_text_strip((text_t){text.data + end, text.size - end}, true, false);
  }
  return list;
}

static value_t split(chat_t *chat, text_t text, const arguments_t *arguments) {
  tpl_check_arguments(chat, arguments, 0, 2, "split");
  value_t separator = tpl_argument(chat, arguments, 0, "sep", tpl_value_none());
  int64_t most = tpl_want_int(chat, tpl_argument(chat, arguments, 1, "maxsplit", tpl_value_int(-1)), "maxsplit");
  tpl_chat_step(chat, text.size / 8);
  if (separator.kind == V_NONE)
    return split_space(chat, text, most);
  text_t part = tpl_want_text(chat, separator, "the separator");
  if (part.size == 0)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "the separator of split is empty");
  value_t list = tpl_value_list(chat, false);
  size_t at = 0;
  for (size_t found; most-- != 0 && (found = tpl_text_find(text, part, at)) != SIZE_MAX; at = found + part.size)
    tpl_list_push(chat, list.list, tpl_value_text((text_t){text.data + at, found - at}));
  tpl_list_push(chat, list.list, tpl_value_text((text_t){text.data + at, text.size - at}));
  return list;
}

static bool has_affix(chat_t *chat, text_t text, value_t affix, bool at_end) {
  if (affix.kind == V_LIST) {
    for (size_t i = 0; i < affix.list->count; ++i)
      if (has_affix(chat, text, tpl_value_text(tpl_want_text(chat, affix.list->items[i], "a prefix or suffix")),
                    at_end))
        return true;
    return false;
  }
  text_t part = tpl_want_text(chat, affix, "a prefix or suffix");
  return part.size <= text.size &&
         tpl_text_equal((text_t){text.data + (at_end ? text.size - part.size : 0), part.size}, part);
}

static int64_t find_character(chat_t *chat, text_t text, value_t part) {
  tpl_chat_step(chat, text.size / 8);
  size_t found = tpl_text_find(text, tpl_want_text(chat, part, "what to find"), 0);
  return found == SIZE_MAX ? -1 : (int64_t)tpl_utf8_count((text_t){text.data, found});
}

static int64_t count_parts(chat_t *chat, text_t text, text_t part) {
  if (part.size == 0)
    return (int64_t)tpl_utf8_count(text) + 1;
  int64_t count = 0;
  for (size_t at = 0; (at = tpl_text_find(text, part, at)) != SIZE_MAX; at += part.size, ++count)
    tpl_chat_step(chat, 1);
  tpl_chat_step(chat, text.size / 16);
  return count;
}

static value_t join_items(chat_t *chat, text_t between, value_t items) {
  buffer_t buffer = {0};
  const list_t *list = tpl_value_items(chat, items);
  for (size_t i = 0; i < list->count; ++i) {
    if (i)
      tpl_buffer_text(chat, &buffer, between);
    tpl_buffer_text(chat, &buffer, tpl_want_text(chat, list->items[i], "what join joins"));
  }
  return tpl_value_text((text_t){buffer.data ? buffer.data : "", buffer.size});
}

static const char *const text_methods[] = {"strip",      "lstrip", "rstrip",     "upper",    "lower",
                                           "capitalize", "title",  "startswith", "endswith", "split",
                                           "find",       "count",  "join",       "replace",  NULL};
static const char *const dict_methods[] = {"items", "keys", "values", "get", NULL};

static bool listed(const char *const *names, text_t name) {
  for (; *names; ++names)
    if (tpl_text_is(name, *names))
      return true;
  return false;
}

bool tpl_is_method(value_t object, text_t name) {
  return (object.kind == V_STRING && listed(text_methods, name)) ||
         (object.kind == V_DICT && listed(dict_methods, name));
}

static value_t text_method(chat_t *chat, text_t text, text_t name, const arguments_t *arguments) {
  value_t self = tpl_value_text(text), first = tpl_argument(chat, arguments, 0, "", tpl_value_none());
  if (tpl_text_is(name, "strip") || tpl_text_is(name, "lstrip") || tpl_text_is(name, "rstrip")) {
    tpl_check_arguments(chat, arguments, 0, 1, "strip");
    return tpl_value_text(tpl_text_strip_set(chat, self, first, name.data[0] != 'r', name.data[0] != 'l'));
  }
  if (tpl_text_is(name, "split"))
    return split(chat, text, arguments);
  if (tpl_text_is(name, "replace")) {
    tpl_check_arguments(chat, arguments, 2, 3, "replace");
    int64_t most = tpl_want_int(chat, tpl_argument(chat, arguments, 2, "count", tpl_value_int(-1)), "count");
    return tpl_value_text(tpl_text_replace(
        chat, text, tpl_want_text(chat, first, "what to replace"),
        tpl_want_text(chat, tpl_argument(chat, arguments, 1, "", tpl_value_none()), "the replacement"), most));
  }
  if (tpl_text_is(name, "upper") || tpl_text_is(name, "lower") || tpl_text_is(name, "capitalize") ||
      tpl_text_is(name, "title")) {
    tpl_check_arguments(chat, arguments, 0, 0, "upper, lower, capitalize, title");
    return tpl_value_text(tpl_text_case(chat, text, name.data[0]));
  }
  tpl_check_arguments(chat, arguments, 1, 1, "this method");
  if (tpl_text_is(name, "startswith") || tpl_text_is(name, "endswith"))
    return tpl_value_bool(has_affix(chat, text, first, name.data[0] == 'e'));
  if (tpl_text_is(name, "find"))
    return tpl_value_int(find_character(chat, text, first));
  if (tpl_text_is(name, "count"))
    return tpl_value_int(count_parts(chat, text, tpl_want_text(chat, first, "what to count")));
  return join_items(chat, text, first);
}

/*===--- Mappings ---===*/

static value_t dict_method(chat_t *chat, const dict_t *dict, text_t name, const arguments_t *arguments) {
  if (tpl_text_is(name, "get")) {
    tpl_check_arguments(chat, arguments, 1, 2, "get");
    const value_t *found = tpl_dict_find(chat, dict, arguments->values[0]);
    return found ? *found : tpl_argument(chat, arguments, 1, "default", tpl_value_none());
  }
  tpl_check_arguments(chat, arguments, 0, 0, "items, keys, values");
  value_t list = tpl_value_list(chat, false);
  for (size_t i = 0; i < dict->count; ++i) {
    value_t item = tpl_text_is(name, "keys") ? dict->keys[i] : dict->values[i];
    if (tpl_text_is(name, "items")) {
      item = tpl_value_list(chat, true);
      tpl_list_push(chat, item.list, dict->keys[i]);
      tpl_list_push(chat, item.list, dict->values[i]);
    }
    tpl_list_push(chat, list.list, item);
  }
  return list;
}

static value_t loop_cycle(chat_t *chat, const loop_t *loop, const arguments_t *arguments) {
  tpl_check_arguments(chat, arguments, 1, 1000, "loop.cycle");
  return arguments->values[loop->index % arguments->count];
}

value_t tpl_call_method(chat_t *chat, value_t object, text_t name, const arguments_t *arguments) {
  if (tpl_is_method(object, name))
    return object.kind == V_STRING ? text_method(chat, object.text, name, arguments)
                                   : dict_method(chat, object.dict, name, arguments);
  if (object.kind == V_LOOP && tpl_text_is(name, "cycle"))
    return loop_cycle(chat, object.loop, arguments);
  value_t function =
      object.kind == V_DICT || object.kind == V_NAMESPACE ? tpl_get_attribute(chat, object, name) : tpl_value_none();
  if (function.kind == V_FUNCTION)
    return tpl_call_function(chat, function.function, arguments);
  tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "the method '%.*s' of %s", TEXT_ARGS(name), tpl_value_type(object));
}
