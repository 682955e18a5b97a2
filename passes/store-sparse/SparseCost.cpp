// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The model; see SparseCost.h.
#include "passes/store-sparse/SparseCost.h"

#include <algorithm>

namespace lmopt::lm {

std::optional<SparseTarget> sparseTarget(const std::string &name) {
  if (name == "avx2")
    return SparseTarget{8, 5, 5.5, 26};
  if (name == "avx512")
    return SparseTarget{8, 1.5, 2, 4};
  return std::nullopt;
}

double sparseCost(const SparseTarget &target, SparseFormat format, const SparseCounts &counts) {
  // Steps of 16 outputs x 4 inputs, 64 bytes of codes.
  const double steps = double((counts.rows + 15) / 16) * double((counts.columns + 3) / 4);
  const double blocks = double(counts.blocks), codes = double(counts.codes);
  switch (format) {
  case SparseFormat::Dense:
    return std::max(64 * steps / target.bytesPerCycle, target.dense * steps);
  case SparseFormat::Blocks: // with 2 bytes of place each
    return std::max(66 * blocks / target.bytesPerCycle, target.block * blocks);
  case SparseFormat::Codes: // with 8 bytes of mask a step
    return std::max((codes + 8 * steps) / target.bytesPerCycle, target.codes * steps);
  }
  return 0;
}

SparseFormat chooseSparseFormat(const SparseTarget &target, const SparseCounts &counts) {
  const double dense = sparseCost(target, SparseFormat::Dense, counts);
  const double blocks = sparseCost(target, SparseFormat::Blocks, counts);
  const double codes = sparseCost(target, SparseFormat::Codes, counts);
  if (std::min(blocks, codes) > 0.95 * dense)
    return SparseFormat::Dense;
  return blocks <= codes ? SparseFormat::Blocks : SparseFormat::Codes;
}

} // namespace lmopt::lm
