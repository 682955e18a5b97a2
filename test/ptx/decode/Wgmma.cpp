// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// wgmma: products of four warps, 64 rows by N columns, operands in shared memory (A also in registers).
//
// Each warp computes its 16 rows. Outside of strict mode at once, in strict mode when it is waited for: then shared
// memory and the registers of A are read as they are at that time. Accumulators have no value until the wait. A
// descriptor holds, in units of 16 bytes, the start (bits 0-13), the leading (16-29) and the stride byte offset
// (32-45), and the swizzle (62-63): 0 none, 1 128 bytes, 2 64 bytes, 3 32 bytes. Operands are K-major.
//   none:  core matrices of 8 rows of 16 bytes; next 16 bytes of k: leading offset, next 8 rows: stride offset
//   else:  8 rows of so many bytes are an atom, in which bits 4-6 of the address are xored with bits 7-9; next 8 rows:
//          stride offset; k goes along the row
// Transposed operands (16 bits) with a swizzle: rows are of one k, so many bytes of neighbouring rows or columns; next
// so many bytes: leading offset, next 8 k: stride offset. Source: PTX ISA, "Asynchronous Warpgroup Level Matrix
// Instructions". Tested by test/ptx/unit/WgmmaTest.cpp.
#include "test/ptx/decode/MatrixProducts.h"
#include "test/ptx/decode/MemoryOperands.h"
#include "test/ptx/machine/MemoryAccess.h"

namespace lmopt::ptx {

namespace {
constexpr uint64_t kFieldBits = 0x3fff;

/// Address of 16 bytes of k of a row.
uint64_t elementAddress(uint64_t descriptor, uint32_t row, uint32_t byte) {
  uint64_t start = (descriptor & kFieldBits) << 4, leading = (descriptor >> 16 & kFieldBits) << 4,
           stride = (descriptor >> 32 & kFieldBits) << 4;
  auto swizzle = static_cast<uint32_t>(descriptor >> 62);
  if (swizzle == 0)
    return start + byte / 16 * leading + row / 8 * stride + row % 8 * 16;
  uint64_t width = swizzle == 1 ? 128 : swizzle == 2 ? 64 : 32;
  uint64_t address = start + row / 8 * stride + row % 8 * width + byte;
  return address ^ ((address >> 7 & (width / 16 - 1)) << 4);
}

/// Address of 8 neighbouring rows or columns of one k.
uint64_t transposedAddress(uint64_t descriptor, uint32_t first, uint32_t k) {
  uint64_t start = (descriptor & kFieldBits) << 4, leading = (descriptor >> 16 & kFieldBits) << 4,
           stride = (descriptor >> 32 & kFieldBits) << 4;
  uint64_t width = descriptor >> 62 == 1 ? 128 : descriptor >> 62 == 2 ? 64 : 32;
  uint64_t address = start + first * 2 / width * leading + first * 2 % width + k / 8 * stride + k % 8 * width;
  return address ^ ((address >> 7 & (width / 16 - 1)) << 4);
}

/// 8 rows of 32 bytes from their columns.
void readTransposed(Warp &warp, const Instruction &i, uint64_t descriptor, uint32_t first,
                    uint8_t (*rows)[kProductBytes]) {
  if (descriptor >> 62 == 0)
    warp.fail(i, "transposed operands without swizzle are not supported");
  MemoryAccess access(warp, i, 16, AccessKind::Read);
  for (uint32_t k = 0; k < kProductBytes / 2; ++k) {
    const uint8_t *chunk = access.shared(transposedAddress(descriptor, first, k), 16, -1, true);
    for (uint32_t row = 0; row < 8; ++row)
      std::memcpy(&rows[row][2 * k], chunk + 2 * row, 2);
  }
}

void readRow(Warp &warp, const Instruction &i, uint64_t descriptor, uint32_t row, uint8_t *into) {
  MemoryAccess access(warp, i, 16, AccessKind::Read);
  for (uint32_t byte = 0; byte < kProductBytes; byte += 16)
    std::memcpy(into + byte, access.shared(elementAddress(descriptor, row, byte), 16, -1, true), 16);
}

uint32_t slotAt(const Warp &warp, const SlotList &list, uint32_t index) {
  return warp.launch.kernel.slots[list.first + index];
}

/// A from registers: as in mma.sync.
void gatherA(const PendingProduct &product, ProductOperands &operands) {
  for (uint32_t q = 0; q < 4; ++q)
    for (uint32_t lane = 0; lane < kLanes; ++lane)
      std::memcpy(&operands.a[lane / 4 + 8 * (q & 1)][16 * (q / 2) + 4 * (lane % 4)],
                  &product.registersA[q * kLanes + lane], 4);
}

constexpr uint8_t kTransposedA = 1, kTransposedB = 2;

void readA(Warp &warp, const PendingProduct &product, ProductOperands &operands) {
  if (product.instruction->flag)
    return gatherA(product, operands);
  uint32_t first = 16 * (warp.index % 4);
  for (uint32_t row = 0; product.instruction->option & kTransposedA && row < kProductRows; row += 8)
    readTransposed(warp, *product.instruction, product.descriptorA, first + row, &operands.a[row]);
  if (product.instruction->option & kTransposedA)
    return;
  for (uint32_t row = 0; row < kProductRows; ++row)
    readRow(warp, *product.instruction, product.descriptorA, first + row, operands.a[row]);
}

/// Columns 8 j .. 8 j + 7 are registers 4 j .. 4 j + 3, laid out as in mma.sync.
void addColumns(Warp &warp, const PendingProduct &product, uint32_t j, const ProductSums &sums) {
  const Instruction &i = *product.instruction;
  for (uint32_t q = 0; q < 4; ++q) {
    uint32_t *d = words(warp, slotAt(warp, i.results, 4 * j + q));
    for (uint32_t lane = 0; lane < kLanes; ++lane) {
      uint32_t sum = sums[lane / 4 + 8 * (q / 2)][2 * (lane % 4) + q % 2];
      d[lane] = product.accumulates ? accumulate(d[lane], sum, i.type == ScalarType::F32) : sum;
    }
  }
}

void compute(Warp &warp, PendingProduct &product) {
  const Instruction &i = *product.instruction;
  auto multiply = reinterpret_cast<ProductFunction>(i.immediate);
  ProductOperands operands = {};
  readA(warp, product, operands);
  for (uint32_t j = 0; j < i.results.count / 4; ++j) {
    if (i.option & kTransposedB)
      readTransposed(warp, i, product.descriptorB, 8 * j, operands.b);
    for (uint32_t column = 0; !(i.option & kTransposedB) && column < kProductColumns; ++column)
      readRow(warp, i, product.descriptorB, 8 * j + column, operands.b[column]);
    ProductSums sums;
    multiply(operands, sums);
    addColumns(warp, product, j, sums);
  }
  product.isComputed = true;
}

bool isUnderWay(const Warp &warp, uint32_t slot) {
  for (const PendingProduct &product : warp.products)
    for (uint32_t r = 0; product.instruction && r < product.instruction->results.count; ++r)
      if (slotAt(warp, product.instruction->results, r) == slot)
        return true;
  return false;
}

/// Registers that other instructions wrote since the last wgmma.fence may not have arrived.
void checkFence(const Warp &warp, const Instruction &i, const SlotList &registers, uint32_t count) {
  for (uint32_t r = 0; r < count; ++r)
    if (warp.stamps[slotAt(warp, registers, r)] > warp.wgmmaFence)
      warp.fail(i, "a register was written after the last wgmma.fence");
}

void checkRegisters(Warp &warp, const Instruction &i, bool accumulates) {
  if (warp.wgmmaFence == 0)
    warp.fail(i, "no wgmma.fence before the first wgmma");
  checkFence(warp, i, i.results, i.results.count);
  checkFence(warp, i, i.sources, i.flag ? 4 : 0);
  for (uint32_t r = 0; r < i.results.count && accumulates; ++r) {
    uint32_t slot = slotAt(warp, i.results, r);
    if (warp.launch.checks.uninitialized && warp.written[slot] != kAllLanes && !isUnderWay(warp, slot))
      warp.fail(i, "accumulator " + warp.launch.kernel.registerNames.at(slot) + " has no value");
  }
}

uint64_t uniformDescriptor(Warp &warp, const Instruction &i, uint32_t slot) {
  const uint64_t *lanes = wideWords(warp, slot);
  for (uint32_t lane = 1; lane < kLanes; ++lane)
    if (lanes[lane] != lanes[0])
      warp.fail(i, "lanes give different descriptors", static_cast<int>(lane));
  if (lanes[0] >> 49 & 7)
    warp.fail(i, "base offsets in descriptors are not supported");
  return lanes[0];
}

void runProduct(Warp &warp, const Instruction &i, uint32_t mask) {
  warp.requireAllLanes(i, mask);
  PendingProduct product;
  product.instruction = &i;
  uint32_t scale = i.source[2] == kNoSlot ? kAllLanes : predicateBits(warp, i.source[2]);
  if (scale != 0 && scale != kAllLanes)
    warp.fail(i, "lanes disagree whether to accumulate");
  product.accumulates = scale != 0;
  product.issued = warp.instructions;
  for (uint32_t q = 0; i.flag && q < 4; ++q) {
    const uint32_t *a = words(warp, slotAt(warp, i.sources, q));
    product.registersA.insert(product.registersA.end(), a, a + kLanes);
  }
  if (!i.flag)
    product.descriptorA = uniformDescriptor(warp, i, i.source[0]);
  product.descriptorB = uniformDescriptor(warp, i, i.source[1]);
  checkRegisters(warp, i, product.accumulates);
  warp.launch.counters.matrixInstructions += i.results.count / 4;
  if (!warp.launch.isStrict())
    compute(warp, product);
  for (uint32_t r = 0; r < i.results.count; ++r)
    warp.written[slotAt(warp, i.results, r)] = 0;
  warp.products.push_back(product);
}

void finishProduct(Warp &warp, PendingProduct product) {
  for (uint32_t q = 0; warp.launch.checks.wgmmaRegisters && product.instruction->flag && q < 4; ++q)
    if (warp.stamps[slotAt(warp, product.instruction->sources, q)] > product.issued)
      warp.fail(*product.instruction, "a register of A was written while the product was under way");
  if (!product.isComputed)
    compute(warp, product);
  for (uint32_t r = 0; r < product.instruction->results.count; ++r)
    warp.written[slotAt(warp, product.instruction->results, r)] = kAllLanes;
}

void finishGroup(Warp &warp) {
  while (warp.products.front().instruction) {
    finishProduct(warp, warp.products.front());
    warp.products.pop_front();
  }
  warp.products.pop_front();
}

void runWait(Warp &warp, const Instruction &i, uint32_t mask) {
  warp.requireAllLanes(i, mask);
  auto groups = std::count_if(warp.products.begin(), warp.products.end(),
                              [](const PendingProduct &product) { return !product.instruction; });
  for (; groups > i.immediate; --groups)
    finishGroup(warp);
  // An accumulator of a group that is still under way has no value yet.
  for (const PendingProduct &product : warp.products)
    for (uint32_t r = 0; product.instruction && r < product.instruction->results.count; ++r)
      warp.written[slotAt(warp, product.instruction->results, r)] = 0;
}

void runCommit(Warp &warp, const Instruction &i, uint32_t mask) {
  warp.requireAllLanes(i, mask);
  warp.products.push_back({});
}

void runFence(Warp &warp, const Instruction &i, uint32_t mask) {
  warp.requireAllLanes(i, mask);
  warp.wgmmaFence = warp.instructions;
}

struct Depth {
  ScalarType type;
  const char *k;
};
constexpr Depth kDepths[] = {{ScalarType::BF16, "k16"},
                             {ScalarType::F16, "k16"},
                             {ScalarType::TF32, "k8"},
                             {ScalarType::S8, "k32"},
                             {ScalarType::U8, "k32"}};

/// "m64n128k32" -> 128
uint32_t columnsOf(StatementDecoder &s, const std::string &shape, ScalarType type) {
  size_t k = shape.find('k');
  bool isKnown = shape.rfind("m64n", 0) == 0 && k != std::string::npos && k > 4 && k <= 7;
  uint32_t columns = 0;
  for (size_t at = 4; isKnown && at < k; ++at)
    columns = shape[at] >= '0' && shape[at] <= '9' ? columns * 10 + static_cast<uint32_t>(shape[at] - '0') : 9999;
  for (const Depth &depth : kDepths)
    isKnown &= depth.type != type || shape.substr(k) == depth.k;
  if (!isKnown || columns < 8 || columns > 256 || columns % 8)
    s.refuse("unknown shape ." + shape);
  return columns;
}

/// Negated operands are refused.
void takeScales(StatementDecoder &s, ScalarType a, bool isInRegisters) {
  bool isByte = a == ScalarType::S8 || a == ScalarType::U8, is16 = a == ScalarType::BF16 || a == ScalarType::F16;
  if (isByte)
    return;
  for (int i = 0; i < 2; ++i)
    if (s.immediate(-1, 1) != 1)
      s.refuse("negated operands are not supported");
  if (is16 && !isInRegisters && s.immediate(0, 1))
    s.out.option |= kTransposedA;
  if (is16 && s.immediate(0, 1))
    s.out.option |= kTransposedB;
}

void takeOperands(StatementDecoder &s, uint32_t columns, ScalarType sum) {
  for (const Operand &element : s.vector(columns / 2))
    s.lateResultOf(element, sum);
  s.out.flag = s.peekOperand().kind == Operand::Kind::Vector;
  if (s.out.flag)
    for (const Operand &element : s.vector(4))
      s.sourceOf(element, ScalarType::B32);
  else
    s.out.source[0] = s.source(ScalarType::B64);
  s.out.source[1] = s.source(ScalarType::B64);
  s.out.source[2] = s.predicate();
}

void decodeProduct(StatementDecoder &s) {
  std::string shape = s.takeShape();
  ScalarType sum = s.type({ScalarType::F32, ScalarType::S32});
  static constexpr std::initializer_list<ScalarType> kOperands = {ScalarType::BF16, ScalarType::F16, ScalarType::TF32,
                                                                  ScalarType::S8, ScalarType::U8};
  ScalarType a = s.type(kOperands), b = s.type(kOperands);
  uint32_t columns = columnsOf(s, shape, a);
  ProductFunction product = productFunction(a, b, sum);
  if (!product)
    s.refuse("no such combination of types");
  s.out.type = sum;
  s.out.immediate = reinterpret_cast<int64_t>(product);
  takeOperands(s, columns, sum);
  takeScales(s, a, s.out.flag);
  s.out.run = runProduct;
}

void decodeWgmma(StatementDecoder &s) {
  int which = s.expectOneOf({"mma_async", "fence", "commit_group", "wait_group"});
  s.expectOneOf({"sync"});
  s.expectOneOf({"aligned"});
  s.useWgmma();
  if (which == 0)
    return decodeProduct(s);
  s.out.run = which == 1 ? runFence : which == 2 ? runCommit : runWait;
  s.out.immediate = which == 3 ? s.immediate(0, 7) : 0;
}
} // namespace

void addWgmma(StatementTable &table) { table["wgmma"] = decodeWgmma; }

} // namespace lmopt::ptx
