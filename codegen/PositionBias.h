// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What attention adds to scores for the distance between two positions, as kernels of any target know it. Which one an
// op has: plan::readBias (codegen/plan/Neighbours.h). Tested by test/unit/codegen/AttentionKernelTest.cpp and
// test/unit/codegen/ptx/AttendRowsTest.cpp.
#ifndef LMOPT_CODEGEN_POSITIONBIAS_H
#define LMOPT_CODEGEN_POSITIONBIAS_H

#include <cstdint>
#include <string>

namespace lmopt {

/// Of the distance from the query's position to the key's.
enum class PositionBias {
  None,
  Slopes,   ///< a number for each head, times the distance
  Distances ///< a table, a row for each head, a number for each distance up to the largest, which goes on beyond
};

/// "_slopes", "_distances128" or nothing: in names of kernels.
inline std::string biasName(PositionBias bias, int64_t largestDistance) {
  if (bias == PositionBias::Slopes)
    return "_slopes";
  return bias == PositionBias::Distances ? "_distances" + std::to_string(largestDistance) : "";
}

} // namespace lmopt

#endif // LMOPT_CODEGEN_POSITIONBIAS_H
