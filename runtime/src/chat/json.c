/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * JSON to values: the variables that the caller gives to a template.
 * Source: RFC 8259. Depth and size are bounded as everything in a rendering.
 * Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

#include <errno.h>
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
  tpl_buffer_character(json->chat, buffer, code >= 0xd800 && code <= 0xdfff ? 0xfffd : code);
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
  errno = 0;
  long long integer = real ? 0 : strtoll(number, NULL, 10);
  if (errno || size == sizeof number - 1)
    fail(json, "an integer of at most 64 bits, or a number of at most 62 characters");
  return real ? tpl_value_float(value) : tpl_value_int(integer);
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
