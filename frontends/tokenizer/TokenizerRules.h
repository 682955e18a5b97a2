// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rules around the model in tokenizer.json: normalizer, pre-tokenizer and post-processor.
// In: the document. Out: the steps in a TokenizerSpec, or exit code 4 for a rule that does not exist here.
// Tested by test/unit/tokenizer/JsonTest.cpp.
#ifndef LMOPT_FRONTENDS_TOKENIZER_TOKENIZERRULES_H
#define LMOPT_FRONTENDS_TOKENIZER_TOKENIZERRULES_H

#include "files/Json.h"
#include "frontends/tokenizer/TokenizerBlob.h"

namespace lmopt {

/// Reads spec.kind and spec.pieces.size().
Result<void> readTokenizerRules(const nlohmann::json &file, const std::string &path, TokenizerSpec &spec);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_TOKENIZER_TOKENIZERRULES_H
