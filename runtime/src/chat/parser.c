/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Statements of Jinja to a syntax tree: for, if, set, macro, call, filter, with, print, break, continue, generation.
 * What Jinja has beyond them (include, import, block, ...) needs other templates: it is named and refused.
 * Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

#include <string.h>

static node_t *parse_body(lexer_t *lexer, const char *const *ends);

static void end_of_tag(lexer_t *lexer) {
  if (lexer->token.kind != T_END_OF_TAG)
    tpl_fail_token(lexer, "the end of the tag");
}

// The body behind a tag, up to one that begins with one of `ends`; Jinja allows the tag to end in a colon.
static node_t *parse_block(lexer_t *lexer, const char *const *ends) {
  tpl_accept(lexer, ":");
  end_of_tag(lexer);
  return parse_body(lexer, ends);
}

// The same for the one end that there is; its tag is taken, too.
static node_t *parse_whole_block(lexer_t *lexer, const char *end) {
  const char *const ends[] = {end, NULL};
  node_t *body = parse_block(lexer, ends);
  tpl_lexer_next(lexer);
  end_of_tag(lexer);
  return body;
}

static node_t *parse_name_target(lexer_t *lexer) {
  if (lexer->token.kind != T_NAME)
    tpl_fail_token(lexer, "a name to assign to");
  if (lexer->in_loop && tpl_token_named(lexer, "loop"))
    tpl_chat_fail(lexer->chat, LMOPT_ERROR_MALFORMED, "'loop' cannot be assigned inside a loop");
  node_t *node = tpl_new_node(lexer->chat, N_NAME, lexer->token.at);
  node->value = tpl_value_text(lexer->token.text);
  lexer->assigned |= tpl_special_name(lexer->token.text);
  tpl_lexer_next(lexer);
  return node;
}

static node_t *parse_target(lexer_t *lexer, bool with_attribute);

static node_t *parse_target_part(lexer_t *lexer, bool with_attribute) {
  if (tpl_accept(lexer, "(")) {
    node_t *inner = parse_target(lexer, with_attribute);
    tpl_expect(lexer, ")");
    return inner;
  }
  node_t *node = parse_name_target(lexer);
  if (!with_attribute || !tpl_accept(lexer, "."))
    return node;
  node_t *attribute = tpl_new_node(lexer->chat, N_ATTRIBUTE, lexer->token.at);
  if (lexer->token.kind != T_NAME)
    tpl_fail_token(lexer, "a name");
  attribute->a = node;
  attribute->value = tpl_value_text(lexer->token.text);
  tpl_lexer_next(lexer);
  return attribute;
}

// A name, or several with commas between, in parentheses or not, or `namespace.name` in a set.
static node_t *parse_target(lexer_t *lexer, bool with_attribute) {
  tpl_chat_enter(lexer->chat);
  node_t *target = parse_target_part(lexer, with_attribute);
  if (tpl_token_is(lexer, ",")) {
    node_t *tuple = tpl_new_node(lexer->chat, N_TUPLE, target->at);
    tpl_add_child(lexer->chat, tuple, target, TEXT(""));
    while (tpl_accept(lexer, ",")) {
      if (tpl_token_is(lexer, ")"))
        break;
      tpl_add_child(lexer->chat, tuple, parse_target_part(lexer, with_attribute), TEXT(""));
    }
    target = tuple;
  }
  tpl_chat_leave(lexer->chat);
  return target;
}

static node_t *parse_if(lexer_t *lexer, size_t at) {
  static const char *const ends[] = {"elif", "else", "endif", NULL};
  node_t *node = tpl_new_node(lexer->chat, N_IF, at);
  do {
    tpl_add_child(lexer->chat, node, tpl_parse_tuple(lexer, false), TEXT(""));
    tpl_add_child(lexer->chat, node, parse_block(lexer, ends), TEXT(""));
  } while (tpl_accept_name(lexer, "elif"));
  if (tpl_accept_name(lexer, "else")) {
    tpl_add_child(lexer->chat, node, parse_whole_block(lexer, "endif"), TEXT(""));
    return node;
  }
  tpl_lexer_next(lexer); // endif
  end_of_tag(lexer);
  return node;
}

static node_t *parse_for(lexer_t *lexer, size_t at) {
  static const char *const ends[] = {"else", "endfor", NULL};
  node_t *node = tpl_new_node(lexer->chat, N_FOR, at);
  ++lexer->in_loop;
  node->a = parse_target(lexer, false);
  if (!tpl_accept_name(lexer, "in"))
    tpl_fail_token(lexer, "'in'");
  node->b = tpl_parse_tuple(lexer, false);
  if (tpl_accept_name(lexer, "if"))
    node->c = tpl_parse_expression(lexer, true);
  node->value = tpl_value_bool(tpl_accept_name(lexer, "recursive"));
  ++lexer->may_break;
  tpl_add_child(lexer->chat, node, parse_block(lexer, ends), TEXT(""));
  --lexer->may_break;
  if (tpl_accept_name(lexer, "else")) {
    tpl_add_child(lexer->chat, node, parse_whole_block(lexer, "endfor"), TEXT(""));
  } else {
    tpl_lexer_next(lexer); // endfor
    end_of_tag(lexer);
  }
  --lexer->in_loop;
  return node;
}

static node_t *parse_set(lexer_t *lexer, size_t at) {
  node_t *node = tpl_new_node(lexer->chat, N_SET, at);
  node->a = parse_target(lexer, true);
  if (tpl_accept(lexer, "=")) {
    node->b = tpl_parse_tuple(lexer, true);
    end_of_tag(lexer);
    return node;
  }
  node->kind = N_SET_BODY;
  node->b = tpl_parse_block_filters(lexer, false);
  tpl_add_child(lexer->chat, node, parse_whole_block(lexer, "endset"), TEXT(""));
  return node;
}

static node_t *parse_filter_block(lexer_t *lexer, size_t at) {
  node_t *node = tpl_new_node(lexer->chat, N_FILTERED, at);
  node->b = tpl_parse_block_filters(lexer, true);
  tpl_add_child(lexer->chat, node, parse_whole_block(lexer, "endfilter"), TEXT(""));
  return node;
}

static node_t *parse_with(lexer_t *lexer, size_t at) {
  node_t *node = tpl_new_node(lexer->chat, N_WITH, at);
  node->a = tpl_new_node(lexer->chat, N_TUPLE, at);
  while (lexer->token.kind != T_END_OF_TAG && !tpl_token_is(lexer, ":")) {
    if (node->count)
      tpl_expect(lexer, ",");
    tpl_add_child(lexer->chat, node->a, parse_target_part(lexer, false), TEXT(""));
    tpl_expect(lexer, "=");
    tpl_add_child(lexer->chat, node, tpl_parse_expression(lexer, true), TEXT(""));
  }
  tpl_add_child(lexer->chat, node, parse_whole_block(lexer, "endwith"), TEXT(""));
  return node;
}

/*===--- Macros ---===*/

// "(a, b=1)": names into `parameters`, defaults into `defaults`.
static void parse_parameters(lexer_t *lexer, node_t *parameters, node_t *defaults) {
  tpl_expect(lexer, "(");
  while (!tpl_token_is(lexer, ")")) {
    if (parameters->count)
      tpl_expect(lexer, ",");
    tpl_add_child(lexer->chat, parameters, parse_name_target(lexer), TEXT(""));
    if (tpl_accept(lexer, "="))
      tpl_add_child(lexer->chat, defaults, tpl_parse_expression(lexer, true), TEXT(""));
    else if (defaults->count)
      tpl_fail_token(lexer, "a default, as the parameters before have one");
  }
  tpl_expect(lexer, ")");
}

// Which of the special names a macro gets: not those that are parameters. `caller` may be one if it has a default.
static uint32_t special_names(lexer_t *lexer, const node_t *parameters, const node_t *defaults, uint32_t uses) {
  for (size_t i = 0; i < parameters->count; ++i) {
    text_t name = parameters->children[i]->value.text;
    if (tpl_text_is(name, "varargs"))
      uses &= ~(uint32_t)USES_VARARGS;
    if (tpl_text_is(name, "kwargs"))
      uses &= ~(uint32_t)USES_KWARGS;
    if (tpl_text_is(name, "caller") && uses & USES_CALLER && i + defaults->count < parameters->count)
      tpl_chat_fail(lexer->chat, LMOPT_ERROR_MALFORMED, "the parameter 'caller' of a macro needs a default");
  }
  return uses;
}

// The body of a macro is a world of its own: no loop to break, and its own `caller`, `varargs`, `kwargs`.
static void parse_macro_body(lexer_t *lexer, node_t *node, const node_t *defaults, const char *end) {
  int may_break = lexer->may_break;
  uint32_t uses = lexer->uses, assigned = lexer->assigned;
  lexer->may_break = 0;
  lexer->uses = lexer->assigned = 0;
  tpl_add_child(lexer->chat, node, parse_whole_block(lexer, end), TEXT(""));
  node->uses = special_names(lexer, node->a, defaults, lexer->uses);
  lexer->uses = uses | (lexer->uses & ~assigned);
  lexer->assigned |= assigned;
  lexer->may_break = may_break;
  for (size_t i = 0; i < defaults->count; ++i)
    tpl_add_child(lexer->chat, node, defaults->children[i], TEXT(""));
}

static node_t *parse_macro(lexer_t *lexer, size_t at) {
  node_t *node = tpl_new_node(lexer->chat, N_MACRO, at), *defaults = tpl_new_node(lexer->chat, N_TUPLE, at);
  node->value = parse_name_target(lexer)->value;
  node->a = tpl_new_node(lexer->chat, N_TUPLE, at);
  parse_parameters(lexer, node->a, defaults);
  parse_macro_body(lexer, node, defaults, "endmacro");
  return node;
}

// {% call(a, b) macro(...) %} body {% endcall %}
static node_t *parse_call(lexer_t *lexer, size_t at) {
  node_t *node = tpl_new_node(lexer->chat, N_CALL_BODY, at), *defaults = tpl_new_node(lexer->chat, N_TUPLE, at);
  node->a = tpl_new_node(lexer->chat, N_TUPLE, at);
  if (tpl_token_is(lexer, "("))
    parse_parameters(lexer, node->a, defaults);
  node->b = tpl_parse_expression(lexer, true);
  if (node->b->kind != N_CALL)
    tpl_chat_fail(lexer->chat, LMOPT_ERROR_MALFORMED, "'call' needs the call of a macro");
  parse_macro_body(lexer, node, defaults, "endcall");
  return node;
}

// {% generation %} marks what the model said, for training: its contents are rendered as they are. transformers makes
// it a call block, so names that it sets stay inside.
static node_t *parse_generation(lexer_t *lexer, size_t at) {
  node_t *node = tpl_new_node(lexer->chat, N_CALL_BODY, at), *none = tpl_new_node(lexer->chat, N_TUPLE, at);
  node->a = none;
  parse_macro_body(lexer, node, none, "endgeneration");
  return node;
}

/*===--- Any statement ---===*/

static node_t *parse_print(lexer_t *lexer, size_t at) {
  node_t *body = tpl_new_node(lexer->chat, N_BODY, at);
  while (lexer->token.kind != T_END_OF_TAG) {
    if (body->count)
      tpl_expect(lexer, ",");
    node_t *output = tpl_new_node(lexer->chat, N_OUTPUT, lexer->token.at);
    output->a = tpl_parse_expression(lexer, true);
    tpl_add_child(lexer->chat, body, output, TEXT(""));
  }
  return body;
}

static node_t *parse_jump(lexer_t *lexer, node_kind_t kind, size_t at) {
  lexer->chat->at = at;
  if (!lexer->may_break)
    tpl_chat_fail(lexer->chat, LMOPT_ERROR_MALFORMED, "'%s' outside a loop", kind == N_BREAK ? "break" : "continue");
  end_of_tag(lexer);
  return tpl_new_node(lexer->chat, kind, at);
}

static _Noreturn void fail_statement(lexer_t *lexer, text_t name, size_t at) {
  static const char *const known[] = {"include", "import", "from", "extends", "block", "autoescape"};
  lexer->chat->at = at;
  for (size_t i = 0; i < sizeof known / sizeof *known; ++i)
    if (tpl_text_is(name, known[i]))
      tpl_chat_fail(lexer->chat, LMOPT_ERROR_UNSUPPORTED, "the statement '%s'", known[i]);
  tpl_chat_fail(lexer->chat, LMOPT_ERROR_MALFORMED, "unexpected statement '%.*s'", TEXT_ARGS(name));
}

static node_t *parse_statement(lexer_t *lexer) {
  static const struct {
    const char *name;
    node_t *(*parse)(lexer_t *lexer, size_t at);
  } statements[] = {{"if", parse_if},       {"for", parse_for},     {"set", parse_set},
                    {"macro", parse_macro}, {"call", parse_call},   {"filter", parse_filter_block},
                    {"with", parse_with},   {"print", parse_print}, {"generation", parse_generation}};
  if (lexer->token.kind != T_NAME)
    tpl_fail_token(lexer, "the name of a statement");
  text_t name = lexer->token.text;
  size_t at = lexer->token.at;
  tpl_lexer_next(lexer);
  for (size_t i = 0; i < sizeof statements / sizeof *statements; ++i)
    if (tpl_text_is(name, statements[i].name))
      return statements[i].parse(lexer, at);
  if (!tpl_text_is(name, "break") && !tpl_text_is(name, "continue"))
    fail_statement(lexer, name, at);
  return parse_jump(lexer, name.data[0] == 'b' ? N_BREAK : N_CONTINUE, at);
}

static bool at_end(const lexer_t *lexer, const char *const *ends) {
  for (; ends && *ends; ++ends)
    if (tpl_token_named(lexer, *ends))
      return true;
  return false;
}

// Everything up to a tag that begins with one of `ends` (NULL: up to the end of the template); that tag is left open.
static node_t *parse_body(lexer_t *lexer, const char *const *ends) {
  chat_t *chat = lexer->chat;
  node_t *body = tpl_new_node(chat, N_BODY, lexer->at);
  tpl_chat_enter(chat);
  for (;;) {
    text_t text;
    size_t at = lexer->at;
    piece_t piece = tpl_lexer_piece(lexer, &text);
    if (piece == P_END) {
      if (ends) {
        chat->at = body->at;
        tpl_chat_fail(chat, LMOPT_ERROR_MALFORMED, "the block that begins here has no '%s'",
                      ends[1] ? ends[1 + !!ends[2]] : ends[0]); // the last of them
      }
      break;
    }
    if (piece == P_STATEMENT && at_end(lexer, ends))
      break;
    node_t *node = tpl_new_node(chat, piece == P_TEXT ? N_TEXT : N_OUTPUT, at);
    if (piece == P_TEXT) {
      node->value = tpl_value_text(text);
      if (!text.size)
        continue;
    } else if (piece == P_OUTPUT) {
      node->a = tpl_parse_tuple(lexer, true);
      end_of_tag(lexer);
    } else {
      node = parse_statement(lexer);
    }
    tpl_add_child(chat, body, node, TEXT(""));
  }
  tpl_chat_leave(chat);
  return body;
}

node_t *tpl_parse_template(chat_t *chat) {
  lexer_t lexer = {.chat = chat, .line_start = true};
  return parse_body(&lexer, NULL);
}
