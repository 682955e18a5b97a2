/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Cuts a template into texts and tags, and the inside of a tag into tokens.
 * In: the source of the template. Out: pieces (text, output, statement) with the white space already removed that Jinja
 * removes: {%- -%}, the newline after a block (trim_blocks), the blanks before one (lstrip_blocks).
 * Source: Jinja2 3.1, jinja2/lexer.py, its rules re-implemented. Tested by test/unit/runtime, fuzzed by
 * fuzz-chat-template.
 */
#include "chat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// "\r\n" and "\r" become "\n"; one newline at the very end goes.
text_t tpl_lexer_normalise(chat_t *chat, text_t source) {
  char *copy = tpl_chat_allocate(chat, source.size);
  size_t size = 0;
  for (size_t i = 0; i < source.size; ++i) {
    char c = source.data[i];
    if (c == '\r') {
      if (i + 1 < source.size && source.data[i + 1] == '\n')
        ++i;
      c = '\n';
    }
    copy[size++] = c;
  }
  if (size && copy[size - 1] == '\n')
    --size;
  return (text_t){copy, size};
}

static char char_at(const lexer_t *lexer, size_t at) {
  text_t source = lexer->chat->source;
  return at < source.size ? source.data[at] : 0;
}

static size_t skip_space(const lexer_t *lexer, size_t at) {
  for (size_t length; (length = tpl_space_length(lexer->chat->source, at));)
    at += length;
  return at;
}

// Ends a block tag whose "%}" or "#}" ends at `at`; `sign` stood before it.
static void end_block(lexer_t *lexer, size_t at, char sign) {
  lexer->at = at;
  if (sign == '-')
    lexer->at = skip_space(lexer, at);
  else if (sign != '+' && char_at(lexer, at) == '\n')
    ++lexer->at;
  lexer->line_start = lexer->at > 0 && char_at(lexer, lexer->at - 1) == '\n';
}

// The text before a tag, without the white space that the tag takes.
static text_t trim_text(const lexer_t *lexer, text_t text, char sign, bool block) {
  if (sign == '-')
    return tpl_text_strip(text, false, true);
  if (!block || sign == '+')
    return text;
  const char *newline = text.size ? memrchr(text.data, '\n', text.size) : NULL;
  size_t line = newline ? (size_t)(newline - text.data) + 1 : 0;
  if (line == 0 && !lexer->line_start)
    return text;
  text_t blank = {text.data + line, text.size - line};
  if (blank.size && tpl_text_strip(blank, true, false).size == 0)
    text.size = line;
  return text;
}

// {# ... #}: `at` is behind "{#".
static void skip_comment(lexer_t *lexer, size_t at) {
  size_t end = tpl_text_find(lexer->chat->source, TEXT("#}"), at);
  if (end == SIZE_MAX)
    tpl_chat_fail(lexer->chat, LMOPT_ERROR_MALFORMED, "this comment has no end '#}'");
  end_block(lexer, end + 2, end > at ? char_at(lexer, end - 1) : 0);
}

// Whether the tag at `at` (behind "{%" and its sign) is this word alone; then *end is behind its "%}", *sign before it.
static bool is_word_tag(const lexer_t *lexer, size_t at, const char *word, size_t *end, char *sign) {
  size_t length = strlen(word);
  at = skip_space(lexer, at);
  if (tpl_text_find(lexer->chat->source, (text_t){word, length}, at) != at)
    return false;
  at = skip_space(lexer, at + length);
  *sign = char_at(lexer, at);
  at += *sign == '-' || *sign == '+';
  *end = at + 2;
  return char_at(lexer, at) == '%' && char_at(lexer, at + 1) == '}';
}

// {% raw %}: everything up to {% endraw %} is text. `at` is behind the opening tag.
static text_t raw_text(lexer_t *lexer, size_t at) {
  text_t source = lexer->chat->source;
  for (size_t tag = at; (tag = tpl_text_find(source, TEXT("{%"), tag)) != SIZE_MAX; tag += 2) {
    tpl_chat_step(lexer->chat, 1);
    char open = char_at(lexer, tag + 2), close;
    size_t end;
    if (!is_word_tag(lexer, tag + 2 + (open == '-' || open == '+'), "endraw", &end, &close))
      continue;
    lexer->line_start = at > 0 && char_at(lexer, at - 1) == '\n';
    text_t text = trim_text(lexer, (text_t){source.data + at, tag - at}, open, true);
    end_block(lexer, end, close);
    return text;
  }
  if (at < source.size)
    tpl_chat_fail(lexer->chat, LMOPT_ERROR_MALFORMED, "'raw' has no 'endraw'");
  lexer->at = at;
  return TEXT("");
}

static size_t find_tag(text_t source, size_t at) {
  for (; at + 1 < source.size; ++at)
    if (source.data[at] == '{' &&
        (source.data[at + 1] == '{' || source.data[at + 1] == '%' || source.data[at + 1] == '#'))
      return at;
  return source.size;
}

// Enters the tag that begins at lexer->at, which is "{{" or "{%".
static piece_t enter_tag(lexer_t *lexer) {
  lexer->inside = char_at(lexer, lexer->at + 1) == '{' ? P_OUTPUT : P_STATEMENT;
  lexer->at += 2;
  char sign = char_at(lexer, lexer->at);
  lexer->at += sign == '-' || sign == '+';
  lexer->brackets = 0;
  tpl_lexer_next(lexer);
  return lexer->inside;
}

piece_t tpl_lexer_piece(lexer_t *lexer, text_t *text) {
  text_t source = lexer->chat->source;
  if (lexer->pending) {
    lexer->pending = false;
    return enter_tag(lexer);
  }
  if (lexer->at >= source.size)
    return P_END;
  tpl_chat_step(lexer->chat, 1);
  size_t begin = lexer->at, tag = find_tag(source, begin);
  lexer->chat->at = tag;
  *text = (text_t){source.data + begin, tag - begin};
  lexer->at = tag;
  if (tag == source.size)
    return P_TEXT;
  char kind = char_at(lexer, tag + 1), sign = char_at(lexer, tag + 2), close;
  *text = trim_text(lexer, *text, sign, kind != '{');
  size_t end;
  if (kind == '#') {
    skip_comment(lexer, tag + 2);
  } else if (kind == '%' && is_word_tag(lexer, tag + 2 + (sign == '-' || sign == '+'), "raw", &end, &close) &&
             close != '+') {
    text_t raw = raw_text(lexer, close == '-' ? skip_space(lexer, end) : end);
    buffer_t both = {0};
    tpl_buffer_text(lexer->chat, &both, *text);
    tpl_buffer_text(lexer->chat, &both, raw);
    *text = (text_t){both.data, both.size};
  } else {
    lexer->pending = true;
  }
  return P_TEXT;
}

/*===--- Inside a tag ---===*/

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c) || (unsigned char)c >= 0x80;
}

// The end of the tag: its own closing mark, unless brackets are open (then "}}" closes two mappings).
static bool take_end(lexer_t *lexer) {
  if (lexer->brackets)
    return false;
  size_t at = lexer->at;
  char sign = char_at(lexer, at);
  bool block = lexer->inside == P_STATEMENT;
  if (sign == '-' || (sign == '+' && block))
    ++at;
  else
    sign = 0;
  if (char_at(lexer, at) != (block ? '%' : '}') || char_at(lexer, at + 1) != '}')
    return false;
  if (block) {
    end_block(lexer, at + 2, sign);
  } else {
    lexer->at = sign == '-' ? skip_space(lexer, at + 2) : at + 2;
    lexer->line_start = char_at(lexer, lexer->at - 1) == '\n';
  }
  lexer->token.kind = T_END_OF_TAG;
  return true;
}

static void put_hex(lexer_t *lexer, buffer_t *buffer, size_t *at, size_t digits) {
  uint32_t code = 0;
  for (size_t i = 0; i < digits; ++i) {
    char c = char_at(lexer, *at + i), lower = (char)(c | 32);
    if (!is_digit(c) && !(lower >= 'a' && lower <= 'f'))
      tpl_chat_fail(lexer->chat, LMOPT_ERROR_MALFORMED, "an escape of this string needs %zu hexadecimal digits",
                    digits);
    code = code << 4 | (uint32_t)(is_digit(c) ? c - '0' : lower - 'a' + 10);
  }
  *at += digits;
  if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
    tpl_chat_fail(lexer->chat, LMOPT_ERROR_UNSUPPORTED, "the character U+%X in a string", code);
  tpl_buffer_character(lexer->chat, buffer, code);
}

// One escape as Python knows it; *at is behind the backslash.
static void put_escape(lexer_t *lexer, buffer_t *buffer, size_t *at) {
  static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
  char c = char_at(lexer, *at);
  const char *found = c ? strchr(from, c) : NULL;
  ++*at;
  if (found)
    tpl_buffer_append(lexer->chat, buffer, to + (found - from), 1);
  else if (c == 'x' || c == 'u' || c == 'U')
    put_hex(lexer, buffer, at, c == 'x' ? 2 : c == 'u' ? 4 : 8);
  else if (is_digit(c) || c == 'N')
    tpl_chat_fail(lexer->chat, LMOPT_ERROR_UNSUPPORTED, "the escape '\\%c' in a string", c);
  else if (c != '\n') { // a backslash before a newline hides both; before anything else it is itself
    tpl_buffer_text(lexer->chat, buffer, TEXT("\\"));
    --*at;
  }
}

static void lex_string(lexer_t *lexer) {
  text_t source = lexer->chat->source;
  char quote = char_at(lexer, lexer->at);
  buffer_t buffer = {0};
  size_t at = lexer->at + 1;
  for (;;) {
    size_t begin = at;
    while (at < source.size && source.data[at] != quote && source.data[at] != '\\')
      ++at;
    tpl_buffer_append(lexer->chat, &buffer, source.data + begin, at - begin);
    if (at >= source.size)
      tpl_chat_fail(lexer->chat, LMOPT_ERROR_MALFORMED, "this string has no end");
    if (source.data[at++] == quote)
      break;
    put_escape(lexer, &buffer, &at);
  }
  lexer->at = at;
  lexer->token.kind = T_STRING;
  lexer->token.text = (text_t){buffer.data ? buffer.data : "", buffer.size};
}

// 0x1f, 0o17, 0b11, with single underscores between digits; false: none of these.
static bool lex_based_number(lexer_t *lexer) {
  char mark = (char)(char_at(lexer, lexer->at + 1) | 32);
  int base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
  size_t at = lexer->at + 2, first = at;
  int64_t value = 0;
  if (!base || char_at(lexer, lexer->at) != '0')
    return false;
  for (;; ++at) {
    char c = char_at(lexer, at), lower = (char)(c | 32);
    int digit = is_digit(c) ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : base;
    if (c == '_' && is_name_char(char_at(lexer, at + 1)))
      continue;
    if (digit >= base)
      break;
    if (__builtin_mul_overflow(value, base, &value) || __builtin_add_overflow(value, digit, &value))
      tpl_chat_fail(lexer->chat, LMOPT_ERROR_UNSUPPORTED, "an integer beyond 64 bits");
  }
  if (at == first || is_name_char(char_at(lexer, at)))
    tpl_chat_fail(lexer->chat, LMOPT_ERROR_MALFORMED, "this form of a number");
  lexer->at = at;
  lexer->token.kind = T_INT;
  lexer->token.value = tpl_value_int(value);
  return true;
}

static void lex_number(lexer_t *lexer) {
  if (lex_based_number(lexer))
    return;
  char digits[64];
  size_t size = 0, at = lexer->at;
  bool real = false;
  bool item = at > 0 && char_at(lexer, at - 1) == '.'; // x.0.1 is x[0][1]
  for (;; ++at) {
    char c = char_at(lexer, at), next = char_at(lexer, at + 1);
    bool exponent = (c == 'e' || c == 'E') &&
                    (is_digit(next) || ((next == '+' || next == '-') && is_digit(char_at(lexer, at + 2))));
    if (c == '_' && is_digit(next))
      continue;
    if (!(is_digit(c) || (c == '.' && is_digit(next) && !real && !item) || exponent))
      break;
    if (size + 3 > sizeof digits)
      tpl_chat_fail(lexer->chat, LMOPT_ERROR_UNSUPPORTED, "a number of more than 60 digits");
    digits[size++] = c;
    real |= c == '.' || exponent;
    if (exponent)
      digits[size++] = char_at(lexer, ++at);
  }
  digits[size] = 0;
  if (is_name_char(char_at(lexer, at)))
    tpl_chat_fail(lexer->chat, LMOPT_ERROR_UNSUPPORTED, "this form of a number");
  lexer->at = at;
  errno = 0;
  lexer->token.kind = real ? T_FLOAT : T_INT;
  lexer->token.value = real ? tpl_value_float(strtod(digits, NULL)) : tpl_value_int(strtoll(digits, NULL, 10));
  if (!real && errno)
    tpl_chat_fail(lexer->chat, LMOPT_ERROR_UNSUPPORTED, "an integer beyond 64 bits");
}

static void lex_operator(lexer_t *lexer) {
  static const char *const operators[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
                                          "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
  text_t source = lexer->chat->source;
  for (size_t i = 0; i < sizeof operators / sizeof *operators; ++i) {
    size_t length = strlen(operators[i]);
    if (length > source.size - lexer->at || memcmp(source.data + lexer->at, operators[i], length) != 0)
      continue;
    lexer->token.kind = T_OPERATOR;
    lexer->token.text = (text_t){source.data + lexer->at, length};
    lexer->at += length;
    char c = operators[i][0];
    lexer->brackets += c == '[' || c == '(' || c == '{';
    lexer->brackets -= (c == ']' || c == ')' || c == '}') && lexer->brackets > 0;
    return;
  }
  tpl_chat_fail(lexer->chat, LMOPT_ERROR_MALFORMED, "unexpected character '%.*s'",
                (int)tpl_utf8_length(source, lexer->at), source.data + lexer->at);
}

void tpl_lexer_next(lexer_t *lexer) {
  tpl_chat_step(lexer->chat, 1);
  lexer->at = skip_space(lexer, lexer->at);
  lexer->chat->at = lexer->token.at = lexer->at;
  if (lexer->at >= lexer->chat->source.size)
    tpl_chat_fail(lexer->chat, LMOPT_ERROR_MALFORMED, "the template ends inside a tag");
  char c = char_at(lexer, lexer->at);
  if (take_end(lexer))
    return;
  if (c == '"' || c == '\'') {
    lex_string(lexer);
  } else if (is_digit(c)) {
    lex_number(lexer);
  } else if (is_name_char(c)) {
    size_t begin = lexer->at;
    while (is_name_char(char_at(lexer, lexer->at)))
      ++lexer->at;
    lexer->token.kind = T_NAME;
    lexer->token.text = (text_t){lexer->chat->source.data + begin, lexer->at - begin};
  } else {
    lex_operator(lexer);
  }
}
