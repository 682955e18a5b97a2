// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lengths of rows, and of what their previews lack (#cpu.bounds), each rounded up. In: a matrix and its int8 codes.
// Out: the two norms of each row; how they are used stands in TopLinear.cpp. All in f64, where a norm of K numbers is
// off by less than K 2^-53 of itself, and what a rotation adds by less than 20 * 2^-53 of the row. Tested by
// test/unit/codegen/PackWeightsTest.cpp.
#include "codegen/cpu/ranking/TopLinear.h"

#include "codegen/cpu/Cpu.h"
#include "dialects/lm/Verify.h"

#include <cmath>

using namespace mlir;

namespace lmopt::cpu {

LogicalResult BoundsAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t block) {
  if (rows > 0 && (block == 0 || lm::isRotationBlock(block)))
    return success();
  return emitError()
         << "C1: expected a row at least, and a block that is 0 or a power of two from 2 to 65536, but found " << rows
         << " and " << block;
}

int64_t BoundsAttr::getBytes() const { return 2 * floatRowBytes(getRows()); }

std::string BoundsAttr::describe() const { return "f32 norms of rows and of what their previews lack"; }

/// Multiplies the row, block by block, with the orthonormal Hadamard matrix (lm.rotate).
static void rotate(std::vector<double> &row, int64_t block) {
  const auto size = static_cast<int64_t>(row.size());
  for (int64_t distance = 1; distance < block; distance *= 2)
    for (int64_t i = 0; i < size; ++i)
      if ((i & distance) == 0) {
        double a = row[i], b = row[i + distance];
        row[i] = a + b;
        row[i + distance] = a - b;
      }
  for (double &number : row)
    number /= std::sqrt(static_cast<double>(block));
}

static float normRoundedUp(const std::vector<double> &row) {
  double sum = 0;
  for (double number : row)
    sum += number * number;
  return std::nextafterf(static_cast<float>(std::sqrt(sum) * (1 + 0x1p-30)), HUGE_VALF);
}

void BoundsAttr::pack(ArrayRef<lm::WeightData> params, std::vector<char> &out) const {
  packBounds(params[0], params[1], getBlock(), out);
}

void packBounds(const lm::WeightData &matrix, const lm::WeightData &codes, int64_t block, std::vector<char> &out) {
  const int64_t columns = matrix.columns();
  float *missing = floatsAt(out, 0), *lengths = floatsAt(out, floatRowBytes(matrix.rows()));
  std::vector<double> row(columns);
  for (int64_t n = 0; n < matrix.rows(); ++n) {
    row.assign(matrix.f32.begin() + n * columns, matrix.f32.begin() + (n + 1) * columns);
    lengths[n] = normRoundedUp(row);
    if (block)
      rotate(row, block);
    for (int64_t k = 0; k < columns; ++k)
      row[k] -= static_cast<double>(codes.scales[n]) * codes.s8[n * columns + k];
    row.push_back(static_cast<double>(columns) * 0x1p-120); // what instructions take as zero
    missing[n] = normRoundedUp(row);
  }
}

} // namespace lmopt::cpu
