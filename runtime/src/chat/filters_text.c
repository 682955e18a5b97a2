/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Filters of chat templates that make text. Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "characters.h"
#include "filters.h"

#include <string.h>

FILTER(tpl_filter_upper) { return tpl_value_text(tpl_text_case(chat, tpl_value_string(chat, input), CASE_UPPER)); }
FILTER(tpl_filter_lower) { return tpl_value_text(tpl_text_case(chat, tpl_value_string(chat, input), CASE_LOWER)); }
FILTER(tpl_filter_title) { return tpl_value_text(tpl_text_title_words(chat, tpl_value_string(chat, input))); }
FILTER(tpl_filter_capitalize) {
  return tpl_value_text(tpl_text_case(chat, tpl_value_string(chat, input), CASE_CAPITALIZE));
}

FILTER(tpl_filter_trim) {
  value_t set = tpl_call_value(call, 0, tpl_value_none());
  return tpl_value_text(tpl_text_strip_set(chat, tpl_value_string(chat, input), set, true, true));
}

FILTER(tpl_filter_string) { return input.markup ? input : tpl_value_text(tpl_value_string(chat, input)); }

static value_t as_markup(text_t text) {
  value_t value = tpl_value_text(text);
  value.markup = true;
  return value;
}

FILTER(tpl_filter_safe) { return as_markup(tpl_value_string(chat, input)); }
FILTER(tpl_filter_escape) {
  return input.markup ? input : as_markup(tpl_text_escape(chat, tpl_value_string(chat, input)));
}
FILTER(tpl_filter_forceescape) { return as_markup(tpl_text_escape(chat, tpl_value_string(chat, input))); }

FILTER(tpl_filter_replace) {
  value_t most = tpl_call_value(call, 2, tpl_value_none());
  return tpl_value_text(tpl_text_replace(chat, tpl_value_string(chat, input), tpl_value_string(chat, call->values[0]),
                                         tpl_value_string(chat, call->values[1]),
                                         most.kind == V_NONE ? -1 : tpl_want_int(chat, most, "count")));
}

FILTER(tpl_filter_center) {
  int64_t width = tpl_call_int(chat, call, 0, 80, "width");
  return tpl_value_text(tpl_text_pad(chat, tpl_value_string(chat, input), width, TEXT(" "), 'c'));
}

// Indents all lines but the first (unless `first`) and empty ones (unless `blank`).
FILTER(tpl_filter_indent) {
  value_t width = tpl_call_value(call, 0, tpl_value_int(4));
  bool first = tpl_call_bool(call, 1, false), blank = tpl_call_bool(call, 2, false);
  text_t indent = width.kind == V_STRING
                      ? width.text
                      : tpl_text_pad(chat, TEXT(""), tpl_want_int(chat, width, "width"), TEXT(" "), '<');
  buffer_t text = {0}, out = {0};
  tpl_buffer_text(chat, &text, tpl_want_text(chat, input, "the input of indent"));
  tpl_buffer_text(chat, &text, TEXT("\n")); // as Jinja does: an end of line at the end stays
  const list_t *lines = tpl_text_lines(chat, tpl_buffer_finish(&text), false).list;
  for (size_t i = 0; i < lines->count; ++i) {
    text_t line = lines->items[i].text;
    if (i)
      tpl_buffer_text(chat, &out, TEXT("\n"));
    if (i ? blank || line.size : first)
      tpl_buffer_text(chat, &out, indent);
    tpl_buffer_text(chat, &out, line);
  }
  return tpl_value_text(tpl_buffer_finish(&out));
}

FILTER(tpl_filter_truncate) {
  text_t end = tpl_call_text(chat, call, 2, TEXT("..."), "end");
  value_t leeway = tpl_call_value(call, 3, tpl_value_none());
  int64_t length = tpl_call_int(chat, call, 0, 255, "length"), ending = (int64_t)tpl_utf8_count(end);
  int64_t slack = leeway.kind == V_NONE ? 5 : tpl_want_int(chat, leeway, "leeway");
  if (length < ending || slack < 0)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "truncate: length is less than the text at the end, or leeway negative");
  call_t none = {0};
  int64_t count = tpl_filter_length(chat, input, &none).integer;
  if (count <= length || count - length <= slack)
    return input;
  text_t kept = tpl_text_part(chat, tpl_want_text(chat, input, "the input of truncate"), 0, (size_t)(length - ending));
  size_t blank = tpl_call_bool(call, 1, false) ? SIZE_MAX : tpl_text_find_last(chat, kept, TEXT(" "));
  if (blank != SIZE_MAX)
    kept.size = blank;
  return tpl_binary(chat, OP_CONCAT, tpl_value_text(kept), tpl_value_text(end));
}

FILTER(tpl_filter_wordcount) {
  text_t text = tpl_value_string(chat, input);
  int64_t count = 0;
  bool inside = false;
  tpl_chat_step(chat, text.size / 8);
  for (size_t at = 0, length; at < text.size; at += length) {
    uint32_t c = tpl_character(text, at, &length);
    bool word = c == '_' || (tpl_character_class(c) & CHARACTER_ALNUM);
    count += word && !inside;
    inside = word;
  }
  return tpl_value_int(count);
}

FILTER(tpl_filter_format) {
  const arguments_t *arguments = call->all;
  value_t named = tpl_value_dict(chat), list = tpl_value_list(chat, true);
  for (size_t i = 0; i < arguments->count; ++i) {
    if (arguments->names[i].size)
      tpl_dict_set(chat, named.dict, tpl_value_text(arguments->names[i]), arguments->values[i]);
    else
      tpl_list_push(chat, list.list, arguments->values[i]);
  }
  if (named.dict->count && list.list->count)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "'format' takes values or names, not both");
  return tpl_format_percent(chat, tpl_value_string(chat, input), named.dict->count ? named : list);
}

/*===--- urlencode ---===*/

// As urllib's quote: letters, digits and _.-~ stay; a slash does unless it is part of a query.
static void quote(chat_t *chat, buffer_t *out, text_t text, bool query) {
  static const char hex[] = "0123456789ABCDEF";
  tpl_chat_step(chat, text.size / 8);
  for (size_t i = 0; i < text.size; ++i) {
    unsigned char c = (unsigned char)text.data[i];
    char escape[3] = {'%', hex[c >> 4], hex[c & 15]};
    bool plain = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c && strchr("_.-~", c)) ||
                 (c == '/' && !query);
    if (query && c == ' ')
      tpl_buffer_text(chat, out, TEXT("+"));
    else
      tpl_buffer_append(chat, out, plain ? text.data + i : escape, plain ? 1 : 3);
  }
}

FILTER(tpl_filter_urlencode) {
  buffer_t out = {0};
  arguments_t none = {0};
  bool list = input.kind == V_LIST || input.kind == V_DICT || input.kind == V_VIEW || input.kind == V_ITERATOR ||
              input.kind == V_RANGE || input.kind == V_UNDEFINED;
  if (!list) {
    quote(chat, &out, tpl_value_string(chat, input), false);
    return tpl_value_text(tpl_buffer_finish(&out));
  }
  if (input.kind == V_DICT)
    input = tpl_call_method(chat, input, TEXT("items"), &none);
  const list_t *pairs = tpl_value_items(chat, input);
  for (size_t i = 0; i < pairs->count; ++i) {
    const list_t *pair = tpl_value_items(chat, pairs->items[i]);
    if (pair->count != 2)
      tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "urlencode needs pairs, found %zu values", pair->count);
    if (i)
      tpl_buffer_text(chat, &out, TEXT("&"));
    quote(chat, &out, tpl_value_string(chat, pair->items[0]), true);
    tpl_buffer_text(chat, &out, TEXT("="));
    quote(chat, &out, tpl_value_string(chat, pair->items[1]), true);
  }
  return tpl_value_text(tpl_buffer_finish(&out));
}

/*===--- tojson ---===*/

// transformers: tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False)
FILTER(tpl_filter_tojson) {
  value_t indent = tpl_call_value(call, 1, tpl_value_none()), separators = tpl_call_value(call, 2, tpl_value_none());
  json_style_t style = {.ascii = tpl_call_bool(call, 0, false), .sort = tpl_call_bool(call, 3, false)};
  style.lines = indent.kind != V_NONE;
  if (indent.kind == V_STRING)
    style.indent = indent.text;
  else if (style.lines)
    style.indent = tpl_text_pad(chat, TEXT(""), tpl_want_int(chat, indent, "indent"), TEXT(" "), '<');
  style.between_items = style.lines ? TEXT(",") : TEXT(", ");
  style.behind_key = TEXT(": ");
  if (separators.kind != V_NONE) {
    const list_t *both = tpl_value_items(chat, separators);
    if (both->count != 2)
      tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "tojson: 'separators' are two texts, found %zu", both->count);
    style.between_items = tpl_want_text(chat, both->items[0], "the separator of items");
    style.behind_key = tpl_want_text(chat, both->items[1], "the separator behind keys");
  }
  buffer_t buffer = {0};
  tpl_value_json(chat, &buffer, input, &style);
  return tpl_value_text(tpl_buffer_finish(&buffer));
}
