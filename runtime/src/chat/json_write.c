/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Values to JSON: the filter tojson, for which transformers puts Python's json.dumps(ensure_ascii=False) into the place
 * of Jinja's own. Depth and size are bounded as everything in a rendering.
 * Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  chat_t *chat;
  buffer_t *buffer;
  const json_style_t *style;
} writer_t;

static void put(writer_t *writer, text_t text) { tpl_buffer_text(writer->chat, writer->buffer, text); }

// "\u0041", beyond 16 bits two of them.
static size_t escape_code(uint32_t c, char escape[16]) {
  if (c < 0x10000)
    return (size_t)snprintf(escape, 16, "\\u%04x", c);
  c -= 0x10000;
  return (size_t)snprintf(escape, 16, "\\u%04x\\u%04x", 0xd800 + (c >> 10), 0xdc00 + (c & 0x3ff));
}

static size_t escape_character(uint32_t c, bool ascii, char escape[16]) {
  static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
  const char *found = c && c < 128 ? strchr(from, (int)c) : NULL;
  if (found)
    return (size_t)snprintf(escape, 16, "\\%c", to[found - from]);
  return c < 32 || (ascii && c != NO_CHARACTER && c > 126) ? escape_code(c, escape) : 0;
}

static void write_string(writer_t *writer, text_t text) {
  put(writer, TEXT("\""));
  size_t plain = 0;
  char escape[16];
  for (size_t at = 0, length; at < text.size; at += length) {
    size_t size = escape_character(tpl_character(text, at, &length), writer->style->ascii, escape);
    if (!size)
      continue;
    put(writer, (text_t){text.data + plain, at - plain});
    put(writer, (text_t){escape, size});
    plain = at + length;
  }
  put(writer, (text_t){text.data + plain, text.size - plain});
  put(writer, TEXT("\""));
}

static void new_line(writer_t *writer, int64_t level) {
  if (!writer->style->lines)
    return;
  put(writer, TEXT("\n"));
  tpl_chat_step(writer->chat, (size_t)level);
  for (int64_t i = 0; i < level; ++i)
    put(writer, writer->style->indent);
}

static void write_number(writer_t *writer, value_t value) {
  if (value.kind == V_FLOAT && isnan(value.real))
    put(writer, TEXT("NaN"));
  else if (value.kind == V_FLOAT && isinf(value.real))
    put(writer, value.real > 0 ? TEXT("Infinity") : TEXT("-Infinity"));
  else
    put(writer, tpl_value_string(writer->chat, value));
}

static void write_key(writer_t *writer, value_t key) {
  if (key.kind == V_STRING) {
    write_string(writer, key.text);
    return;
  }
  if (key.kind != V_NONE && key.kind != V_BOOL && key.kind != V_INT && key.kind != V_FLOAT)
    tpl_chat_fail(writer->chat, LMOPT_ERROR_MALFORMED, "tojson: a key of a mapping is %s", tpl_value_type(key));
  put(writer, TEXT("\""));
  if (key.kind == V_NONE)
    put(writer, TEXT("null"));
  else if (key.kind == V_BOOL)
    put(writer, key.boolean ? TEXT("true") : TEXT("false"));
  else
    write_number(writer, key);
  put(writer, TEXT("\""));
}

static void write_value(writer_t *writer, value_t value, int64_t level);

static void write_list(writer_t *writer, const list_t *list, int64_t level) {
  put(writer, TEXT("["));
  for (size_t i = 0; i < list->count; ++i) {
    if (i)
      put(writer, writer->style->between_items);
    new_line(writer, level + 1);
    write_value(writer, list->items[i], level + 1);
  }
  if (list->count)
    new_line(writer, level);
  put(writer, TEXT("]"));
}

// The order of the members: as inserted, or by key.
static const list_t *members(writer_t *writer, value_t dict) {
  arguments_t none = {0};
  const list_t *items = tpl_value_items(writer->chat, tpl_call_method(writer->chat, dict, TEXT("items"), &none));
  return writer->style->sort ? tpl_list_sorted(writer->chat, items, items, false) : items;
}

static void write_dict(writer_t *writer, value_t dict, int64_t level) {
  const list_t *items = members(writer, dict);
  put(writer, TEXT("{"));
  for (size_t i = 0; i < items->count; ++i) {
    if (i)
      put(writer, writer->style->between_items);
    new_line(writer, level + 1);
    write_key(writer, items->items[i].list->items[0]);
    put(writer, writer->style->behind_key);
    write_value(writer, items->items[i].list->items[1], level + 1);
  }
  if (items->count)
    new_line(writer, level);
  put(writer, TEXT("}"));
}

static void write_value(writer_t *writer, value_t value, int64_t level) {
  tpl_chat_enter(writer->chat);
  tpl_chat_step(writer->chat, 1);
  switch (value.kind) {
  case V_NONE:
    put(writer, TEXT("null"));
    break;
  case V_BOOL:
    put(writer, value.boolean ? TEXT("true") : TEXT("false"));
    break;
  case V_INT:
  case V_FLOAT:
    write_number(writer, value);
    break;
  case V_STRING:
    write_string(writer, value.text);
    break;
  case V_LIST:
    write_list(writer, value.list, level);
    break;
  case V_DICT:
    write_dict(writer, value, level);
    break;
  default:
    tpl_chat_fail(writer->chat, LMOPT_ERROR_MALFORMED, "tojson: %s has no JSON form", tpl_value_type(value));
  }
  tpl_chat_leave(writer->chat);
}

void tpl_value_json(chat_t *chat, buffer_t *buffer, value_t value, const json_style_t *style) {
  writer_t writer = {chat, buffer, style};
  write_value(&writer, value, 0);
}
