// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which kernel makes a product of how many rows: every number of rows has one, and other numbers in the place of the
// assumed ones choose otherwise, which is what script/gpu-check measures.
#include "codegen/ptx/linear/LinearChoice.h"

#include "gtest/gtest.h"

using namespace lmopt;
using namespace lmopt::nvptx;

namespace {

/// "8 to 8, 16 to 16, ..., tile 64 to 512": rows of a block, and the last rows it serves; no row is left out.
std::string textOf(const LinearSpec &linear, int64_t maxRows, const ProductLimits &limits = {}) {
  std::string text;
  int64_t next = 1;
  for (const ProductChoice &choice : productChoices(linear, maxRows, limits)) {
    EXPECT_EQ(choice.least, next);
    next = choice.most + 1;
    text += (text.empty() ? "" : ", ") + std::string(choice.isTile ? "tile " : "") + std::to_string(choice.rows) +
            " to " + std::to_string(choice.most);
  }
  EXPECT_EQ(next, maxRows + 1);
  return text;
}

const LinearSpec kCodes = {2048, 2048, WeightFormat::S8Rows}, kFloats = {2048, 2048, WeightFormat::F32},
                 kGroups = {2048, 2048, WeightFormat::Grouped, false, 4, 32};

TEST(LinearChoice, HasAKernelForEachNumberOfRows) {
  const std::string few = "8 to 8, 16 to 16, 32 to 32, 64 to 64";
  EXPECT_EQ(textOf(kCodes, kDecodeRows), few);
  EXPECT_EQ(textOf(kCodes, kPrefillRows), few + ", tile 64 to 512");
  EXPECT_EQ(textOf({11008, 4096, WeightFormat::Bf16}, kPrefillRows), few + ", tile 64 to 128, tile 128 to 512");
  EXPECT_EQ(textOf(kGroups, kPrefillRows), "8 to 8, 16 to 16, tile 64 to 512");
  EXPECT_EQ(textOf(kGroups, kDecodeRows), "8 to 8, 16 to 64");
  EXPECT_EQ(textOf(kFloats, kPrefillRows), "8 to 64, tile 64 to 512");
  EXPECT_EQ(textOf({64, 64, WeightFormat::Blocks}, kPrefillRows), few + ", tile 64 to 512");
  EXPECT_EQ(textOf({64, 64, WeightFormat::Codebook}, kPrefillRows), "8 to 64, tile 64 to 512");
  LinearSpec entries = kGroups;
  entries.codebook = true;
  EXPECT_EQ(textOf(entries, kPrefillRows), textOf(kGroups, kPrefillRows));
}

TEST(LinearChoice, FollowsItsNumbers) {
  ProductLimits limits;
  limits.fewRows = 16, limits.groupedFewRows = 8, limits.multiprocessors = 32;
  EXPECT_EQ(textOf(kCodes, kPrefillRows, limits), "8 to 8, 16 to 16, tile 64 to 128, tile 128 to 512");
  EXPECT_EQ(textOf(kGroups, kPrefillRows, limits), "8 to 8, tile 64 to 512");
  limits.multiprocessors = 1;
  EXPECT_EQ(textOf(kCodes, kPrefillRows, limits), "8 to 8, 16 to 16, tile 128 to 512");
}

TEST(LinearChoice, MakesRowsWhileTheyAreReadFromTheCache) {
  RowSpec rows = {2048, {{RowStepKind::Load, {}, {0}}}};
  int64_t ofRow = bytesRead(rows, 1);
  auto most = [&](int64_t tiles, ProductLimits limits = {}) { return mostMadeRows(tiles, rows, limits); };
  const ProductLimits assumed;
  EXPECT_EQ(most(assumed.readByAll / ofRow / 2), 2);
  EXPECT_EQ(most(assumed.readByAll / ofRow / 2 + 1), 1);
  EXPECT_EQ(most(assumed.readByAll / ofRow + 1), 0);
  ProductLimits other;
  other.madeRows = 4;
  EXPECT_EQ(most(1, other), 4);
  other.readByAll = 0;
  EXPECT_EQ(most(1, other), 0);
}

} // namespace
