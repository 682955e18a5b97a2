// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mma.sync, ldmatrix, stmatrix.
//
// Fragments: lane = 4 g + t. Register q of A holds row g + 8 (q & 1), bytes 4t .. 4t+3 of its 16-byte half q >> 1;
// register q of B the column g, bytes 4t .. 4t+3 of half q; C and D: registers 0, 1 row g, columns 2t, 2t+1; 2, 3 row g
// + 8. The same bytes rule holds for 8-bit integers, 16-bit floats and tf32. Source: PTX ISA, "Matrix Fragments for
// mma.m16n8k...", "ldmatrix". Tested by test/ptx/unit/MatrixTest.cpp.
#include "test/ptx/decode/MatrixProducts.h"
#include "test/ptx/decode/MemoryOperands.h"
#include "test/ptx/machine/MemoryAccess.h"

namespace lmopt::ptx {

namespace {
uint32_t slotAt(const Warp &warp, const SlotList &list, uint32_t index) {
  return warp.launch.kernel.slots[list.first + index];
}

/// `halves` times 16 bytes of k.
void gather(Warp &warp, const Instruction &i, uint32_t halves, ProductOperands &operands) {
  for (uint32_t half = 0; half < halves; ++half) {
    const uint32_t *upper = words(warp, slotAt(warp, i.sources, 2 * half));
    const uint32_t *lower = words(warp, slotAt(warp, i.sources, 2 * half + 1));
    const uint32_t *b = words(warp, slotAt(warp, i.sources, 2 * halves + half));
    for (uint32_t lane = 0; lane < kLanes; ++lane) {
      uint32_t g = lane / 4, at = 16 * half + 4 * (lane % 4);
      std::memcpy(&operands.a[g][at], &upper[lane], 4);
      std::memcpy(&operands.a[g + 8][at], &lower[lane], 4);
      std::memcpy(&operands.b[g][at], &b[lane], 4);
    }
  }
}

/// D = C + sums. C is read as a whole first: D may be the same registers in another order.
void scatter(Warp &warp, const Instruction &i, uint32_t firstC, const ProductSums &sums) {
  uint32_t results[4][kLanes];
  bool isFloat = i.type == ScalarType::F32;
  for (uint32_t q = 0; q < 4; ++q) {
    const uint32_t *c = words(warp, slotAt(warp, i.sources, firstC + q));
    for (uint32_t lane = 0; lane < kLanes; ++lane) {
      uint32_t sum = sums[lane / 4 + 8 * (q / 2)][2 * (lane % 4) + q % 2];
      results[q][lane] = i.flag ? saturatingSum(c[lane], sum) : accumulate(c[lane], sum, isFloat);
    }
  }
  for (uint32_t q = 0; q < 4; ++q)
    std::memcpy(words(warp, slotAt(warp, i.results, q)), results[q], sizeof results[q]);
}

template <ProductFunction kProduct>
void runProduct(Warp &warp, const Instruction &i, uint32_t mask) {
  warp.requireAllLanes(i, mask);
  ++warp.launch.counters.matrixInstructions;
  ProductOperands operands = {};
  ProductSums sums;
  gather(warp, i, i.elements, operands);
  kProduct(operands, sums);
  scatter(warp, i, 3 * i.elements, sums);
}

struct Shape {
  const char *name;
  uint32_t halves; // 16 bytes of k each
  ScalarType type;
};
constexpr Shape kShapes[] = {
    {"m16n8k16", 1, ScalarType::S8},   {"m16n8k32", 2, ScalarType::S8},  {"m16n8k8", 1, ScalarType::BF16},
    {"m16n8k16", 2, ScalarType::BF16}, {"m16n8k8", 1, ScalarType::F16},  {"m16n8k16", 2, ScalarType::F16},
    {"m16n8k4", 1, ScalarType::TF32},  {"m16n8k8", 2, ScalarType::TF32},
};

uint32_t halvesOf(StatementDecoder &s, ScalarType type, const std::string &shape) {
  ScalarType key = type == ScalarType::U8 ? ScalarType::S8 : type;
  for (const Shape &row : kShapes)
    if (row.type == key && shape == row.name)
      return row.halves;
  s.refuse("no support for shape ." + shape + " with ." + nameOf(type));
}

/// The product as a handler; which one is known at compile time.
Handler productHandler(ScalarType a, ScalarType b, ScalarType sum) {
  ProductFunction product = productFunction(a, b, sum);
  constexpr std::pair<ProductFunction, Handler> kHandlers[] = {
      {integerProduct<int8_t, int8_t>, runProduct<integerProduct<int8_t, int8_t>>},
      {integerProduct<int8_t, uint8_t>, runProduct<integerProduct<int8_t, uint8_t>>},
      {integerProduct<uint8_t, int8_t>, runProduct<integerProduct<uint8_t, int8_t>>},
      {integerProduct<uint8_t, uint8_t>, runProduct<integerProduct<uint8_t, uint8_t>>},
      {floatProduct<BfloatElements>, runProduct<floatProduct<BfloatElements>>},
      {floatProduct<HalfElements>, runProduct<floatProduct<HalfElements>>},
      {floatProduct<Tf32Elements>, runProduct<floatProduct<Tf32Elements>>},
  };
  for (auto [function, handler] : kHandlers)
    if (product && function == product)
      return handler;
  return nullptr;
}

void takeRegisters(StatementDecoder &s, uint32_t count, ScalarType type) {
  for (const Operand &element : s.vector(count))
    s.sourceOf(element, type);
}

void decodeProduct(StatementDecoder &s) {
  s.expectOneOf({"sync"});
  s.expectOneOf({"aligned"});
  std::string shape = s.takeShape();
  s.expectOneOf({"row"});
  s.expectOneOf({"col"});
  s.out.flag = s.take("satfinite");
  ScalarType sum = s.type({ScalarType::S32, ScalarType::F32});
  static constexpr std::initializer_list<ScalarType> kOperands = {ScalarType::S8, ScalarType::U8, ScalarType::BF16,
                                                                  ScalarType::F16, ScalarType::TF32};
  ScalarType a = s.type(kOperands), b = s.type(kOperands);
  if (s.type({ScalarType::S32, ScalarType::F32}) != sum)
    s.refuse("C and D of different types");
  uint32_t halves = halvesOf(s, a, shape);
  s.out.elements = static_cast<uint8_t>(halves);
  if (s.out.flag && sum != ScalarType::S32)
    s.refuse(".satfinite is for integers");
  s.out.type = sum;
  s.out.run = productHandler(a, b, sum);
  if (!s.out.run)
    s.refuse("no such combination of types");
  for (const Operand &element : s.vector(4))
    s.resultOf(element, sum);
  takeRegisters(s, 2 * halves, ScalarType::B32);
  takeRegisters(s, halves, ScalarType::B32);
  takeRegisters(s, 4, sum);
}

/// Matrices of 8 rows of 16 bytes. Lane 8 m + r gives the address of row r of matrix m.
void matrixRows(Warp &warp, const Instruction &i, AccessKind kind, uint8_t **pointers) {
  uint64_t addresses[kLanes];
  laneAddresses(warp, i.address, addresses);
  for (uint32_t matrix = 0; matrix < i.elements; ++matrix)
    MemoryAccess(warp, i, 16, kind).resolve(StateSpace::Shared, 0xffu << (8 * matrix), addresses, pointers);
}

/// Plain: lane 4g + t gets elements 2t, 2t+1 of row g. Transposed: of column g.
void runLoadMatrix(Warp &warp, const Instruction &i, uint32_t mask) {
  warp.requireAllLanes(i, mask);
  uint8_t *rows[kLanes];
  matrixRows(warp, i, AccessKind::Read, rows);
  for (uint32_t matrix = 0; matrix < i.elements; ++matrix) {
    uint16_t elements[8][8];
    for (uint32_t row = 0; row < 8; ++row)
      std::memcpy(elements[row], rows[8 * matrix + row], 16);
    uint32_t *d = words(warp, slotAt(warp, i.results, matrix));
    for (uint32_t lane = 0; lane < kLanes; ++lane) {
      uint32_t g = lane / 4, c = 2 * (lane % 4);
      d[lane] = i.flag ? elements[c][g] | uint32_t(elements[c + 1][g]) << 16
                       : elements[g][c] | uint32_t(elements[g][c + 1]) << 16;
    }
  }
}

void runStoreMatrix(Warp &warp, const Instruction &i, uint32_t mask) {
  warp.requireAllLanes(i, mask);
  uint8_t *rows[kLanes];
  matrixRows(warp, i, AccessKind::Write, rows);
  for (uint32_t matrix = 0; matrix < i.elements; ++matrix) {
    uint16_t elements[8][8];
    const uint32_t *values = words(warp, slotAt(warp, i.sources, matrix));
    for (uint32_t lane = 0; lane < kLanes; ++lane) {
      uint32_t g = lane / 4, c = 2 * (lane % 4);
      (i.flag ? elements[c][g] : elements[g][c]) = static_cast<uint16_t>(values[lane]);
      (i.flag ? elements[c + 1][g] : elements[g][c + 1]) = static_cast<uint16_t>(values[lane] >> 16);
    }
    for (uint32_t row = 0; row < 8; ++row)
      std::memcpy(rows[8 * matrix + row], elements[row], 16);
  }
}

void takeMatrixModifiers(StatementDecoder &s) {
  s.expectOneOf({"sync"});
  s.expectOneOf({"aligned"});
  s.expectOneOf({"m8n8"});
  s.out.elements = static_cast<uint8_t>(1u << s.expectOneOf({"x1", "x2", "x4"}));
  s.out.flag = s.take("trans");
  if (takeSpace(s) != StateSpace::Shared)
    s.refuse("matrices are in shared memory");
  s.type({ScalarType::B16});
}

void decodeLoadMatrix(StatementDecoder &s) {
  takeMatrixModifiers(s);
  for (const Operand &element : s.vector(s.out.elements))
    s.resultOf(element, ScalarType::B32);
  s.out.address = s.address(StateSpace::Shared);
  s.out.run = runLoadMatrix;
}

void decodeStoreMatrix(StatementDecoder &s) {
  takeMatrixModifiers(s);
  s.out.address = s.address(StateSpace::Shared);
  for (const Operand &element : s.vector(s.out.elements))
    s.sourceOf(element, ScalarType::B32);
  s.out.run = runStoreMatrix;
}
} // namespace

void addMatrix(StatementTable &table) {
  table["mma"] = decodeProduct;
  table["ldmatrix"] = decodeLoadMatrix;
  table["stmatrix"] = decodeStoreMatrix;
}

} // namespace lmopt::ptx
