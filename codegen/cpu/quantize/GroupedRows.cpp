// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantization of rows to s8 codes in groups; see QuantizeRows.h, and GroupedRow for the layout. Numbers of a group
// (its largest magnitude, the sum of its codes) are found for several groups at a time: a tree of shuffles over their
// registers ends with one number a group side by side, where a reduction of each alone would use one lane of every
// instruction. Tested by test/unit/codegen/GroupedKernelTest.cpp.
#include "codegen/cpu/quantize/QuantizeRows.h"
#include "codegen/cpu/rows/RowContext.h"

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

/// Scales of groups, and what their numbers are multiplied with to become codes, from their largest magnitudes. Below
/// 2^-90 a group counts as zero.
struct GroupScales {
  Value scale, inverse;

  GroupScales(Emitter &e, Value largest, int64_t groups) {
    auto inAll = [&](float value) { return e.floatsOf(value, groups); };
    Value zero = e.less(largest, inAll(0x1p-90f));
    inverse = e.select(zero, inAll(0), e.div(inAll(127), e.select(zero, inAll(1), largest)));
    scale = e.select(zero, inAll(0), e.div(largest, inAll(127)));
  }
};

// One chunk of a row. Per group: its scale s, its codes and their sum A, then what products start from: s A, -8 A,
// -128 A.
void emitGroups(Emitter &e, const GroupedRow &row, const Values &numbers, Value offset, Value to) {
  const int64_t perGroup = row.group / kLanes, groups = numbers.size() / perGroup;
  Value first = e.div(offset, e.index(4)); // element
  Value field = e.mul(e.div(first, e.index(row.group)), 4);
  auto fieldAt = [&](int64_t array) { return e.at(to, e.add(field, array)); };
  auto overGroups = [&](const std::function<Value(int64_t, int64_t)> &make, const Combine &combine) {
    Values parts; // by group: make(group, register)
    for (int64_t g = 0; g < groups; ++g) {
      parts.push_back(make(g, g * perGroup));
      for (int64_t i = 1; i < perGroup; ++i)
        parts.back() = combine(parts.back(), make(g, g * perGroup + i));
    }
    return reduceGroups(e, parts, combine);
  };
  auto larger = [&](Value a, Value c) { return e.max(a, c); };
  auto sum = [&](Value a, Value c) { return e.add(a, c); };
  GroupScales scales(e, overGroups([&](int64_t, int64_t i) { return e.magnitude(numbers[i]); }, larger), groups);
  auto quantize = [&](int64_t g, int64_t i) {
    Value codes = e.roundToInt(e.mul(numbers[i], e.broadcast(e.lane(scales.inverse, g)))); // within -127 .. 127
    e.store(e.narrowToBytes(codes), e.at(to, e.add(first, row.codeOffset() + i * kLanes)), 16);
    return codes;
  };
  Value total = overGroups(quantize, sum);
  e.store(scales.scale, fieldAt(GroupedRow::scaleOffset()));
  e.store(e.mul(scales.scale, e.toFloat(total)), fieldAt(row.sumOffset()));
  e.store(e.mul(total, e.intsOf(-8, groups)), fieldAt(row.startOffset(4)));
  e.store(e.mul(total, e.intsOf(-128, groups)), fieldAt(row.startOffset(8)));
}

class QuantizeGroups : public RowFunction {
public:
  explicit QuantizeGroups(int64_t group) : group(group) {}
  RowName name() const override { return {"quantizegroups" + std::to_string(group)}; }
  /// Up to four groups.
  ChunkSize chunk(int64_t width) const override {
    int64_t groups = width / group;
    return {group / kLanes * (groups % 4 == 0 ? 4 : groups % 2 == 0 ? 2 : 1), /*exactly=*/true};
  }

  void map(RowChunk &chunk) const override {
    Values inputs;
    for (int64_t i = 0; i < chunk.registers(); ++i)
      inputs.push_back(chunk.operand(0, i));
    emitGroups(chunk.e, {chunk.width(), group}, inputs, chunk.offset(), chunk.result());
  }

private:
  int64_t group;
};

} // namespace

RowFunctionRef quantizeGroups(int64_t group) { return std::make_shared<QuantizeGroups>(group); }

} // namespace lmopt::cpu
