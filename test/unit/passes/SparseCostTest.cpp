// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How an int8 matrix is stored: never a format that is expected to be slower, and the fewer zeros the less gain.
#include "passes/store-sparse/SparseCost.h"

#include <gtest/gtest.h>

using namespace lmopt::lm;

namespace {

SparseCounts half() { return {576, 576, 2592, 576 * 576 / 2}; }
SparseCounts scattered(double share) {
  return {576, 576, 5184, static_cast<int64_t>(576 * 576 * share)}; // every block has a code
}

TEST(SparseCost, KnowsItsTargets) {
  EXPECT_TRUE(sparseTarget("avx2") && sparseTarget("avx512"));
  EXPECT_FALSE(sparseTarget("znver3"));
}

TEST(SparseCost, ZeroBlocksPayEverywhere) {
  for (const char *name : {"avx2", "avx512"})
    EXPECT_EQ(chooseSparseFormat(*sparseTarget(name), half()), SparseFormat::Blocks) << name;
}

TEST(SparseCost, ScatteredZerosPayWhereBytesAreExpandedByAnInstruction) {
  EXPECT_EQ(chooseSparseFormat(*sparseTarget("avx2"), scattered(0.5)), SparseFormat::Dense);
  EXPECT_EQ(chooseSparseFormat(*sparseTarget("avx512"), scattered(0.5)), SparseFormat::Codes);
  EXPECT_EQ(chooseSparseFormat(*sparseTarget("avx512"), scattered(0.9)), SparseFormat::Dense)
      << "masks take what zeros save";
}

TEST(SparseCost, DenseUnlessATwentiethIsSaved) {
  SparseCounts counts = {576, 576, 5184, 576 * 576};
  for (const char *name : {"avx2", "avx512"}) {
    const SparseTarget target = *sparseTarget(name);
    for (counts.blocks = 0; counts.blocks <= 5184; counts.blocks += 81) {
      SparseFormat chosen = chooseSparseFormat(target, counts);
      double least =
          std::min(sparseCost(target, SparseFormat::Blocks, counts), sparseCost(target, SparseFormat::Codes, counts));
      double dense = sparseCost(target, SparseFormat::Dense, counts);
      EXPECT_EQ(chosen == SparseFormat::Dense, least > 0.95 * dense) << name << " " << counts.blocks;
      EXPECT_LE(sparseCost(target, chosen, counts), dense) << name << " " << counts.blocks;
    }
  }
}

} // namespace
