// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See PoolKernel.h. A thread has a column, also those beyond the width, which stay zero.
#include "codegen/ptx/pooling/PoolKernel.h"

#include "codegen/PoolName.h"
#include "codegen/ptx/Rows.h"

#include "lmopt/abi.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;
constexpr int64_t kThreads = 256;
/// Rows that are on their way to a thread at once: memory takes as long for one as for eight.
constexpr int64_t kAhead = 8;

class PoolEmitter {
public:
  PoolEmitter(Emitter &e, int64_t width, int64_t kinds, ValueRange a)
      : e(e), bytes(rowBytes(width, 4)), to(e.atElement(a[2], e.block(), kinds * bytes)) {
    Value segment = e.atElement(a[1], e.block(), sizeof(lmopt_device_segment_t));
    rows = e.load(e.i32(), e.at(segment, offsetof(lmopt_device_segment_t, rows)));
    first = e.atElement(a[0], e.load(e.i32(), e.at(segment, offsetof(lmopt_device_segment_t, first))), bytes);
  }

  void run(const std::vector<Pooling> &poolings) {
    e.loop(e.thread(), e.number(bytes / 4), kThreads, [&](Value column) {
      Value offset = e.mul(column, 4);
      for (size_t i = 0; i < poolings.size(); ++i) {
        pooling = poolings[i];
        e.store(pool(e.at(first, offset)), e.at(e.at(to, static_cast<int64_t>(i) * bytes), offset));
      }
    });
  }

private:
  Emitter &e;
  int64_t bytes;
  Pooling pooling = Pooling::Mean; // the kind whose turn it is
  Value to, rows, first;

  Value numberOf(Value column, Value row) { return e.load(e.f32(), e.atElement(column, row, bytes)); }

  Value pool(Value column) {
    if (pooling == Pooling::Cls)
      return numberOf(column, e.number(0));
    if (pooling == Pooling::Last)
      return numberOf(column, e.add(rows, -1));
    Value pooled = addRows(column, pooling == Pooling::Max ? numberOf(column, e.number(0)) : e.floatOf(0));
    return pooling == Pooling::Max ? pooled : e.div(pooled, weightOfAll());
  }
  Value weightOfAll() {
    Value count = e.toFloat(rows);
    if (pooling == Pooling::MeanSqrt)
      return e.sqrt(count);
    return pooling == Pooling::Mean ? count : e.mul(e.mul(count, e.toFloat(e.add(rows, 1))), e.floatOf(0.5));
  }
  // In the order of rows, as on CPUs.
  Value addRows(Value column, Value start) {
    Value whole = e.bitAnd(rows, -kAhead);
    Values pooled = e.loop(e.number(0), whole, kAhead, {start}, [&](Value row, const Values &so) {
      Values numbers;
      for (int64_t i = 0; i < kAhead; ++i)
        numbers.push_back(numberOf(column, e.add(row, i)));
      Value sum = so[0];
      for (int64_t i = 0; i < kAhead; ++i)
        sum = combine(numbers[i], e.add(row, i), sum);
      return Values{sum};
    });
    return e.loop(whole, rows, 1, pooled,
                  [&](Value row, const Values &so) { return Values{combine(numberOf(column, row), row, so[0])}; })[0];
  }
  Value combine(Value number, Value row, Value so) {
    if (pooling == Pooling::Max)
      return e.max(number, so);
    return e.add(pooling == Pooling::Weighted ? e.mul(number, e.toFloat(e.add(row, 1))) : number, so);
  }
};

} // namespace

std::string poolKernel(KernelLibrary &kernels, int64_t width, const std::vector<Pooling> &poolings) {
  using Kind = ArgumentKind;
  std::string name = poolName(poolings, width) + "_" + kernels.getTarget().chip;
  return kernels.define(name, {kThreads}, {Kind::Memory, Kind::Memory, Kind::Memory}, [=](Emitter &e, ValueRange a) {
    PoolEmitter(e, width, static_cast<int64_t>(poolings.size()), a).run(poolings);
  });
}

} // namespace lmopt::nvptx
