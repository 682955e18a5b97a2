/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Expressions of Jinja to syntax trees, by recursive descent.
 * Order from loose to tight: a if b else c · or · and · not · comparisons, in · + - · ~ · * / // % · unary - + · ** ·
 * then what follows a value: .name [index] (call) |filter, is test.
 * Source: the grammar that jinja2/parser.py implements. Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

#include <string.h>

bool tpl_token_is(const lexer_t *lexer, const char *text) {
  return lexer->token.kind == T_OPERATOR && tpl_text_is(lexer->token.text, text);
}

bool tpl_token_named(const lexer_t *lexer, const char *name) {
  return lexer->token.kind == T_NAME && tpl_text_is(lexer->token.text, name);
}

bool tpl_accept(lexer_t *lexer, const char *text) {
  bool found = tpl_token_is(lexer, text);
  if (found)
    tpl_lexer_next(lexer);
  return found;
}

bool tpl_accept_name(lexer_t *lexer, const char *name) {
  bool found = tpl_token_named(lexer, name);
  if (found)
    tpl_lexer_next(lexer);
  return found;
}

void tpl_fail_token(lexer_t *lexer, const char *expected) {
  lexer->chat->at = lexer->token.at;
  if (lexer->token.kind == T_END_OF_TAG)
    tpl_chat_fail(lexer->chat, LMOPT_ERROR_MALFORMED, "expected %s, found the end of the tag", expected);
  if (lexer->token.kind == T_INT || lexer->token.kind == T_FLOAT)
    tpl_chat_fail(lexer->chat, LMOPT_ERROR_MALFORMED, "expected %s, found a number", expected);
  tpl_chat_fail(lexer->chat, LMOPT_ERROR_MALFORMED, "expected %s, found '%.*s'", expected,
                TEXT_ARGS(lexer->token.text));
}

void tpl_expect(lexer_t *lexer, const char *text) {
  char expected[8] = "'";
  if (tpl_accept(lexer, text))
    return;
  strncat(expected, text, 3);
  strcat(expected, "'");
  tpl_fail_token(lexer, expected);
}

node_t *tpl_new_node(chat_t *chat, node_kind_t kind, size_t at) {
  node_t *node = tpl_chat_allocate(chat, sizeof *node);
  node->kind = kind;
  node->at = at;
  return node;
}

// Room is taken at powers of two.
void tpl_add_child(chat_t *chat, node_t *node, node_t *child, text_t name) {
  size_t count = node->count;
  if ((count & (count - 1)) == 0) {
    size_t capacity = count ? count * 2 : 1;
    node_t **children = tpl_chat_allocate(chat, capacity * sizeof *children);
    text_t *names = tpl_chat_allocate(chat, capacity * sizeof *names);
    if (count) {
      memcpy(children, node->children, count * sizeof *children);
      memcpy(names, node->names, count * sizeof *names);
    }
    node->children = children;
    node->names = names;
  }
  node->children[count] = child;
  node->names[count] = name;
  node->count = count + 1;
}

static node_t *unary_node(lexer_t *lexer, node_kind_t kind, node_t *a) {
  node_t *node = tpl_new_node(lexer->chat, kind, lexer->token.at);
  node->a = a;
  return node;
}

static node_t *binary_node(chat_t *chat, node_kind_t kind, operator_t op, size_t at, node_t *a, node_t *b) {
  node_t *node = tpl_new_node(chat, kind, at);
  node->op = op;
  node->a = a;
  node->b = b;
  return node;
}

static text_t take_name(lexer_t *lexer, const char *expected) {
  if (lexer->token.kind != T_NAME)
    tpl_fail_token(lexer, expected);
  text_t name = lexer->token.text;
  tpl_lexer_next(lexer);
  return name;
}

/*===--- Values ---===*/

static node_t *constant(lexer_t *lexer, value_t value) {
  node_t *node = tpl_new_node(lexer->chat, N_CONSTANT, lexer->token.at);
  node->value = value;
  tpl_lexer_next(lexer);
  return node;
}

// The names that a macro is given when it reads them.
uint32_t tpl_special_name(text_t name) {
  if (tpl_text_is(name, "caller"))
    return USES_CALLER;
  return tpl_text_is(name, "varargs") ? USES_VARARGS : tpl_text_is(name, "kwargs") ? USES_KWARGS : 0;
}

static node_t *parse_name(lexer_t *lexer) {
  text_t name = lexer->token.text;
  if (tpl_text_is(name, "true") || tpl_text_is(name, "True"))
    return constant(lexer, tpl_value_bool(true));
  if (tpl_text_is(name, "false") || tpl_text_is(name, "False"))
    return constant(lexer, tpl_value_bool(false));
  if (tpl_text_is(name, "none") || tpl_text_is(name, "None"))
    return constant(lexer, tpl_value_none());
  static const char *const words[] = {"and", "else", "if", "in", "is", "not", "or"};
  for (size_t i = 0; i < sizeof words / sizeof *words; ++i)
    if (tpl_text_is(name, words[i]))
      tpl_fail_token(lexer, "a value");
  lexer->uses |= tpl_special_name(name) & ~lexer->assigned;
  node_t *node = constant(lexer, tpl_value_text(name));
  node->kind = N_NAME;
  return node;
}

// Strings that stand side by side are one.
static node_t *parse_strings(lexer_t *lexer) {
  buffer_t buffer = {0};
  size_t at = lexer->token.at;
  for (; lexer->token.kind == T_STRING; tpl_lexer_next(lexer))
    tpl_buffer_text(lexer->chat, &buffer, lexer->token.text);
  node_t *node = tpl_new_node(lexer->chat, N_CONSTANT, at);
  node->value = tpl_value_text((text_t){buffer.data ? buffer.data : "", buffer.size});
  return node;
}

static node_t *parse_list(lexer_t *lexer) {
  node_t *node = tpl_new_node(lexer->chat, N_LIST, lexer->token.at);
  tpl_expect(lexer, "[");
  while (!tpl_token_is(lexer, "]")) {
    if (node->count)
      tpl_expect(lexer, ",");
    if (tpl_token_is(lexer, "]"))
      break;
    tpl_add_child(lexer->chat, node, tpl_parse_expression(lexer, true), TEXT(""));
  }
  tpl_expect(lexer, "]");
  return node;
}

static node_t *parse_dict(lexer_t *lexer) {
  node_t *node = tpl_new_node(lexer->chat, N_DICT, lexer->token.at);
  tpl_expect(lexer, "{");
  while (!tpl_token_is(lexer, "}")) {
    if (node->count)
      tpl_expect(lexer, ",");
    if (tpl_token_is(lexer, "}"))
      break;
    tpl_add_child(lexer->chat, node, tpl_parse_expression(lexer, true), TEXT(""));
    tpl_expect(lexer, ":");
    tpl_add_child(lexer->chat, node, tpl_parse_expression(lexer, true), TEXT(""));
  }
  tpl_expect(lexer, "}");
  return node;
}

static node_t *parse_parenthesis(lexer_t *lexer) {
  size_t at = lexer->token.at;
  tpl_expect(lexer, "(");
  node_t *node = tpl_accept(lexer, ")") ? tpl_new_node(lexer->chat, N_TUPLE, at) : NULL;
  if (!node) {
    node = tpl_parse_tuple(lexer, true);
    tpl_expect(lexer, ")");
  }
  return node;
}

static node_t *parse_primary(lexer_t *lexer) {
  switch (lexer->token.kind) {
  case T_NAME:
    return parse_name(lexer);
  case T_STRING:
    return parse_strings(lexer);
  case T_INT:
  case T_FLOAT:
    return constant(lexer, lexer->token.value);
  case T_OPERATOR:
    if (tpl_token_is(lexer, "("))
      return parse_parenthesis(lexer);
    if (tpl_token_is(lexer, "["))
      return parse_list(lexer);
    if (tpl_token_is(lexer, "{"))
      return parse_dict(lexer);
    break;
  case T_END_OF_TAG:
    break;
  }
  tpl_fail_token(lexer, "a value");
}

/*===--- What follows a value ---===*/

// name=value, value, *values, **mapping; what is positional comes first, ** is the last.
static void parse_argument(lexer_t *lexer, node_t *node) {
  text_t last = node->count ? node->names[node->count - 1] : TEXT("");
  text_t name = TEXT("");
  if (tpl_text_is(last, "**"))
    tpl_fail_token(lexer, "no argument after '**'");
  if (tpl_accept(lexer, "**"))
    name = TEXT("**");
  else if (tpl_accept(lexer, "*"))
    name = TEXT("*");
  node_t *value = tpl_parse_expression(lexer, true);
  if (!name.size && value->kind == N_NAME && tpl_token_is(lexer, "=")) {
    name = value->value.text;
    tpl_lexer_next(lexer);
    value = tpl_parse_expression(lexer, true);
  } else if (!name.size && last.size) {
    tpl_fail_token(lexer, "no positional argument after named ones");
  }
  for (size_t i = 0; i < node->count && tpl_text_is(name, "*"); ++i)
    if (tpl_text_is(node->names[i], "*"))
      tpl_fail_token(lexer, "no second '*'");
  tpl_add_child(lexer->chat, node, value, name);
}

static void parse_arguments(lexer_t *lexer, node_t *node) {
  tpl_expect(lexer, "(");
  while (!tpl_token_is(lexer, ")")) {
    if (node->count)
      tpl_expect(lexer, ",");
    if (tpl_token_is(lexer, ")"))
      break;
    parse_argument(lexer, node);
  }
  tpl_expect(lexer, ")");
}

static node_t *parse_index(lexer_t *lexer, node_t *object) {
  size_t at = lexer->token.at;
  tpl_expect(lexer, "[");
  node_t *parts[3] = {NULL, NULL, NULL};
  int part = 0;
  if (!tpl_token_is(lexer, ":"))
    parts[0] = tpl_parse_expression(lexer, true);
  while (part < 2 && tpl_accept(lexer, ":")) {
    ++part;
    if (!tpl_token_is(lexer, ":") && !tpl_token_is(lexer, "]"))
      parts[part] = tpl_parse_expression(lexer, true);
  }
  if (tpl_token_is(lexer, ","))
    tpl_chat_fail(lexer->chat, LMOPT_ERROR_UNSUPPORTED, "an index of several parts");
  tpl_expect(lexer, "]");
  node_t *node = tpl_new_node(lexer->chat, part ? N_SLICE : N_ITEM, at);
  node->a = object;
  node->b = parts[0];
  for (int i = 0; part && i < 3; ++i)
    tpl_add_child(lexer->chat, node, parts[i], TEXT(""));
  return node;
}

static node_t *parse_attribute(lexer_t *lexer, node_t *object) {
  tpl_expect(lexer, ".");
  node_t *node = tpl_new_node(lexer->chat, N_ATTRIBUTE, lexer->token.at);
  node->a = object;
  if (lexer->token.kind == T_INT) { // x.0 is x[0]
    node->kind = N_ITEM;
    node->b = constant(lexer, lexer->token.value);
  } else {
    node->value = tpl_value_text(take_name(lexer, "a name"));
  }
  return node;
}

static node_t *parse_filter(lexer_t *lexer, node_t *input) {
  node_t *node = tpl_new_node(lexer->chat, N_FILTER, lexer->token.at);
  node->a = input;
  node->value = tpl_value_text(take_name(lexer, "the name of a filter"));
  if (tpl_token_is(lexer, "."))
    tpl_chat_fail(lexer->chat, LMOPT_ERROR_UNSUPPORTED, "a filter with a dotted name");
  if (tpl_token_is(lexer, "("))
    parse_arguments(lexer, node);
  return node;
}

// "upper | replace(1, 2)" of a filter block, "| upper" of a set block: filters over what the block makes.
node_t *tpl_parse_block_filters(lexer_t *lexer, bool first) {
  node_t *node = tpl_new_node(lexer->chat, N_HOLE, lexer->token.at);
  for (; first || tpl_accept(lexer, "|"); first = false)
    node = parse_filter(lexer, node);
  return node;
}

static node_t *parse_postfix(lexer_t *lexer, node_t *node) {
  for (;;) {
    if (tpl_token_is(lexer, ".")) {
      node = parse_attribute(lexer, node);
    } else if (tpl_token_is(lexer, "[")) {
      node = parse_index(lexer, node);
    } else if (tpl_token_is(lexer, "(")) {
      node = unary_node(lexer, N_CALL, node);
      parse_arguments(lexer, node);
    } else {
      return node;
    }
  }
}

// "is name", "is not name", "is name argument", "is name(arguments)".
static node_t *parse_test(lexer_t *lexer, node_t *input) {
  size_t at = lexer->token.at;
  bool negated = tpl_accept_name(lexer, "not");
  node_t *node = tpl_new_node(lexer->chat, N_TEST, at);
  node->a = input;
  node->value = tpl_value_text(take_name(lexer, "the name of a test"));
  token_kind_t kind = lexer->token.kind;
  if (tpl_token_is(lexer, "(")) {
    parse_arguments(lexer, node);
  } else if (kind == T_STRING || kind == T_INT || kind == T_FLOAT || tpl_token_is(lexer, "[") ||
             tpl_token_is(lexer, "{") ||
             (kind == T_NAME && !tpl_token_named(lexer, "else") && !tpl_token_named(lexer, "or") &&
              !tpl_token_named(lexer, "and"))) { // Jinja takes any other name for an argument, also `if` and `is`
    tpl_add_child(lexer->chat, node, parse_postfix(lexer, parse_primary(lexer)), TEXT(""));
  }
  if (!negated)
    return node;
  node_t *not_node = tpl_new_node(lexer->chat, N_NOT, at);
  not_node->a = node;
  return not_node;
}

static node_t *parse_filters(lexer_t *lexer, node_t *node) {
  for (;;) {
    if (tpl_accept(lexer, "|")) {
      node = parse_filter(lexer, node);
    } else if (tpl_accept_name(lexer, "is")) {
      node = parse_test(lexer, node);
    } else if (tpl_token_is(lexer, "(")) {
      node = unary_node(lexer, N_CALL, node);
      parse_arguments(lexer, node);
    } else {
      return node;
    }
  }
}

/*===--- Operators ---===*/

static node_t *parse_unary(lexer_t *lexer, bool with_filter) {
  tpl_chat_enter(lexer->chat);
  node_t *node;
  if (tpl_token_is(lexer, "-") || tpl_token_is(lexer, "+")) {
    node = tpl_new_node(lexer->chat, tpl_token_is(lexer, "-") ? N_NEGATE : N_PLUS, lexer->token.at);
    tpl_lexer_next(lexer);
    node->a = parse_unary(lexer, false);
  } else {
    node = parse_primary(lexer);
  }
  node = parse_postfix(lexer, node);
  if (with_filter)
    node = parse_filters(lexer, node);
  tpl_chat_leave(lexer->chat);
  return node;
}

typedef struct {
  const char *text;
  operator_t op;
} spelling_t;

// The levels of two-sided operators, loosest first.
static const spelling_t levels[][5] = {
    {{"+", OP_ADD}, {"-", OP_SUBTRACT}},
    {{"~", OP_CONCAT}},
    {{"*", OP_MULTIPLY}, {"/", OP_DIVIDE}, {"//", OP_FLOOR_DIVIDE}, {"%", OP_MODULO}},
    {{"**", OP_POWER}},
};
enum { LEVELS = sizeof levels / sizeof levels[0] };

static const spelling_t *find_operator(const lexer_t *lexer, const spelling_t *spellings) {
  for (; spellings->text; ++spellings)
    if (tpl_token_is(lexer, spellings->text))
      return spellings;
  return NULL;
}

static node_t *parse_level(lexer_t *lexer, int level) {
  if (level == LEVELS)
    return parse_unary(lexer, true);
  node_t *node = parse_level(lexer, level + 1);
  for (const spelling_t *found; (found = find_operator(lexer, levels[level]));) {
    size_t at = lexer->token.at;
    tpl_lexer_next(lexer);
    node = binary_node(lexer->chat, N_BINARY, found->op, at, node, parse_level(lexer, level + 1));
  }
  return node;
}

static bool take_comparison(lexer_t *lexer, operator_t *op) {
  static const spelling_t comparisons[] = {{"==", OP_EQ}, {"!=", OP_NE}, {"<=", OP_LE}, {">=", OP_GE},
                                           {"<", OP_LT},  {">", OP_GT},  {NULL, OP_EQ}};
  const spelling_t *found = find_operator(lexer, comparisons);
  if (found) {
    *op = found->op;
    tpl_lexer_next(lexer);
    return true;
  }
  *op = OP_IN;
  if (tpl_accept_name(lexer, "in"))
    return true;
  if (!tpl_token_named(lexer, "not"))
    return false;
  *op = OP_NOT_IN; // "not" behind a value can only be "not in"
  tpl_lexer_next(lexer);
  if (!tpl_accept_name(lexer, "in"))
    tpl_fail_token(lexer, "'in'");
  return true;
}

// a < b < c holds when every pair does. Each further operand carries the operator before it.
static node_t *parse_compare(lexer_t *lexer) {
  size_t at = lexer->token.at;
  node_t *first = parse_level(lexer, 0), *node = NULL;
  for (operator_t op; take_comparison(lexer, &op);) {
    if (!node) {
      node = tpl_new_node(lexer->chat, N_COMPARE, at);
      node->a = first;
    }
    node_t *right = binary_node(lexer->chat, N_COMPARE, op, lexer->token.at, NULL, NULL);
    right->b = parse_level(lexer, 0);
    tpl_add_child(lexer->chat, node, right, TEXT(""));
  }
  return node ? node : first;
}

static node_t *parse_not(lexer_t *lexer) {
  if (!tpl_token_named(lexer, "not"))
    return parse_compare(lexer);
  tpl_chat_enter(lexer->chat);
  node_t *node = tpl_new_node(lexer->chat, N_NOT, lexer->token.at);
  tpl_lexer_next(lexer);
  node->a = parse_not(lexer);
  tpl_chat_leave(lexer->chat);
  return node;
}

static node_t *parse_and(lexer_t *lexer) {
  node_t *node = parse_not(lexer);
  while (tpl_accept_name(lexer, "and"))
    node = binary_node(lexer->chat, N_AND, OP_EQ, lexer->token.at, node, parse_not(lexer));
  return node;
}

static node_t *parse_or(lexer_t *lexer) {
  node_t *node = parse_and(lexer);
  while (tpl_accept_name(lexer, "or"))
    node = binary_node(lexer->chat, N_OR, OP_EQ, lexer->token.at, node, parse_and(lexer));
  return node;
}

node_t *tpl_parse_expression(lexer_t *lexer, bool with_condition) {
  tpl_chat_enter(lexer->chat);
  node_t *node = parse_or(lexer);
  while (with_condition && tpl_accept_name(lexer, "if")) {
    node_t *choice = binary_node(lexer->chat, N_CONDITION, OP_EQ, lexer->token.at, node, parse_or(lexer));
    choice->c = tpl_accept_name(lexer, "else") ? tpl_parse_expression(lexer, true) : NULL;
    node = choice;
  }
  tpl_chat_leave(lexer->chat);
  return node;
}

// One expression, or several with commas between: a tuple.
node_t *tpl_parse_tuple(lexer_t *lexer, bool with_condition) {
  node_t *first = tpl_parse_expression(lexer, with_condition);
  if (!tpl_token_is(lexer, ","))
    return first;
  node_t *tuple = tpl_new_node(lexer->chat, N_TUPLE, first->at);
  tpl_add_child(lexer->chat, tuple, first, TEXT(""));
  while (tpl_accept(lexer, ",") && lexer->token.kind != T_END_OF_TAG && !tpl_token_is(lexer, ")"))
    tpl_add_child(lexer->chat, tuple, tpl_parse_expression(lexer, with_condition), TEXT(""));
  return tuple;
}
