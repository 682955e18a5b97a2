// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What names of tokenizer.ggml.pre stand for in llama.cpp: how a text is cut into words. Names that are not listed are
// refused, since another expression gives other ids without a sign. Source: src/llama-vocab.cpp of llama.cpp. Tested by
// test/unit/tokenizer/GgufTest.cpp and, against llama.cpp, by test/tools/tokenizer_parity.py.
#ifndef LMOPT_FRONTENDS_TOKENIZER_GGUFPRETOKENIZERS_H
#define LMOPT_FRONTENDS_TOKENIZER_GGUFPRETOKENIZERS_H

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace lmopt {

struct GgufPreTokenizer {
  std::vector<const char *> names;
  std::vector<std::string> patterns;           ///< steps LMOPT_SPLIT_PATTERN (SplitPattern.h), before the others
  std::vector<std::array<uint32_t, 2>> splits; ///< LMOPT_SPLIT_*, LMOPT_SPLIT_ARG_*
  bool addBos = false;                         ///< unless tokenizer.ggml.add_bos_token says otherwise
  bool ignoreMerges = false;                   ///< a word that is a token is that token
};
const std::vector<GgufPreTokenizer> &ggufPreTokenizers();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_TOKENIZER_GGUFPRETOKENIZERS_H
