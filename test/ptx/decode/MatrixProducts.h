// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The product that all tensor core instructions are made of: 16 rows by 8 columns over 32 bytes of k.
//
// Integers exactly, wrapping in 32 bits. Floats: exact products, summed in f32 in the order of k, which the ISA leaves
// open. Bytes beyond the instruction's K are zero. Tested by test/ptx/unit/MatrixTest.cpp and WgmmaTest.cpp.
#ifndef LMOPT_TEST_PTX_DECODE_MATRIXPRODUCTS_H
#define LMOPT_TEST_PTX_DECODE_MATRIXPRODUCTS_H

#include "test/ptx/machine/Float.h"

namespace lmopt::ptx {

constexpr uint32_t kProductRows = 16, kProductColumns = 8, kProductBytes = 32;

/// a[row][byte of k], b[column][byte of k]
struct ProductOperands {
  alignas(32) uint8_t a[kProductRows][kProductBytes];
  alignas(32) uint8_t b[kProductColumns][kProductBytes];
};
/// The bits of an s32 or an f32.
using ProductSums = uint32_t[kProductRows][kProductColumns];
using ProductFunction = void (*)(const ProductOperands &operands, ProductSums &sums);

template <typename A, typename B>
void integerProduct(const ProductOperands &operands, ProductSums &sums) {
  int16_t a[kProductRows][kProductBytes], b[kProductColumns][kProductBytes]; // widened once, used 8 and 16 times
  for (uint32_t k = 0; k < kProductBytes; ++k) {
    for (uint32_t row = 0; row < kProductRows; ++row)
      a[row][k] = static_cast<A>(operands.a[row][k]);
    for (uint32_t column = 0; column < kProductColumns; ++column)
      b[column][k] = static_cast<B>(operands.b[column][k]);
  }
  for (uint32_t row = 0; row < kProductRows; ++row)
    for (uint32_t column = 0; column < kProductColumns; ++column) {
      int32_t sum = 0;
      for (uint32_t k = 0; k < kProductBytes; ++k)
        sum += a[row][k] * b[column][k];
      sums[row][column] = static_cast<uint32_t>(sum);
    }
}

struct HalfElements {
  static constexpr uint32_t kBytes = 2;
  static float at(const uint8_t *bytes) { return halfToFloat(static_cast<uint16_t>(bytes[0] | bytes[1] << 8)); }
};
struct BfloatElements {
  static constexpr uint32_t kBytes = 2;
  static float at(const uint8_t *bytes) { return bfloatToFloat(static_cast<uint16_t>(bytes[0] | bytes[1] << 8)); }
};
struct Tf32Elements {
  static constexpr uint32_t kBytes = 4;
  static float at(const uint8_t *bytes) {
    uint32_t bits;
    std::memcpy(&bits, bytes, 4);
    return truncateToTf32(bits);
  }
};

template <typename Elements>
void floatProduct(const ProductOperands &operands, ProductSums &sums) {
  float all[kProductRows][kProductColumns] = {};
  for (uint32_t k = 0; k < kProductBytes; k += Elements::kBytes) {
    float b[kProductColumns];
    for (uint32_t column = 0; column < kProductColumns; ++column)
      b[column] = Elements::at(&operands.b[column][k]);
    for (uint32_t row = 0; row < kProductRows; ++row) {
      float a = Elements::at(&operands.a[row][k]);
      for (uint32_t column = 0; column < kProductColumns; ++column)
        all[row][column] += a * b[column];
    }
  }
  std::memcpy(sums, all, sizeof all);
}

/// nullptr where the types do not go together.
inline ProductFunction productFunction(ScalarType a, ScalarType b, ScalarType sum) {
  bool isByteA = a == ScalarType::S8 || a == ScalarType::U8, isByteB = b == ScalarType::S8 || b == ScalarType::U8;
  if (isByteA && isByteB && sum == ScalarType::S32) {
    if (a == ScalarType::S8)
      return b == ScalarType::S8 ? integerProduct<int8_t, int8_t> : integerProduct<int8_t, uint8_t>;
    return b == ScalarType::S8 ? integerProduct<uint8_t, int8_t> : integerProduct<uint8_t, uint8_t>;
  }
  if (a != b || sum != ScalarType::F32)
    return nullptr;
  return a == ScalarType::BF16   ? floatProduct<BfloatElements>
         : a == ScalarType::F16  ? floatProduct<HalfElements>
         : a == ScalarType::TF32 ? floatProduct<Tf32Elements>
                                 : nullptr;
}

/// c + sum, as s32 or f32.
inline uint32_t accumulate(uint32_t c, uint32_t sum, bool isFloat) {
  return isFloat ? bitsAs<uint32_t>(bitsAs<float>(c) + bitsAs<float>(sum)) : c + sum;
}

/// .satfinite: the sum of products is exact in 32 bits.
inline uint32_t saturatingSum(uint32_t c, uint32_t sum) {
  int64_t exact = int64_t(static_cast<int32_t>(c)) + static_cast<int32_t>(sum);
  return static_cast<uint32_t>(static_cast<int32_t>(std::clamp<int64_t>(exact, INT32_MIN, INT32_MAX)));
}

} // namespace lmopt::ptx

#endif // LMOPT_TEST_PTX_DECODE_MATRIXPRODUCTS_H
