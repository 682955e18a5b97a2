/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The filters (value|name) and tests (value is name) that chat templates use. Each does what Jinja2's of that name
 * does; tojson is the one of transformers. A filter or test that is not here is named and refused. Tested by
 * test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef value_t (*filter_fn)(chat_t *chat, value_t input, const arguments_t *arguments);

static text_t finished(buffer_t buffer) { return (text_t){buffer.data ? buffer.data : "", buffer.size}; }

/*===--- Texts ---===*/

static value_t filter_trim(chat_t *chat, value_t input, const arguments_t *arguments) {
  return tpl_value_text(
      tpl_text_strip_set(chat, input, tpl_argument(chat, arguments, 0, "chars", tpl_value_none()), true, true));
}

static value_t filter_upper(chat_t *chat, value_t input, const arguments_t *arguments) {
  return tpl_value_text(tpl_text_case(chat, tpl_value_string(chat, input), 'u'));
}

static value_t filter_lower(chat_t *chat, value_t input, const arguments_t *arguments) {
  return tpl_value_text(tpl_text_case(chat, tpl_value_string(chat, input), 'l'));
}

static value_t filter_capitalize(chat_t *chat, value_t input, const arguments_t *arguments) {
  return tpl_value_text(tpl_text_case(chat, tpl_value_string(chat, input), 'c'));
}

static value_t filter_title(chat_t *chat, value_t input, const arguments_t *arguments) {
  // Jinja's own words: behind blanks, '-', '(', '{', '[', '<'.
  text_t text = tpl_value_string(chat, input);
  char *copy = (char *)tpl_text_case(chat, text, 'l').data;
  for (size_t i = 0; i < text.size; ++i)
    if ((i == 0 || tpl_space_length(text, i - 1) || strchr("-({[<", text.data[i - 1])) && copy[i] >= 'a' &&
        copy[i] <= 'z')
      copy[i] = (char)(copy[i] - 32);
  return tpl_value_text((text_t){copy, text.size});
}

static value_t filter_string(chat_t *chat, value_t input, const arguments_t *arguments) {
  return tpl_value_text(tpl_value_string(chat, input));
}

static value_t filter_replace(chat_t *chat, value_t input, const arguments_t *arguments) {
  tpl_check_arguments(chat, arguments, 2, 3, "replace");
  value_t most = tpl_argument(chat, arguments, 2, "count", tpl_value_none());
  return tpl_value_text(
      tpl_text_replace(chat, tpl_value_string(chat, input),
                       tpl_value_string(chat, tpl_argument(chat, arguments, 0, "old", tpl_value_none())),
                       tpl_value_string(chat, tpl_argument(chat, arguments, 1, "new", tpl_value_none())),
                       most.kind == V_NONE ? -1 : tpl_want_int(chat, most, "count")));
}

static value_t filter_indent(chat_t *chat, value_t input, const arguments_t *arguments) {
  tpl_check_arguments(chat, arguments, 0, 3, "indent");
  value_t width = tpl_argument(chat, arguments, 0, "width", tpl_value_int(4));
  bool first = tpl_value_truth(tpl_argument(chat, arguments, 1, "first", tpl_value_bool(false)));
  bool blank = tpl_value_truth(tpl_argument(chat, arguments, 2, "blank", tpl_value_bool(false)));
  buffer_t blanks = {0}, buffer = {0};
  if (width.kind == V_STRING)
    tpl_buffer_text(chat, &blanks, width.text);
  for (int64_t i = 0; width.kind != V_STRING && i < tpl_want_int(chat, width, "width"); ++i)
    tpl_buffer_text(chat, &blanks, TEXT(" "));
  text_t text = tpl_want_text(chat, input, "the input of indent");
  for (size_t at = 0, end; at <= text.size; at = end + 1) {
    tpl_chat_step(chat, 1);
    end = tpl_text_find(text, TEXT("\n"), at);
    end = end == SIZE_MAX ? text.size : end;
    if (at ? blank || end > at : first)
      tpl_buffer_text(chat, &buffer, finished(blanks));
    tpl_buffer_append(chat, &buffer, text.data + at, end - at);
    if (end < text.size)
      tpl_buffer_text(chat, &buffer, TEXT("\n"));
  }
  return tpl_value_text(finished(buffer));
}

static value_t filter_tojson(chat_t *chat, value_t input, const arguments_t *arguments) {
  // transformers: tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False)
  for (size_t i = 0; i < arguments->count; ++i)
    if (!tpl_text_is(arguments->names[i], "indent") &&
        !(tpl_text_is(arguments->names[i], "ensure_ascii") && !tpl_value_truth(arguments->values[i])))
      tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "tojson with an argument other than 'indent'");
  value_t indent = tpl_argument(chat, arguments, SIZE_MAX, "indent", tpl_value_none());
  int64_t width = indent.kind == V_NONE ? -1 : tpl_want_int(chat, indent, "indent");
  if (width > 64)
    tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "tojson with an indent of more than 64");
  buffer_t buffer = {0};
  tpl_value_json(chat, &buffer, input, width < 0 && indent.kind != V_NONE ? 0 : width);
  return tpl_value_text(finished(buffer));
}

/*===--- Numbers ---===*/

static void refuse_undefined(chat_t *chat, value_t value) {
  if (value.kind == V_UNDEFINED)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "'%.*s' is undefined", TEXT_ARGS(value.text));
}

static value_t filter_int(chat_t *chat, value_t input, const arguments_t *arguments) {
  value_t otherwise = tpl_argument(chat, arguments, 0, "default", tpl_value_int(0));
  double real = 0;
  refuse_undefined(chat, input);
  if (input.kind == V_INT || input.kind == V_BOOL)
    return tpl_value_int(tpl_want_int(chat, input, ""));
  if (input.kind == V_FLOAT)
    real = input.real;
  if (input.kind == V_STRING) {
    text_t text = tpl_text_strip(input.text, true, true);
    char digits[64], *end;
    if (text.size == 0 || text.size >= sizeof digits || memchr(text.data, 0, text.size))
      return otherwise;
    memcpy(digits, text.data, text.size);
    digits[text.size] = 0;
    int64_t integer = strtoll(digits, &end, 10);
    if (!*end && text.size < 19)
      return tpl_value_int(integer);
    real = strtod(digits, &end);
    if (*end)
      return otherwise;
  } else if (input.kind != V_FLOAT) {
    return otherwise;
  }
  return real > -9e18 && real < 9e18 ? tpl_value_int((int64_t)real) : otherwise;
}

static value_t filter_float(chat_t *chat, value_t input, const arguments_t *arguments) {
  value_t otherwise = tpl_argument(chat, arguments, 0, "default", tpl_value_float(0));
  refuse_undefined(chat, input);
  if (input.kind == V_FLOAT)
    return input;
  if (input.kind == V_INT || input.kind == V_BOOL)
    return tpl_value_float((double)tpl_want_int(chat, input, ""));
  if (input.kind != V_STRING)
    return otherwise;
  text_t text = tpl_text_strip(input.text, true, true);
  char digits[64], *end;
  if (text.size == 0 || text.size >= sizeof digits || memchr(text.data, 0, text.size))
    return otherwise;
  memcpy(digits, text.data, text.size);
  digits[text.size] = 0;
  double real = strtod(digits, &end);
  return *end ? otherwise : tpl_value_float(real);
}

static value_t filter_abs(chat_t *chat, value_t input, const arguments_t *arguments) {
  if (input.kind == V_FLOAT)
    return tpl_value_float(fabs(input.real));
  int64_t integer = tpl_want_int(chat, input, "the input of abs");
  if (integer == INT64_MIN)
    tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "an integer beyond 64 bits");
  return tpl_value_int(integer < 0 ? -integer : integer);
}

/*===--- Lists and mappings ---===*/

static value_t filter_length(chat_t *chat, value_t input, const arguments_t *arguments) {
  if (input.kind == V_STRING)
    tpl_chat_step(chat, input.text.size / 16);
  if (input.kind == V_STRING)
    return tpl_value_int((int64_t)tpl_utf8_count(input.text));
  return tpl_value_int((int64_t)(input.kind == V_DICT ? input.dict->count : tpl_value_items(chat, input)->count));
}

static value_t filter_default(chat_t *chat, value_t input, const arguments_t *arguments) {
  bool all = tpl_value_truth(tpl_argument(chat, arguments, 1, "boolean", tpl_value_bool(false)));
  if (input.kind == V_UNDEFINED || (all && !tpl_value_truth(input)))
    return tpl_argument(chat, arguments, 0, "default_value", tpl_value_text(TEXT("")));
  return input;
}

static value_t filter_join(chat_t *chat, value_t input, const arguments_t *arguments) {
  text_t between = tpl_value_string(chat, tpl_argument(chat, arguments, 0, "d", tpl_value_text(TEXT(""))));
  value_t attribute = tpl_argument(chat, arguments, 1, "attribute", tpl_value_none());
  const list_t *items = tpl_value_items(chat, input);
  buffer_t buffer = {0};
  for (size_t i = 0; i < items->count; ++i) {
    value_t item = items->items[i];
    if (attribute.kind != V_NONE)
      item = tpl_get_attribute(chat, item, tpl_want_text(chat, attribute, "attribute"));
    if (i)
      tpl_buffer_text(chat, &buffer, between);
    tpl_buffer_text(chat, &buffer, tpl_value_string(chat, item));
  }
  return tpl_value_text(finished(buffer));
}

static value_t filter_first(chat_t *chat, value_t input, const arguments_t *arguments) {
  const list_t *items = tpl_value_items(chat, input);
  return items->count ? items->items[0] : tpl_value_undefined(TEXT("first"));
}

static value_t filter_last(chat_t *chat, value_t input, const arguments_t *arguments) {
  const list_t *items = tpl_value_items(chat, input);
  return items->count ? items->items[items->count - 1] : tpl_value_undefined(TEXT("last"));
}

static value_t filter_list(chat_t *chat, value_t input, const arguments_t *arguments) {
  value_t list = tpl_value_list(chat, false);
  const list_t *items = tpl_value_items(chat, input);
  for (size_t i = 0; i < items->count; ++i)
    tpl_list_push(chat, list.list, items->items[i]);
  return list;
}

static value_t filter_reverse(chat_t *chat, value_t input, const arguments_t *arguments) {
  value_t list = tpl_value_list(chat, false);
  const list_t *items = tpl_value_items(chat, input);
  for (size_t i = items->count; i-- > 0;)
    tpl_list_push(chat, list.list, items->items[i]);
  if (input.kind != V_STRING)
    return list;
  arguments_t none = {NULL, NULL, 0};
  return filter_join(chat, list, &none);
}

static value_t filter_items(chat_t *chat, value_t input, const arguments_t *arguments) {
  arguments_t none = {NULL, NULL, 0};
  if (input.kind == V_UNDEFINED)
    return tpl_value_list(chat, false);
  if (input.kind != V_DICT)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "'items' of %s", tpl_value_type(input));
  return tpl_call_method(chat, input, TEXT("items"), &none);
}

// map and select take whatever counts as false for an empty list.
static const list_t *items_to_sift(chat_t *chat, value_t input) {
  return tpl_value_items(chat, tpl_value_truth(input) ? input : tpl_value_list(chat, false));
}

static value_t filter_map(chat_t *chat, value_t input, const arguments_t *arguments) {
  value_t attribute = tpl_argument(chat, arguments, SIZE_MAX, "attribute", tpl_value_none());
  value_t otherwise = tpl_argument(chat, arguments, SIZE_MAX, "default", tpl_value_none());
  const list_t *items = items_to_sift(chat, input);
  value_t result = tpl_value_list(chat, false);
  if (attribute.kind == V_NONE)
    tpl_check_arguments(chat, arguments, 1, 100, "map");
  for (size_t i = 0; i < items->count; ++i) {
    value_t item = items->items[i];
    if (attribute.kind == V_NONE) {
      arguments_t rest = {arguments->values + 1, arguments->names + 1, arguments->count - 1};
      item = tpl_apply_filter(chat, item, tpl_want_text(chat, arguments->values[0], "the filter of map"), &rest);
    } else {
      item = tpl_get_attribute(chat, item, tpl_want_text(chat, attribute, "attribute"));
      if (item.kind == V_UNDEFINED && otherwise.kind != V_NONE)
        item = otherwise;
    }
    tpl_list_push(chat, result.list, item);
  }
  return result;
}

// select, reject, selectattr, rejectattr: the items for which a test holds (or does not).
static value_t select_items(chat_t *chat, value_t input, const arguments_t *arguments, bool of_attribute, bool keep) {
  size_t skip = of_attribute ? 1 : 0;
  tpl_check_arguments(chat, arguments, skip, 100, of_attribute ? "selectattr, rejectattr" : "select, reject");
  const list_t *items = items_to_sift(chat, input);
  value_t result = tpl_value_list(chat, false);
  for (size_t i = 0; i < items->count; ++i) {
    value_t item = items->items[i];
    if (of_attribute)
      item = tpl_get_attribute(chat, item, tpl_want_text(chat, arguments->values[0], "the attribute"));
    bool holds = tpl_value_truth(item);
    if (arguments->count > skip) {
      arguments_t rest = {arguments->values + skip + 1, arguments->names + skip + 1, arguments->count - skip - 1};
      holds = tpl_apply_test(chat, item, tpl_want_text(chat, arguments->values[skip], "the test"), &rest);
    }
    if (holds == keep)
      tpl_list_push(chat, result.list, items->items[i]);
  }
  return result;
}

static value_t filter_select(chat_t *chat, value_t input, const arguments_t *arguments) {
  return select_items(chat, input, arguments, false, true);
}
static value_t filter_reject(chat_t *chat, value_t input, const arguments_t *arguments) {
  return select_items(chat, input, arguments, false, false);
}
static value_t filter_selectattr(chat_t *chat, value_t input, const arguments_t *arguments) {
  return select_items(chat, input, arguments, true, true);
}
static value_t filter_rejectattr(chat_t *chat, value_t input, const arguments_t *arguments) {
  return select_items(chat, input, arguments, true, false);
}

static value_t filter_safe(chat_t *chat, value_t input, const arguments_t *arguments) {
  return tpl_value_text(tpl_value_string(chat, input)); // nothing is escaped anyway
}

static const struct {
  const char *name;
  filter_fn function;
} filters[] = {
    {"abs", filter_abs},
    {"capitalize", filter_capitalize},
    {"count", filter_length},
    {"d", filter_default},
    {"default", filter_default},
    {"first", filter_first},
    {"float", filter_float},
    {"indent", filter_indent},
    {"int", filter_int},
    {"items", filter_items},
    {"join", filter_join},
    {"last", filter_last},
    {"length", filter_length},
    {"list", filter_list},
    {"lower", filter_lower},
    {"map", filter_map},
    {"reject", filter_reject},
    {"rejectattr", filter_rejectattr},
    {"replace", filter_replace},
    {"reverse", filter_reverse},
    {"safe", filter_safe},
    {"select", filter_select},
    {"selectattr", filter_selectattr},
    {"string", filter_string},
    {"title", filter_title},
    {"tojson", filter_tojson},
    {"trim", filter_trim},
    {"upper", filter_upper},
};

value_t tpl_apply_filter(chat_t *chat, value_t input, text_t name, const arguments_t *arguments) {
  for (size_t i = 0; i < sizeof filters / sizeof *filters; ++i)
    if (tpl_text_is(name, filters[i].name))
      return filters[i].function(chat, input, arguments);
  tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "the filter '%.*s'", TEXT_ARGS(name));
}
