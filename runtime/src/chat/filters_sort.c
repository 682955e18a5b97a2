/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Filters of chat templates that compare items: sort, dictsort, unique, groupby, min, max. Texts are compared without
 * regard to case unless case_sensitive is given. Sorting is stable, as in Python.
 * Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "filters.h"

#include <string.h>

/*===--- Sorting ---===*/

// Whether item b has to stand before item a.
static bool goes_before(chat_t *chat, const list_t *keys, size_t b, size_t a, bool reverse) {
  tpl_chat_step(chat, 1);
  int order = tpl_value_order(chat, keys->items[reverse ? a : b], keys->items[reverse ? b : a]);
  return order == -1;
}

// Merge sort of the places order[0..count), with room for as many beside.
static void merge_sort(chat_t *chat, const list_t *keys, size_t *order, size_t *room, size_t count, bool reverse) {
  for (size_t width = 1; width < count; width *= 2) {
    for (size_t begin = 0; begin < count; begin += 2 * width) {
      size_t middle = begin + width < count ? begin + width : count;
      size_t end = middle + width < count ? middle + width : count;
      for (size_t i = begin, j = middle, out = begin; out < end; ++out) {
        bool right = j < end && (i == middle || goes_before(chat, keys, order[j], order[i], reverse));
        room[out] = right ? order[j++] : order[i++];
      }
    }
    memcpy(order, room, count * sizeof *order);
  }
}

list_t *tpl_list_sorted(chat_t *chat, const list_t *items, const list_t *keys, bool reverse) {
  size_t count = items->count;
  size_t *order = tpl_chat_allocate(chat, count * sizeof *order), *room = tpl_chat_allocate(chat, count * sizeof *room);
  list_t *sorted = tpl_value_list(chat, false).list;
  for (size_t i = 0; i < count; ++i)
    order[i] = i;
  if (count)
    merge_sort(chat, keys, order, room, count, reverse);
  for (size_t i = 0; i < count; ++i)
    tpl_list_push(chat, sorted, items->items[order[i]]);
  return sorted;
}

/*===--- Keys ---===*/

static value_t without_case(chat_t *chat, value_t value, bool case_sensitive) {
  if (case_sensitive || value.kind != V_STRING)
    return value;
  return tpl_value_text(tpl_text_case(chat, value.text, CASE_LOWER));
}

static value_t key_of(chat_t *chat, value_t item, value_t path, const value_t *otherwise, bool case_sensitive) {
  return without_case(chat, tpl_get_path(chat, item, path, otherwise), case_sensitive);
}

static const list_t *keys_of(chat_t *chat, const list_t *items, value_t path, const value_t *otherwise,
                             bool case_sensitive) {
  list_t *keys = tpl_value_list(chat, false).list;
  for (size_t i = 0; i < items->count; ++i)
    tpl_list_push(chat, keys, key_of(chat, items->items[i], path, otherwise, case_sensitive));
  return keys;
}

// sort(attribute="a,b"): a list of keys an item.
static value_t many_keys(chat_t *chat, value_t item, value_t path, bool case_sensitive) {
  value_t keys = tpl_value_list(chat, false);
  if (path.kind != V_STRING) {
    tpl_list_push(chat, keys.list, key_of(chat, item, path, NULL, case_sensitive));
    return keys;
  }
  for (size_t at = 0, end; at <= path.text.size; at = end + 1) {
    end = tpl_text_find(path.text, TEXT(","), at);
    end = end == SIZE_MAX ? path.text.size : end;
    value_t part = tpl_value_text((text_t){path.text.data + at, end - at});
    tpl_list_push(chat, keys.list, key_of(chat, item, part, NULL, case_sensitive));
  }
  return keys;
}

/*===--- Filters ---===*/

FILTER(tpl_filter_sort) {
  const list_t *items = tpl_value_items(chat, input);
  list_t *keys = tpl_value_list(chat, false).list;
  for (size_t i = 0; i < items->count; ++i)
    tpl_list_push(
        chat, keys,
        many_keys(chat, items->items[i], tpl_call_value(call, 2, tpl_value_none()), tpl_call_bool(call, 1, false)));
  return (value_t){.kind = V_LIST, .list = tpl_list_sorted(chat, items, keys, tpl_call_bool(call, 0, false))};
}

FILTER(tpl_filter_dictsort) {
  arguments_t none = {0};
  text_t by = tpl_call_text(chat, call, 1, TEXT("key"), "by");
  if (!tpl_text_is(by, "key") && !tpl_text_is(by, "value"))
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "dictsort sorts by 'key' or 'value', found '%.*s'", TEXT_ARGS(by));
  tpl_want_defined(chat, input);
  if (input.kind != V_DICT)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "dictsort of %s", tpl_value_type(input));
  const list_t *items = tpl_call_method(chat, input, TEXT("items"), &none).list;
  list_t *keys = tpl_value_list(chat, false).list;
  for (size_t i = 0; i < items->count; ++i)
    tpl_list_push(chat, keys,
                  without_case(chat, items->items[i].list->items[by.data[0] == 'v'], tpl_call_bool(call, 0, false)));
  return (value_t){.kind = V_LIST, .list = tpl_list_sorted(chat, items, keys, tpl_call_bool(call, 2, false))};
}

FILTER(tpl_filter_unique) {
  const list_t *items = tpl_value_items(chat, input);
  value_t seen = tpl_value_dict(chat), result = tpl_value_list(chat, false);
  for (size_t i = 0; i < items->count; ++i) {
    value_t key =
        key_of(chat, items->items[i], tpl_call_value(call, 1, tpl_value_none()), NULL, tpl_call_bool(call, 0, false));
    size_t before = seen.dict->count;
    tpl_dict_set(chat, seen.dict, key, tpl_value_none());
    if (seen.dict->count > before)
      tpl_list_push(chat, result.list, items->items[i]);
  }
  return tpl_value_iterator(result.list);
}

static value_t make_group(chat_t *chat, value_t key, value_t members) {
  value_t group = tpl_value_list(chat, true);
  group.list->group = true;
  tpl_list_push(chat, group.list, key);
  tpl_list_push(chat, group.list, members);
  return group;
}

// Groups of items with equal keys, in the order of the keys; each has the key of its first item, with its case.
FILTER(tpl_filter_groupby) {
  value_t path = call->values[0], groups = tpl_value_list(chat, false), members = tpl_value_undefined(TEXT("")), last;
  const value_t *otherwise = call->given[1] && call->values[1].kind != V_NONE ? &call->values[1] : NULL;
  bool case_sensitive = tpl_call_bool(call, 2, false);
  const list_t *items = tpl_value_items(chat, input);
  const list_t *sorted = tpl_list_sorted(chat, items, keys_of(chat, items, path, otherwise, case_sensitive), false);
  for (size_t i = 0; i < sorted->count; ++i) {
    value_t key = key_of(chat, sorted->items[i], path, otherwise, case_sensitive);
    if (i == 0 || !tpl_value_equal(chat, key, last)) {
      members = tpl_value_list(chat, false);
      value_t shown = tpl_get_path(chat, sorted->items[i], path, otherwise);
      tpl_list_push(chat, groups.list, make_group(chat, shown, members));
    }
    tpl_list_push(chat, members.list, sorted->items[i]);
    last = key;
  }
  return groups;
}

static value_t extreme(chat_t *chat, value_t input, const call_t *call, int wanted) {
  const list_t *items = tpl_value_items(chat, input);
  if (!items->count)
    return tpl_value_undefined(TEXT("the least or greatest of nothing"));
  const list_t *keys =
      keys_of(chat, items, tpl_call_value(call, 1, tpl_value_none()), NULL, tpl_call_bool(call, 0, false));
  size_t best = 0;
  for (size_t i = 1; i < items->count; ++i)
    if (tpl_value_order(chat, keys->items[i], keys->items[best]) == wanted)
      best = i;
  return items->items[best];
}

FILTER(tpl_filter_min) { return extreme(chat, input, call, -1); }
FILTER(tpl_filter_max) { return extreme(chat, input, call, 1); }
