// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt eval` of two models whose tokenizers differ: what each predicts of the same bytes, after the same bytes.
//
// Distributions over different tokens have no KL divergence, and perplexities of different tokens are of different
// things. What can be compared is the probability of the text itself: bits per byte. In: two models, a text. Out:
//   bits per byte   of each: sum of -log2 p(next token), over the bytes that are scored
//   lost mass       mean over the reference's rows of the probability that it gives to tokens that the model does not
//                   have, by their bytes: what a short-list costs; -log(1 - mass) nats each time
// Tested by test/tools/lmopt/shortlist.sh and test/unit/tools/CommonChunksTest.cpp.
#ifndef LMOPT_TOOLS_LMOPT_EVALBYTES_H
#define LMOPT_TOOLS_LMOPT_EVALBYTES_H

#include "tools/lmopt/EvalRunner.h"

namespace lmopt::driver {

struct ByteScore {
  int64_t tokens = 0;
  double loss = 0; ///< sum of -log p(next)
  double perplexity() const;
  double bitsPerByte(int64_t bytes) const;
};

struct ByteComparison {
  ByteScore model, reference;
  int64_t bytes = 0;
  double lostMass = 0;

  std::string report(bool json) const;
};

/// Whether the text is the same ids of the same vocabulary for both, so that each row can be compared. A reference
/// without a tokenizer is taken by the size of its vocabulary, and refused where that differs.
Result<bool> readAlike(const EvalRunner &model, const EvalRunner &reference, const std::string &text);

/// `chunks`: at most so many; 0: all. `context`: tokens of a chunk. `show` is told how far the work is.
Result<ByteComparison> compareByBytes(EvalRunner &model, EvalRunner &reference, const std::string &text,
                                      int64_t context, int64_t chunks,
                                      const std::function<void(int64_t chunk, int64_t of)> &show);

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_EVALBYTES_H
