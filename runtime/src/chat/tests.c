/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The tests of Jinja (value is name) that chat templates use, with Jinja2's meaning. One that is not here is named and
 * refused. Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "characters.h"
#include "chat.h"

#include <string.h>

// Tests that look at the kind alone: -1 when the name is none of them.
static int test_kind(value_t value, text_t name) {
  value_kind_t kind = value.kind;
  bool is_series = kind == V_LIST || kind == V_VIEW || kind == V_RANGE || kind == V_ITERATOR;
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
      {"iterable", is_series || kind == V_DICT || kind == V_STRING || kind == V_UNDEFINED || kind == V_LOOP},
      {"sequence", kind == V_LIST || kind == V_RANGE || kind == V_DICT || kind == V_STRING || kind == V_UNDEFINED},
      {"callable", kind == V_FUNCTION || kind == V_METHOD || kind == V_MACRO || kind == V_UNDEFINED || kind == V_LOOP},
      {"escaped", value.markup},
  };
  for (size_t i = 0; i < sizeof tests / sizeof *tests; ++i)
    if (tpl_text_is(name, tests[i].name))
      return tests[i].holds;
  return -1;
}

// Whether both are the same object: equal for plain values, the same place for lists and mappings.
static bool is_same(chat_t *chat, value_t a, value_t b) {
  if (a.kind != b.kind)
    return false;
  if (a.kind == V_LIST || a.kind == V_VIEW || a.kind == V_RANGE || a.kind == V_ITERATOR)
    return a.list == b.list;
  return a.kind == V_DICT ? a.dict == b.dict : tpl_value_equal(chat, a, b);
}

static const struct {
  const char *name, *symbol;
  operator_t op;
} comparisons[] = {
    {"eq", "==", OP_EQ},      {"equalto", "==", OP_EQ}, {"ne", "!=", OP_NE}, {"lt", "<", OP_LT},
    {"lessthan", "<", OP_LT}, {"le", "<=", OP_LE},      {"gt", ">", OP_GT},  {"greaterthan", ">", OP_GT},
    {"ge", ">=", OP_GE},      {"in", "in", OP_IN},
};

// x % n == 0 as Python computes it: a text on the left is a format, and equal to no number.
static bool is_multiple(chat_t *chat, value_t value, value_t of) {
  value_t rest = tpl_binary(chat, OP_MODULO, value, of);
  return tpl_value_equal(chat, rest, tpl_value_int(0));
}

static bool one_test(chat_t *chat, value_t input, text_t name, const arguments_t *arguments) {
  if (tpl_text_is(name, "even"))
    return is_multiple(chat, input, tpl_value_int(2));
  if (tpl_text_is(name, "odd"))
    return tpl_value_equal(chat, tpl_binary(chat, OP_MODULO, input, tpl_value_int(2)), tpl_value_int(1));
  if (tpl_text_is(name, "divisibleby"))
    return is_multiple(chat, input, arguments->values[0]);
  if (tpl_text_is(name, "sameas"))
    return is_same(chat, input, arguments->values[0]);
  if (tpl_text_is(name, "filter") || tpl_text_is(name, "test")) {
    if (!tpl_value_is_key(input))
      tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "the name of a filter or test is %s", tpl_value_type(input));
    return input.kind == V_STRING &&
           (name.data[0] == 'f' ? tpl_is_filter_name(input.text) : tpl_is_test_name(input.text));
  }
  if (tpl_text_is(name, "lower"))
    return tpl_text_is_case(chat, tpl_value_string(chat, input), CHARACTER_LOWER);
  return tpl_text_is_case(chat, tpl_value_string(chat, input), CHARACTER_UPPER);
}

static const struct {
  const char *name, *parameters;
} others[] = {{"even", ""},   {"odd", ""},  {"divisibleby", "num"}, {"sameas", "other"},
              {"filter", ""}, {"test", ""}, {"lower", ""},          {"upper", ""}};
enum { COMPARISONS = sizeof comparisons / sizeof *comparisons, OTHERS = sizeof others / sizeof *others };

static size_t find_comparison(text_t name) {
  size_t i = 0;
  while (i < COMPARISONS && !tpl_text_is(name, comparisons[i].name) && !tpl_text_is(name, comparisons[i].symbol))
    ++i;
  return i;
}

static size_t find_other(text_t name) {
  size_t i = 0;
  while (i < OTHERS && !tpl_text_is(name, others[i].name))
    ++i;
  return i;
}

bool tpl_is_test_name(text_t name) {
  return test_kind(tpl_value_none(), name) >= 0 || find_comparison(name) < COMPARISONS || find_other(name) < OTHERS;
}

bool tpl_apply_test(chat_t *chat, value_t input, text_t name, const arguments_t *arguments) {
  int plain = test_kind(input, name);
  size_t at = find_comparison(name), other = find_other(name);
  if (plain >= 0) {
    tpl_bind(chat, arguments, "", 0, "this test");
    return plain;
  }
  if (at < COMPARISONS) {
    call_t call = tpl_bind(chat, arguments, at + 1 == COMPARISONS ? "seq" : "$", 1, comparisons[at].name);
    return tpl_compare(chat, comparisons[at].op, input, call.values[0]);
  }
  if (other == OTHERS)
    tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "the test '%.*s', which Jinja does not have either", TEXT_ARGS(name));
  tpl_bind(chat, arguments, others[other].parameters, others[other].parameters[0] != 0, others[other].name);
  return one_test(chat, input, name, arguments);
}
