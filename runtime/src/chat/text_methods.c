/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Methods of strings in chat templates, with Python's meaning. The work is done in text.c, characters.c and format.c.
 * Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "characters.h"
#include "chat.h"

#include <string.h>

typedef value_t (*method_fn)(chat_t *chat, text_t text, const call_t *call);

#define METHOD(name) static value_t name(chat_t *chat, text_t text, const call_t *call)

/*===--- Case and classes ---===*/

METHOD(do_upper) { return tpl_value_text(tpl_text_case(chat, text, CASE_UPPER)); }
METHOD(do_lower) { return tpl_value_text(tpl_text_case(chat, text, CASE_LOWER)); }
METHOD(do_capitalize) { return tpl_value_text(tpl_text_case(chat, text, CASE_CAPITALIZE)); }
METHOD(do_title) { return tpl_value_text(tpl_text_case(chat, text, CASE_TITLE)); }
METHOD(do_swapcase) { return tpl_value_text(tpl_text_case(chat, text, CASE_SWAP)); }
METHOD(do_casefold) { return tpl_value_text(tpl_text_case(chat, text, CASE_FOLD)); }
METHOD(do_isalpha) { return tpl_value_bool(tpl_text_has_class(chat, text, CHARACTER_ALPHA)); }
METHOD(do_isalnum) { return tpl_value_bool(tpl_text_has_class(chat, text, CHARACTER_ALNUM)); }
METHOD(do_isdecimal) { return tpl_value_bool(tpl_text_has_class(chat, text, CHARACTER_DECIMAL)); }
METHOD(do_isdigit) { return tpl_value_bool(tpl_text_has_class(chat, text, CHARACTER_DIGIT)); }
METHOD(do_isnumeric) { return tpl_value_bool(tpl_text_has_class(chat, text, CHARACTER_NUMERIC)); }
METHOD(do_isspace) { return tpl_value_bool(tpl_text_has_class(chat, text, CHARACTER_SPACE)); }
METHOD(do_islower) { return tpl_value_bool(tpl_text_is_case(chat, text, CHARACTER_LOWER)); }
METHOD(do_isupper) { return tpl_value_bool(tpl_text_is_case(chat, text, CHARACTER_UPPER)); }
METHOD(do_istitle) { return tpl_value_bool(tpl_text_is_title(chat, text)); }
METHOD(do_isprintable) { return tpl_value_bool(!text.size || tpl_text_has_class(chat, text, CHARACTER_PRINTABLE)); }
METHOD(do_isascii) {
  tpl_chat_step(chat, text.size / 16);
  for (size_t i = 0; i < text.size; ++i)
    if ((unsigned char)text.data[i] >= 0x80)
      return tpl_value_bool(false);
  return tpl_value_bool(true);
}

/*===--- Ends ---===*/

METHOD(do_strip) {
  return tpl_value_text(tpl_text_strip_set(chat, text, tpl_call_value(call, 0, tpl_value_none()), true, true));
}
METHOD(do_lstrip) {
  return tpl_value_text(tpl_text_strip_set(chat, text, tpl_call_value(call, 0, tpl_value_none()), true, false));
}
METHOD(do_rstrip) {
  return tpl_value_text(tpl_text_strip_set(chat, text, tpl_call_value(call, 0, tpl_value_none()), false, true));
}

static bool begins(text_t text, text_t part) {
  return part.size <= text.size && tpl_text_equal((text_t){text.data, part.size}, part);
}

static bool ends(text_t text, text_t part) {
  return part.size <= text.size && tpl_text_equal((text_t){text.data + text.size - part.size, part.size}, part);
}

METHOD(do_removeprefix) {
  text_t part = tpl_want_text(chat, call->values[0], "the prefix");
  size_t cut = begins(text, part) ? part.size : 0;
  return tpl_value_text((text_t){text.data + cut, text.size - cut});
}

METHOD(do_removesuffix) {
  text_t part = tpl_want_text(chat, call->values[0], "the suffix");
  return tpl_value_text((text_t){text.data, text.size - (ends(text, part) ? part.size : 0)});
}

// The part of the text that arguments 1 and 2 choose; *inside false: it begins behind the end, and nothing is in it.
static text_t chosen_part(chat_t *chat, text_t text, const call_t *call, int64_t *begin, bool *inside) {
  int64_t count = (int64_t)tpl_utf8_count(text), bounds[2] = {0, count};
  for (int i = 0; i < 2; ++i) {
    value_t bound = tpl_call_value(call, 1 + i, tpl_value_none());
    if (bound.kind == V_NONE)
      continue;
    int64_t at = tpl_want_int(chat, bound, "a bound");
    bounds[i] = at < 0 ? (at < -count ? 0 : at + count) : at;
  }
  *begin = bounds[0];
  bounds[1] = bounds[1] > count ? count : bounds[1];
  *inside = bounds[0] <= bounds[1];
  return *inside ? tpl_text_part(chat, text, (size_t)bounds[0], (size_t)bounds[1]) : TEXT("");
}

static value_t has_affix(chat_t *chat, text_t text, const call_t *call, bool (*has)(text_t text, text_t part)) {
  int64_t begin;
  bool inside, found = false;
  value_t affix = call->values[0];
  text_t part = call->all->count > 1 ? chosen_part(chat, text, call, &begin, &inside) : text;
  if (affix.kind != V_LIST || !affix.list->tuple)
    return tpl_value_bool(has(part, tpl_want_text(chat, affix, "a prefix or suffix")) &&
                          (call->all->count == 1 || inside));
  for (size_t i = 0; i < affix.list->count && !found; ++i)
    found = has(part, tpl_want_text(chat, affix.list->items[i], "a prefix or suffix"));
  return tpl_value_bool(found && (call->all->count == 1 || inside));
}

METHOD(do_startswith) { return has_affix(chat, text, call, begins); }
METHOD(do_endswith) { return has_affix(chat, text, call, ends); }

/*===--- Finding ---===*/

static int64_t find_character(chat_t *chat, text_t text, const call_t *call, bool last) {
  int64_t begin;
  bool inside;
  text_t part = tpl_want_text(chat, call->values[0], "what to find");
  text_t within = chosen_part(chat, text, call, &begin, &inside);
  tpl_chat_step(chat, text.size / 8);
  size_t found = last ? tpl_text_find_last(chat, within, part) : tpl_text_find(within, part, 0);
  return found == SIZE_MAX || !inside ? -1 : begin + (int64_t)tpl_utf8_count((text_t){within.data, found});
}

static value_t must_find(chat_t *chat, int64_t found) {
  if (found < 0)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "'index' of a text that is not there");
  return tpl_value_int(found);
}

METHOD(do_find) { return tpl_value_int(find_character(chat, text, call, false)); }
METHOD(do_rfind) { return tpl_value_int(find_character(chat, text, call, true)); }
METHOD(do_index) { return must_find(chat, find_character(chat, text, call, false)); }
METHOD(do_rindex) { return must_find(chat, find_character(chat, text, call, true)); }

METHOD(do_count) {
  int64_t begin, count = 0;
  bool inside;
  text_t part = tpl_want_text(chat, call->values[0], "what to count");
  text_t within = chosen_part(chat, text, call, &begin, &inside);
  tpl_chat_step(chat, text.size / 8);
  if (!inside || part.size == 0)
    return tpl_value_int(inside ? (int64_t)tpl_utf8_count(within) + 1 : 0);
  for (size_t at = 0; (at = tpl_text_find(within, part, at)) != SIZE_MAX; at += part.size, ++count)
    tpl_chat_step(chat, 1);
  return tpl_value_int(count);
}

/*===--- Splitting, joining, replacing ---===*/

METHOD(do_split) { return tpl_text_split(chat, text, call, false); }
METHOD(do_rsplit) { return tpl_text_split(chat, text, call, true); }
METHOD(do_splitlines) { return tpl_text_lines(chat, text, tpl_call_bool(call, 0, false)); }
METHOD(do_join) { return tpl_text_join(chat, text, tpl_value_items(chat, call->values[0])); }

METHOD(do_replace) {
  return tpl_value_text(tpl_text_replace(chat, text, tpl_want_text(chat, call->values[0], "what to replace"),
                                         tpl_want_text(chat, call->values[1], "the replacement"),
                                         tpl_call_int(chat, call, 2, -1, "count")));
}

// (before, separator, after); without the separator the text stands first, or last for rpartition.
static value_t partition(chat_t *chat, text_t text, const call_t *call, bool last) {
  text_t part = tpl_want_text(chat, call->values[0], "the separator");
  if (!part.size)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "the separator of partition is empty");
  tpl_chat_step(chat, text.size / 8);
  size_t at = last ? tpl_text_find_last(chat, text, part) : tpl_text_find(text, part, 0);
  text_t parts[3] = {last ? TEXT("") : text, TEXT(""), last ? text : TEXT("")};
  if (at != SIZE_MAX) {
    parts[0] = (text_t){text.data, at};
    parts[1] = part;
    parts[2] = (text_t){text.data + at + part.size, text.size - at - part.size};
  }
  value_t tuple = tpl_value_list(chat, true);
  for (int i = 0; i < 3; ++i)
    tpl_list_push(chat, tuple.list, tpl_value_text(parts[i]));
  return tuple;
}

METHOD(do_partition) { return partition(chat, text, call, false); }
METHOD(do_rpartition) { return partition(chat, text, call, true); }

/*===--- Padding ---===*/

static value_t pad(chat_t *chat, text_t text, const call_t *call, char align) {
  text_t fill = tpl_call_text(chat, call, 1, TEXT(" "), "the character to fill with");
  if (tpl_utf8_count(fill) != 1)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "the text to fill with must be one character");
  return tpl_value_text(tpl_text_pad(chat, text, tpl_want_int(chat, call->values[0], "the width"), fill, align));
}

METHOD(do_center) { return pad(chat, text, call, 'c'); }
METHOD(do_ljust) { return pad(chat, text, call, '<'); }
METHOD(do_rjust) { return pad(chat, text, call, '>'); }

METHOD(do_zfill) {
  size_t sign = text.size && (text.data[0] == '+' || text.data[0] == '-');
  text_t digits = {text.data + sign, text.size - sign};
  int64_t width = tpl_want_int(chat, call->values[0], "the width");
  buffer_t out = {0};
  tpl_buffer_append(chat, &out, text.data, sign);
  width = width > 0 ? width - (int64_t)sign : 0;
  tpl_buffer_text(chat, &out, tpl_text_pad(chat, digits, width, TEXT("0"), '>'));
  return tpl_value_text(tpl_buffer_finish(&out));
}

METHOD(do_expandtabs) {
  int64_t width = tpl_call_int(chat, call, 0, 8, "the width of a tab"), column = 0;
  buffer_t out = {0};
  for (size_t at = 0, length; at < text.size; at += length) {
    length = tpl_utf8_length(text, at);
    char c = text.data[at];
    for (int64_t i = c == '\t' && width > 0 ? width - column % width : 0; i > 0; --i, ++column)
      tpl_buffer_text(chat, &out, TEXT(" "));
    if (c == '\t')
      continue;
    tpl_buffer_append(chat, &out, text.data + at, length);
    column = c == '\n' || c == '\r' ? 0 : column + 1;
    tpl_chat_step(chat, 1);
  }
  return tpl_value_text(tpl_buffer_finish(&out));
}

METHOD(do_format) { return tpl_value_text(tpl_format_braces(chat, text, call->all)); }

METHOD(do_format_map) {
  const dict_t *dict = call->values[0].kind == V_DICT ? call->values[0].dict : NULL;
  if (!dict)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "'format_map' needs a mapping");
  arguments_t arguments = {dict->values, tpl_chat_allocate(chat, dict->count * sizeof(text_t) + 1), dict->count, 0};
  for (size_t i = 0; i < dict->count; ++i)
    arguments.names[i] = dict->keys[i].kind == V_STRING ? dict->keys[i].text : TEXT(" "); // cannot be named
  return tpl_value_text(tpl_format_braces(chat, text, &arguments));
}

/*===--- All of them ---===*/

static const struct {
  const char *name;
  method_fn function;
  const char *parameters; // NULL: any
  int required;
} methods[] = {
    {"capitalize", do_capitalize, "", 0},
    {"casefold", do_casefold, "", 0},
    {"center", do_center, "$ $", 1},
    {"count", do_count, "$ $ $", 1},
    {"endswith", do_endswith, "$ $ $", 1},
    {"expandtabs", do_expandtabs, "tabsize", 0},
    {"find", do_find, "$ $ $", 1},
    {"format", do_format, NULL, 0},
    {"format_map", do_format_map, "$", 1},
    {"index", do_index, "$ $ $", 1},
    {"isalnum", do_isalnum, "", 0},
    {"isalpha", do_isalpha, "", 0},
    {"isascii", do_isascii, "", 0},
    {"isdecimal", do_isdecimal, "", 0},
    {"isdigit", do_isdigit, "", 0},
    {"islower", do_islower, "", 0},
    {"isnumeric", do_isnumeric, "", 0},
    {"isprintable", do_isprintable, "", 0},
    {"isspace", do_isspace, "", 0},
    {"istitle", do_istitle, "", 0},
    {"isupper", do_isupper, "", 0},
    {"join", do_join, "$", 1},
    {"ljust", do_ljust, "$ $", 1},
    {"lower", do_lower, "", 0},
    {"lstrip", do_lstrip, "$", 0},
    {"partition", do_partition, "$", 1},
    {"removeprefix", do_removeprefix, "$", 1},
    {"removesuffix", do_removesuffix, "$", 1},
    {"replace", do_replace, "$ $ $", 2},
    {"rfind", do_rfind, "$ $ $", 1},
    {"rindex", do_rindex, "$ $ $", 1},
    {"rjust", do_rjust, "$ $", 1},
    {"rpartition", do_rpartition, "$", 1},
    {"rsplit", do_rsplit, "sep maxsplit", 0},
    {"rstrip", do_rstrip, "$", 0},
    {"split", do_split, "sep maxsplit", 0},
    {"splitlines", do_splitlines, "keepends", 0},
    {"startswith", do_startswith, "$ $ $", 1},
    {"strip", do_strip, "$", 0},
    {"swapcase", do_swapcase, "", 0},
    {"title", do_title, "", 0},
    {"upper", do_upper, "", 0},
    {"zfill", do_zfill, "$", 1},
};
enum { METHODS = sizeof methods / sizeof *methods };

static size_t find_method(text_t name) {
  size_t i = 0;
  while (i < METHODS && !tpl_text_is(name, methods[i].name))
    ++i;
  return i;
}

bool tpl_is_text_method(text_t name) { return find_method(name) < METHODS; }

// Methods of escaped text would escape their arguments and give escaped text again.
value_t tpl_call_text_method(chat_t *chat, value_t object, text_t name, const arguments_t *arguments) {
  size_t at = find_method(name);
  if (object.markup)
    tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "the method '%s' of escaped text", methods[at].name);
  call_t call = {.all = arguments};
  if (methods[at].parameters)
    call = tpl_bind(chat, arguments, methods[at].parameters, methods[at].required, methods[at].name);
  return methods[at].function(chat, object.text, &call);
}
