/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Filters of chat templates that make numbers, with Python's int(), float(), round() and sum().
 * Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "filters.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

FILTER(tpl_filter_abs) {
  if (input.kind == V_FLOAT)
    return tpl_value_float(fabs(input.real));
  int64_t integer = tpl_want_int(chat, input, "the input of abs");
  return tpl_signed(chat, tpl_value_int(integer), integer < 0);
}

/*===--- int, float ---===*/

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The characters of a number as Python allows them around: blanks at the ends, single underscores between digits.
// False: too long, or something that no number has.
static bool number_text(text_t text, char out[64], const char *allowed) {
  size_t size = 0;
  text = tpl_text_strip(text, true, true);
  if (!text.size)
    return false;
  for (size_t i = 0; i < text.size; ++i) {
    char c = text.data[i], next = i + 1 < text.size ? text.data[i + 1] : 0;
    if (c == '_' && i && strchr(allowed, text.data[i - 1] | 32) && next && strchr(allowed, next | 32))
      continue;
    if (!c || !(strchr(allowed, c | 32) || strchr("+-.", c)) || size == 63)
      return false;
    out[size++] = c;
  }
  out[size] = 0;
  return true;
}

static int digit_value(char c) {
  return is_digit(c) ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'z' ? (c | 32) - 'a' + 10 : 99;
}

// int(text, base); base 0 looks at the prefix.
static bool parse_int(chat_t *chat, text_t text, int64_t base, int64_t *result) {
  char out[64], *at = out;
  if (!number_text(text, out, "0123456789abcdefghijklmnopqrstuvwxyz"))
    return false;
  bool negative = *at == '-';
  at += *at == '-' || *at == '+';
  int prefix = at[0] == '0' ? ((at[1] | 32) == 'x' ? 16 : (at[1] | 32) == 'o' ? 8 : (at[1] | 32) == 'b' ? 2 : 0) : 0;
  if (prefix && (base == 0 || base == prefix)) {
    base = prefix;
    at += 2;
  } else if (base == 0) {
    base = 10;
    if (at[0] == '0' && strspn(at, "0") != strlen(at))
      return false;
  }
  if (!*at)
    return false;
  int64_t value = 0;
  for (; *at; ++at) {
    if (digit_value(*at) >= base)
      return false;
    if (__builtin_mul_overflow(value, base, &value) || __builtin_sub_overflow(value, digit_value(*at), &value))
      tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "an integer beyond 64 bits");
  }
  if (!negative && value == INT64_MIN)
    tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "an integer beyond 64 bits");
  *result = negative ? value : -value;
  return true;
}

// float(text)
static bool parse_float(text_t text, double *result) {
  char out[64], *end;
  text_t stripped = tpl_text_strip(text, true, true);
  if (stripped.size < 64 && !memchr(stripped.data, 0, stripped.size)) { // words: inf, infinity, nan
    memcpy(out, stripped.data, stripped.size);
    out[stripped.size] = 0;
    const char *word = out + (*out == '-' || *out == '+');
    if (!strcasecmp(word, "inf") || !strcasecmp(word, "infinity") || !strcasecmp(word, "nan")) {
      *result = strtod(out, NULL);
      return true;
    }
  }
  if (!number_text(text, out, "0123456789e") || strspn(out, "eE") || strpbrk(out, "xX"))
    return false;
  *result = strtod(out, &end);
  return !*end;
}

static value_t truncated(chat_t *chat, double real, value_t otherwise) {
  if (isnan(real) || isinf(real))
    return otherwise;
  if (!(fabs(real) < 9.2e18))
    tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "an integer beyond 64 bits");
  return tpl_value_int((int64_t)real);
}

FILTER(tpl_filter_int) {
  value_t otherwise = tpl_call_value(call, 0, tpl_value_int(0));
  int64_t base = tpl_call_int(chat, call, 1, 10, "base"), integer;
  double real;
  tpl_want_defined(chat, input);
  if (input.kind == V_INT || input.kind == V_BOOL)
    return tpl_value_int(tpl_want_int(chat, input, ""));
  if (input.kind == V_FLOAT)
    return truncated(chat, input.real, otherwise);
  if (input.kind != V_STRING)
    return otherwise;
  bool based = base == 0 || (base >= 2 && base <= 36);
  if (based && parse_int(chat, input.text, base, &integer))
    return tpl_value_int(integer);
  return parse_float(input.text, &real) ? truncated(chat, real, otherwise) : otherwise;
}

FILTER(tpl_filter_float) {
  value_t otherwise = tpl_call_value(call, 0, tpl_value_float(0));
  double real;
  tpl_want_defined(chat, input);
  if (input.kind == V_FLOAT)
    return input;
  if (input.kind == V_INT || input.kind == V_BOOL)
    return tpl_value_float((double)tpl_want_int(chat, input, ""));
  return input.kind == V_STRING && parse_float(input.text, &real) ? tpl_value_float(real) : otherwise;
}

/*===--- round, sum ---===*/

// Half to even of the decimal number, not of the binary one: what the C library prints.
static double round_half_even(double real, int64_t precision) {
  char text[512];
  if (precision > 100 || isnan(real) || isinf(real))
    return real;
  snprintf(text, sizeof text, "%.*f", (int)precision, real);
  return strtod(text, NULL);
}

static value_t round_toward(chat_t *chat, value_t input, int64_t precision, bool up) {
  value_t scale = tpl_binary(chat, OP_POWER, tpl_value_int(10), tpl_value_int(precision));
  value_t scaled = tpl_binary(chat, OP_MULTIPLY, input, scale);
  if (scaled.kind == V_FLOAT && (isnan(scaled.real) || isinf(scaled.real)))
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "round of a number without end");
  if (scaled.kind == V_FLOAT)
    scaled = tpl_value_float(up ? ceil(scaled.real) : floor(scaled.real));
  if (scaled.kind == V_FLOAT && scaled.real == 0)
    scaled = tpl_value_float(0); // Python's ceil gives an integer: no negative zero
  return tpl_binary(chat, OP_DIVIDE, scaled, scale);
}

FILTER(tpl_filter_round) {
  int64_t precision = tpl_call_int(chat, call, 0, 0, "precision");
  text_t method = tpl_call_text(chat, call, 1, TEXT("common"), "method");
  bool up = tpl_text_is(method, "ceil"), down = tpl_text_is(method, "floor");
  if (!up && !down && !tpl_text_is(method, "common"))
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "the method of round is common, ceil or floor, found '%.*s'",
                  TEXT_ARGS(method));
  if (precision < 0)
    tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "round with a negative precision");
  if (input.kind != V_FLOAT)
    input = tpl_value_int(tpl_want_int(chat, input, "the input of round"));
  if (up || down)
    return round_toward(chat, input, precision, up);
  return input.kind == V_FLOAT ? tpl_value_float(round_half_even(input.real, precision)) : input;
}

FILTER(tpl_filter_sum) {
  value_t sum = tpl_call_value(call, 1, tpl_value_int(0));
  const list_t *items = tpl_value_items(chat, input);
  if (sum.kind == V_STRING)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "sum adds numbers or lists; for texts there is join");
  for (size_t i = 0; i < items->count; ++i)
    sum = tpl_binary(chat, OP_ADD, sum,
                     tpl_get_path(chat, items->items[i], tpl_call_value(call, 0, tpl_value_none()), NULL));
  return sum;
}
