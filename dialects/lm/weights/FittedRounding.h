// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rounding of a matrix so that its products stay as near as they can: plain C++ without MLIR.
//
// With M the second moments of the inputs and d = damping * mean diagonal, M + d I = A D Aᵀ (A upper triangular, ones
// on its diagonal), a row w of weights and q what is stored of it,
//     (w - q)(M + d I)(w - q)ᵀ = sum over k of D[k] (t[k] - q[k])²     t[k] = w[k] + sum over j < k of (w[j] - q[j])
//     A[j, k]
// so that rounding t[k], column by column, minimises each square given those before it. That is what GPTQ computes
// (Frantar et al. 2022) with the Cholesky factor of the inverse, without an inverse (Chee et al. 2023, "LDLQ"). From
// techniques 10.4 and 15.5. Factors in f64, products in f32 in a fixed order: the same bits on every machine. Cost:
// n³/6 for the factor, n²/2 a row. Tested by test/unit/dialects/FittedRoundingTest.cpp.
#ifndef LMOPT_DIALECTS_LM_WEIGHTS_FITTEDROUNDING_H
#define LMOPT_DIALECTS_LM_WEIGHTS_FITTEDROUNDING_H

#include "dialects/lm/weights/Codebook.h"
#include "dialects/lm/weights/LeastSquares.h"

#include <optional>

namespace lmopt::lm {

/// A and D of the moments.
class Feedback {
public:
  /// `byMoments`: columns in descending order of the diagonal instead of their own. Nothing when the moments are not
  /// finite or not positive definite.
  static std::optional<Feedback> create(const SquareMatrix &moments, double damping, bool byMoments);

  int64_t size() const { return static_cast<int64_t>(order.size()); }
  /// The column that is rounded at that place.
  int64_t column(int64_t place) const { return order[static_cast<size_t>(place)]; }
  /// A[j, place] for the places j before, then zeros: `padded()` numbers in all.
  const float *shares(int64_t place) const { return numbers.data() + place * padded(); }
  /// The sum over j < end of lost[j] A[j, place]; `lost` has zeros from `end` to a multiple of 32, or more numbers if
  /// `end` is the place itself.
  float takenUp(const float *lost, int64_t place, int64_t end) const;
  const float *costsFrom(int64_t place) const { return costs.data() + place; }
  float cost(int64_t place) const { return costs[static_cast<size_t>(place)]; } ///< D
  int64_t padded() const;
  /// The moment of a column over the mean of all; 1 when all are zero.
  double importance(int64_t column) const { return importances[static_cast<size_t>(column)]; }

private:
  std::vector<int64_t> order;
  std::vector<float> numbers, costs;
  std::vector<double> importances;
};

/// Codes and scales of quantizeRow for `rows` rows, rounded with feedback. With `keepZeros` a number that is zero gets
/// the code 0. False when a number is not finite.
bool quantizeRowsFitted(const float *weights, int64_t rows, const Feedback &feedback, bool keepZeros, int8_t *codes,
                        float *scales);

/// How groups are stored; see quantizeShortGroup.
struct GroupFormat {
  int64_t group;
  int bits; ///< 4 or 8; of no interest with a codebook
  bool hasMin;
  const float *units = nullptr;              ///< of each row, when scales and minima have 8 bits
  bool keepZeros = false;                    ///< a number that is zero gets the code 0; without minima or codebook
  const std::vector<float> *table = nullptr; ///< a codebook within -127 .. 127: codes are numbers of its entries
  const NearestEntry *nearest = nullptr;     ///< of that
};

/// Codes, scales and (with hasMin) minima of the groups of `rows` rows, rounded with feedback, columns in their own
/// order. False when a number or a scale is not finite in its format.
bool quantizeGroupsFitted(const float *weights, int64_t rows, const Feedback &feedback, const GroupFormat &format,
                          int8_t *codes, float *scales, float *minima);

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_WEIGHTS_FITTEDROUNDING_H
