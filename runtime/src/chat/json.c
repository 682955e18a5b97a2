/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * JSON to values (variables that the caller gives to a template) and values to JSON (the filter tojson).
 * The writer follows Python's json.dumps(ensure_ascii=False), which transformers puts into the place of Jinja's filter.
 * Source: RFC 8259. Depth and size are bounded as everything in a rendering.
 * Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  chat_t *chat;
  text_t source;
  size_t at;
  const char *what;
} json_t;

static _Noreturn void fail(json_t *json, const char *expected) {
  json->chat->at = 0;
  tpl_chat_fail(json->chat, LMOPT_ERROR_USAGE, "%s: not JSON at byte %zu: expected %s", json->what, json->at, expected);
}

static int peek(json_t *json) {
  while (json->at < json->source.size && strchr(" \t\r\n", json->source.data[json->at]) && json->source.data[json->at])
    ++json->at;
  return json->at < json->source.size ? (unsigned char)json->source.data[json->at] : -1;
}

static bool take(json_t *json, char c) {
  if (peek(json) != c)
    return false;
  ++json->at;
  return true;
}

static uint32_t hex4(json_t *json) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i, ++json->at) {
    char c = json->at < json->source.size ? json->source.data[json->at] : 0;
    if (c >= '0' && c <= '9')
      value = value << 4 | (uint32_t)(c - '0');
    else if ((c | 32) >= 'a' && (c | 32) <= 'f')
      value = value << 4 | (uint32_t)((c | 32) - 'a' + 10);
    else
      fail(json, "four hexadecimal digits");
  }
  return value;
}

static void put_code_point(chat_t *chat, buffer_t *buffer, uint32_t code) {
  char bytes[4];
  size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (size_t i = size; i-- > 1; code >>= 6)
    bytes[i] = (char)(0x80 | (code & 0x3f));
  bytes[0] = (char)(first[size] | code);
  tpl_buffer_append(chat, buffer, bytes, size);
}

static void string_escape(json_t *json, buffer_t *buffer) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  char c = json->at < json->source.size ? json->source.data[json->at++] : 0;
  const char *found = c ? strchr(from, c) : NULL;
  if (found) {
    tpl_buffer_append(json->chat, buffer, to + (found - from), 1);
    return;
  }
  if (c != 'u')
    fail(json, "an escape");
  uint32_t code = hex4(json);
  if (code >= 0xd800 && code < 0xdc00 && tpl_text_find(json->source, TEXT("\\u"), json->at) == json->at) {
    json->at += 2;
    uint32_t low = hex4(json);
    if (low < 0xdc00 || low > 0xdfff)
      fail(json, "the second half of a surrogate pair");
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  }
  put_code_point(json->chat, buffer, code >= 0xd800 && code <= 0xdfff ? 0xfffd : code);
}

static text_t parse_string(json_t *json) {
  buffer_t buffer = {0};
  for (;;) {
    size_t begin = json->at;
    while (json->at < json->source.size && json->source.data[json->at] != '"' && json->source.data[json->at] != '\\' &&
           (unsigned char)json->source.data[json->at] >= 32)
      ++json->at;
    tpl_buffer_append(json->chat, &buffer, json->source.data + begin, json->at - begin);
    if (json->at == json->source.size || (unsigned char)json->source.data[json->at] < 32)
      fail(json, "the end of the string");
    if (json->source.data[json->at++] == '"')
      return (text_t){buffer.data ? buffer.data : "", buffer.size};
    string_escape(json, &buffer);
  }
}

static value_t parse_number(json_t *json) {
  char number[64];
  size_t size = 0;
  bool real = false;
  while (json->at < json->source.size && size < sizeof number - 1) {
    char c = json->source.data[json->at];
    if (!strchr("+-.eE0123456789", c) || !c)
      break;
    real |= c == '.' || c == 'e' || c == 'E';
    number[size++] = c;
    ++json->at;
  }
  number[size] = 0;
  char *end;
  double value = strtod(number, &end);
  if (size == 0 || *end || !strchr("-0123456789", number[0]))
    fail(json, "a value");
  // 18 digits always fit into an integer.
  return real || size > 18 ? tpl_value_float(value) : tpl_value_int(strtoll(number, NULL, 10));
}

static value_t parse_value(json_t *json);

static value_t parse_array(json_t *json) {
  value_t list = tpl_value_list(json->chat, false);
  if (take(json, ']'))
    return list;
  do
    tpl_list_push(json->chat, list.list, parse_value(json));
  while (take(json, ','));
  if (!take(json, ']'))
    fail(json, "',' or ']'");
  return list;
}

static value_t parse_object(json_t *json) {
  value_t dict = tpl_value_dict(json->chat);
  if (take(json, '}'))
    return dict;
  do {
    if (!take(json, '"'))
      fail(json, "a key");
    value_t key = tpl_value_text(parse_string(json));
    if (!take(json, ':'))
      fail(json, "':'");
    tpl_dict_set(json->chat, dict.dict, key, parse_value(json));
  } while (take(json, ','));
  if (!take(json, '}'))
    fail(json, "',' or '}'");
  return dict;
}

static bool take_word(json_t *json, const char *word) {
  text_t text = {word, strlen(word)};
  if (tpl_text_find((text_t){json->source.data,
                             json->source.size < json->at + text.size ? json->source.size : json->at + text.size},
                    text, json->at) != json->at)
    return false;
  json->at += text.size;
  return true;
}

static value_t parse_value(json_t *json) {
  tpl_chat_enter(json->chat);
  value_t value;
  peek(json);
  if (take(json, '{'))
    value = parse_object(json);
  else if (take(json, '['))
    value = parse_array(json);
  else if (take(json, '"'))
    value = tpl_value_text(parse_string(json));
  else if (take_word(json, "true"))
    value = tpl_value_bool(true);
  else if (take_word(json, "false"))
    value = tpl_value_bool(false);
  else if (take_word(json, "null"))
    value = tpl_value_none();
  else
    value = parse_number(json);
  tpl_chat_leave(json->chat);
  return value;
}

value_t tpl_json_parse(chat_t *chat, text_t source, const char *what) {
  json_t json = {.chat = chat, .source = source, .what = what};
  value_t value = parse_value(&json);
  if (peek(&json) != -1)
    fail(&json, "the end");
  return value;
}

/*===--- Writing ---===*/

static void json_string(chat_t *chat, buffer_t *buffer, text_t text) {
  static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
  tpl_buffer_text(chat, buffer, TEXT("\""));
  size_t plain = 0;
  for (size_t i = 0; i < text.size; ++i) {
    char c = text.data[i];
    const char *found = c ? strchr(from, c) : NULL;
    if (!found && (unsigned char)c >= 32)
      continue;
    tpl_buffer_append(chat, buffer, text.data + plain, i - plain);
    plain = i + 1;
    char escape[8];
    int size = found ? snprintf(escape, sizeof escape, "\\%c", to[found - from])
                     : snprintf(escape, sizeof escape, "\\u%04x", (unsigned)(unsigned char)c);
    tpl_buffer_append(chat, buffer, escape, (size_t)size);
  }
  tpl_buffer_append(chat, buffer, text.data + plain, text.size - plain);
  tpl_buffer_text(chat, buffer, TEXT("\""));
}

static void new_line(chat_t *chat, buffer_t *buffer, int64_t indent, int64_t level) {
  if (indent < 0)
    return;
  tpl_buffer_text(chat, buffer, TEXT("\n"));
  for (int64_t i = 0; i < indent * level; ++i)
    tpl_buffer_text(chat, buffer, TEXT(" "));
}

static void json_key(chat_t *chat, buffer_t *buffer, value_t key) {
  if (key.kind == V_NONE)
    key = tpl_value_text(TEXT("null"));
  else if (key.kind == V_BOOL)
    key = tpl_value_text(key.boolean ? TEXT("true") : TEXT("false"));
  else if (key.kind != V_STRING && key.kind != V_INT && key.kind != V_FLOAT)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "tojson: a key of a mapping is %s", tpl_value_type(key));
  json_string(chat, buffer, tpl_value_string(chat, key));
}

static void write_json(chat_t *chat, buffer_t *buffer, value_t value, int64_t indent, int64_t level);

// The members of a list (keys NULL) or mapping between its brackets.
static void write_members(chat_t *chat, buffer_t *buffer, const value_t *keys, const value_t *values, size_t count,
                          int64_t indent, int64_t level) {
  for (size_t i = 0; i < count; ++i) {
    if (i)
      tpl_buffer_text(chat, buffer, indent < 0 ? TEXT(", ") : TEXT(","));
    new_line(chat, buffer, indent, level + 1);
    if (keys) {
      json_key(chat, buffer, keys[i]);
      tpl_buffer_text(chat, buffer, TEXT(": "));
    }
    write_json(chat, buffer, values[i], indent, level + 1);
  }
  if (count)
    new_line(chat, buffer, indent, level);
}

static void json_number(chat_t *chat, buffer_t *buffer, value_t value) {
  if (value.kind == V_FLOAT && isnan(value.real))
    tpl_buffer_text(chat, buffer, TEXT("NaN"));
  else if (value.kind == V_FLOAT && isinf(value.real))
    tpl_buffer_text(chat, buffer, value.real > 0 ? TEXT("Infinity") : TEXT("-Infinity"));
  else
    tpl_buffer_text(chat, buffer, tpl_value_string(chat, value));
}

static void write_json(chat_t *chat, buffer_t *buffer, value_t value, int64_t indent, int64_t level) {
  tpl_chat_enter(chat);
  tpl_chat_step(chat, 1);
  switch (value.kind) {
  case V_NONE:
    tpl_buffer_text(chat, buffer, TEXT("null"));
    break;
  case V_BOOL:
    tpl_buffer_text(chat, buffer, value.boolean ? TEXT("true") : TEXT("false"));
    break;
  case V_INT:
  case V_FLOAT:
    json_number(chat, buffer, value);
    break;
  case V_STRING:
    json_string(chat, buffer, value.text);
    break;
  case V_LIST:
    tpl_buffer_text(chat, buffer, TEXT("["));
    write_members(chat, buffer, NULL, value.list->items, value.list->count, indent, level);
    tpl_buffer_text(chat, buffer, TEXT("]"));
    break;
  case V_DICT:
    tpl_buffer_text(chat, buffer, TEXT("{"));
    write_members(chat, buffer, value.dict->keys, value.dict->values, value.dict->count, indent, level);
    tpl_buffer_text(chat, buffer, TEXT("}"));
    break;
  default:
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "tojson: %s has no JSON form", tpl_value_type(value));
  }
  tpl_chat_leave(chat);
}

void tpl_value_json(chat_t *chat, buffer_t *buffer, value_t value, int64_t indent) {
  write_json(chat, buffer, value, indent, 0);
}
