// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A lexer of one pass. Described in Lexer.h.
#include "test/ptx/syntax/Lexer.h"

#include "test/ptx/syntax/Types.h"

#include <cctype>
#include <cstring>

namespace lmopt::ptx {

static bool isDigit(char c) { return c >= '0' && c <= '9'; }
static bool startsWord(char c) { return std::isalpha(static_cast<unsigned char>(c)) || std::strchr("_$%.", c); }
static bool continuesWord(char c) { return startsWord(c) || isDigit(c); }

namespace {
class Lexer {
public:
  explicit Lexer(std::string_view text) : text(text) {}

  std::vector<Token> run() {
    while (skipBlank(), at < text.size())
      lexOne();
    add(Token::Kind::End, at);
    return std::move(tokens);
  }

private:
  char peek(size_t ahead = 0) const { return at + ahead < text.size() ? text[at + ahead] : '\0'; }

  [[noreturn]] void fail(const std::string &message) const {
    throw PtxError("line " + std::to_string(line) + ": " + message);
  }

  void add(Token::Kind kind, size_t begin, uint64_t value = 0) {
    tokens.push_back({kind, text.substr(begin, at - begin), value, line});
  }

  void skipBlank() {
    while (at < text.size()) {
      if (peek() == '/' && peek(1) == '/')
        lineComment();
      else if (peek() == '/' && peek(1) == '*')
        blockComment();
      else if (std::isspace(static_cast<unsigned char>(peek())))
        line += text[at++] == '\n';
      else
        return;
    }
  }

  void lineComment() {
    size_t end = std::min(text.find('\n', at), text.size());
    constexpr std::string_view kMark = "// implicit-def: ";
    if (text.substr(at, kMark.size()) == kMark) {
      size_t begin = at += kMark.size();
      while (at < end && continuesWord(text[at]))
        ++at;
      add(Token::Kind::ImplicitDefinition, begin);
    }
    at = end;
  }

  void blockComment() {
    size_t end = text.find("*/", at + 2);
    if (end == std::string_view::npos)
      fail("a comment without end");
    for (; at < end + 2; ++at)
      line += text[at] == '\n';
  }

  void lexOne() {
    size_t begin = at;
    if (isDigit(peek()))
      return number();
    if (startsWord(peek()) && peek() != '\0')
      return word();
    if (peek() == '"')
      return string();
    if (!std::strchr(",;{}[]()<>:|!@+-=*", peek()) || peek() == '\0')
      fail("a character that PTX does not have: code " + std::to_string(static_cast<unsigned char>(peek())));
    ++at;
    add(Token::Kind::Punctuation, begin);
  }

  /// A single colon ends a label; two belong to the word ("shared::cta").
  void word() {
    size_t begin = at;
    while (at < text.size())
      if (continuesWord(peek()) && peek() != '\0')
        ++at;
      else if (peek() == ':' && peek(1) == ':' && continuesWord(peek(2)))
        at += 2;
      else
        break;
    add(Token::Kind::Word, begin);
  }

  void string() {
    size_t begin = at;
    size_t end = text.find_first_of("\"\n", at + 1);
    if (end == std::string_view::npos || text[end] == '\n')
      fail("a string without end");
    at = end + 1;
    add(Token::Kind::String, begin);
  }

  void number() {
    char second = static_cast<char>(std::tolower(peek(1)));
    if (peek() == '0' && (second == 'f' || second == 'd'))
      return floatBits(second == 'f' ? 8 : 16);
    if (peek() == '0' && second == 'x')
      return digits(16, 2);
    if (peek() == '0' && second == 'b')
      return digits(2, 2);
    digits(peek() == '0' ? 8 : 10, 0);
  }

  /// 0f3F800000 and 0d3FF0000000000000: exactly so many digits.
  void floatBits(unsigned count) {
    size_t begin = at;
    at += 2;
    uint64_t bits = 0;
    for (unsigned i = 0; i < count; ++i, ++at)
      bits = bits * 16 + digitOf(peek(), 16);
    if (continuesWord(peek()) && peek() != '\0')
      fail("a floating point number needs " + std::to_string(count) + " hexadecimal digits");
    add(count == 8 ? Token::Kind::Float32 : Token::Kind::Float64, begin, bits);
  }

  unsigned digitOf(char c, unsigned base) const {
    unsigned value = isDigit(c)                                     ? c - '0'
                     : std::isxdigit(static_cast<unsigned char>(c)) ? std::tolower(c) - 'a' + 10
                                                                    : 99;
    if (value >= base)
      fail("a malformed number");
    return value;
  }

  void digits(unsigned base, unsigned prefix) {
    size_t begin = at;
    at += prefix;
    uint64_t value = 0;
    size_t first = at;
    while (std::isxdigit(static_cast<unsigned char>(peek()))) {
      uint64_t digit = digitOf(text[at++], base);
      if (value > (~uint64_t(0) - digit) / base)
        fail("a number of more than 64 bits");
      value = value * base + digit;
    }
    if (at == first)
      fail("a malformed number");
    if (peek() == '.' && isDigit(peek(1))) // of .version only: the fraction does not count
      while (peek() == '.' || isDigit(peek()))
        ++at;
    if (peek() == 'U')
      ++at;
    if (continuesWord(peek()) && peek() != '\0')
      fail("a malformed number");
    add(Token::Kind::Integer, begin, value);
  }

  std::string_view text;
  size_t at = 0;
  unsigned line = 1;
  std::vector<Token> tokens;
};
} // namespace

std::vector<Token> tokenize(std::string_view text) { return Lexer(text).run(); }

} // namespace lmopt::ptx
