/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Statements of Jinja to a syntax tree: for, if, set, break, continue, generation. What Jinja has beyond them (macro,
 * include, block, ...) is named and refused.
 * Tested by test/unit/runtime, fuzzed by fuzz-chat-template.
 */
#include "chat.h"

#include <string.h>

static node_t *parse_body(lexer_t *lexer, const char *const *ends);

static void end_of_tag(lexer_t *lexer) {
  if (lexer->token.kind != T_END_OF_TAG)
    tpl_fail_token(lexer, "the end of the tag");
}

// A name, or names with commas between, or `namespace.name` in a set.
static node_t *parse_target(lexer_t *lexer, bool with_attribute) {
  node_t *first = NULL, *tuple = NULL;
  bool parenthesis = tpl_accept(lexer, "(");
  do {
    if (first && !tuple) {
      tuple = tpl_new_node(lexer->chat, N_TUPLE, first->at);
      tpl_add_child(lexer->chat, tuple, first, TEXT(""));
    }
    if (lexer->token.kind != T_NAME)
      tpl_fail_token(lexer, "a name to assign to");
    node_t *node = tpl_new_node(lexer->chat, N_NAME, lexer->token.at);
    node->value = tpl_value_text(lexer->token.text);
    tpl_lexer_next(lexer);
    if (with_attribute && tpl_accept(lexer, ".")) {
      node_t *attribute = tpl_new_node(lexer->chat, N_ATTRIBUTE, lexer->token.at);
      if (lexer->token.kind != T_NAME)
        tpl_fail_token(lexer, "a name");
      attribute->a = node;
      attribute->value = tpl_value_text(lexer->token.text);
      tpl_lexer_next(lexer);
      node = attribute;
    }
    if (!first)
      first = node;
    if (tuple)
      tpl_add_child(lexer->chat, tuple, node, TEXT(""));
  } while (tpl_accept(lexer, ","));
  if (parenthesis)
    tpl_expect(lexer, ")");
  return tuple ? tuple : first;
}

static node_t *parse_if(lexer_t *lexer, size_t at) {
  static const char *const ends[] = {"elif", "else", "endif", NULL};
  static const char *const last[] = {"endif", NULL};
  node_t *node = tpl_new_node(lexer->chat, N_IF, at);
  do {
    tpl_add_child(lexer->chat, node, tpl_parse_tuple(lexer, false), TEXT(""));
    end_of_tag(lexer);
    tpl_add_child(lexer->chat, node, parse_body(lexer, ends), TEXT(""));
  } while (tpl_accept_name(lexer, "elif"));
  if (tpl_accept_name(lexer, "else")) {
    end_of_tag(lexer);
    tpl_add_child(lexer->chat, node, parse_body(lexer, last), TEXT(""));
  }
  tpl_lexer_next(lexer); // endif
  end_of_tag(lexer);
  return node;
}

static node_t *parse_for(lexer_t *lexer, size_t at) {
  static const char *const ends[] = {"else", "endfor", NULL};
  static const char *const last[] = {"endfor", NULL};
  node_t *node = tpl_new_node(lexer->chat, N_FOR, at);
  node->a = parse_target(lexer, false);
  if (!tpl_accept_name(lexer, "in"))
    tpl_fail_token(lexer, "'in'");
  node->b = tpl_parse_tuple(lexer, false);
  if (tpl_accept_name(lexer, "if"))
    node->c = tpl_parse_expression(lexer, true);
  if (tpl_token_named(lexer, "recursive"))
    tpl_chat_fail(lexer->chat, LMOPT_ERROR_UNSUPPORTED, "a recursive loop");
  end_of_tag(lexer);
  tpl_add_child(lexer->chat, node, parse_body(lexer, ends), TEXT(""));
  if (tpl_accept_name(lexer, "else")) {
    end_of_tag(lexer);
    tpl_add_child(lexer->chat, node, parse_body(lexer, last), TEXT(""));
  }
  tpl_lexer_next(lexer); // endfor
  end_of_tag(lexer);
  return node;
}

static node_t *parse_set(lexer_t *lexer, size_t at) {
  static const char *const ends[] = {"endset", NULL};
  node_t *node = tpl_new_node(lexer->chat, N_SET, at);
  node->a = parse_target(lexer, true);
  if (tpl_accept(lexer, "=")) {
    node->b = tpl_parse_tuple(lexer, true);
    end_of_tag(lexer);
    return node;
  }
  if (tpl_token_is(lexer, "|"))
    tpl_chat_fail(lexer->chat, LMOPT_ERROR_UNSUPPORTED, "a set block with a filter");
  end_of_tag(lexer);
  node->kind = N_SET_BODY;
  node->b = parse_body(lexer, ends);
  tpl_lexer_next(lexer); // endset
  end_of_tag(lexer);
  return node;
}

// {% generation %} marks what the model said, for training: its contents are rendered as they are.
static node_t *parse_generation(lexer_t *lexer) {
  static const char *const ends[] = {"endgeneration", NULL};
  end_of_tag(lexer);
  node_t *node = parse_body(lexer, ends);
  tpl_lexer_next(lexer);
  end_of_tag(lexer);
  return node;
}

static _Noreturn void fail_statement(lexer_t *lexer, text_t name, size_t at) {
  static const char *const known[] = {"macro", "call",    "filter", "with",  "include",    "import",
                                      "from",  "extends", "block",  "trans", "autoescape", "do"};
  lexer->chat->at = at;
  for (size_t i = 0; i < sizeof known / sizeof *known; ++i)
    if (tpl_text_is(name, known[i]))
      tpl_chat_fail(lexer->chat, LMOPT_ERROR_UNSUPPORTED,
                    "the statement '%s' (supported: for, if, set, break, continue, generation, raw)", known[i]);
  tpl_chat_fail(lexer->chat, LMOPT_ERROR_MALFORMED, "unexpected statement '%.*s'", TEXT_ARGS(name));
}

static node_t *parse_statement(lexer_t *lexer) {
  if (lexer->token.kind != T_NAME)
    tpl_fail_token(lexer, "the name of a statement");
  text_t name = lexer->token.text;
  size_t at = lexer->token.at;
  tpl_lexer_next(lexer);
  if (tpl_text_is(name, "if"))
    return parse_if(lexer, at);
  if (tpl_text_is(name, "for"))
    return parse_for(lexer, at);
  if (tpl_text_is(name, "set"))
    return parse_set(lexer, at);
  if (tpl_text_is(name, "generation"))
    return parse_generation(lexer);
  bool leaves = tpl_text_is(name, "break");
  if (!leaves && !tpl_text_is(name, "continue"))
    fail_statement(lexer, name, at);
  end_of_tag(lexer);
  return tpl_new_node(lexer->chat, leaves ? N_BREAK : N_CONTINUE, at);
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
                      ends[1] ? ends[1 + !!ends[2]] : ends[0]);
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
