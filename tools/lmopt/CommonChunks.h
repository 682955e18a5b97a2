// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One text in the tokens of two tokenizers, cut into chunks that begin, turn and end at the same bytes in both, so that
// two models can be compared on the same bytes after the same bytes.
//
// In: for each tokenizer where its tokens end, in bytes. Out: chunks of as many tokens as fit into the context of both,
// whose second halves are scored (as `lmopt eval` does with one tokenizer); what is left over is not used.
// Cost: linear. Tested by test/unit/tools/CommonChunksTest.cpp.
#ifndef LMOPT_TOOLS_LMOPT_COMMONCHUNKS_H
#define LMOPT_TOOLS_LMOPT_COMMONCHUNKS_H

#include <array>
#include <cstddef>
#include <vector>

namespace lmopt::driver {

/// How many tokens of each tokenizer lie before a byte.
using Cut = std::array<size_t, 2>;

struct CommonChunk {
  Cut begin, middle, end; ///< the tokens from `middle` on are scored
  size_t bytes;           ///< of these
};

/// `ends[i][t]`: the end of token t of tokenizer i, ascending; both end with the text. No chunk: the text is too short,
/// or no place between tokens is one of both for longer than a context.
std::vector<CommonChunk> cutCommonChunks(const std::array<std::vector<size_t>, 2> &ends, size_t context);

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_COMMONCHUNKS_H
