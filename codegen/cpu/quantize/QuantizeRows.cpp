// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of floats to rows of u8 codes, in a range of the row or a trained one, and to bf16; see QuantizeRows.h. Source:
// ONNX DynamicQuantizeLinear; of trained ranges, PyTorch's fake_quantize_per_tensor_affine.
#include "codegen/cpu/quantize/QuantizeRows.h"

#include "codegen/cpu/rows/RowContext.h"

#include "llvm/ADT/bit.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {

using Values = Emitter::Values;

// Four vectors of codes as 64 bytes: the packing instructions clamp on their way, twice as fast as clamping and
// narrowing one by one. They work within 128 bits, so the pieces of the four vectors lie in turns afterwards.
Value packCodes(Emitter &e, ArrayRef<Value> codes) {
  Value low = e.packClamped(codes[0], codes[1]), high = e.packClamped(codes[2], codes[3]);
  Value turns = e.bitcast(e.packClamped(low, high), e.ints());
  SmallVector<int64_t> order;
  for (int64_t vector = 0; vector < 4; ++vector)
    for (int64_t part = 0; part < 4; ++part)
      order.push_back(4 * part + vector);
  return e.bitcast(e.shuffle(turns, order), e.bytes());
}

/// Stores the codes of the chunk; `code` gives them register by register, not yet clamped to 0 .. 255.
void storeCodes(RowChunk &chunk, llvm::function_ref<Value(int64_t)> code) {
  Emitter &e = chunk.e;
  auto to = [&](int64_t i) { return e.at(chunk.result(), e.add(e.div(chunk.offset(i), e.index(4)), kQuantHeader)); };
  Values codes;
  for (int64_t i = 0; i < chunk.registers(); ++i)
    codes.push_back(code(i));
  if (chunk.registers() % 4 == 0 && e.shape.packs) {
    for (int64_t i = 0; i < chunk.registers(); i += 4)
      e.store(packCodes(e, ArrayRef(codes).slice(i, 4)), to(i), 16);
    return;
  }
  for (int64_t i = 0; i < chunk.registers(); ++i)
    e.store(e.narrowToBytes(e.max(e.min(codes[i], e.intsOf(255)), e.intsOf(0))), to(i), 16);
}

class QuantizeDynamic : public RowFunction, public RowReduction {
public:
  RowName name() const override { return {"quantize"}; }
  const RowReduction *reduction() const override { return this; }
  bool takesFactors() const override { return true; }
  int64_t accumulators() const override { return 2; }

  void gather(RowContext &row, int64_t, Value x, Value, MutableArrayRef<Value> sums) const override {
    sums[0] = row.e.min(x, sums[0]);
    sums[1] = row.e.max(x, sums[1]);
  }
  void conclude(RowTotals &totals, int64_t) const override;
  void map(RowChunk &chunk) const override {
    storeCodes(chunk, [&](int64_t i) { return code(chunk, i); });
  }

private:
  static constexpr int kInverse = 0, kZeroPoint = 1; // numbers of the row
  // Not yet clamped. The zero point is added where the rounded integer leaves its float (see Emitter::roundToInt).
  static Value code(RowChunk &chunk, int64_t i) {
    Emitter &e = chunk.e;
    return e.add(e.roundToInt(e.mul(chunk.operand(0, i), chunk.number(kInverse))), chunk.number(kZeroPoint));
  }
};

// A row of (almost) zeros gets scale 0 and all codes equal to the zero point.
void QuantizeDynamic::conclude(RowTotals &totals, int64_t) const {
  Emitter &e = totals.e;
  Value low = totals.least(0), high = totals.largest(1);
  float factor = totals.operandFactor(0);
  low = e.mul(low, e.f32(factor));
  high = e.mul(high, e.f32(factor));
  Value scale = e.div(e.sub(high, low), e.f32(255));
  // Below 1e-35 the reciprocal would not be finite; such a row is zero for all that follows.
  Value usable = e.less(e.f32(1e-35f), scale);
  scale = e.select(usable, scale, e.f32(0));
  Value inverse = e.broadcast(e.select(usable, e.div(e.f32(1), scale), e.f32(0)));
  Value rounded = e.roundToInt(e.mul(e.broadcast(e.sub(e.f32(0), low)), inverse));
  Value zeroPoint = e.max(e.min(rounded, e.intsOf(255)), e.intsOf(0));
  e.store(scale, totals.result());
  e.store(e.lane(zeroPoint, 0), e.at(totals.result(), 4));
  totals.remember(e.mul(inverse, e.floatsOf(factor)));
  totals.remember(zeroPoint);
}

/// What #lm.code_range makes of register i, without its zero. Clamped before it is rounded: any number may come.
Value trainedCode(RowChunk &chunk, const CodeRange &range, int64_t i) {
  Emitter &e = chunk.e;
  Value scaled = e.mul(chunk.operand(0, i), e.floatsOf(range.factor));
  auto bound = [&](int32_t code) { return e.floatsOf(static_cast<float>(code - range.zero)); };
  return e.roundToInt(e.max(e.min(scaled, bound(range.greatest)), bound(range.least)));
}

/// The numbers that code is made from, bit by bit.
std::string wordOf(const CodeRange &range) {
  return llvm::formatv("_{0:x-}_{1:x-}_{2}_{3}_{4}", llvm::bit_cast<uint32_t>(range.step),
                       llvm::bit_cast<uint32_t>(range.factor), range.zero, range.least, range.greatest);
}

class QuantizeStatic : public RowFunction {
public:
  explicit QuantizeStatic(const CodeRange &range) : range(range) {}
  RowName name() const override { return {"quantizestatic", wordOf(range)}; }
  void map(RowChunk &chunk) const override {
    Emitter &e = chunk.e;
    e.store(e.f32(range.step), chunk.result()); // with each chunk of the row: cheaper than asking which is the first
    e.store(e.lane(e.intsOf(range.zero), 0), e.at(chunk.result(), 4));
    storeCodes(chunk, [&](int64_t i) { return e.add(trainedCode(chunk, range, i), e.intsOf(range.zero)); });
  }

private:
  CodeRange range;
};

class FakeQuantize : public RowFunction {
public:
  explicit FakeQuantize(const CodeRange &range) : range(range) {}
  RowName name() const override { return {"fakequantize", wordOf(range)}; }
  void map(RowChunk &chunk) const override {
    Emitter &e = chunk.e;
    chunk.each(
        [&](int64_t i, Value) { return e.mul(e.toFloat(trainedCode(chunk, range, i)), e.floatsOf(range.step)); });
  }

private:
  CodeRange range;
};

class Narrow : public RowFunction {
  RowName name() const override { return {"narrow"}; }
  void map(RowChunk &chunk) const override {
    Emitter &e = chunk.e;
    for (int64_t i = 0; i < chunk.registers(); ++i)
      e.store(e.toBf16(chunk.operand(0, i)), e.at(chunk.result(), e.div(chunk.offset(i), e.index(2))), 32);
  }
};

} // namespace

RowFunctionRef quantizeDynamic() { return std::make_shared<QuantizeDynamic>(); }
RowFunctionRef quantizeStatic(const CodeRange &range) { return std::make_shared<QuantizeStatic>(range); }
RowFunctionRef fakeQuantize(const CodeRange &range) { return std::make_shared<FakeQuantize>(range); }
RowFunctionRef narrow() { return std::make_shared<Narrow>(); }

} // namespace lmopt::cpu
