// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cuts PTX text into words, numbers, strings and punctuation.
//
// In: text. Out: tokens with their lines; a mnemonic with its modifiers ("ld.shared::cta.v4.u32"), a directive (".reg")
// and a special register ("%tid.x") are one word each. Comments vanish, but one kind is remembered: LLVM writes
// "// implicit-def: %r5" where a register has no value on purpose, and reading that one is no mistake.
// Source: PTX ISA, chapter "Syntax". Tested by test/ptx/unit/ParserTest.cpp, fuzzed by fuzz-ptx.
#ifndef LMOPT_TEST_PTX_SYNTAX_LEXER_H
#define LMOPT_TEST_PTX_SYNTAX_LEXER_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lmopt::ptx {

struct Token {
  enum class Kind { Word, Integer, Float32, Float64, String, Punctuation, ImplicitDefinition, End };
  Kind kind = Kind::End;
  std::string_view text;
  uint64_t value = 0; // of a number; a float's bits
  unsigned line = 0;
};

/// Throws PtxError for what is no token. The tokens point into `text`. The last one is End.
std::vector<Token> tokenize(std::string_view text);

} // namespace lmopt::ptx

#endif // LMOPT_TEST_PTX_SYNTAX_LEXER_H
