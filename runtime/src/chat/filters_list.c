/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Filters of chat templates that take lists and mappings apart. Where Jinja gives a generator, so does this: something
 * that is true, has no length, and is empty when it was read once.
 * Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "filters.h"

FILTER(tpl_filter_length) {
  switch (input.kind) {
  case V_STRING:
    tpl_chat_step(chat, input.text.size / 16);
    return tpl_value_int((int64_t)tpl_utf8_count(input.text));
  case V_DICT:
    return tpl_value_int((int64_t)input.dict->count);
  case V_LIST:
  case V_VIEW:
  case V_RANGE:
    return tpl_value_int((int64_t)input.list->count);
  case V_LOOP:
    return tpl_loop_attribute(chat, input.loop, TEXT("length"));
  case V_UNDEFINED:
    return tpl_value_int(0);
  default:
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "'length' of %s", tpl_value_type(input));
  }
}

FILTER(tpl_filter_default) {
  if (input.kind == V_UNDEFINED || (tpl_call_bool(call, 1, false) && !tpl_value_truth(input)))
    return tpl_call_value(call, 0, tpl_value_text(TEXT("")));
  return input;
}

FILTER(tpl_filter_join) {
  text_t between = tpl_value_string(chat, tpl_call_value(call, 0, tpl_value_text(TEXT(""))));
  value_t path = tpl_call_value(call, 1, tpl_value_none());
  const list_t *items = tpl_value_items(chat, input);
  buffer_t buffer = {0};
  for (size_t i = 0; i < items->count; ++i) {
    if (i)
      tpl_buffer_text(chat, &buffer, between);
    tpl_buffer_text(chat, &buffer, tpl_value_string(chat, tpl_get_path(chat, items->items[i], path, NULL)));
    tpl_chat_step(chat, 1);
  }
  return tpl_value_text(tpl_buffer_finish(&buffer));
}

FILTER(tpl_filter_first) {
  bool once = input.kind == V_ITERATOR;
  const list_t *items = once ? input.list : tpl_value_items(chat, input);
  size_t at = once ? input.list->position : 0;
  if (at >= items->count)
    return tpl_value_undefined(TEXT("the first of nothing"));
  if (once)
    ++input.list->position;
  return items->items[at];
}

FILTER(tpl_filter_last) {
  if (input.kind == V_ITERATOR)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "'last' of %s", tpl_value_type(input));
  const list_t *items = tpl_value_items(chat, input);
  return items->count ? items->items[items->count - 1] : tpl_value_undefined(TEXT("the last of nothing"));
}

FILTER(tpl_filter_list) {
  value_t list = tpl_value_list(chat, false);
  const list_t *items = tpl_value_items(chat, input);
  for (size_t i = 0; i < items->count; ++i)
    tpl_list_push(chat, list.list, items->items[i]);
  return list;
}

FILTER(tpl_filter_reverse) {
  value_t list = tpl_value_list(chat, false);
  const list_t *items = tpl_value_items(chat, input);
  for (size_t i = items->count; i-- > 0;)
    tpl_list_push(chat, list.list, items->items[i]);
  if (input.kind == V_STRING)
    return tpl_text_join(chat, TEXT(""), list.list);
  return input.kind == V_ITERATOR || input.kind == V_UNDEFINED ? list : tpl_value_iterator(list.list);
}

FILTER(tpl_filter_items) {
  arguments_t none = {0};
  if (input.kind == V_UNDEFINED)
    return tpl_value_iterator(tpl_value_list(chat, false).list);
  if (input.kind != V_DICT)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "'items' of %s", tpl_value_type(input));
  return tpl_value_iterator(tpl_call_method(chat, input, TEXT("items"), &none).list);
}

FILTER(tpl_filter_attr) {
  return tpl_get_attribute_only(chat, input, tpl_want_text(chat, call->values[0], "the name of an attribute"));
}

/*===--- map, select ---===*/

// They take whatever counts as false for an empty list.
static const list_t *items_to_sift(chat_t *chat, value_t input) {
  return tpl_value_items(chat, tpl_value_truth(input) ? input : tpl_value_list(chat, false));
}

static arguments_t without_first(const arguments_t *arguments, size_t count) {
  return (arguments_t){arguments->values + count, arguments->names + count, arguments->count - count, 0};
}

static bool is_positional(const arguments_t *arguments, size_t at) {
  return at < arguments->count && !arguments->names[at].size;
}

static value_t map_attribute(chat_t *chat, const list_t *items, const arguments_t *arguments) {
  call_t call = tpl_bind(chat, arguments, "attribute default", 1, "map");
  value_t result = tpl_value_list(chat, false);
  const value_t *otherwise = call.given[1] && call.values[1].kind != V_NONE ? &call.values[1] : NULL;
  for (size_t i = 0; i < items->count; ++i)
    tpl_list_push(chat, result.list, tpl_get_path(chat, items->items[i], call.values[0], otherwise));
  return tpl_value_iterator(result.list);
}

FILTER(tpl_filter_map) {
  const arguments_t *arguments = call->all;
  const list_t *items = items_to_sift(chat, input);
  if (!is_positional(arguments, 0))
    return map_attribute(chat, items, arguments);
  value_t result = tpl_value_list(chat, false);
  arguments_t rest = without_first(arguments, 1);
  text_t name = tpl_want_text(chat, arguments->values[0], "the filter of map");
  for (size_t i = 0; i < items->count; ++i)
    tpl_list_push(chat, result.list, tpl_apply_filter(chat, items->items[i], name, &rest));
  return tpl_value_iterator(result.list);
}

// select, reject, selectattr, rejectattr: the items for which a test holds (or does not).
static value_t sift(chat_t *chat, value_t input, const arguments_t *arguments, bool of_attribute, bool keep) {
  size_t skip = of_attribute;
  const list_t *items = items_to_sift(chat, input);
  value_t result = tpl_value_list(chat, false);
  if (of_attribute && !is_positional(arguments, 0))
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "selectattr and rejectattr need the name of an attribute");
  bool tested = is_positional(arguments, skip);
  arguments_t rest = tested ? without_first(arguments, skip + 1) : (arguments_t){0};
  for (size_t i = 0; i < items->count; ++i) {
    value_t item = items->items[i];
    if (of_attribute)
      item = tpl_get_path(chat, item, arguments->values[0], NULL);
    bool holds = tested ? tpl_apply_test(chat, item, tpl_want_text(chat, arguments->values[skip], "the test"), &rest)
                        : tpl_value_truth(item);
    if (holds == keep)
      tpl_list_push(chat, result.list, items->items[i]);
  }
  return tpl_value_iterator(result.list);
}

FILTER(tpl_filter_select) { return sift(chat, input, call->all, false, true); }
FILTER(tpl_filter_reject) { return sift(chat, input, call->all, false, false); }
FILTER(tpl_filter_selectattr) { return sift(chat, input, call->all, true, true); }
FILTER(tpl_filter_rejectattr) { return sift(chat, input, call->all, true, false); }

/*===--- batch, slice ---===*/

// Rows of `linecount` items, the last one filled up.
FILTER(tpl_filter_batch) {
  int64_t count = tpl_want_int(chat, call->values[0], "linecount");
  value_t fill = tpl_call_value(call, 1, tpl_value_none()), rows = tpl_value_list(chat, false);
  const list_t *items = tpl_value_items(chat, input);
  value_t row = tpl_value_list(chat, false);
  for (size_t i = 0; i < items->count; ++i) {
    if ((int64_t)row.list->count == count) {
      tpl_list_push(chat, rows.list, row);
      row = tpl_value_list(chat, false);
    }
    tpl_list_push(chat, row.list, items->items[i]);
  }
  while (row.list->count && fill.kind != V_NONE && (int64_t)row.list->count < count)
    tpl_list_push(chat, row.list, fill);
  if (row.list->count)
    tpl_list_push(chat, rows.list, row);
  return tpl_value_iterator(rows.list);
}

// `slices` columns, the first ones longer by one; `fill_with` makes the others as long.
FILTER(tpl_filter_slice) {
  int64_t slices = tpl_want_int(chat, call->values[0], "slices");
  value_t fill = tpl_call_value(call, 1, tpl_value_none()), columns = tpl_value_list(chat, false);
  const list_t *items = tpl_value_items(chat, input);
  if (slices == 0)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "slice into no columns");
  int64_t each = slices > 0 ? (int64_t)items->count / slices : 0,
          longer = slices > 0 ? (int64_t)items->count % slices : 0;
  size_t at = 0;
  for (int64_t i = 0; i < slices; ++i) {
    value_t column = tpl_value_list(chat, false);
    for (int64_t j = 0; j < each + (i < longer); ++j)
      tpl_list_push(chat, column.list, items->items[at++]);
    if (fill.kind != V_NONE && i >= longer)
      tpl_list_push(chat, column.list, fill);
    tpl_list_push(chat, columns.list, column);
  }
  return tpl_value_iterator(columns.list);
}
