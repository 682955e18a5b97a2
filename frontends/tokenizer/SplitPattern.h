// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Regular expressions of tokenizer.json for PCRE2: what Oniguruma, which `tokenizers` uses, finds by an expression,
// PCRE2 finds by its translation.
//
// In: an expression in Oniguruma's syntax. Out: one for PCRE2 (10.40 or newer, UTF and UCP on, LF as line end), or exit
// code 4 with the construct that is not supported. Three things differ and are written out: classes (\s, \w, \d and
// properties, for PCRE2 may have an older Unicode), line anchors (Oniguruma's always see lines), escapes. What means
// something else, or lets one step of PCRE2 cost more than a bounded time (repeats that give nothing back), is refused.
// Source: doc/RE and doc/SYNTAX of Oniguruma 6.9, pcre2pattern(3). Tested by test/unit/tokenizer/PatternTest.cpp,
// against `tokenizers` by test/tools/pattern_parity.py.
#ifndef LMOPT_FRONTENDS_TOKENIZER_SPLITPATTERN_H
#define LMOPT_FRONTENDS_TOKENIZER_SPLITPATTERN_H

#include "files/Status.h"

#include "lmopt/tokenizer_format.h"

#include <string>
#include <vector>

namespace lmopt {

/// `unicode`: LMOPT_SPLIT_ARG_HF, or LMOPT_SPLIT_ARG_GGML for characters as llama.cpp knows them. The message of a
/// refusal names the construct only; the caller says where.
Result<std::string> translatePattern(const std::string &pattern, uint32_t unicode = LMOPT_SPLIT_ARG_HF);

/// A text as an expression that finds it.
std::string literalPattern(const std::string &text);

/// A property of Oniguruma's ("Lu", "Han"; "w": others of \w; "w outside": more of \w outside of [ ]), and the
/// characters that PCRE2 may not know to have it, as a class of PCRE2 lists them: those of Unicode 15.1, and those that
/// 16.0 added.
struct SplitProperty {
  const char *name, *characters, *newer;
};
const std::vector<SplitProperty> &splitProperties();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_TOKENIZER_SPLITPATTERN_H
