/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The filters (value|name) of chat templates by name. Each does what Jinja2's of that name does; tojson is the one of
 * transformers. A filter that is not here is named and refused.
 * Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "filters.h"

#include <string.h>

static const struct {
  const char *name;
  value_t (*function)(chat_t *chat, value_t input, const call_t *call);
  const char *parameters; // as tpl_bind; NULL: any
  int required;
} filters[] = {
    {"abs", tpl_filter_abs, "", 0},
    {"attr", tpl_filter_attr, "name", 1},
    {"batch", tpl_filter_batch, "linecount fill_with", 1},
    {"capitalize", tpl_filter_capitalize, "", 0},
    {"center", tpl_filter_center, "width", 0},
    {"count", tpl_filter_length, "", 0},
    {"d", tpl_filter_default, "default_value boolean", 0},
    {"default", tpl_filter_default, "default_value boolean", 0},
    {"dictsort", tpl_filter_dictsort, "case_sensitive by reverse", 0},
    {"e", tpl_filter_escape, "", 0},
    {"escape", tpl_filter_escape, "", 0},
    {"first", tpl_filter_first, "", 0},
    {"float", tpl_filter_float, "default", 0},
    {"forceescape", tpl_filter_forceescape, "", 0},
    {"format", tpl_filter_format, NULL, 0},
    {"groupby", tpl_filter_groupby, "attribute default case_sensitive", 1},
    {"indent", tpl_filter_indent, "width first blank", 0},
    {"int", tpl_filter_int, "default base", 0},
    {"items", tpl_filter_items, "", 0},
    {"join", tpl_filter_join, "d attribute", 0},
    {"last", tpl_filter_last, "", 0},
    {"length", tpl_filter_length, "", 0},
    {"list", tpl_filter_list, "", 0},
    {"lower", tpl_filter_lower, "", 0},
    {"map", tpl_filter_map, NULL, 0},
    {"max", tpl_filter_max, "case_sensitive attribute", 0},
    {"min", tpl_filter_min, "case_sensitive attribute", 0},
    {"reject", tpl_filter_reject, NULL, 0},
    {"rejectattr", tpl_filter_rejectattr, NULL, 0},
    {"replace", tpl_filter_replace, "old new count", 2},
    {"reverse", tpl_filter_reverse, "", 0},
    {"round", tpl_filter_round, "precision method", 0},
    {"safe", tpl_filter_safe, "", 0},
    {"select", tpl_filter_select, NULL, 0},
    {"selectattr", tpl_filter_selectattr, NULL, 0},
    {"slice", tpl_filter_slice, "slices fill_with", 1},
    {"sort", tpl_filter_sort, "reverse case_sensitive attribute", 0},
    {"string", tpl_filter_string, "", 0},
    {"sum", tpl_filter_sum, "attribute start", 0},
    {"title", tpl_filter_title, "", 0},
    {"tojson", tpl_filter_tojson, "ensure_ascii indent separators sort_keys", 0},
    {"trim", tpl_filter_trim, "chars", 0},
    {"truncate", tpl_filter_truncate, "length killwords end leeway", 0},
    {"unique", tpl_filter_unique, "case_sensitive attribute", 0},
    {"upper", tpl_filter_upper, "", 0},
    {"urlencode", tpl_filter_urlencode, "", 0},
    {"wordcount", tpl_filter_wordcount, "", 0},
};
enum { FILTERS = sizeof filters / sizeof *filters };

// What Jinja has, too: `is filter` says yes, a use is refused.
static const char *const unsupported[] = {"filesizeformat", "pprint",   "random", "striptags",
                                          "urlize",         "wordwrap", "xmlattr"};
enum { UNSUPPORTED = sizeof unsupported / sizeof *unsupported };

static size_t find_filter(text_t name) {
  size_t i = 0;
  while (i < FILTERS && !tpl_text_is(name, filters[i].name))
    ++i;
  return i;
}

static bool is_unsupported(text_t name) {
  for (size_t i = 0; i < UNSUPPORTED; ++i)
    if (tpl_text_is(name, unsupported[i]))
      return true;
  return false;
}

bool tpl_is_filter_name(text_t name) { return find_filter(name) < FILTERS || is_unsupported(name); }

// Filters of escaped text that neither escape their arguments nor give something that would have to.
static bool keeps_markup(const char *name) {
  static const char *const kept[] = {"count", "d",      "default", "e",    "escape", "first", "forceescape",
                                     "join",  "length", "last",    "list", "safe",   "string"};
  for (size_t i = 0; i < sizeof kept / sizeof *kept; ++i)
    if (strcmp(name, kept[i]) == 0)
      return true;
  return false;
}

value_t tpl_apply_filter(chat_t *chat, value_t input, text_t name, const arguments_t *arguments) {
  size_t at = find_filter(name);
  if (at == FILTERS)
    tpl_chat_fail(chat, is_unsupported(name) ? LMOPT_ERROR_UNSUPPORTED : LMOPT_ERROR_MALFORMED, "the filter '%.*s'%s",
                  TEXT_ARGS(name), is_unsupported(name) ? "" : ", which Jinja does not have either");
  if (input.markup && !keeps_markup(filters[at].name))
    tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "the filter '%s' of escaped text", filters[at].name);
  call_t call = {.all = arguments};
  if (filters[at].parameters)
    call = tpl_bind(chat, arguments, filters[at].parameters, filters[at].required, filters[at].name);
  return filters[at].function(chat, input, &call);
}
