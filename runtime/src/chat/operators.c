/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Operators of chat templates on values, with Python's meaning: arithmetic, joining, repeating, comparing.
 * Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

#include <math.h>
#include <string.h>

void tpl_want_defined(chat_t *chat, value_t value) {
  if (value.kind == V_UNDEFINED)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "'%.*s' is undefined", TEXT_ARGS(value.text));
}

int64_t tpl_want_int(chat_t *chat, value_t value, const char *what) {
  tpl_want_defined(chat, value);
  if (value.kind == V_BOOL)
    return value.boolean;
  if (value.kind != V_INT)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "%s must be an integer, found %s", what, tpl_value_type(value));
  return value.integer;
}

text_t tpl_want_text(chat_t *chat, value_t value, const char *what) {
  tpl_want_defined(chat, value);
  if (value.kind != V_STRING)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "%s must be a string, found %s", what, tpl_value_type(value));
  return value.text;
}

/*===--- Arithmetic ---===*/

static bool is_integer(value_t value) { return value.kind == V_INT || value.kind == V_BOOL; }

static double as_double(value_t value) {
  return value.kind == V_FLOAT ? value.real : value.kind == V_BOOL ? value.boolean : (double)value.integer;
}

static _Noreturn void fail_zero(chat_t *chat) { tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "division by zero"); }

static value_t integer_power(chat_t *chat, int64_t base, int64_t exponent) {
  int64_t result = 1;
  bool overflow = false;
  // Beyond 64 steps every base but 0, 1 and -1 is out of range.
  if (exponent > 64 && base >= -1 && base <= 1)
    exponent = 64 + (exponent & 1);
  for (int64_t i = 0; i < exponent && !overflow; ++i)
    overflow = __builtin_mul_overflow(result, base, &result);
  if (overflow)
    tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "an integer beyond 64 bits");
  return tpl_value_int(result);
}

static value_t integer_operation(chat_t *chat, operator_t op, int64_t a, int64_t b) {
  int64_t result = 0;
  bool overflow = false;
  switch (op) {
  case OP_ADD:
    overflow = __builtin_add_overflow(a, b, &result);
    break;
  case OP_SUBTRACT:
    overflow = __builtin_sub_overflow(a, b, &result);
    break;
  case OP_MULTIPLY:
    overflow = __builtin_mul_overflow(a, b, &result);
    break;
  case OP_FLOOR_DIVIDE:
  case OP_MODULO:
    if (b == 0)
      fail_zero(chat);
    overflow = a == INT64_MIN && b == -1;
    if (!overflow) // Python rounds down, C toward zero
      result = op == OP_MODULO ? (a % b + b) % b : a / b - (a % b != 0 && (a < 0) != (b < 0));
    break;
  default:
    return integer_power(chat, a, b);
  }
  if (overflow)
    tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "an integer beyond 64 bits");
  return tpl_value_int(result);
}

// As Python: what is left over decides, not the rounded quotient (2.5 // 0.1 is 24).
static double floor_divide(double x, double y) {
  double rest = fmod(x, y), quotient = (x - rest) / y;
  if (rest != 0 && (rest < 0) != (y < 0))
    quotient -= 1;
  if (quotient == 0)
    return copysign(0, x / y);
  double whole = floor(quotient);
  return quotient - whole > 0.5 ? whole + 1 : whole;
}

static value_t number_operation(chat_t *chat, operator_t op, value_t a, value_t b) {
  bool negative_power = op == OP_POWER && is_integer(b) && tpl_want_int(chat, b, "") < 0;
  if (is_integer(a) && is_integer(b) && op != OP_DIVIDE && !negative_power)
    return integer_operation(chat, op, tpl_want_int(chat, a, ""), tpl_want_int(chat, b, ""));
  double x = as_double(a), y = as_double(b), rest;
  if (y == 0 && (op == OP_DIVIDE || op == OP_FLOOR_DIVIDE || op == OP_MODULO))
    fail_zero(chat);
  switch (op) {
  case OP_ADD:
    return tpl_value_float(x + y);
  case OP_SUBTRACT:
    return tpl_value_float(x - y);
  case OP_MULTIPLY:
    return tpl_value_float(x * y);
  case OP_DIVIDE:
    return tpl_value_float(x / y);
  case OP_FLOOR_DIVIDE:
    return tpl_value_float(floor_divide(x, y));
  case OP_MODULO:
    rest = fmod(x, y);
    if (rest == 0)
      return tpl_value_float(copysign(0, y));
    return tpl_value_float((rest < 0) != (y < 0) ? rest + y : rest);
  default:
    return tpl_value_float(pow(x, y));
  }
}

static value_t join_lists(chat_t *chat, const list_t *a, const list_t *b) {
  value_t result = tpl_value_list(chat, a->tuple);
  for (size_t i = 0; i < a->count; ++i)
    tpl_list_push(chat, result.list, a->items[i]);
  for (size_t i = 0; i < b->count; ++i)
    tpl_list_push(chat, result.list, b->items[i]);
  return result;
}

static value_t join_texts(chat_t *chat, text_t a, text_t b) {
  char *data = tpl_chat_allocate(chat, a.size + b.size); // sizes are bounded by the arena: no overflow
  if (a.size)
    memcpy(data, a.data, a.size);
  if (b.size)
    memcpy(data + a.size, b.data, b.size);
  tpl_chat_step(chat, (a.size + b.size) / 16);
  return tpl_value_text((text_t){data, a.size + b.size});
}

value_t tpl_value_repeat(chat_t *chat, value_t value, int64_t times) {
  if (value.kind == V_LIST) {
    value_t result = tpl_value_list(chat, value.list->tuple);
    for (int64_t i = 0; i < times && value.list->count; ++i)
      for (size_t j = 0; j < value.list->count; ++j)
        tpl_list_push(chat, result.list, value.list->items[j]);
    return result;
  }
  buffer_t buffer = {0};
  for (int64_t i = 0; i < times && value.text.size; ++i) {
    tpl_chat_step(chat, 1);
    tpl_buffer_text(chat, &buffer, value.text);
  }
  return tpl_value_text(tpl_buffer_finish(&buffer));
}

// Escaped text escapes what it is added to.
static value_t add_markup(chat_t *chat, operator_t op, value_t a, value_t b) {
  if (op != OP_ADD || a.kind != V_STRING || b.kind != V_STRING)
    tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "an operator other than '+' and '~' on escaped text");
  value_t sum = join_texts(chat, a.markup ? a.text : tpl_text_escape(chat, a.text),
                           b.markup ? b.text : tpl_text_escape(chat, b.text));
  sum.markup = true;
  return sum;
}

value_t tpl_binary(chat_t *chat, operator_t op, value_t a, value_t b) {
  if (op == OP_CONCAT)
    return join_texts(chat, tpl_value_string(chat, a), tpl_value_string(chat, b));
  tpl_want_defined(chat, a);
  if (op == OP_MODULO && a.kind == V_STRING && !a.markup)
    return tpl_format_percent(chat, a.text, b);
  tpl_want_defined(chat, b);
  if (a.markup || b.markup)
    return add_markup(chat, op, a, b);
  if ((is_integer(a) || a.kind == V_FLOAT) && (is_integer(b) || b.kind == V_FLOAT))
    return number_operation(chat, op, a, b);
  if (op == OP_ADD && a.kind == V_STRING && b.kind == V_STRING)
    return join_texts(chat, a.text, b.text);
  if (op == OP_ADD && a.kind == V_LIST && b.kind == V_LIST && a.list->tuple == b.list->tuple)
    return join_lists(chat, a.list, b.list);
  if (op == OP_MULTIPLY && (a.kind == V_STRING || a.kind == V_LIST) && is_integer(b))
    return tpl_value_repeat(chat, a, tpl_want_int(chat, b, ""));
  if (op == OP_MULTIPLY && (b.kind == V_STRING || b.kind == V_LIST) && is_integer(a))
    return tpl_value_repeat(chat, b, tpl_want_int(chat, a, ""));
  static const char *const names[] = {"+", "-", "*", "/", "//", "%", "**"};
  tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "'%s' between %s and %s", names[op], tpl_value_type(a), tpl_value_type(b));
}

value_t tpl_signed(chat_t *chat, value_t value, bool negative) {
  tpl_want_defined(chat, value);
  if (value.kind == V_FLOAT)
    return negative ? tpl_value_float(-value.real) : value;
  int64_t integer = tpl_want_int(chat, value, "the operand of a sign");
  if (negative && integer == INT64_MIN)
    tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "an integer beyond 64 bits");
  return tpl_value_int(negative ? -integer : integer);
}

bool tpl_compare(chat_t *chat, operator_t op, value_t a, value_t b) {
  if (op == OP_EQ || op == OP_NE)
    return tpl_value_equal(chat, a, b) == (op == OP_EQ);
  if (op == OP_IN || op == OP_NOT_IN)
    return tpl_value_contains(chat, b, a) == (op == OP_IN);
  int order = tpl_value_order(chat, a, b); // 2: not a number, never true
  if (order == 2)
    return false;
  return op == OP_LT ? order < 0 : op == OP_LE ? order <= 0 : op == OP_GT ? order > 0 : order >= 0;
}
