// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How row functions reach their row; see RowContext.h. Also the one function that belongs to no family: the copy.
#include "codegen/cpu/rows/RowContext.h"

#include "codegen/cpu/RowInfo.h"

using namespace mlir;

namespace lmopt::cpu {

static Value lanesInsideRow(Emitter &e, int64_t width, Value offset) {
  return e.maskBelow(e.sub(e.index(width), e.div(offset, e.index(4))));
}

Value zeroBeyondWidth(Emitter &e, int64_t width, Value v, Value offset) {
  return width % kLanes ? e.select(lanesInsideRow(e, width, offset), v, e.floatsOf(0)) : v;
}

Value RowContext::tokenId() {
  Value id = e.load(e.b.getI32Type(), e.at(kernel.tokens, e.mul(row.index, 4)));
  return arith::ExtSIOp::create(e.b, e.loc, e.b.getI64Type(), id);
}

Value RowContext::position() {
  return e.load(e.b.getI64Type(), e.at(kernel.rowInfo, e.add(e.mul(row.index, kRowInfoBytes), 16)), 8);
}

//===----------------------------------------------------------------------------------------------------------------===//
// Chunks
//===----------------------------------------------------------------------------------------------------------------===//

Value RowChunk::operand(int64_t number, int64_t i) {
  int64_t value = op.operands[number];
  auto made = state.made.find(value);
  return made != state.made.end() ? made->second[i] : e.loadFloats(e.at(row.address[value], offset(i)));
}

RowContext::Values RowChunk::make(const std::function<Value(int64_t, Value)> &one) {
  Values result;
  for (int64_t i = 0; i < registers(); ++i)
    result.push_back(one(i, offset(i)));
  return result;
}

void RowChunk::setResult(Values result) {
  for (int64_t i = 0; kernel.stored[op.result] && i < registers(); ++i)
    store(result[i], offset(i));
  state.made[op.result] = std::move(result);
}

void RowChunk::store(Value v, Value offset) {
  Value to = e.at(result(), offset);
  if (endsInsideVector())
    e.storeMasked(v, to, lanesInsideRow(e, width(), offset));
  else
    e.store(v, to);
}

// Rows of the caller's memory may end inside the last vector.
bool RowChunk::endsInsideVector() const {
  for (const RowProgram::Output &output : kernel.program.outputs)
    if (output.value == op.result)
      return output.stride < floatRowBytes(width());
  return false;
}

//===----------------------------------------------------------------------------------------------------------------===//
// Totals
//===----------------------------------------------------------------------------------------------------------------===//

Value RowTotals::sum(int64_t accumulator) {
  return e.reduceAdd(join(accumulator, [&](Value a, Value c) { return e.add(a, c); }));
}
Value RowTotals::least(int64_t accumulator) {
  return e.reduceMin(join(accumulator, [&](Value a, Value c) { return e.min(a, c); }));
}
Value RowTotals::largest(int64_t accumulator) {
  return e.reduceMax(join(accumulator, [&](Value a, Value c) { return e.max(a, c); }));
}

Value RowTotals::join(int64_t accumulator, const std::function<Value(Value, Value)> &combine) {
  Values parts;
  for (size_t i = accumulator; i < sums.size(); i += op.function->reduction()->accumulators())
    parts.push_back(sums[i]);
  for (size_t n = parts.size() / 2; n > 0; n /= 2)
    for (size_t i = 0; i < n; ++i)
      parts[i] = combine(parts[i], parts[i + n]);
  return parts[0];
}

//===----------------------------------------------------------------------------------------------------------------===//
// Copy
//===----------------------------------------------------------------------------------------------------------------===//

namespace {
class CopyRow : public RowFunction {
  RowName name() const override { return {"copy"}; }
  void map(RowChunk &chunk) const override {
    chunk.each([&](int64_t i, Value) { return chunk.operand(0, i); });
  }
};
} // namespace

RowFunctionRef copyRow() { return std::make_shared<CopyRow>(); }

} // namespace lmopt::cpu
