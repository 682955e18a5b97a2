// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rotation of rows: x * H for each block, H the normalized Hadamard matrix in natural order, as log2(block) stages of
// butterflies, inside registers and then between them, and 1 / sqrt(block). See QuantizeRows.h; tested by
// test/unit/codegen/RowKernelTest.cpp.
#include "codegen/cpu/quantize/QuantizeRows.h"
#include "codegen/cpu/rows/RowContext.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace lmopt::cpu {

namespace {

// One butterfly inside a register: lane i meets lane i ^ distance; the one with the bit set is subtracted.
Value butterfly(Emitter &e, Value v, int64_t distance) {
  SmallVector<int64_t> partner;
  SmallVector<float> sign;
  for (int64_t i = 0; i < kLanes; ++i) {
    partner.push_back(i ^ distance);
    sign.push_back((i & distance) ? -1.0f : 1.0f);
  }
  return e.fma(v, e.floatsFrom(sign), e.shuffle(v, partner));
}

class Rotate : public RowFunction {
public:
  explicit Rotate(int64_t block) : block(block) {}
  RowName name() const override { return {"rotate" + std::to_string(block)}; }
  ChunkSize chunk(int64_t) const override { return {registers()}; }
  /// The norm is left to a quantization where it is a power of two (blocks of 16, 64, 256): in the extremes and the
  /// reciprocal of the scale, it leaves the codes the same to the last bit.
  float factor() const override {
    int exponent;
    return std::frexp(norm(), &exponent) == 0.5f ? norm() : 1;
  }
  void map(RowChunk &chunk) const override;

private:
  int64_t registers() const { return std::max<int64_t>(block / kLanes, 1); }
  float norm() const { return 1.0f / std::sqrt(static_cast<float>(block)); }
  void turn(Emitter &e, MutableArrayRef<Value> v) const;
  int64_t block;
};

void Rotate::turn(Emitter &e, MutableArrayRef<Value> v) const {
  for (int64_t distance = 1; distance < std::min(block, kLanes); distance *= 2)
    for (Value &lane : v)
      lane = butterfly(e, lane, distance);
  int64_t count = v.size();
  for (int64_t distance = 1; distance < count; distance *= 2)
    for (int64_t i = 0; i < count; ++i)
      if (!(i & distance)) {
        Value a = v[i], c = v[i + distance];
        v[i] = e.add(a, c);
        v[i + distance] = e.sub(a, c);
      }
}

void Rotate::map(RowChunk &chunk) const {
  Emitter::Values result = chunk.make([&](int64_t i, Value) { return chunk.operand(0, i); });
  for (int64_t i = 0; i < chunk.registers(); i += registers()) {
    auto turned = MutableArrayRef<Value>(result).slice(i, registers());
    turn(chunk.e, turned);
    if (chunk.leavesFactor())
      continue;
    Value factor = chunk.e.floatsOf(norm());
    for (Value &lane : turned)
      lane = chunk.e.mul(lane, factor);
  }
  chunk.setResult(std::move(result));
}

} // namespace

RowFunctionRef rotate(int64_t block) { return std::make_shared<Rotate>(block); }

} // namespace lmopt::cpu
