// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// PTX text -> ModuleSyntax. The text may be LLVM's, nvcc's or Triton's.
//
// In: text. Out: the module; PtxError with the line for everything that is not understood: a directive, a declaration,
// a name without declaration, a label without statement. Device functions (.func) are refused by name: kernels are
// compiled with everything inlined. Bounded: a text may declare at most kMostRegisters registers a function.
// Source: PTX ISA, chapters "Syntax" and "Directives". Tested by test/ptx/unit/ParserTest.cpp, fuzzed by fuzz-ptx.
#ifndef LMOPT_TEST_PTX_SYNTAX_PARSER_H
#define LMOPT_TEST_PTX_SYNTAX_PARSER_H

#include "test/ptx/syntax/Lexer.h"
#include "test/ptx/syntax/Syntax.h"

#include <map>

namespace lmopt::ptx {

constexpr uint32_t kMostRegisters = 1 << 16;
constexpr uint64_t kMostVariableBytes = uint64_t(1) << 30;

ModuleSyntax parseSyntax(std::string_view text);

/// A place in the list of tokens, and the questions that all parts of the parser ask.
class TokenCursor {
public:
  explicit TokenCursor(std::vector<Token> tokens) : tokens(std::move(tokens)) {}

  const Token &peek(size_t ahead = 0) const { return tokens[std::min(at + ahead, tokens.size() - 1)]; }
  const Token &next() { return at + 1 < tokens.size() ? tokens[at++] : tokens.back(); }
  bool isEnd() const { return peek().kind == Token::Kind::End; }
  bool isWord() const { return peek().kind == Token::Kind::Word; }
  bool isNext(std::string_view text, size_t ahead = 0) const {
    return peek(ahead).kind != Token::Kind::End && peek(ahead).kind != Token::Kind::String && peek(ahead).text == text;
  }
  bool take(std::string_view text) { return isNext(text) && (next(), true); }
  void expect(std::string_view text);
  std::string word(const char *what);
  /// An integer of at most `most`.
  uint64_t integer(const char *what, uint64_t most);
  [[noreturn]] void fail(const std::string &message) const;

private:
  std::vector<Token> tokens;
  size_t at = 0;
};

/// Declarations of variables, whose initial values may name variables before them: only plain numbers are known.
/// The cursor stands after the directive of the state space. `isParameter`: an array's size counts as one value.
Variable parseVariable(TokenCursor &cursor, StateSpace space);

/// The body of a kernel after its opening brace, up to and with its closing one.
void parseBody(TokenCursor &cursor, FunctionSyntax &function);

} // namespace lmopt::ptx

#endif // LMOPT_TEST_PTX_SYNTAX_PARSER_H
