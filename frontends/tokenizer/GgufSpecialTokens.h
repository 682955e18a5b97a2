// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The special tokens of a GGUF file: roles by metadata key, and what llama.cpp concludes from the text of a token.
//
// In: the tokens with their types, and the metadata. Out: roles, the tokens that end a text, and types as llama.cpp
// corrects them: a token that is spelled like an end of turn is a control token whatever the file says, and ends the
// generation. Source: llama_vocab::impl::load of llama.cpp (as in llama-cpp-python 0.3.36). Two things differ, see
// docs/checkpoints.md: of several spellings for one infill role all count, and a missing end token is not token 11.
// Tested by test/unit/tokenizer/GgufTest.cpp.
#ifndef LMOPT_FRONTENDS_TOKENIZER_GGUFSPECIALTOKENS_H
#define LMOPT_FRONTENDS_TOKENIZER_GGUFSPECIALTOKENS_H

#include "files/gguf/Gguf.h"
#include "frontends/tokenizer/TokenizerBlob.h"

namespace lmopt {

/// Values of tokenizer.ggml.token_type.
enum GgufTokenType : int64_t {
  kGgufNormal = 1,
  kGgufUnknown = 2,
  kGgufControl = 3,
  kGgufUserDefined = 4,
  kGgufUnused = 5,
  kGgufByte = 6
};

/// Of the roles that no key names: which tokens have them; -1: none.
struct GgufDefaultRoles {
  int32_t bos = -1, eos = -1, unknown = -1;
};

/// Fills spec.roles and spec.endTokens. A role without use may name a token that does not exist; an end may not.
Result<void> readGgufSpecialTokens(const GgufFile &file, const std::vector<std::string_view> &tokens,
                                   std::vector<int64_t> &types, const GgufDefaultRoles &defaults, TokenizerSpec &spec);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_TOKENIZER_GGUFSPECIALTOKENS_H
