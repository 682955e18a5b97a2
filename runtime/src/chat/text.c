/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What Python does with strings, for filters and methods of chat templates: replace, strip, split, join, pad, lines,
 * escape. Widths and positions count characters. Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

#include <string.h>

static text_t slice(text_t text, size_t begin, size_t end) { return (text_t){text.data + begin, end - begin}; }

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
  return tpl_buffer_finish(&buffer);
}

static bool in_set(chat_t *chat, text_t set, text_t text, size_t at, size_t length) {
  tpl_chat_step(chat, 1 + set.size / 32);
  return tpl_text_find(set, slice(text, at, at + length), 0) != SIZE_MAX;
}

// strip(characters): `set` none means white space.
text_t tpl_text_strip_set(chat_t *chat, text_t text, value_t set, bool left, bool right) {
  tpl_chat_step(chat, text.size / 16);
  if (set.kind == V_NONE)
    return tpl_text_strip(text, left, right);
  text_t characters = tpl_want_text(chat, set, "the characters to strip");
  size_t begin = 0, end = text.size;
  while (left && begin < end && in_set(chat, characters, text, begin, tpl_utf8_length(text, begin)))
    begin += tpl_utf8_length(text, begin);
  while (right && end > begin) {
    size_t last = end - 1;
    while (last > begin && ((unsigned char)text.data[last] & 0xc0) == 0x80)
      --last;
    if (!in_set(chat, characters, text, last, end - last))
      break;
    end = last;
  }
  return slice(text, begin, end);
}

value_t tpl_text_join(chat_t *chat, text_t between, const list_t *items) {
  buffer_t buffer = {0};
  for (size_t i = 0; i < items->count; ++i) {
    if (i)
      tpl_buffer_text(chat, &buffer, between);
    tpl_buffer_text(chat, &buffer, tpl_want_text(chat, items->items[i], "what join joins"));
    tpl_chat_step(chat, 1);
  }
  return tpl_value_text(tpl_buffer_finish(&buffer));
}

// Fills up to `width` characters; align '<' left, '>' right, '^' centre (format), 'c' centre (str.center: another
// half).
text_t tpl_text_pad(chat_t *chat, text_t text, int64_t width, text_t fill, char align) {
  int64_t count = (int64_t)tpl_utf8_count(text), missing = width > count ? width - count : 0;
  int64_t left = align == '<' ? 0 : align == '>' ? missing : missing / 2;
  if (align == 'c')
    left += missing & width & 1;
  tpl_chat_step(chat, text.size / 8);
  buffer_t buffer = {0};
  for (int64_t i = 0; i < missing; ++i) {
    if (i == left)
      tpl_buffer_text(chat, &buffer, text);
    tpl_buffer_text(chat, &buffer, fill);
    tpl_chat_step(chat, 1);
  }
  if (left == missing)
    tpl_buffer_text(chat, &buffer, text);
  return tpl_buffer_finish(&buffer);
}

/*===--- Splitting ---===*/

static void push_text(chat_t *chat, value_t list, text_t text) { tpl_list_push(chat, list.list, tpl_value_text(text)); }

static value_t split_space(chat_t *chat, text_t text, int64_t most) {
  value_t list = tpl_value_list(chat, false);
  text = tpl_text_strip(text, true, false);
  while (text.size) {
    size_t end = 0;
    if (most-- == 0) {
      push_text(chat, list, text);
      break;
    }
    while (end < text.size && !tpl_space_length(text, end))
      end += tpl_utf8_length(text, end);
    push_text(chat, list, slice(text, 0, end));
    text = tpl_text_strip(slice(text, end, text.size), true, false);
  }
  return list;
}

static value_t reversed(chat_t *chat, value_t list) {
  value_t result = tpl_value_list(chat, false);
  for (size_t i = list.list->count; i-- > 0;)
    tpl_list_push(chat, result.list, list.list->items[i]);
  return result;
}

static value_t split_space_right(chat_t *chat, text_t text, int64_t most) {
  value_t list = tpl_value_list(chat, false);
  text = tpl_text_strip(text, false, true);
  while (text.size) {
    size_t begin = text.size;
    if (most-- == 0) {
      push_text(chat, list, text);
      break;
    }
    while (begin > 0 && !tpl_space_before(text, begin))
      --begin;
    push_text(chat, list, slice(text, begin, text.size));
    text = tpl_text_strip(slice(text, 0, begin), false, true);
  }
  return reversed(chat, list);
}

static value_t split_at(chat_t *chat, text_t text, text_t part, int64_t most) {
  value_t list = tpl_value_list(chat, false);
  size_t at = 0;
  for (size_t found; most-- != 0 && (found = tpl_text_find(text, part, at)) != SIZE_MAX; at = found + part.size)
    push_text(chat, list, slice(text, at, found));
  push_text(chat, list, slice(text, at, text.size));
  return list;
}

size_t tpl_text_find_last(chat_t *chat, text_t text, text_t part) {
  for (size_t at = text.size >= part.size ? text.size - part.size + 1 : 0; at-- > 0;) {
    if (part.size && text.data[at] != part.data[0])
      continue;
    tpl_chat_step(chat, 1 + part.size / 32);
    if (part.size == 0 || memcmp(text.data + at, part.data, part.size) == 0)
      return at;
  }
  return SIZE_MAX;
}

static value_t split_at_right(chat_t *chat, text_t text, text_t part, int64_t most) {
  value_t list = tpl_value_list(chat, false);
  size_t found;
  while (most-- != 0 && (found = tpl_text_find_last(chat, text, part)) != SIZE_MAX) {
    push_text(chat, list, slice(text, found + part.size, text.size));
    text.size = found;
  }
  push_text(chat, list, text);
  return reversed(chat, list);
}

// call: separator or none, most splits.
value_t tpl_text_split(chat_t *chat, text_t text, const call_t *call, bool from_right) {
  value_t separator = tpl_call_value(call, 0, tpl_value_none());
  int64_t most = tpl_call_int(chat, call, 1, -1, "maxsplit");
  tpl_chat_step(chat, text.size / 8);
  if (separator.kind == V_NONE)
    return from_right ? split_space_right(chat, text, most) : split_space(chat, text, most);
  text_t part = tpl_want_text(chat, separator, "the separator");
  if (part.size == 0)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "the separator of split is empty");
  return from_right ? split_at_right(chat, text, part, most) : split_at(chat, text, part, most);
}

// Bytes of what ends a line for Python at `at`; 0: nothing does.
static size_t line_end(text_t text, size_t at) {
  static const char *const wide[] = {"\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9"};
  unsigned char c = (unsigned char)text.data[at];
  if (c == '\r')
    return at + 1 < text.size && text.data[at + 1] == '\n' ? 2 : 1;
  if ((c >= 10 && c <= 12) || (c >= 28 && c <= 30))
    return 1;
  for (size_t i = 0; i < 3; ++i) {
    size_t length = strlen(wide[i]);
    if (length <= text.size - at && memcmp(text.data + at, wide[i], length) == 0)
      return length;
  }
  return 0;
}

value_t tpl_text_lines(chat_t *chat, text_t text, bool keep_ends) {
  value_t list = tpl_value_list(chat, false);
  size_t begin = 0;
  tpl_chat_step(chat, text.size / 8);
  for (size_t at = 0; at < text.size;) {
    size_t end = line_end(text, at);
    if (end) {
      push_text(chat, list, slice(text, begin, keep_ends ? at + end : at));
      begin = at + end;
    }
    at += end ? end : 1;
  }
  if (begin < text.size)
    push_text(chat, list, slice(text, begin, text.size));
  return list;
}

/*===--- Escaping ---===*/

// As markupsafe does.
text_t tpl_text_escape(chat_t *chat, text_t text) {
  static const char from[] = "&<>'\"";
  static const char *const to[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};
  buffer_t buffer = {0};
  size_t plain = 0;
  tpl_chat_step(chat, text.size / 8);
  for (size_t i = 0; i < text.size; ++i) {
    const char *found = text.data[i] ? strchr(from, text.data[i]) : NULL;
    if (!found)
      continue;
    tpl_buffer_append(chat, &buffer, text.data + plain, i - plain);
    tpl_buffer_append(chat, &buffer, to[found - from], strlen(to[found - from]));
    plain = i + 1;
  }
  tpl_buffer_append(chat, &buffer, text.data + plain, text.size - plain);
  return tpl_buffer_finish(&buffer);
}
