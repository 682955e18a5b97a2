// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See LinearResults.h.
#include "codegen/ptx/linear/LinearResults.h"

using namespace mlir;

namespace lmopt::nvptx {

SmallVector<ArgumentKind> linearArguments(ArrayRef<ArgumentKind> rows, size_t matrices) {
  SmallVector<ArgumentKind> kinds(matrices, ArgumentKind::Constant);
  kinds.append(rows.begin(), rows.end());
  for (size_t i = 0; i < matrices; ++i)
    kinds.append({ArgumentKind::Memory, ArgumentKind::Number});
  kinds.push_back(ArgumentKind::Number);
  return kinds;
}

SmallVector<ArgumentKind> linearArguments(const LinearSpec &linear, size_t matrices) {
  SmallVector<ArgumentKind> rows(static_cast<size_t>(linear.partsOfRows()), ArgumentKind::Memory);
  if (linear.isBlocks())
    rows.push_back(ArgumentKind::Number);
  return linearArguments(rows, matrices);
}

LinearResults LinearResults::of(Emitter &e, const LinearSpec &linear, const Matrices &matrices, ValueRange a,
                                bool madeRows) {
  LinearResults results{e, linear, matrices, {}, {}, {}, a.back()};
  size_t count = matrices.count(), firstResult = a.size() - 1 - 2 * count;
  SmallVector<Value> out, stride;
  for (size_t i = 0; i < count; ++i)
    out.push_back(a[firstResult + 2 * i]), stride.push_back(a[firstResult + 2 * i + 1]);
  results.weights = results.matrices.pick(SmallVector<Value>(a.take_front(count)));
  results.out = results.matrices.pick(out);
  results.stride = results.matrices.pick(stride);
  if (linear.isInteger() && !madeRows)
    results.scales = a[count + 1], results.zeros = a[count + 2];
  return results;
}

void LinearResults::put(Value number, Value row, Value output) {
  store(linear.bias ? e.add(number, loadOf(e.f32(), &LinearSpec::biasOffset, output)) : number, row, output);
}

void LinearResults::store(Value number, Value row, Value output) {
  Value isThere = e.less(row, count);
  if (matrices.any([&](const LinearSpec &spec) { return spec.outputs % outputsOfBlock != 0; }))
    isThere = e.bitAnd(isThere, e.less(output, storedOutputs()));
  auto toPlace = [&] { e.store(number, e.at(e.atElement(out, row, stride), e.mul(output, 4))); };
  e.ifThen(isThere, [&] {
    if (!marks)
      return toPlace();
    Value word = marksOf(row, e.div(output, LinearSpec::kTile)), place = e.rem(output, LinearSpec::kTile);
    e.ifThen(e.equal(e.bitAnd(e.shr(word, place), 1), e.number(1)), toPlace);
  });
}

Value LinearResults::marksOf(Value row, Value tile) {
  return e.load(e.i32(), e.at(e.atElement(marks, row, 4 * linear.tiles()), e.mul(tile, 4)));
}

// A lane looks at every 32nd row; where there is none stands the last one.
Value LinearResults::isAnyMarked(Value tile, Value firstRow, int64_t rows) {
  Value any = e.number(0), last = e.min(e.sub(count, firstRow), e.number(rows));
  for (int64_t row = 0; row < rows; row += kWarpLanes) {
    Value own = e.min(e.add(e.lane(), row), e.sub(last, e.number(1)));
    any = arith::OrIOp::create(e.b, e.loc, any, marksOf(e.add(firstRow, own), tile));
  }
  return e.less(e.number(0), e.ballot(e.less(e.number(0), any)));
}

SmallVector<LinearResults::OfOutput, 2> LinearResults::ofTile(Value tile) {
  SmallVector<OfOutput, 2> both;
  for (int64_t half = 0; half < 2; ++half) {
    OfOutput own{e.add(e.add(e.mul(tile, LinearSpec::kTile), e.shr(e.lane(), 2)), 8 * half), {}, {}, {}};
    Value safe = own.output;
    if (linear.tiles() * LinearSpec::kTile % outputsOfBlock)
      safe = e.min(safe, e.number(linear.tiles() * LinearSpec::kTile - 1));
    if (linear.isInteger()) {
      own.scale = loadOf(e.f32(), &LinearSpec::scaleOffset, safe);
      own.codes = loadOf(e.i32(), &LinearSpec::sumOffset, safe);
    }
    if (linear.bias)
      own.bias = loadOf(e.f32(), &LinearSpec::biasOffset, safe);
    both.push_back(own);
  }
  return both;
}

void LinearResults::putOperands(ArrayRef<Value> sums, ArrayRef<OfOutput> outputs, Value firstRow) {
  for (size_t i = 0; i < 2; ++i) {
    Value row = e.add(e.add(firstRow, e.mul(e.bitAnd(e.lane(), 3), 2)), static_cast<int64_t>(i));
    OfRow numbers = linear.isInteger() ? ofRow(row) : OfRow{};
    for (auto [n, output] : llvm::enumerate(outputs)) {
      Value sum = sums[2 * n + i];
      Value number = linear.isInteger() ? scaled(sum, numbers, output) : sum;
      store(linear.bias ? e.add(number, output.bias) : number, row, output.output);
    }
  }
}

LinearResults::OfRow LinearResults::ofRow(Value row) {
  Value safe = e.select(e.less(row, count), row, e.number(0));
  return {e.load(e.f32(), e.at(scales, e.mul(safe, 4))), e.load(e.i32(), e.at(zeros, e.mul(safe, 4)))};
}

// As codegen/cpu/linear/LinearParts.cpp has it: (float)(sum - zero C) times (scale of the row times that of the
// output).
Value LinearResults::scaled(Value sum, const OfRow &row, const OfOutput &output) {
  Value exact = e.sub(sum, e.mul(row.zero, output.codes));
  return e.mul(e.toFloat(exact), e.mul(row.scale, output.scale));
}

Value LinearResults::storedOutputs() {
  auto padded = [](const LinearSpec &spec) { return rowBytes(spec.outputs, 4); };
  Value outputs = matrices.number([](const LinearSpec &spec) { return spec.outputs; });
  if (!matrices.any([&](const LinearSpec &spec) { return padded(spec) != 4 * spec.outputs; }))
    return outputs;
  Value isPadded = e.equal(stride, matrices.number(padded));
  return e.select(isPadded, matrices.number([&](const LinearSpec &spec) { return padded(spec) / 4; }), outputs);
}

} // namespace lmopt::nvptx
