// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the rows of a model with a head to what a user asks for: classes of words and the spans that they form, the best
// tokens for a gap, the answer in a text.
//
// In: tokens with their places (lmopt_token_t), a row of scores or logits for each. Out: places in bytes, columns,
// scores. As the pipelines of Hugging Face transformers do: a word has the class of its first token, a span the mean of
// its words' scores (aggregation "first"), an answer the product of the chances of its ends.
// Tested by test/unit/tools/AnswersTest.cpp.
#ifndef LMOPT_TOOLS_LMOPT_ANSWERS_H
#define LMOPT_TOOLS_LMOPT_ANSWERS_H

#include "lmopt/tokenizer.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace lmopt::driver {

/// A column of a row, and its number.
struct Ranked {
  size_t column;
  float score;
};
/// The `most` greatest, greatest first; of equals the smaller column.
std::vector<Ranked> ranked(const float *scores, size_t width, size_t most);

/// Bytes of a text with a class.
struct Labelled {
  size_t begin, end;
  std::string label;
  double score;
};
/// Every word of text 0: `scores` is [tokens, labels].
std::vector<Labelled> labelledWords(const std::vector<lmopt_token_t> &tokens, const std::vector<float> &scores,
                                    const std::vector<std::string> &labels);
/// Neighbours of one kind, told by B- and I-, without those outside (O).
std::vector<Labelled> labelledSpans(const std::vector<Labelled> &words);

struct Answer {
  size_t begin, end; ///< bytes of text 1
  double score;
};
/// `logits` is [tokens, 2]: start, end. None when text 1 has no tokens. At most 15 tokens long.
std::optional<Answer> bestAnswer(const std::vector<lmopt_token_t> &tokens, const std::vector<float> &logits);

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_ANSWERS_H
