/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Texts of values in chat templates: what Python's str() and repr() make of them.
 * Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "characters.h"
#include "chat.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// As Python's repr of a float: the shortest digits that give the number back.
size_t tpl_float_text(double real, char text[32]) {
  if (isnan(real) || isinf(real))
    return (size_t)snprintf(text, 32, "%s", isnan(real) ? "nan" : real > 0 ? "inf" : "-inf");
  char digits[32];
  int precision = 0;
  do
    snprintf(digits, sizeof digits, "%.*e", precision, real);
  while (strtod(digits, NULL) != real && ++precision < 17);
  int exponent = atoi(strchr(digits, 'e') + 1);
  if (exponent < -4 || exponent >= 16)
    return (size_t)snprintf(text, 32, "%s", digits);
  int decimals = precision - exponent;
  return (size_t)snprintf(text, 32, "%.*f", decimals > 1 ? decimals : 1, real);
}

// What Python shows instead of a character; 0: the character itself.
static size_t escape_character(uint32_t c, char quote, bool ascii, char escape[12]) {
  if (c == (unsigned char)quote || c == '\\')
    return (size_t)snprintf(escape, 12, "\\%c", (int)c);
  if (c == '\n' || c == '\r' || c == '\t')
    return (size_t)snprintf(escape, 12, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
  if (c == NO_CHARACTER || (tpl_character_class(c) & CHARACTER_PRINTABLE && (!ascii || c < 128)))
    return 0;
  return (size_t)snprintf(escape, 12, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
}

void tpl_text_repr(chat_t *chat, buffer_t *buffer, text_t text, bool ascii) {
  bool single = tpl_text_find(text, TEXT("'"), 0) != SIZE_MAX, twofold = tpl_text_find(text, TEXT("\""), 0) != SIZE_MAX;
  char quote = single && !twofold ? '"' : '\'', escape[12];
  tpl_buffer_append(chat, buffer, &quote, 1);
  for (size_t at = 0, length; at < text.size; at += length) {
    size_t escaped = escape_character(tpl_character(text, at, &length), quote, ascii, escape);
    tpl_buffer_append(chat, buffer, escaped ? escape : text.data + at, escaped ? escaped : length);
  }
  tpl_buffer_append(chat, buffer, &quote, 1);
}

static void repr_string(chat_t *chat, buffer_t *buffer, value_t value) {
  if (value.markup)
    tpl_buffer_text(chat, buffer, TEXT("Markup("));
  tpl_text_repr(chat, buffer, value.text, false);
  if (value.markup)
    tpl_buffer_text(chat, buffer, TEXT(")"));
}

static void repr_list(chat_t *chat, buffer_t *buffer, const list_t *list) {
  tpl_buffer_text(chat, buffer, list->tuple ? TEXT("(") : TEXT("["));
  for (size_t i = 0; i < list->count; ++i) {
    if (i)
      tpl_buffer_text(chat, buffer, TEXT(", "));
    tpl_value_repr(chat, buffer, list->items[i]);
  }
  if (list->tuple && list->count == 1)
    tpl_buffer_text(chat, buffer, TEXT(","));
  tpl_buffer_text(chat, buffer, list->tuple ? TEXT(")") : TEXT("]"));
}

// range(0, 3); the step only where it is not 1.
static void repr_range(chat_t *chat, buffer_t *buffer, const list_t *list) {
  char text[80];
  int size = snprintf(text, sizeof text, "range(%lld, %lld", (long long)list->range[0], (long long)list->range[1]);
  if (list->range[2] != 1)
    size += snprintf(text + size, sizeof text - (size_t)size, ", %lld", (long long)list->range[2]);
  tpl_buffer_append(chat, buffer, text, (size_t)size);
  tpl_buffer_text(chat, buffer, TEXT(")"));
}

static void repr_view(chat_t *chat, buffer_t *buffer, const list_t *list) {
  tpl_buffer_append(chat, buffer, list->view, strlen(list->view));
  tpl_buffer_text(chat, buffer, TEXT("("));
  repr_list(chat, buffer, list);
  tpl_buffer_text(chat, buffer, TEXT(")"));
}

static void repr_dict(chat_t *chat, buffer_t *buffer, const dict_t *dict) {
  tpl_buffer_text(chat, buffer, TEXT("{"));
  for (size_t i = 0; i < dict->count; ++i) {
    if (i)
      tpl_buffer_text(chat, buffer, TEXT(", "));
    tpl_value_repr(chat, buffer, dict->keys[i]);
    tpl_buffer_text(chat, buffer, TEXT(": "));
    tpl_value_repr(chat, buffer, dict->values[i]);
  }
  tpl_buffer_text(chat, buffer, TEXT("}"));
}

void tpl_value_repr(chat_t *chat, buffer_t *buffer, value_t value) {
  tpl_chat_enter(chat);
  tpl_chat_step(chat, 1);
  if (value.kind == V_STRING)
    repr_string(chat, buffer, value);
  else if (value.kind == V_LIST)
    repr_list(chat, buffer, value.list);
  else if (value.kind == V_DICT)
    repr_dict(chat, buffer, value.dict);
  else if (value.kind == V_UNDEFINED)
    tpl_buffer_text(chat, buffer, TEXT("Undefined"));
  else if (value.kind == V_RANGE)
    repr_range(chat, buffer, value.list);
  else if (value.kind == V_VIEW)
    repr_view(chat, buffer, value.list);
  else
    tpl_buffer_text(chat, buffer, tpl_value_string(chat, value));
  tpl_chat_leave(chat);
}

static text_t copy_text(chat_t *chat, const char *data, size_t size) {
  char *copy = tpl_chat_allocate(chat, size);
  memcpy(copy, data, size);
  return (text_t){copy, size};
}

text_t tpl_value_string(chat_t *chat, value_t value) {
  char number[32];
  buffer_t buffer = {0};
  switch (value.kind) {
  case V_UNDEFINED:
    return TEXT("");
  case V_NONE:
    return TEXT("None");
  case V_BOOL:
    return value.boolean ? TEXT("True") : TEXT("False");
  case V_INT:
    return copy_text(chat, number, (size_t)snprintf(number, sizeof number, "%lld", (long long)value.integer));
  case V_FLOAT:
    return copy_text(chat, number, tpl_float_text(value.real, number));
  case V_STRING:
    return value.text;
  case V_LIST:
  case V_DICT:
  case V_VIEW:
  case V_RANGE:
    tpl_value_repr(chat, &buffer, value);
    return tpl_buffer_finish(&buffer);
  default: // Python shows the place in memory of most of these
    break;
  }
  tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "%s as text", tpl_value_type(value));
}
