// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The meaning of lm.attention and its halves in both forms as plain functions.
// Tested by test/dialects/lm/attention and test/unit/dialects/ReferenceTest.cpp.

#ifndef LMOPT_DIALECTS_LM_ATTENTION_REFERENCE_H
#define LMOPT_DIALECTS_LM_ATTENTION_REFERENCE_H

#include "dialects/lm/interpreter/Values.h"

#include <algorithm>
#include <functional>
#include <optional>

namespace lmopt::lm::reference {

/// How pair i of a head turns from one position to the next, and what query and key are multiplied by.
struct Rotation {
  std::vector<double> frequencies; // of the rotary pairs; empty: no rotation
  double attentionFactor = 1;
};
/// The keys and values of a sequence become few: E K and F V, or their means.
struct Projection {
  bool isLearned = false;
  int64_t rank = 1;
  Weight keys = {}, values = {}; // E and F: of rank rows, as many columns as a sequence may have tokens
  int64_t rowsOf(int64_t tokens) const { return isLearned ? rank : std::min(rank, tokens); }
};
/// What scores grow by, of the distance from the query's position to the key's.
struct PositionBias {
  std::vector<double> slopes = {};  // by head, times the distance; empty: none
  std::optional<Weight> table = {}; // a row for each head; the middle is distance 0, both ends reach further
  bool isNone() const { return slopes.empty() && !table; }
  double of(int64_t head, int64_t distance) const;
};
struct AttentionOptions {
  int64_t layer = 0, heads = 1, kvHeads = 1;
  std::vector<int64_t> groups = {1}; // how many query heads read each kv head
  double scale = 1;   // this, `heads`, `groups`, caps, biases and masks are of queries: append does not look at them
  double softCap = 0; // 0: none
  PositionBias bias;
  bool causal = true;
  int64_t window = 0;       // the last positions that a query sees, or, not causal, how far both ways; 0: all
  bool interleaved = false; // rotary layout
  std::function<Rotation(int64_t length)> rotation; // of a sequence of so many tokens; empty: none
  bool bf16 = false;                                // keys, values, scaled queries and softmax weights rounded to bf16
  bool int8 = false;                    // each head of keys and values rounded to 8 bits of its largest number
  std::optional<Projection> projection; // append: before anything is rounded; attend: there was one
};

/// lm.cache_append, decoder form: the rows follow those that `cache` holds. An error when the cache was made for
/// another batch or width or of lengths, or its keys were rotated as those of a shorter or longer sequence are; it is
/// unchanged.
Result<void> append(const Tensor &key, const Tensor &value, Cache &cache, const AttentionOptions &options);
/// Encoder form: a cache of these rows only.
Cache append(const Tensor &key, const Tensor &value, const Tensor &lengths, const AttentionOptions &options);

/// lm.attend, decoder form: the rows of `query` are the last of the layer. An error when the cache does not hold them,
/// or holds keys of other widths, batches, forms or rotations.
Result<Tensor> attend(const Tensor &query, const Cache &cache, const AttentionOptions &options);
/// Encoder form.
Result<Tensor> attend(const Tensor &query, const Cache &cache, const Tensor &lengths, const AttentionOptions &options);

/// lm.attention, decoder form: one after the other.
Result<Tensor> attention(const Tensor &query, const Tensor &key, const Tensor &value, Cache &cache,
                         const AttentionOptions &options);
/// Encoder form.
Result<Tensor> attention(const Tensor &query, const Tensor &key, const Tensor &value, const Tensor &lengths,
                         const AttentionOptions &options);

} // namespace lmopt::lm::reference

#endif // LMOPT_DIALECTS_LM_ATTENTION_REFERENCE_H
