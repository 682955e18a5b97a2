// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The fit of a head over classes; see ClassHead.h. Cost for R rows, N words, C classes, width K: one product R N K,
// then some 40 evaluations of 2 R C K. Memory: rows twice, their shares, 16 gradients.
#include "passes/factorize-softmax/ClassHead.h"

#include "dialects/lm/weights/LeastSquares.h"
#include "dialects/lm/weights/LinearAlgebra.h"
#include "passes/factorize-softmax/Minimize.h"

#include "mlir/IR/Threading.h"

#include <algorithm>
#include <cmath>

namespace lmopt::lm {

namespace {

constexpr int64_t kBlock = 64; ///< rows whose products a thread keeps
constexpr int64_t kParts = 16; ///< of the rows, each with a gradient of its own: sums do not depend on threads
constexpr float kLeast = 1e-30f;
constexpr double kDamping = 1e-3, kRidge = 1e-4;
constexpr double kLeastSpread = 1e-4;
constexpr int kSteps = 30; ///< more fit the text better, and others worse

/// Calls `work(first, number, part)` for the rows of each part, kBlock at a time.
template <class Work>
void overParts(mlir::MLIRContext *context, int64_t rows, const Work &work) {
  mlir::parallelFor(context, 0, kParts, [&](size_t part) {
    int64_t begin = rows * static_cast<int64_t>(part) / kParts, end = rows * static_cast<int64_t>(part + 1) / kParts;
    for (int64_t first = begin; first < end; first += kBlock)
      work(first, std::min(kBlock, end - first), part);
  });
}

/// Calls `work(row, probabilities of all words, part)`.
template <class Work>
void overProbabilities(mlir::MLIRContext *context, const HeadRows &rows, const PanelMatrix &words,
                       const std::vector<float> &bias, const Work &work) {
  overParts(context, rows.count(), [&](int64_t first, int64_t number, size_t part) {
    std::vector<float> products(static_cast<size_t>(number * words.stride()));
    words.multiply(&rows.rows[static_cast<size_t>(first * rows.width)], number, products.data());
    for (int64_t r = 0; r < number; ++r) {
      float *numbers = &products[static_cast<size_t>(r * words.stride())];
      for (int64_t n = 0; n < words.rows(); ++n) {
        double logit = static_cast<double>(numbers[n]) + (bias.empty() ? 0.0 : static_cast<double>(bias[n]));
        numbers[n] = std::exp(static_cast<float>(logit - rows.lse[static_cast<size_t>(first + r)]));
      }
      work(first + r, numbers, part);
    }
  });
}

} // namespace

std::vector<float> classShares(mlir::MLIRContext *context, const HeadRows &rows, const PanelMatrix &words,
                               const std::vector<float> &bias, const std::vector<int64_t> &sizes) {
  auto classes = static_cast<int64_t>(sizes.size());
  std::vector<float> shares(static_cast<size_t>(rows.count() * classes));
  overProbabilities(context, rows, words, bias, [&](int64_t row, const float *numbers, size_t) {
    std::vector<double> sums;
    double total = 0;
    for (int64_t size : sizes) {
      double sum = 0;
      for (int64_t i = 0; i < size; ++i)
        sum += numbers[i];
      numbers += size;
      total += sums.emplace_back(std::max(sum, static_cast<double>(kLeast)));
    }
    for (int64_t c = 0; c < classes; ++c)
      shares[static_cast<size_t>(row * classes + c)] = static_cast<float>(sums[static_cast<size_t>(c)] / total);
  });
  return shares;
}

std::vector<double> meanProbabilities(mlir::MLIRContext *context, const HeadRows &rows, const PanelMatrix &words,
                                      const std::vector<float> &bias) {
  auto count = static_cast<size_t>(words.rows());
  std::vector<std::vector<double>> parts(kParts, std::vector<double>(count));
  overProbabilities(context, rows, words, bias, [&](int64_t, const float *numbers, size_t part) {
    for (size_t n = 0; n < count; ++n)
      parts[part][n] += numbers[n];
  });
  std::vector<double> mean(count);
  for (const std::vector<double> &part : parts)
    for (size_t n = 0; n < count; ++n)
      mean[n] += part[n] / static_cast<double>(rows.count());
  return mean;
}

/// Scores to their logarithms as probabilities.
static void logSoftmax(float *scores, int64_t classes) {
  float greatest = *std::max_element(scores, scores + classes);
  double sum = 0;
  for (int64_t c = 0; c < classes; ++c)
    sum += std::exp(scores[c] - greatest);
  auto total = static_cast<float>(greatest + std::log(sum));
  for (int64_t c = 0; c < classes; ++c)
    scores[c] -= total;
}

static double divergence(const float *shares, const float *logs, int64_t classes) {
  double sum = 0;
  for (int64_t c = 0; c < classes; ++c)
    if (shares[c] > 0)
      sum += shares[c] * (std::log(shares[c]) - logs[c]);
  return sum;
}

namespace {

/// Rows with a one behind each, the scores of which are fitted.
struct Sample {
  int64_t width = 0; ///< with the one
  std::vector<float> rows, shares, known;

  int64_t count() const { return static_cast<int64_t>(rows.size()) / width; }
  const float *row(int64_t r) const { return &rows[static_cast<size_t>(r * width)]; }
  /// Products of a row to logarithms of probabilities.
  void finish(int64_t r, float *scores, int64_t classes) const {
    if (!known.empty())
      scores[0] = known[static_cast<size_t>(r)];
    logSoftmax(scores, classes);
  }
};

Sample takeSample(const HeadRows &all, const std::vector<float> &shares, int64_t classes,
                  const std::vector<float> &known, bool heldOut) {
  Sample sample;
  sample.width = all.width + 1;
  for (int64_t r = 0; r < all.count(); ++r) {
    if (isHeldOut(r) != heldOut)
      continue;
    sample.rows.insert(sample.rows.end(), all.rows.begin() + r * all.width, all.rows.begin() + (r + 1) * all.width);
    sample.rows.push_back(1);
    sample.shares.insert(sample.shares.end(), shares.begin() + r * classes, shares.begin() + (r + 1) * classes);
    if (!known.empty())
      sample.known.push_back(known[static_cast<size_t>(r)]);
  }
  return sample;
}

class HeadFit {
public:
  HeadFit(mlir::MLIRContext *context, Sample sample, int64_t classes)
      : context(context), sample(std::move(sample)), classes(classes), width(this->sample.width) {}

  /// [classes][width]; empty when it cannot be whitened.
  std::vector<float> run() {
    if (!whiten())
      return {};
    scaleClasses();
    std::vector<double> point = start();
    minimize(
        point, [&](const std::vector<double> &at, std::vector<double> &gradient) { return value(at, gradient); },
        kSteps);
    return unwhiten(point);
  }

private:
  mlir::MLIRContext *context;
  Sample sample;
  int64_t classes, width;
  std::vector<double> whitening; ///< L^-T, column after column, with L Lᵀ the damped moments
  std::vector<double> scales;    ///< of the classes

  size_t size() const { return static_cast<size_t>(classes * width); }
  const float *sharesOf(int64_t row) const { return &sample.shares[static_cast<size_t>(row * classes)]; }

  /// The sum over the parts of what `add` adds for some rows.
  template <class Add>
  std::vector<double> summed(size_t numbers, const Add &add) const {
    std::vector<std::vector<float>> parts(kParts, std::vector<float>(numbers));
    overParts(context, sample.count(),
              [&](int64_t first, int64_t number, size_t part) { add(first, number, parts[part].data(), part); });
    std::vector<double> sums(numbers);
    for (const std::vector<float> &part : parts)
      for (size_t i = 0; i < numbers; ++i)
        sums[i] += part[i];
    return sums;
  }

  bool whiten() {
    SquareMatrix moments(width);
    moments.numbers = summed(moments.numbers.size(), [&](int64_t first, int64_t number, float *to, size_t) {
      addOuterProducts(sample.row(first), width, width, sample.row(first), width, number, to);
    });
    for (double &moment : moments.numbers)
      moment /= static_cast<double>(sample.count());
    moments.addToDiagonal(kDamping * moments.meanDiagonal());
    if (!factorize(moments))
      return false;
    whitening.assign(moments.numbers.size(), 0);
    for (int64_t i = 0; i < width; ++i)
      whitening[static_cast<size_t>(i * width + i)] = 1;
    solveTransposed(moments, whitening.data(), width);
    std::vector<float> rows(whitening.begin(), whitening.end());
    PanelMatrix matrix(rows.data(), width, width);
    std::vector<float> white(sample.rows.size());
    overParts(context, sample.count(), [&](int64_t first, int64_t number, size_t) {
      std::vector<float> products(static_cast<size_t>(number * matrix.stride()));
      matrix.multiply(sample.row(first), number, products.data());
      for (int64_t r = 0; r < number; ++r)
        std::copy_n(products.begin() + r * matrix.stride(), width, white.begin() + (first + r) * width);
    });
    sample.rows = std::move(white);
    return true;
  }

  void scaleClasses() {
    std::vector<double> means(static_cast<size_t>(classes));
    for (int64_t r = 0; r < sample.count(); ++r)
      for (int64_t c = 0; c < classes; ++c)
        means[static_cast<size_t>(c)] += sharesOf(r)[c] / static_cast<double>(sample.count());
    for (double mean : means)
      scales.push_back(1 / std::sqrt(std::max(mean * (1 - mean), kLeastSpread)));
  }

  /// Scores that would be right: the one that is known as it is, or zero in the mean.
  void startTargets(int64_t row, float *targets) const {
    double mean = 0;
    for (int64_t c = 0; c < classes; ++c) {
      targets[c] = std::log(std::max(sharesOf(row)[c], kLeast));
      mean += targets[c] / static_cast<double>(classes);
    }
    double shift = sample.known.empty() ? mean : targets[0] - sample.known[static_cast<size_t>(row)];
    for (int64_t c = 0; c < classes; ++c)
      targets[c] = static_cast<float>(targets[c] - shift);
    if (!sample.known.empty())
      targets[0] = 0;
  }

  /// Least squares, which needs no more than one sum where inputs are white.
  std::vector<double> start() const {
    auto add = [&](int64_t first, int64_t number, float *to, size_t) {
      std::vector<float> targets(static_cast<size_t>(number * classes));
      for (int64_t r = 0; r < number; ++r)
        startTargets(first + r, &targets[static_cast<size_t>(r * classes)]);
      addOuterProducts(targets.data(), classes, classes, sample.row(first), width, number, to);
    };
    std::vector<double> point = summed(size(), add);
    for (size_t i = 0; i < point.size(); ++i)
      point[i] /= static_cast<double>(sample.count()) * scales[i / static_cast<size_t>(width)];
    return point;
  }

  std::vector<float> scaled(const std::vector<double> &point) const {
    std::vector<float> scores(point.size());
    for (size_t i = 0; i < point.size(); ++i)
      scores[i] = static_cast<float>(point[i] * scales[i / static_cast<size_t>(width)]);
    return scores;
  }

  double value(const std::vector<double> &point, std::vector<double> &gradient) const {
    std::vector<float> scores = scaled(point);
    PanelMatrix matrix(scores.data(), classes, width);
    std::vector<double> losses(kParts);
    gradient = summed(size(), [&](int64_t first, int64_t number, float *to, size_t part) {
      std::vector<float> products(static_cast<size_t>(number * matrix.stride()));
      matrix.multiply(sample.row(first), number, products.data());
      for (int64_t r = 0; r < number; ++r) {
        float *logs = &products[static_cast<size_t>(r * matrix.stride())];
        sample.finish(first + r, logs, classes);
        losses[part] += divergence(sharesOf(first + r), logs, classes);
        for (int64_t c = 0; c < classes; ++c)
          logs[c] = std::exp(logs[c]) - sharesOf(first + r)[c];
        if (!sample.known.empty())
          logs[0] = 0; // its score is no number to fit
      }
      addOuterProducts(products.data(), matrix.stride(), classes, sample.row(first), width, number, to);
    });
    double loss = 0;
    for (double part : losses)
      loss += part / static_cast<double>(sample.count());
    for (size_t i = 0; i < gradient.size(); ++i) {
      double scale = scales[i / static_cast<size_t>(width)], score = point[i] * scale;
      gradient[i] = (gradient[i] / static_cast<double>(sample.count()) + kRidge * score) * scale;
      loss += kRidge / 2 * score * score;
    }
    return loss;
  }

  std::vector<float> unwhiten(const std::vector<double> &point) const {
    std::vector<float> scores = scaled(point), result(point.size());
    for (int64_t c = 0; c < classes; ++c) {
      std::vector<double> row(static_cast<size_t>(width));
      for (int64_t j = 0; j < width; ++j)
        subtract(row.data(), &whitening[static_cast<size_t>(j * width)], -double(scores[c * width + j]), width);
      std::copy(row.begin(), row.end(), result.begin() + c * width);
    }
    return result;
  }
};

/// Of the scores as they will be computed.
double meanDivergence(const Sample &sample, const std::vector<float> &scores, int64_t classes) {
  PanelMatrix matrix(scores.data(), classes, sample.width);
  std::vector<float> logs(static_cast<size_t>(matrix.stride()));
  double sum = 0;
  for (int64_t r = 0; r < sample.count(); ++r) {
    matrix.multiply(sample.row(r), 1, logs.data());
    sample.finish(r, logs.data(), classes);
    sum += divergence(&sample.shares[static_cast<size_t>(r * classes)], logs.data(), classes);
  }
  return sum / static_cast<double>(sample.count());
}

} // namespace

std::optional<ClassHead> fitClassHead(mlir::MLIRContext *context, const HeadRows &rows,
                                      const std::vector<float> &shares, int64_t classes,
                                      const std::vector<float> &known) {
  Sample sample = takeSample(rows, shares, classes, known, /*heldOut=*/false);
  std::vector<float> scores = HeadFit(context, sample, classes).run();
  if (scores.empty() || !std::all_of(scores.begin(), scores.end(), [](float x) { return std::isfinite(x); }))
    return std::nullopt;
  ClassHead head;
  head.fitted = meanDivergence(sample, scores, classes);
  head.heldOut = meanDivergence(takeSample(rows, shares, classes, known, /*heldOut=*/true), scores, classes);
  for (int64_t c = 0; c < classes; ++c) {
    auto row = scores.begin() + c * sample.width;
    head.weight.insert(head.weight.end(), row, row + rows.width);
    head.bias.push_back(row[rows.width]);
  }
  return head;
}

} // namespace lmopt::lm
