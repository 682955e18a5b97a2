/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Evaluates expressions. In: a syntax tree and the scope. Out: a value, with the meaning that Python and Jinja give it.
 * Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

#include <math.h>
#include <string.h>

static _Noreturn void fail_undefined(chat_t *chat, text_t name) {
  tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "'%.*s' is undefined", TEXT_ARGS(name));
}

int64_t tpl_want_int(chat_t *chat, value_t value, const char *what) {
  if (value.kind == V_BOOL)
    return value.boolean;
  if (value.kind != V_INT)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "%s must be an integer, found %s", what, tpl_value_type(value));
  return value.integer;
}

text_t tpl_want_text(chat_t *chat, value_t value, const char *what) {
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
    return tpl_value_float(floor(x / y));
  case OP_MODULO:
    rest = fmod(x, y);
    return tpl_value_float(rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest);
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

static value_t repeat(chat_t *chat, value_t value, int64_t times) {
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
  return tpl_value_text((text_t){buffer.data, buffer.size});
}

static value_t binary(chat_t *chat, operator_t op, value_t a, value_t b) {
  if (op == OP_CONCAT)
    return join_texts(chat, tpl_value_string(chat, a), tpl_value_string(chat, b));
  if (a.kind == V_UNDEFINED)
    fail_undefined(chat, a.text);
  if (b.kind == V_UNDEFINED)
    fail_undefined(chat, b.text);
  if ((is_integer(a) || a.kind == V_FLOAT) && (is_integer(b) || b.kind == V_FLOAT))
    return number_operation(chat, op, a, b);
  if (op == OP_ADD && a.kind == V_STRING && b.kind == V_STRING)
    return join_texts(chat, a.text, b.text);
  if (op == OP_ADD && a.kind == V_LIST && b.kind == V_LIST && a.list->tuple == b.list->tuple)
    return join_lists(chat, a.list, b.list);
  if (op == OP_MULTIPLY && (a.kind == V_STRING || a.kind == V_LIST) && is_integer(b))
    return repeat(chat, a, tpl_want_int(chat, b, ""));
  if (op == OP_MULTIPLY && (b.kind == V_STRING || b.kind == V_LIST) && is_integer(a))
    return repeat(chat, b, tpl_want_int(chat, a, ""));
  if (op == OP_MODULO && a.kind == V_STRING)
    tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "formatting a string with '%%'; use '~'");
  static const char *const names[] = {"+", "-", "*", "/", "//", "%", "**"};
  tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "'%s' between %s and %s", names[op], tpl_value_type(a), tpl_value_type(b));
}

static value_t negate(chat_t *chat, const node_t *node) {
  value_t value = tpl_evaluate(chat, node->a);
  chat->at = node->at;
  if (value.kind == V_FLOAT)
    return node->kind == N_PLUS ? value : tpl_value_float(-value.real);
  int64_t integer = tpl_want_int(chat, value, "the operand of a sign");
  if (integer == INT64_MIN)
    tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "an integer beyond 64 bits");
  return tpl_value_int(node->kind == N_PLUS ? integer : -integer);
}

static bool compare_pair(chat_t *chat, operator_t op, value_t a, value_t b) {
  if (op == OP_EQ || op == OP_NE)
    return tpl_value_equal(chat, a, b) == (op == OP_EQ);
  if (op == OP_IN || op == OP_NOT_IN)
    return tpl_value_contains(chat, b, a) == (op == OP_IN);
  int order = tpl_value_order(chat, a, b); // 2: not a number, never true
  if (order == 2)
    return false;
  return op == OP_LT ? order < 0 : op == OP_LE ? order <= 0 : op == OP_GT ? order > 0 : order >= 0;
}

static value_t compare(chat_t *chat, const node_t *node) {
  value_t left = tpl_evaluate(chat, node->a);
  for (size_t i = 0; i < node->count; ++i) {
    value_t right = tpl_evaluate(chat, node->children[i]->b);
    chat->at = node->at;
    if (!compare_pair(chat, node->children[i]->op, left, right))
      return tpl_value_bool(false);
    left = right;
  }
  return tpl_value_bool(true);
}

/*===--- Attributes, items, slices ---===*/

// Characters begin..end of a text, counted in characters.
static text_t sub_text(text_t text, size_t begin, size_t end) {
  size_t at = 0, index = 0;
  while (index < begin && at < text.size) {
    at += tpl_utf8_length(text, at);
    ++index;
  }
  size_t first = at;
  while (index < end && at < text.size) {
    at += tpl_utf8_length(text, at);
    ++index;
  }
  return (text_t){text.data + first, at - first};
}

static value_t loop_attribute(chat_t *chat, const loop_t *loop, text_t name) {
  int64_t index = (int64_t)loop->index, length = (int64_t)loop->items->count;
  if (tpl_text_is(name, "index"))
    return tpl_value_int(index + 1);
  if (tpl_text_is(name, "index0"))
    return tpl_value_int(index);
  if (tpl_text_is(name, "first"))
    return tpl_value_bool(index == 0);
  if (tpl_text_is(name, "last"))
    return tpl_value_bool(index + 1 == length);
  if (tpl_text_is(name, "length"))
    return tpl_value_int(length);
  if (tpl_text_is(name, "revindex"))
    return tpl_value_int(length - index);
  if (tpl_text_is(name, "revindex0"))
    return tpl_value_int(length - index - 1);
  if (tpl_text_is(name, "previtem"))
    return index ? loop->items->items[index - 1] : tpl_value_undefined(name);
  if (tpl_text_is(name, "nextitem"))
    return index + 1 < length ? loop->items->items[index + 1] : tpl_value_undefined(name);
  tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "loop.%.*s", TEXT_ARGS(name));
}

value_t tpl_get_attribute(chat_t *chat, value_t object, text_t name) {
  if (object.kind == V_UNDEFINED)
    fail_undefined(chat, object.text);
  if (object.kind == V_LOOP)
    return loop_attribute(chat, object.loop, name);
  if (tpl_is_method(object, name))
    tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "the method '%.*s' without a call; for a key write ['%.*s']",
                  TEXT_ARGS(name), TEXT_ARGS(name));
  if (object.kind == V_DICT || object.kind == V_NAMESPACE) {
    const value_t *found = tpl_dict_find_text(chat, object.dict, name);
    if (found)
      return *found;
  }
  return tpl_value_undefined(name);
}

static value_t get_item(chat_t *chat, value_t object, value_t index) {
  if (object.kind == V_UNDEFINED)
    fail_undefined(chat, object.text);
  if (object.kind == V_DICT) {
    const value_t *found = tpl_value_is_key(index) ? tpl_dict_find(chat, object.dict, index) : NULL;
    return found ? *found : tpl_value_undefined(index.kind == V_STRING ? index.text : TEXT("item"));
  }
  if (is_integer(index) && (object.kind == V_LIST || object.kind == V_STRING)) {
    int64_t at = tpl_want_int(chat, index, "");
    int64_t count = (int64_t)(object.kind == V_LIST ? object.list->count : tpl_utf8_count(object.text));
    if (object.kind == V_STRING)
      tpl_chat_step(chat, object.text.size / 8);
    if (at < 0)
      at += count;
    if (at < 0 || at >= count)
      return tpl_value_undefined(TEXT("item"));
    return object.kind == V_LIST ? object.list->items[at]
                                 : tpl_value_text(sub_text(object.text, (size_t)at, (size_t)at + 1));
  }
  return index.kind == V_STRING ? tpl_get_attribute(chat, object, index.text) : tpl_value_undefined(TEXT("item"));
}

static value_t slice_part(chat_t *chat, const node_t *node) {
  return node ? tpl_evaluate(chat, node) : tpl_value_none();
}

// The bound of a slice as Python clamps it, for a step of 1 or -1's sign.
static int64_t slice_bound(chat_t *chat, value_t value, int64_t count, int64_t step, int64_t otherwise) {
  if (value.kind == V_NONE)
    return otherwise;
  int64_t bound = tpl_want_int(chat, value, "the bound of a slice");
  if (bound < 0)
    bound = bound < -count ? -1 : bound + count;
  else if (bound > count)
    bound = count;
  int64_t least = step < 0 ? -1 : 0, most = step < 0 ? count - 1 : count;
  return bound < least ? least : bound > most ? most : bound;
}

static value_t slice(chat_t *chat, const node_t *node) {
  value_t object = tpl_evaluate(chat, node->a);
  value_t parts[3];
  for (int i = 0; i < 3; ++i)
    parts[i] = slice_part(chat, node->children[i]);
  chat->at = node->at;
  if (object.kind == V_UNDEFINED)
    fail_undefined(chat, object.text);
  if (object.kind != V_LIST && object.kind != V_STRING)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "a slice of %s", tpl_value_type(object));
  int64_t step = parts[2].kind == V_NONE ? 1 : tpl_want_int(chat, parts[2], "the step of a slice");
  if (step == 0)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "the step of a slice is zero");
  const list_t *items = step != 1 || object.kind == V_LIST ? tpl_value_items(chat, object) : NULL;
  int64_t count = (int64_t)(items ? items->count : tpl_utf8_count(object.text));
  int64_t begin = slice_bound(chat, parts[0], count, step, step < 0 ? count - 1 : 0);
  int64_t end = slice_bound(chat, parts[1], count, step, step < 0 ? -1 : count);
  if (!items) {
    tpl_chat_step(chat, object.text.size / 8);
    return tpl_value_text(begin < end ? sub_text(object.text, (size_t)begin, (size_t)end) : TEXT(""));
  }
  value_t result = tpl_value_list(chat, object.kind == V_LIST && object.list->tuple);
  // A step beyond the list ends after one item; clamped so that the sum cannot overflow.
  step = step > count ? count + 1 : step < -count ? -count - 1 : step;
  for (int64_t i = begin; step > 0 ? i < end : i > end; i += step)
    tpl_list_push(chat, result.list, items->items[i]);
  if (object.kind == V_LIST)
    return result;
  buffer_t buffer = {0};
  for (size_t i = 0; i < result.list->count; ++i)
    tpl_buffer_text(chat, &buffer, result.list->items[i].text);
  return tpl_value_text((text_t){buffer.data, buffer.size});
}

/*===--- Calls and the rest ---===*/

static arguments_t evaluate_arguments(chat_t *chat, const node_t *node) {
  arguments_t arguments = {tpl_chat_allocate(chat, node->count * sizeof(value_t)), node->names, node->count};
  for (size_t i = 0; i < node->count; ++i)
    arguments.values[i] = tpl_evaluate(chat, node->children[i]);
  chat->at = node->at;
  return arguments;
}

static value_t call(chat_t *chat, const node_t *node) {
  const node_t *callee = node->a;
  if (callee->kind == N_ATTRIBUTE) {
    value_t object = tpl_evaluate(chat, callee->a);
    chat->at = callee->at;
    if (object.kind == V_UNDEFINED)
      fail_undefined(chat, object.text);
    arguments_t arguments = evaluate_arguments(chat, node);
    chat->at = callee->at;
    return tpl_call_method(chat, object, callee->value.text, &arguments);
  }
  value_t function = tpl_evaluate(chat, callee);
  arguments_t arguments = evaluate_arguments(chat, node);
  chat->at = callee->at;
  if (function.kind == V_UNDEFINED)
    fail_undefined(chat, function.text);
  if (function.kind != V_FUNCTION)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "%s cannot be called", tpl_value_type(function));
  return tpl_call_function(chat, function.function, &arguments);
}

static value_t make_list(chat_t *chat, const node_t *node) {
  value_t list = tpl_value_list(chat, node->kind == N_TUPLE);
  for (size_t i = 0; i < node->count; ++i)
    tpl_list_push(chat, list.list, tpl_evaluate(chat, node->children[i]));
  return list;
}

static value_t make_dict(chat_t *chat, const node_t *node) {
  value_t dict = tpl_value_dict(chat);
  for (size_t i = 0; i + 1 < node->count; i += 2) {
    value_t key = tpl_evaluate(chat, node->children[i]);
    tpl_dict_set(chat, dict.dict, key, tpl_evaluate(chat, node->children[i + 1]));
  }
  return dict;
}

static value_t evaluate_filter(chat_t *chat, const node_t *node) {
  value_t input = tpl_evaluate(chat, node->a);
  arguments_t arguments = evaluate_arguments(chat, node);
  return tpl_apply_filter(chat, input, node->value.text, &arguments);
}

static value_t evaluate_test(chat_t *chat, const node_t *node) {
  value_t input = tpl_evaluate(chat, node->a);
  arguments_t arguments = evaluate_arguments(chat, node);
  return tpl_value_bool(tpl_apply_test(chat, input, node->value.text, &arguments));
}

static value_t evaluate_binary(chat_t *chat, const node_t *node) {
  value_t a = tpl_evaluate(chat, node->a), b = tpl_evaluate(chat, node->b);
  chat->at = node->at;
  return binary(chat, node->op, a, b);
}

static value_t evaluate_item(chat_t *chat, const node_t *node) {
  value_t object = tpl_evaluate(chat, node->a), index = tpl_evaluate(chat, node->b);
  chat->at = node->at;
  return get_item(chat, object, index);
}

static value_t evaluate_attribute(chat_t *chat, const node_t *node) {
  value_t object = tpl_evaluate(chat, node->a);
  chat->at = node->at;
  return tpl_get_attribute(chat, object, node->value.text);
}

// and, or: the value that decides; a if b else c.
static value_t choose(chat_t *chat, const node_t *node) {
  if (node->kind == N_CONDITION) {
    if (tpl_value_truth(tpl_evaluate(chat, node->b)))
      return tpl_evaluate(chat, node->a);
    return node->c ? tpl_evaluate(chat, node->c) : tpl_value_undefined(TEXT("the value of an if without else"));
  }
  value_t left = tpl_evaluate(chat, node->a);
  return tpl_value_truth(left) == (node->kind == N_OR) ? left : tpl_evaluate(chat, node->b);
}

static value_t evaluate_node(chat_t *chat, const node_t *node) {
  switch (node->kind) {
  case N_CONSTANT:
    return node->value;
  case N_NAME:
    return tpl_scope_find(chat, node->value.text);
  case N_LIST:
  case N_TUPLE:
    return make_list(chat, node);
  case N_DICT:
    return make_dict(chat, node);
  case N_ATTRIBUTE:
    return evaluate_attribute(chat, node);
  case N_ITEM:
    return evaluate_item(chat, node);
  case N_SLICE:
    return slice(chat, node);
  case N_CALL:
    return call(chat, node);
  case N_FILTER:
    return evaluate_filter(chat, node);
  case N_TEST:
    return evaluate_test(chat, node);
  case N_NOT:
    return tpl_value_bool(!tpl_value_truth(tpl_evaluate(chat, node->a)));
  case N_NEGATE:
  case N_PLUS:
    return negate(chat, node);
  case N_AND:
  case N_OR:
  case N_CONDITION:
    return choose(chat, node);
  case N_COMPARE:
    return compare(chat, node);
  default:
    return evaluate_binary(chat, node);
  }
}

value_t tpl_evaluate(chat_t *chat, const node_t *node) {
  tpl_chat_enter(chat);
  tpl_chat_step(chat, 1);
  chat->at = node->at;
  value_t value = evaluate_node(chat, node);
  tpl_chat_leave(chat);
  return value;
}
