// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See RowProducts.h.
#include "codegen/ptx/conditional/RowProducts.h"

#include "codegen/Functions.h"
#include "codegen/ptx/Rows.h"

using namespace mlir;

namespace lmopt::nvptx {

using Values = Emitter::Values;

int64_t RowProducts::runs() const { return rowBytes(width, 4) / 16; }

// Loads first, then what they are multiplied with. Lanes behind the end of a row read its beginning and add nothing: a
// branch could part them, and sums need them together.
Values RowProducts::addStretches(Value x, const Values &rows, Value first, int64_t count, bool isWhole,
                                 const Values &sums) {
  std::vector<Values> loaded;
  Value isThere;
  for (int64_t i = 0; i < count; ++i) {
    Value run = e.add(e.mul(e.add(first, i), kWarpLanes), e.lane());
    if (!isWhole) {
      isThere = e.less(run, e.number(runs()));
      run = e.select(isThere, run, e.number(0));
    }
    loaded.push_back(e.loadFour(e.f32(), e.at(x, e.mul(run, 16))));
    for (Value row : rows)
      loaded.push_back(e.loadFour(e.f32(), e.at(row, e.mul(run, 16))));
  }
  Values next = sums;
  for (size_t i = 0, each = rows.size() + 1; i < loaded.size(); ++i)
    for (size_t j = 0; i % each && j < 4; ++j) {
      Value &sum = next[4 * (i % each - 1) + j], added = e.fma(loaded[i / each * each][j], loaded[i][j], sum);
      sum = isWhole ? added : e.select(isThere, added, sum);
    }
  return next;
}

Values RowProducts::sums(Value x, const Values &rows) {
  int64_t step = std::max<int64_t>(kAhead / static_cast<int64_t>(rows.size()), 1);
  int64_t whole = runs() / kWarpLanes, batches = whole / step;
  Values sums(4 * rows.size(), e.floatOf(0));
  if (batches)
    sums = e.loop(e.number(0), e.number(batches), 1, sums, [&](Value i, const Values &carried) {
      return addStretches(x, rows, e.mul(i, step), step, /*isWhole=*/true, carried);
    });
  if (whole % step)
    sums = addStretches(x, rows, e.number(batches * step), whole % step, /*isWhole=*/true, sums);
  if (runs() % kWarpLanes)
    sums = addStretches(x, rows, e.number(whole), 1, /*isWhole=*/false, sums);
  Values results;
  for (size_t r = 0; r < rows.size(); ++r) {
    Value sum = e.add(e.add(sums[4 * r], sums[4 * r + 1]), e.add(sums[4 * r + 2], sums[4 * r + 3]));
    results.push_back(e.acrossLanes(sum, {16, 8, 4, 2, 1}, [&](Value a, Value c) { return e.add(a, c); }));
  }
  return results;
}

Value activated(Emitter &e, Activation kind, Value x) {
  Value y = functions::activation(e, kind, /*for8Bits=*/false, x);
  return kind == Activation::Relu ? y : e.select(e.isNumber(x), y, x);
}

void ColumnSums::finish(Value own, Value to, llvm::function_ref<Value(Value)> more) {
  Value shared = e.shared();
  e.store(own, e.at(shared, e.mul(e.thread(), 4)));
  e.barrier();
  Value isMine = e.less(e.thread(), e.select(isThere(), e.number(kWarpLanes), e.number(0)));
  e.ifThen(isMine, [&] {
    Value sum = e.floatOf(0);
    for (int64_t warp = 0; warp < kWarps; ++warp)
      sum = e.add(sum, e.load(e.f32(), e.at(shared, e.mul(e.add(e.lane(), warp * kWarpLanes), 4))));
    sum = more(sum);
    if (padded() != outputs)
      sum = e.select(e.less(column(), e.number(outputs)), sum, e.floatOf(0));
    e.store(sum, e.at(to, e.mul(column(), 4)));
  });
}

int64_t ColumnSums::padded() const { return rowBytes(outputs, 4) / 4; }

} // namespace lmopt::nvptx
