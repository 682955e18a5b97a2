// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kinds of attention that AttentionKernelTest.cpp computes.
#ifndef LMOPT_TEST_UNIT_CODEGEN_ATTENTIONCONFIGS_H
#define LMOPT_TEST_UNIT_CODEGEN_ATTENTIONCONFIGS_H

#include "codegen/cpu/attention/AttentionSpec.h"

#include <cstddef>

namespace lmopt::test {

inline constexpr int64_t kPositions = 170, kManyPositions = 340, kRingPositions = 1000;

struct Config {
  int64_t heads, kvHeads, headDim;
  bool causal;
  int64_t ropeDims;
  cpu::CacheFormat format = cpu::CacheFormat::F32;
  int64_t switchPositions = 0;
  std::vector<int64_t> groups = {}; ///< where they are uneven
  int64_t otherValueDim = 0;        ///< width of a value head, where it is another
  int64_t projectedRows = 0;
  bool learned = false;
  int64_t window = 0;
  float softCap = 0;
  cpu::PositionBias bias = cpu::PositionBias::None;
  int64_t largestDistance = 0;
  int64_t ring = 0; ///< positions that the cache keeps; with a window

  int64_t positions() const { return ring ? kRingPositions : window ? kManyPositions : kPositions; }
  int64_t longest() const { return ring ? 800 : window ? 330 : 150; } ///< of the test's sequences
  int64_t valueDim() const { return otherValueDim ? otherValueDim : headDim; }
};

inline constexpr auto kSlopes = cpu::PositionBias::Slopes, kDistances = cpu::PositionBias::Distances;
inline constexpr auto kF32 = cpu::CacheFormat::F32, kBf16 = cpu::CacheFormat::Bf16, kI8 = cpu::CacheFormat::I8;

inline const Config kConfigs[] = {
    {9, 3, 64, true, 64},
    {9, 3, 64, true, 64, kBf16},
    {6, 3, 32, true, 32, kF32, 0, {3, 1, 2}},
    {9, 3, 64, true, 64, kI8},
    {3, 1, 24, true, 24, kI8},
    {3, 1, 24, true, 24, kF32, 60},
    {3, 1, 24, true, 24, kBf16, 0, {}, 40},
    {3, 1, 24, true, 24, kBf16},
    {3, 1, 24, true, 24, kF32, 0, {}, 0, 0, false, 100, 2},
    {3, 1, 24, true, 24, kBf16, 0, {}, 0, 0, false, 256},
    {3, 1, 24, true, 24, kI8, 0, {}, 0, 0, false, 7, 1},
    {6, 3, 32, true, 0, kF32, 0, {3, 1, 2}, 0, 0, false, 0, 0, kSlopes},
    {3, 3, 24, false, 0, kBf16, 0, {}, 0, 0, false, 0, 0, kDistances, 20},
    {3, 3, 24, false, 24, kF32, 0, {}, 0, 0, false, 20},
    {12, 12, 32, false, 0},
    {12, 12, 32, false, 0, kBf16, 0, {}, 0, 0, false, 64},
    {12, 12, 32, false, 0, kBf16},
    {9, 1, 32, true, 0, kBf16, 0, {}, 0, 0, false, 0, 0, kSlopes},
    {4, 2, 16, true, 16, kI8, 0, {}, 0, 0, false, 100, 2, kSlopes},
    {4, 4, 16, false, 0, kF32, 0, {}, 0, 0, false, 0, 0, kSlopes},
    {4, 4, 16, false, 0, kF32, 0, {}, 0, 0, false, 0, 0, kDistances, 128},
    {4, 2, 32, true, 0, kI8, 0, {}, 0, 0, false, 300, 0, kDistances, 7},
    {3, 1, 24, true, 24, kF32, 0, {}, 0, 0, false, 106, 2, cpu::PositionBias::None, 0, 256},
    {4, 2, 16, true, 16, kBf16, 0, {}, 0, 0, false, 33, 0, kSlopes, 0, 256},
    {4, 2, 24, true, 24, kI8, 0, {}, 20, 0, false, 300, 0, cpu::PositionBias::None, 0, 512},
    {2, 1, 16, true, 0, kF32, 0, {}, 0, 0, false, 0, 0, kDistances, 0},
    {2, 1, 80, true, 40},
    {4, 2, 32, true, 32, kBf16, 60},
    {4, 2, 16, true, 12, kI8, 60},
    {4, 2, 32, false, 32, kF32, 60},
    {2, 1, 80, true, 40, kBf16},
    {4, 4, 16, true, 16},
    {9, 1, 32, true, 16},
    {8, 1, 16, true, 0},
    {16, 1, 8, true, 8},
    {1, 1, 8, false, 0},
    {2, 2, 16, false, 0, kF32, 0, {}, 0, 0, false, 1},
    {4, 2, 16, false, 8, kI8, 0, {}, 0, 0, false, 40},
    {3, 3, 80, false, 80},
    {2, 1, 10, true, 10, kBf16},
    {12, 12, 32, false, 0, kI8},
    {2, 1, 80, true, 40, kI8},
    {2, 1, 10, true, 10, kI8},
    {16, 1, 8, true, 8, kI8},
    {11, 2, 16, true, 16, kF32, 0, {9, 2}},
    {8, 3, 64, true, 64, kBf16, 0, {3, 2, 3}},
    {8, 3, 64, true, 64, kI8, 60, {2, 3, 3}},
    {4, 3, 32, false, 0, kF32, 0, {1, 1, 2}},
    {9, 3, 64, true, 64, kF32, 0, {}, 48},
    {4, 2, 16, true, 16, kF32, 0, {}, 0, 0, false, 1},
    {4, 2, 32, true, 0, kBf16, 0, {}, 0, 0, false, 63, 5},
    {8, 1, 16, true, 16, kI8, 0, {}, 0, 0, false, 300},
    {4, 2, 16, false, 0, kF32, 0, {}, 20},
    {2, 1, 48, true, 48, kBf16, 0, {}, 10},
    {3, 1, 32, true, 32, kI8, 0, {}, 24},
    {4, 4, 8, false, 0, kI8, 0, {}, 32},
    {12, 12, 32, false, 0, kF32, 0, {}, 0, 64, false},
    {12, 12, 32, false, 0, kF32, 0, {}, 0, 42, true},
    {4, 2, 24, false, 0, kF32, 0, {}, 20, 33, true},
    {4, 3, 32, false, 0, kF32, 0, {1, 1, 2}, 0, 7, false},
    {4, 2, 32, false, 0, kBf16, 0, {}, 0, 19, false},
    {4, 4, 10, false, 0, kBf16, 0, {}, 0, 21, true},
    {4, 2, 16, false, 0, kI8, 0, {}, 0, 50, false},
    {4, 2, 30, false, 0, kI8, 0, {}, 0, 18, true}};
/// Enough for the CPUs whose registers or dot product differ.
inline constexpr size_t kConfigsElsewhere = 15;

} // namespace lmopt::test

#endif // LMOPT_TEST_UNIT_CODEGEN_ATTENTIONCONFIGS_H
