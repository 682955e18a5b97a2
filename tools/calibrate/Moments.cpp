// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of products, tile by tile; see Moments.h.
//
//     products, lower half        a tile of 64 x 64 and 64 rows at a time: two panels of 64 rows x 64 numbers as f64
//       i                         (32 KB each: one in the first-level cache, the other beside it), and in it blocks of
//       | ##                      4 x 8 sums that stay in registers while the 64 rows pass (8 of 16 ymm registers).
//       | ####
//       v ######   j ->
#include "tools/calibrate/Moments.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>

// Beside the baseline, code for AVX2 with FMA, twice as wide: the same bits (see the header).
#define LMOPT_FOR_ALL_CPUS __attribute__((target_clones("default", "arch=x86-64-v3")))

namespace lmopt {

static constexpr int64_t kTile = 64, kRows = 64, kHigh = 4, kWide = 8;

typedef double Eight __attribute__((vector_size(kWide * sizeof(double)), aligned(8)));

Moments::Moments(int64_t width)
    : width(width), products(size_t(width * width)), sums(size_t(width)), positive(size_t(width)),
      greatest(size_t(width)) {}

/// Numbers [first, first + kTile) of `count` rows as f64; zeros beyond the width.
static void fillPanel(const float *rows, int64_t width, int64_t first, int64_t count, double *panel) {
  int64_t filled = std::min(kTile, width - first);
  for (int64_t t = 0; t < count; ++t) {
    std::copy_n(rows + t * width + first, filled, panel + t * kTile);
    std::fill(panel + t * kTile + filled, panel + (t + 1) * kTile, 0.0);
  }
}

/// sums[i, j] += sum over the rows of left[t, i] right[t, j], for kHigh x kWide of them.
LMOPT_FOR_ALL_CPUS static void addBlock(const double *left, const double *right, int64_t count, double *sums) {
  Eight total[kHigh];
  for (int64_t i = 0; i < kHigh; ++i)
    total[i] = *reinterpret_cast<const Eight *>(sums + i * kTile);
  for (int64_t t = 0; t < count; ++t) {
    Eight numbers = *reinterpret_cast<const Eight *>(right + t * kTile);
    for (int64_t i = 0; i < kHigh; ++i)
      total[i] += left[t * kTile + i] * numbers;
  }
  for (int64_t i = 0; i < kHigh; ++i)
    *reinterpret_cast<Eight *>(sums + i * kTile) = total[i];
}

namespace {

/// A band of kTile rows of one matrix of products.
struct Band {
  MomentRows value;
  int64_t first;
};

/// The scratch of one thread.
struct Scratch {
  std::vector<double> left = std::vector<double>(kRows * kTile), right = left,
                      tile = std::vector<double>(kTile * kTile);
};

} // namespace

/// Between the matrix and the tile; only what lies inside the matrix.
template <bool isLoad>
static void moveTile(Moments &moments, int64_t i0, int64_t j0, std::vector<double> &tile) {
  int64_t high = std::min(kTile, moments.width - i0), wide = std::min(kTile, moments.width - j0);
  for (int64_t i = 0; i < high; ++i) {
    double *matrix = moments.products.data() + (i0 + i) * moments.width + j0;
    if (isLoad)
      std::copy_n(matrix, wide, tile.data() + i * kTile);
    else
      std::copy_n(tile.data() + i * kTile, wide, matrix);
  }
}

static void addTile(const MomentRows &value, int64_t i0, int64_t j0, int64_t count, Scratch &scratch) {
  Moments &moments = *value.moments;
  moveTile<true>(moments, i0, j0, scratch.tile);
  for (int64_t t = 0; t < count; t += kRows) {
    int64_t rows = std::min(kRows, count - t);
    const float *begin = value.rows + t * moments.width;
    fillPanel(begin, moments.width, i0, rows, scratch.left.data());
    fillPanel(begin, moments.width, j0, rows, scratch.right.data());
    for (int64_t i = 0; i < kTile; i += kHigh)
      for (int64_t j = 0; j < kTile; j += kWide)
        addBlock(scratch.left.data() + i, scratch.right.data() + j, rows, scratch.tile.data() + i * kTile + j);
  }
  moveTile<false>(moments, i0, j0, scratch.tile);
}

static void addBand(const Band &band, int64_t count, Scratch &scratch) {
  Moments &moments = *band.value.moments;
  for (int64_t j0 = 0; j0 <= band.first; j0 += kTile)
    addTile(band.value, band.first, j0, count, scratch);
  int64_t end = std::min(band.first + kTile, moments.width);
  for (int64_t t = 0; t < count; ++t)
    for (int64_t i = band.first; i < end; ++i) {
      float x = band.value.rows[t * moments.width + i];
      moments.sums[i] += x;
      moments.positive[i] += x > 0;
      moments.greatest[i] = std::max(moments.greatest[i], std::fabs(x));
    }
}

void addRows(const std::vector<MomentRows> &values, int64_t count, int threads) {
  std::vector<Band> bands;
  for (const MomentRows &value : values)
    for (int64_t first = 0; first < value.moments->width; first += kTile)
      bands.push_back({value, first});
  // The long bands first, so that the threads end together.
  std::sort(bands.begin(), bands.end(), [](const Band &a, const Band &b) { return a.first > b.first; });
  std::atomic<size_t> next = 0;
  auto work = [&] {
    Scratch scratch;
    for (size_t i; (i = next++) < bands.size();)
      addBand(bands[i], count, scratch);
  };
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i)
    others.emplace_back(work);
  work();
  for (std::thread &thread : others)
    thread.join();
}

} // namespace lmopt
