// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// --shortlist TEXT: an imported model with only the tokens that a text needs, and a tokenizer that knows no others.
//
// In: an imported model, the name of a text: of a decoder the text as a whole, of an encoder a text a line. Out: the
// model, with rows of embedding and head left out, and its tokenizer; what stays is told as a note. Used by compile and
// import. Which tokens stay: frontends/tokenizer/ShortList.h. Tested by test/tools/lmopt/shortlist.sh.
#ifndef LMOPT_TOOLS_LMOPT_SHORTLISTTEXT_H
#define LMOPT_TOOLS_LMOPT_SHORTLISTTEXT_H

#include "frontends/Import.h"
#include "tools/lmopt/CommandLine.h"

namespace lmopt::driver {

/// Nothing without a text; otherwise at least `options.size` tokens stay, where there are so many. An empty message:
/// MLIR has told what is wrong. `source` is for messages.
Result<void> applyShortList(ImportedModel &model, const std::string &source, const ShortListOptions &options,
                            const Context &context);

/// The number of tokens that lm.config tells; 0: it tells none.
int64_t vocabularyOf(mlir::ModuleOp module);

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_SHORTLISTTEXT_H
