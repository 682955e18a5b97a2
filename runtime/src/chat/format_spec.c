/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * One value by one format specification, as Python's format() does: "{:>8.2f}", also the numbers of "%8.2f".
 * Digits of floats are the C library's, which are exact. Source: Python's "Format Specification Mini-Language",
 * re-implemented. Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PRECISION = 100, MAX_DIGITS = 512 };

/*===--- Reading a specification ---===*/

static bool is_one_of(char c, const char *set) { return c && strchr(set, c); }

static char take_one_of(text_t *spec, const char *set) {
  if (!spec->size || !is_one_of(spec->data[0], set))
    return 0;
  ++spec->data;
  --spec->size;
  return spec->data[-1];
}

static int64_t take_number(chat_t *chat, text_t *spec) {
  int64_t number = -1;
  for (char digit; (digit = take_one_of(spec, "0123456789"));) {
    number = (number < 0 ? 0 : number) * 10 + (digit - '0');
    if (number > CHAT_MAX_OUTPUT)
      tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "a width of more than %d", CHAT_MAX_OUTPUT);
  }
  return number;
}

static void take_alignment(text_t *text, spec_t *spec, bool *filled) {
  size_t length = text->size ? tpl_utf8_length(*text, 0) : 0;
  if (length && length < text->size && is_one_of(text->data[length], "<>=^")) {
    spec->fill = (text_t){text->data, length};
    *filled = true;
    text->data += length;
    text->size -= length;
  }
  spec->align = take_one_of(text, "<>=^");
}

static spec_t parse_spec(chat_t *chat, text_t text, bool number) {
  spec_t spec = {.fill = TEXT(" ")};
  bool filled = false;
  text_t all = text;
  take_alignment(&text, &spec, &filled);
  spec.sign = take_one_of(&text, "+- ");
  spec.sign = spec.sign == '-' ? 0 : spec.sign;
  if (take_one_of(&text, "z"))
    tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "'z' in the format '%.*s'", TEXT_ARGS(all));
  spec.alternate = take_one_of(&text, "#") != 0;
  if (!filled && text.size && text.data[0] == '0') {
    spec.fill = TEXT("0");
    spec.align = spec.align || !number ? spec.align : '=';
  }
  spec.width = take_number(chat, &text);
  spec.grouping = take_one_of(&text, ",_");
  spec.precision = take_one_of(&text, ".") ? take_number(chat, &text) : -1;
  spec.type = take_one_of(&text, "bcdeEfFgGnosxX%");
  if (text.size || (text.data > all.data && text.data[-1] == '.'))
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "the format '%.*s'", TEXT_ARGS(all));
  return spec;
}

/*===--- Assembling a number ---===*/

typedef struct {
  bool negative;
  const char *prefix; // 0x
  text_t digits;      // before the point
  text_t rest;        // point and what follows
  int group;          // digits between separators
} number_t;

// Digits from the right with separators; zeros go on until `least` characters are there.
static text_t group_digits(chat_t *chat, text_t digits, char separator, int group, int64_t least) {
  int64_t count = 0, zeros = 0, total;
  for (;; ++zeros) {
    count = (int64_t)digits.size + zeros;
    total = count + (separator ? (count - 1) / group : 0);
    if (total >= least)
      break;
  }
  buffer_t out = {0};
  for (int64_t i = 0; i < count; ++i) {
    if (separator && i && (count - i) % group == 0)
      tpl_buffer_append(chat, &out, &separator, 1);
    tpl_buffer_append(chat, &out, i < zeros ? "0" : digits.data + (i - zeros), 1);
    tpl_chat_step(chat, 1);
  }
  return tpl_buffer_finish(&out);
}

static text_t assemble(chat_t *chat, const number_t *number, const spec_t *spec) {
  buffer_t head = {0}, all = {0};
  char sign = number->negative ? '-' : spec->sign;
  tpl_buffer_append(chat, &head, &sign, sign != 0);
  tpl_buffer_append(chat, &head, number->prefix, strlen(number->prefix));
  int64_t around = (int64_t)(head.size + number->rest.size), least = 0;
  bool inside = spec->align == '=';
  if (inside && tpl_text_is(spec->fill, "0"))
    least = spec->width - around;
  text_t digits = group_digits(chat, number->digits, spec->grouping, number->group, least);
  tpl_buffer_text(chat, &all, digits);
  tpl_buffer_text(chat, &all, number->rest);
  text_t body = tpl_buffer_finish(&all);
  if (inside)
    body = tpl_text_pad(chat, body, spec->width - (int64_t)head.size, spec->fill, '>');
  tpl_buffer_text(chat, &head, body);
  return tpl_text_pad(chat, tpl_buffer_finish(&head), spec->width, spec->fill,
                      is_one_of(spec->align, "<^") ? spec->align : '>');
}

/*===--- Integers ---===*/

text_t tpl_format_integer(chat_t *chat, int64_t integer, const spec_t *spec) {
  char digits[72], *at = digits + sizeof digits;
  char type = spec->type ? spec->type : 'd';
  unsigned base = type == 'b' ? 2 : type == 'o' ? 8 : type == 'x' || type == 'X' ? 16 : 10;
  uint64_t rest = integer < 0 ? -(uint64_t)integer : (uint64_t)integer;
  do
    *--at = (type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef")[rest % base];
  while (rest /= base);
  number_t number = {.negative = integer < 0, .prefix = "", .rest = TEXT(""), .group = base == 10 ? 3 : 4};
  number.digits = (text_t){at, (size_t)(digits + sizeof digits - at)};
  if (spec->alternate && base != 10)
    number.prefix = type == 'b' ? "0b" : type == 'o' ? "0o" : type == 'x' ? "0x" : "0X";
  return assemble(chat, &number, spec);
}

/*===--- Floats ---===*/

// 1.500e+10 without its last zeros.
static int exponent_digits(double real, int precision, char *digits) {
  int size = snprintf(digits, MAX_DIGITS, "%.*e", precision - 1, real);
  char *mark = strchr(digits, 'e'), *end = mark;
  while (strchr(digits, '.') && end[-1] == '0')
    --end;
  end -= end[-1] == '.';
  memmove(end, mark, (size_t)(digits + size - mark) + 1);
  return (int)strlen(digits);
}

// No type and a precision: as 'g', but never without a digit behind the point, and sooner with an exponent.
static int general_digits(double real, int precision, char *digits) {
  precision = precision ? precision : 1;
  snprintf(digits, MAX_DIGITS, "%.*e", precision - 1, real);
  int exponent = atoi(strchr(digits, 'e') + 1);
  if (exponent < -4 || exponent >= precision - 1)
    return exponent_digits(real, precision, digits);
  int size = snprintf(digits, MAX_DIGITS, "%.*f", precision - 1 - exponent, real);
  while (digits[size - 1] == '0' && digits[size - 2] != '.')
    --size;
  return size;
}

static int float_digits(chat_t *chat, double real, const spec_t *spec, char *digits) {
  char type = spec->type == 'n' ? 'g' : spec->type == '%' ? 'f' : spec->type, format[8];
  if (!type && spec->precision < 0)
    return (int)tpl_float_text(real, digits);
  if (spec->precision > MAX_PRECISION || (!type && spec->alternate))
    tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "a float with more than %d digits, or with '#' and no type",
                  MAX_PRECISION);
  int precision = spec->precision < 0 ? 6 : (int)spec->precision;
  if (!type)
    return general_digits(real, precision, digits);
  snprintf(format, sizeof format, "%%%s.*%c", spec->alternate ? "#" : "", type);
  return snprintf(digits, MAX_DIGITS, format, precision, real);
}

text_t tpl_format_double(chat_t *chat, double real, const spec_t *spec) {
  char digits[MAX_DIGITS];
  number_t number = {.negative = signbit(real) && !isnan(real), .prefix = "", .group = 3};
  double size = spec->type == '%' ? fabs(real) * 100 : fabs(real);
  if (isnan(size) || isinf(size)) {
    bool big = is_one_of(spec->type, "EFG");
    snprintf(digits, sizeof digits, "%s%s", isnan(size) ? (big ? "NAN" : "nan") : (big ? "INF" : "inf"),
             spec->type == '%' ? "%" : "");
    number.digits = TEXT("");
    number.rest = (text_t){digits, strlen(digits)};
    return assemble(chat, &number, spec);
  }
  size_t length = (size_t)float_digits(chat, size, spec, digits);
  if (spec->type == '%' && length + 1 < sizeof digits)
    digits[length++] = '%';
  size_t whole = 0;
  while (whole < length && digits[whole] >= '0' && digits[whole] <= '9')
    ++whole;
  number.digits = (text_t){digits, whole};
  number.rest = (text_t){digits + whole, length - whole};
  return assemble(chat, &number, spec);
}

/*===--- Any value ---===*/

text_t tpl_format_text(chat_t *chat, text_t text, const spec_t *spec) {
  if (spec->precision >= 0)
    text = tpl_text_part(chat, text, 0, (size_t)spec->precision);
  return tpl_text_pad(chat, text, spec->width, spec->fill, is_one_of(spec->align, ">^") ? spec->align : '<');
}

static _Noreturn void fail_spec(chat_t *chat, text_t spec, value_t value) {
  tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "the format '%.*s' for %s", TEXT_ARGS(spec), tpl_value_type(value));
}

static text_t format_number(chat_t *chat, value_t value, text_t text) {
  spec_t spec = parse_spec(chat, text, true);
  bool real = value.kind == V_FLOAT;
  if (real ? is_one_of(spec.type, "bcdosxX") : spec.type == 's')
    fail_spec(chat, text, value);
  if (spec.grouping && (spec.type == 'n' || spec.type == 'c' || (spec.grouping == ',' && is_one_of(spec.type, "boxX"))))
    fail_spec(chat, text, value);
  if (!real && !is_one_of(spec.type, "eEfFgG%")) {
    if (spec.precision >= 0)
      fail_spec(chat, text, value);
    if (spec.type == 'c')
      tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "the format '%.*s' for an integer", TEXT_ARGS(text));
    return tpl_format_integer(chat, tpl_want_int(chat, value, ""), &spec);
  }
  return tpl_format_double(chat, real ? value.real : (double)tpl_want_int(chat, value, ""), &spec);
}

text_t tpl_format_value(chat_t *chat, value_t value, text_t spec) {
  if (!spec.size)
    return tpl_value_string(chat, value);
  if (value.kind == V_INT || value.kind == V_BOOL || value.kind == V_FLOAT)
    return format_number(chat, value, spec);
  if (value.kind != V_STRING)
    fail_spec(chat, spec, value);
  spec_t parsed = parse_spec(chat, spec, false);
  if ((parsed.type && parsed.type != 's') || parsed.sign || parsed.alternate || parsed.grouping || parsed.align == '=')
    fail_spec(chat, spec, value);
  return tpl_format_text(chat, value.text, &parsed);
}
