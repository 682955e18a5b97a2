// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How long one row takes with an int8 matrix in each way of storing it: a model of bytes and instructions. Plain C++.
// Tested by test/unit/passes/SparseCostTest.cpp.
#ifndef LMOPT_PASSES_STORESPARSE_SPARSECOST_H
#define LMOPT_PASSES_STORESPARSE_SPARSECOST_H

#include <cstdint>
#include <optional>
#include <string>

namespace lmopt::lm {

/// What is known of a kind of CPU: cycles of one core.
struct SparseTarget {
  double bytesPerCycle;       ///< of memory
  double dense, block, codes; ///< for 16 outputs x 4 inputs: a step of the dense kernel, a stored block, a step of
                              ///< codes that are expanded
};

/// avx2 or avx512 (with VNNI and VBMI2); nothing for other names.
std::optional<SparseTarget> sparseTarget(const std::string &name);

enum class SparseFormat { Dense, Blocks, Codes };

/// A matrix and what of it is not zero.
struct SparseCounts {
  int64_t rows, columns;
  int64_t blocks; ///< of 16x4
  int64_t codes;
};

/// Cycles for one row: what takes longer, its bytes or its instructions.
double sparseCost(const SparseTarget &target, SparseFormat format, const SparseCounts &counts);

/// The least; Dense unless another saves a twentieth.
SparseFormat chooseSparseFormat(const SparseTarget &target, const SparseCounts &counts);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_STORESPARSE_SPARSECOST_H
