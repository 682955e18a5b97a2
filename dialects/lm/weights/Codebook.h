// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Codebooks of numbers: k-means in one dimension, and the nearest entry. Plain C++ without MLIR.
//
// Of numbers v with weights h, the entries c that make sum h (v - c[nearest])² least. In one dimension clusters are
// intervals of the sorted numbers, so that the optimum is found exactly: with D[j, i] the least cost of the first i
// cells in j clusters, D[j, i] = min over m of D[j - 1, m] + cost(m, i), and the best m grows with i, which gives
// O(entries * cells * log cells) by divide and conquer (Grønlund et al. 2017; techniques 10.3 and 15.5). Cells are
// single numbers, or ranges of equal width of many. In f64, in a fixed order: the same bits on every machine. Tested by
// test/unit/dialects/CodebookTest.cpp.
#ifndef LMOPT_DIALECTS_LM_WEIGHTS_CODEBOOK_H
#define LMOPT_DIALECTS_LM_WEIGHTS_CODEBOOK_H

#include <cstdint>
#include <vector>

namespace lmopt::lm {

/// Numbers that are never divided: sums of h, h v and h v².
struct Cell {
  double weight = 0, sum = 0, squares = 0;

  void add(double value, double itsWeight) {
    weight += itsWeight;
    sum += itsWeight * value;
    squares += itsWeight * value * value;
  }
};

/// The numbers of -reach .. reach in 4096 cells of equal width.
class Histogram {
public:
  static constexpr int64_t kCells = 4096;
  explicit Histogram(double reach) : reach(reach), cells(kCells) {}
  void add(double value, double weight);
  const std::vector<Cell> &getCells() const { return cells; }

private:
  double reach;
  std::vector<Cell> cells;
};

/// The best entries of cells in ascending order, ascending; of fewer cells than entries the last is repeated. Cells
/// without weight are left out; of none, zeros.
std::vector<double> optimalCodebook(const std::vector<Cell> &cells, int64_t entries);

/// sum h (v - c)² when each cell goes to the entry nearest to its mean.
double codebookCost(const std::vector<Cell> &cells, const std::vector<double> &entries);

/// The number of the nearest of ascending entries, the lower one of two.
class NearestEntry {
public:
  explicit NearestEntry(const std::vector<float> &entries);
  uint8_t operator()(float x) const;

private:
  std::vector<float> bounds; ///< x <= bounds[i]: entry i or one below
};

/// Scales of groups for a codebook within -127 .. 127: of 36, from 0.6 to 1.28 of the one that brings the number of the
/// greatest magnitude to 127, and of both signs, since a codebook need not have its mirror image.
class GroupScales {
public:
  GroupScales(const std::vector<float> &table, int64_t group);

  /// The one, a number that f16 can hold, that makes sum h (x - scale c[nearest])² least; 0 of zeros, infinite when the
  /// greatest magnitude is beyond 127 times what f16 reaches.
  float best(const float *numbers, const float *weights);

private:
  const std::vector<float> &table;
  int64_t group;
  std::vector<float> missed; ///< (x - scale c)² of each; zeros behind

  float cost(const float *numbers, const float *weights, float scale);
};

/// The number of the greatest magnitude, the first of several.
float findExtreme(const float *numbers, int64_t count);

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_WEIGHTS_CODEBOOK_H
