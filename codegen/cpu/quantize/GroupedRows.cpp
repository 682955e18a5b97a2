// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantization of rows to s8 codes in groups; see QuantizeRows.h, and GroupedRow for the layout. Numbers of a group
// (its largest magnitude, the sum of its codes) are found for several groups at a time: a tree of shuffles over their
// registers ends with one number a group side by side, where a reduction of each alone would use one lane of every
// instruction. Tested by test/unit/codegen/GroupedKernelTest.cpp.
#include "codegen/cpu/quantize/QuantizeRows.h"
#include "codegen/cpu/rows/RowContext.h"

#include <cmath>

using namespace mlir;

namespace lmopt::cpu {

namespace {

using Values = Emitter::Values;
using Combine = std::function<Value(Value, Value)>;

/// Registers of one kind, one for each group, to a vector with one number for each group (1, 2 or 4 groups).
Value reduceGroups(Emitter &e, Values parts, const Combine &combine) {
  int64_t groups = parts.size();
  auto pairs = [&](Value a, Value c) { // lanes 2 i and 2 i + 1 of a, then of c
    SmallVector<int64_t> even, odd;
    int64_t lanes = cast<VectorType>(a.getType()).getDimSize(0);
    for (int64_t i = 0; i < lanes; ++i) {
      even.push_back(2 * i);
      odd.push_back(2 * i + 1);
    }
    return combine(e.shuffle(a, c, even), e.shuffle(a, c, odd));
  };
  while (parts.size() > 1) {
    for (size_t i = 0; i < parts.size() / 2; ++i)
      parts[i] = pairs(parts[2 * i], parts[2 * i + 1]);
    parts.resize(parts.size() / 2);
  }
  for (int64_t lanes = kLanes; lanes > groups; lanes /= 2) { // neighbours inside the one register, halving it
    SmallVector<int64_t> even, odd;
    for (int64_t i = 0; i < lanes / 2; ++i) {
      even.push_back(2 * i);
      odd.push_back(2 * i + 1);
    }
    parts[0] = combine(e.shuffle(parts[0], even), e.shuffle(parts[0], odd));
  }
  return parts[0];
}

// Stores the scale of a row whose greatest magnitude is `largest`; the result: what its numbers are multiplied with to
// become codes of that scale, in all lanes. Below 2^-90 a row counts as zero: with its groups' scales 2^24 smaller
// still, all stay normal numbers.
Value emitRowScale(Emitter &e, Value largest, Value to) {
  Value zero = e.less(largest, e.f32(0x1p-90f));
  Value factor = e.select(zero, e.f32(0), e.div(e.f32(127), e.select(zero, e.f32(1), largest)));
  Value scale = e.select(zero, e.f32(0), e.div(largest, e.f32(127)));
  e.store(e.mul(scale, e.f32(std::ldexp(1.0f, -GroupedRow::kRange))), to);
  return e.broadcast(factor);
}

// One chunk of a row. Per group: its largest magnitude over the row's, rounded up to a power of two 2^-j, gives the
// scale; then codes and their sum A, then what products start from: 2^(R - j) A, -8 A, -128 A.
void emitGroups(Emitter &e, const GroupedRow &row, const Values &numbers, Value factor, Value offset, Value to) {
  const int64_t perGroup = row.group / kLanes, groups = numbers.size() / perGroup;
  Value first = e.div(offset, e.index(4)); // element
  Value field = e.mul(e.div(first, e.index(row.group)), 4);
  auto fieldAt = [&](int64_t array) { return e.at(to, e.add(field, array)); };
  auto overGroup = [&](int64_t g, const std::function<Value(int64_t)> &make, const Combine &combine) {
    Value result = make(g * perGroup);
    for (int64_t i = 1; i < perGroup; ++i)
      result = combine(result, make(g * perGroup + i));
    return result;
  };
  auto larger = [&](Value a, Value c) { return e.max(a, c); };
  auto sum = [&](Value a, Value c) { return e.add(a, c); };
  auto inAll = [&](int32_t value) { return e.intsOf(value, groups); };
  Values parts;
  for (int64_t g = 0; g < groups; ++g)
    parts.push_back(overGroup(g, [&](int64_t i) { return e.magnitude(numbers[i]); }, larger));
  // In units of the row's scale, 0 .. 127; then over 127, the exponent of the power of two that is not smaller.
  Value share = e.mul(e.mul(reduceGroups(e, parts, larger), e.broadcast(e.lane(factor, 0), groups)),
                      e.floatsOf(1.0f / 127, groups));
  Value exponent = e.bitAnd(e.add(e.bitcast(share, e.ints(groups)), inAll(0x7fffff)), inAll(0x7f800000));
  exponent = e.min(e.max(exponent, inAll((127 - GroupedRow::kRange) << 23)), inAll(127 << 23));
  Value upscale = e.bitcast(e.sub(inAll(254 << 23), exponent), e.floats(groups)); // 2^j
  parts.clear();
  for (int64_t g = 0; g < groups; ++g) {
    Value inverse = e.mul(e.broadcast(e.lane(upscale, g)), factor);
    auto quantize = [&](int64_t i) {
      Value codes = e.roundToInt(e.mul(numbers[i], inverse)); // within -127 .. 127
      e.store(e.narrowToBytes(codes), e.at(to, e.add(first, row.codeOffset() + i * kLanes)), 16);
      return codes;
    };
    parts.push_back(overGroup(g, quantize, sum));
  }
  Value total = reduceGroups(e, parts, sum);
  Value raised = e.sub(exponent, inAll((127 - GroupedRow::kRange) << 23));
  Value power = e.bitcast(e.add(raised, inAll(127 << 23)), e.floats(groups));
  e.store(raised, fieldAt(GroupedRow::exponentOffset()));
  e.store(e.mul(power, e.toFloat(total)), fieldAt(row.sumOffset()));
  e.store(e.mul(total, inAll(-8)), fieldAt(row.startOffset(4)));
  e.store(e.mul(total, inAll(-128)), fieldAt(row.startOffset(8)));
}

class QuantizeGroups : public RowFunction, public RowReduction {
public:
  explicit QuantizeGroups(int64_t group) : group(group) {}
  RowName name() const override { return {"quantizegroups" + std::to_string(group)}; }
  const RowReduction *reduction() const override { return this; }
  /// Up to four groups.
  ChunkSize chunk(int64_t width) const override {
    int64_t groups = width / group;
    return {group / kLanes * (groups % 4 == 0 ? 4 : groups % 2 == 0 ? 2 : 1), /*exactly=*/true};
  }

  void gather(RowContext &row, int64_t, Value x, Value, MutableArrayRef<Value> sums) const override {
    sums[0] = row.e.max(row.e.magnitude(x), sums[0]);
  }
  void conclude(RowTotals &totals, int64_t) const override {
    totals.remember(emitRowScale(totals.e, totals.largest(), totals.result()));
  }
  void map(RowChunk &chunk) const override {
    Values inputs;
    for (int64_t i = 0; i < chunk.registers(); ++i)
      inputs.push_back(chunk.operand(0, i));
    emitGroups(chunk.e, {chunk.width(), group}, inputs, chunk.number(0), chunk.offset(), chunk.result());
  }

private:
  int64_t group;
};

} // namespace

RowFunctionRef quantizeGroups(int64_t group) { return std::make_shared<QuantizeGroups>(group); }

} // namespace lmopt::cpu
