// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The meaning of lm.attention in both forms as plain functions.
// Tested by test/dialects/lm/attention and test/unit/dialects/ReferenceTest.cpp.

#ifndef LMOPT_DIALECTS_LM_ATTENTION_REFERENCE_H
#define LMOPT_DIALECTS_LM_ATTENTION_REFERENCE_H

#include "dialects/lm/interpreter/Values.h"

#include <functional>

namespace lmopt::lm::reference {

/// How pair i of a head turns from one position to the next, and what query and key are multiplied by.
struct Rotation {
  std::vector<double> frequencies; // of the rotary pairs; empty: no rotation
  double attentionFactor = 1;
};
struct AttentionOptions {
  int64_t layer = 0, heads = 1, kvHeads = 1;
  double scale = 1;
  bool causal = true;
  bool interleaved = false;                         // rotary layout
  std::function<Rotation(int64_t length)> rotation; // of a sequence of so many tokens; empty: none
  bool bf16 = false;                                // keys, values, scaled queries and softmax weights rounded to bf16
  bool int8 = false; // each head of keys and values rounded to 8 bits of its largest number
};
/// Decoder form: appends to `cache`. An error when the cache was made for another batch or width, or its keys were
/// rotated as those of a shorter or longer sequence are.
Result<Tensor> attention(const Tensor &query, const Tensor &key, const Tensor &value, Cache &cache,
                         const AttentionOptions &options);
/// Encoder form.
Tensor attention(const Tensor &query, const Tensor &key, const Tensor &value, const Tensor &lengths,
                 const AttentionOptions &options);

} // namespace lmopt::lm::reference

#endif // LMOPT_DIALECTS_LM_ATTENTION_REFERENCE_H
