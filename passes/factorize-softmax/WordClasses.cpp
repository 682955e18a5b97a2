// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Classes of words; see WordClasses.h. Cost of the k-means: 8 products of the rows with the centres.
#include "passes/factorize-softmax/WordClasses.h"

#include "passes/factorize-softmax/RowProducts.h"

#include "mlir/IR/Threading.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace lmopt::lm {

/// Words in the order of their classes, those of one word first; classes without words are left out.
static WordClasses gather(const std::vector<int64_t> &classOf, int64_t classes) {
  WordClasses result;
  std::vector<std::vector<int64_t>> members(static_cast<size_t>(classes));
  for (size_t word = 0; word < classOf.size(); ++word)
    members[static_cast<size_t>(classOf[word])].push_back(static_cast<int64_t>(word));
  for (bool single : {true, false})
    for (const std::vector<int64_t> &words : members) {
      if (words.empty() || (words.size() == 1) != single)
        continue;
      result.words.insert(result.words.end(), words.begin(), words.end());
      result.sizes.push_back(static_cast<int64_t>(words.size()));
    }
  return result;
}

/// Numbers of the greatest first, of equal ones the smaller.
template <class T>
static std::vector<int64_t> descending(const std::vector<T> &values) {
  std::vector<int64_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](int64_t a, int64_t b) { return values[a] > values[b] || (values[a] == values[b] && a < b); });
  return order;
}

WordClasses classesByFrequency(const std::vector<double> &counts, int64_t classes) {
  std::vector<int64_t> order = descending(counts);
  double total = 0, given = 0;
  for (double count : counts)
    total += std::sqrt(count);
  std::vector<int64_t> classOf(counts.size());
  int64_t current = 0;
  for (int64_t word : order) {
    classOf[word] = current;
    given += std::sqrt(counts[word]);
    if (given * static_cast<double>(classes) > total * static_cast<double>(current + 1) && current + 1 < classes)
      ++current;
  }
  return gather(classOf, classes);
}

WordClasses classesByCuts(const std::vector<double> &counts, const std::vector<int64_t> &cuts) {
  std::vector<int64_t> order = descending(counts), classOf(counts.size());
  for (size_t place = 0; place < order.size(); ++place) {
    auto clusters = std::upper_bound(cuts.begin(), cuts.end(), static_cast<int64_t>(place)) - cuts.begin();
    // A word of the head is a class by its id, so that those stay in the order of ids.
    classOf[order[place]] = clusters ? static_cast<int64_t>(counts.size()) + clusters - 1 : order[place];
  }
  return gather(classOf, static_cast<int64_t>(counts.size() + cuts.size()));
}

namespace {

constexpr int64_t kBlock = 256;  ///< rows that a thread takes at a time
constexpr int64_t kChoices = 64; ///< of a word, kept; beyond them it is asked again
constexpr int kRounds = 8;

/// Lengths become 1; rows of zeros stay.
void normalize(float *row, int64_t width) {
  double sum = 0;
  for (int64_t k = 0; k < width; ++k)
    sum += static_cast<double>(row[k]) * row[k];
  for (int64_t k = 0; sum > 0 && k < width; ++k)
    row[k] = static_cast<float>(row[k] / std::sqrt(sum));
}

class SphericalMeans {
public:
  SphericalMeans(mlir::MLIRContext *context, const float *from, int64_t words, int64_t width, int64_t wanted, bool even)
      : context(context), words(words), width(width), rows(from, from + words * width) {
    room = (words + wanted - 1) / wanted;
    if (room > PanelMatrix::kLanes && !even)
      room = (room + PanelMatrix::kLanes - 1) / PanelMatrix::kLanes * PanelMatrix::kLanes;
    classes = (words + room - 1) / room;
    choices = std::min(kChoices, classes);
    for (int64_t word = 0; word < words; ++word)
      normalize(&rows[static_cast<size_t>(word * width)], width);
    begin();
  }

  WordClasses run() {
    std::vector<int64_t> classOf;
    for (int round = 0; round < kRounds; ++round) {
      classOf = assign();
      moveCentres(classOf);
    }
    return gather(classOf, classes);
  }

private:
  mlir::MLIRContext *context;
  int64_t words, width, room = 0, classes = 0, choices = 0;
  std::vector<float> rows, centres;
  std::vector<int32_t> preferred; ///< [words][choices]
  std::vector<float> margins;     ///< how much a word loses by its second choice

  const float *row(int64_t word) const { return &rows[static_cast<size_t>(word * width)]; }

  /// Words at equal distances.
  void begin() {
    for (int64_t c = 0; c < classes; ++c) {
      const float *from = row(c * (words - 1) / std::max<int64_t>(1, classes - 1));
      centres.insert(centres.end(), from, from + width);
    }
  }

  std::vector<int64_t> assign() {
    rank();
    std::vector<int64_t> left(static_cast<size_t>(classes), room), classOf(static_cast<size_t>(words));
    for (int64_t word : descending(margins)) {
      int64_t chosen = choose(word, left);
      classOf[word] = chosen;
      --left[chosen];
    }
    return classOf;
  }

  int64_t choose(int64_t word, const std::vector<int64_t> &left) const {
    for (int64_t i = 0; i < choices; ++i)
      if (int64_t c = preferred[word * choices + i]; left[c] > 0)
        return c;
    PanelMatrix one(row(word), 1, width);
    std::vector<float> products(static_cast<size_t>(one.stride()));
    int64_t best = -1;
    float nearest = 0;
    for (int64_t c = 0; c < classes; ++c) {
      if (left[c] == 0)
        continue;
      one.multiply(&centres[static_cast<size_t>(c * width)], 1, products.data());
      if (best < 0 || products[0] > nearest)
        best = c, nearest = products[0];
    }
    return best;
  }

  void rank() {
    PanelMatrix matrix(centres.data(), classes, width);
    preferred.resize(static_cast<size_t>(words * choices));
    margins.resize(static_cast<size_t>(words));
    mlir::parallelFor(context, 0, static_cast<size_t>((words + kBlock - 1) / kBlock), [&](size_t block) {
      int64_t first = static_cast<int64_t>(block) * kBlock, number = std::min(kBlock, words - first);
      std::vector<float> products(static_cast<size_t>(number * matrix.stride()));
      matrix.multiply(row(first), number, products.data());
      for (int64_t r = 0; r < number; ++r)
        rankWord(first + r, &products[static_cast<size_t>(r * matrix.stride())]);
    });
  }

  void rankWord(int64_t word, const float *products) {
    std::vector<int32_t> order(static_cast<size_t>(classes));
    std::iota(order.begin(), order.end(), 0);
    std::partial_sort(order.begin(), order.begin() + choices, order.end(), [&](int32_t a, int32_t b) {
      return products[a] > products[b] || (products[a] == products[b] && a < b);
    });
    std::copy_n(order.begin(), choices, preferred.begin() + word * choices);
    margins[word] = choices > 1 ? products[order[0]] - products[order[1]] : 0;
  }

  /// To the mean direction of its words; a class whose words cancel out stays where it is.
  void moveCentres(const std::vector<int64_t> &classOf) {
    std::vector<double> sums(static_cast<size_t>(classes * width));
    for (int64_t word = 0; word < words; ++word)
      for (int64_t k = 0; k < width; ++k)
        sums[classOf[word] * width + k] += row(word)[k];
    for (int64_t c = 0; c < classes; ++c) {
      std::vector<float> centre(sums.begin() + c * width, sums.begin() + (c + 1) * width);
      normalize(centre.data(), width);
      if (std::any_of(centre.begin(), centre.end(), [](float x) { return x != 0; }))
        std::copy(centre.begin(), centre.end(), centres.begin() + c * width);
    }
  }
};

} // namespace

WordClasses classesByDirection(mlir::MLIRContext *context, const float *rows, int64_t words, int64_t width,
                               int64_t classes, bool even) {
  return SphericalMeans(context, rows, words, width, classes, even).run();
}

} // namespace lmopt::lm
