// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Answers.h.
#include "tools/lmopt/Answers.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace lmopt::driver {

std::vector<Ranked> ranked(const float *scores, size_t width, size_t most) {
  std::vector<size_t> columns(width);
  std::iota(columns.begin(), columns.end(), size_t(0));
  most = std::min(most, width);
  auto better = [&](size_t a, size_t b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; };
  std::partial_sort(columns.begin(), columns.begin() + static_cast<ptrdiff_t>(most), columns.end(), better);
  std::vector<Ranked> best;
  for (size_t i = 0; i < most; ++i)
    best.push_back({columns[i], scores[columns[i]]});
  return best;
}

std::vector<Labelled> labelledWords(const std::vector<lmopt_token_t> &tokens, const std::vector<float> &scores,
                                    const std::vector<std::string> &labels) {
  std::vector<Labelled> words;
  int32_t word = -1;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].text != 0)
      continue;
    if (!words.empty() && tokens[i].word == word) {
      words.back().end = tokens[i].end;
      continue;
    }
    word = tokens[i].word;
    Ranked best = ranked(&scores[i * labels.size()], labels.size(), 1).front();
    words.push_back({tokens[i].begin, tokens[i].end, labels[best.column], best.score});
  }
  return words;
}

static bool hasPrefix(const std::string &label) {
  return label.size() > 2 && label[1] == '-' && (label[0] == 'B' || label[0] == 'I');
}
static std::string kindOf(const std::string &label) { return hasPrefix(label) ? label.substr(2) : label; }

std::vector<Labelled> labelledSpans(const std::vector<Labelled> &words) {
  std::vector<Labelled> spans;
  std::string before; // label of the word before
  size_t count = 0;   // words of the last span
  for (const Labelled &word : words) {
    bool begins = hasPrefix(word.label) && word.label[0] == 'B';
    bool outside = word.label == "O";
    if (!outside && !begins && kindOf(before) == kindOf(word.label)) {
      Labelled &span = spans.back();
      span.end = word.end;
      span.score += (word.score - span.score) / static_cast<double>(++count);
    } else if (!outside) {
      spans.push_back({word.begin, word.end, kindOf(word.label), word.score});
      count = 1;
    }
    before = word.label;
  }
  return spans;
}

/// exp(x - most) / sum over the tokens of text 1, of one of the two columns; 0 elsewhere.
static std::vector<double> chances(const std::vector<lmopt_token_t> &tokens, const std::vector<float> &logits,
                                   size_t column) {
  double most = -INFINITY, sum = 0;
  std::vector<double> result(tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i].text == 1)
      most = std::max<double>(most, logits[2 * i + column]);
  for (size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i].text == 1)
      sum += result[i] = std::exp(logits[2 * i + column] - most);
  for (double &chance : result)
    chance /= sum;
  return result;
}

std::optional<Answer> bestAnswer(const std::vector<lmopt_token_t> &tokens, const std::vector<float> &logits) {
  constexpr size_t longest = 15;
  std::vector<double> starts = chances(tokens, logits, 0), ends = chances(tokens, logits, 1);
  std::optional<Answer> best;
  for (size_t i = 0; i < tokens.size(); ++i)
    for (size_t j = i; j < std::min(tokens.size(), i + longest) && tokens[i].text == 1 && tokens[j].text == 1; ++j)
      if (double score = starts[i] * ends[j]; !best || score > best->score)
        best = {tokens[i].begin, tokens[j].end, score};
  return best;
}

} // namespace lmopt::driver
