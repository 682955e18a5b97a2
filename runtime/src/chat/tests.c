/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The tests of Jinja (value is name) that chat templates use, with Jinja2's meaning. One that is not here is named and
 * refused. Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

#include <math.h>
#include <string.h>

// Tests that look at the kind alone: -1 when the name is none of them.
static int test_kind(value_t value, text_t name) {
  value_kind_t kind = value.kind;
  const struct {
    const char *name;
    bool holds;
  } tests[] = {
      {"defined", kind != V_UNDEFINED},
      {"undefined", kind == V_UNDEFINED},
      {"none", kind == V_NONE},
      {"string", kind == V_STRING},
      {"number", kind == V_INT || kind == V_FLOAT || kind == V_BOOL},
      {"integer", kind == V_INT},
      {"float", kind == V_FLOAT},
      {"boolean", kind == V_BOOL},
      {"true", kind == V_BOOL && value.boolean},
      {"false", kind == V_BOOL && !value.boolean},
      {"mapping", kind == V_DICT},
      // An undefined value can be iterated (over nothing), measured (0) and, by Python's book, called.
      {"iterable", kind == V_LIST || kind == V_DICT || kind == V_STRING || kind == V_UNDEFINED || kind == V_LOOP},
      {"sequence", kind == V_LIST || kind == V_DICT || kind == V_STRING || kind == V_UNDEFINED},
      {"callable", kind == V_FUNCTION || kind == V_UNDEFINED || kind == V_LOOP},
  };
  for (size_t i = 0; i < sizeof tests / sizeof *tests; ++i)
    if (tpl_text_is(name, tests[i].name))
      return tests[i].holds;
  return -1;
}

static bool is_case(chat_t *chat, value_t value, char mode) {
  text_t text = tpl_value_string(chat, value), changed = tpl_text_case(chat, text, mode);
  bool letters = false;
  for (size_t i = 0; i < text.size; ++i)
    letters |= (text.data[i] | 32) >= 'a' && (text.data[i] | 32) <= 'z';
  return letters && tpl_text_equal(changed, text);
}

// Whether both are the same object: equal for plain values, the same place for lists and mappings.
static bool is_same(chat_t *chat, value_t a, value_t b) {
  if (a.kind != b.kind)
    return false;
  if (a.kind == V_LIST)
    return a.list == b.list;
  return a.kind == V_DICT ? a.dict == b.dict : tpl_value_equal(chat, a, b);
}

static bool is_multiple(chat_t *chat, value_t value, int64_t of) {
  if (of == 0)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "division by zero");
  if (value.kind == V_FLOAT)
    return fmod(value.real, (double)of) == 0;
  return of == -1 || tpl_want_int(chat, value, "the input of this test") % of == 0;
}

static const struct {
  const char *name, *symbol;
  operator_t op;
} comparisons[] = {
    {"eq", "==", OP_EQ},      {"equalto", "==", OP_EQ}, {"ne", "!=", OP_NE}, {"lt", "<", OP_LT},
    {"lessthan", "<", OP_LT}, {"le", "<=", OP_LE},      {"gt", ">", OP_GT},  {"greaterthan", ">", OP_GT},
    {"ge", ">=", OP_GE},      {"in", "in", OP_IN},
};

static bool compare(chat_t *chat, operator_t op, value_t a, value_t b) {
  if (op == OP_EQ || op == OP_NE)
    return tpl_value_equal(chat, a, b) == (op == OP_EQ);
  if (op == OP_IN)
    return tpl_value_contains(chat, b, a);
  int order = tpl_value_order(chat, a, b);
  if (order == 2)
    return false;
  return op == OP_LT ? order < 0 : op == OP_LE ? order <= 0 : op == OP_GT ? order > 0 : order >= 0;
}

bool tpl_apply_test(chat_t *chat, value_t input, text_t name, const arguments_t *arguments) {
  int plain = test_kind(input, name);
  if (plain >= 0)
    return plain;
  value_t other = tpl_argument(chat, arguments, 0, "", tpl_value_none());
  for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; ++i) {
    if (!tpl_text_is(name, comparisons[i].name) && !tpl_text_is(name, comparisons[i].symbol))
      continue;
    tpl_check_arguments(chat, arguments, 1, 1, comparisons[i].name);
    return compare(chat, comparisons[i].op, input, other);
  }
  if (tpl_text_is(name, "even"))
    return is_multiple(chat, input, 2);
  if (tpl_text_is(name, "odd")) // 1.5 is neither
    return !is_multiple(chat, input, 2) && (input.kind != V_FLOAT || fabs(fmod(input.real, 2)) == 1);
  if (tpl_text_is(name, "divisibleby"))
    return is_multiple(chat, input, tpl_want_int(chat, other, "the divisor"));
  if (tpl_text_is(name, "sameas"))
    return is_same(chat, input, other);
  if (tpl_text_is(name, "lower") || tpl_text_is(name, "upper"))
    return is_case(chat, input, name.data[0]);
  tpl_chat_fail(chat, LMOPT_ERROR_UNSUPPORTED, "the test '%.*s'", TEXT_ARGS(name));
}
