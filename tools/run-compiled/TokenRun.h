// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs an artifact on tokens through the runtime's C interface. A decoder runs twice, through both of its entries: with
// all tokens of a call at once and with one after another; the two must agree in every bit.
//
// In: the path of an artifact, token ids. Out: rows of floats, or an Error in the words of the runtime.
// Tested by test/codegen/run-compiled.
#ifndef LMOPT_TOOLS_RUNCOMPILED_TOKENRUN_H
#define LMOPT_TOOLS_RUNCOMPILED_TOKENRUN_H

#include "files/Status.h"

#include <cstdint>
#include <string>
#include <vector>

namespace lmopt {

/// Token ids, and which of the vectors that they give is which row of a result.
struct TokenRun {
  using Sequences = std::vector<std::vector<int32_t>>;

  bool decoder = true;
  std::vector<Sequences> calls; ///< all with as many sequences; of an encoder: one call
  std::vector<int64_t> rows;    ///< of the result, for each vector: a decoder's of all tokens of the last call, an
                                ///< encoder's of the sequences or of all their tokens
  int64_t resultRows = 0;       ///< what no vector is for stays zero
  int64_t width = 0;            ///< of a row: the vector's first numbers
};

/// resultRows x width floats.
Result<std::vector<float>> runTokens(const std::string &artifact, const TokenRun &run, int threads);

} // namespace lmopt

#endif // LMOPT_TOOLS_RUNCOMPILED_TOKENRUN_H
