// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See OnlineSoftmax.h.
#include "codegen/ptx/attention/OnlineSoftmax.h"

#include "codegen/Functions.h"

using namespace mlir;

namespace lmopt::nvptx {

Value OnlineSoftmax::weights(Value query, Value position) {
  return e.at(e.at(e.shared(), offset), e.mul(e.add(e.mul(query, kBlock), position), 4));
}

void OnlineSoftmax::start() {
  Value thread = e.thread();
  e.ifThen(e.less(thread, e.number(padded(queries))), [&] {
    e.store(e.floatOf(-INFINITY), ofQuery(0, thread));
    e.store(e.floatOf(0), ofQuery(1, thread));
    e.store(e.floatOf(0), ofQuery(2, thread));
  });
}

void OnlineSoftmax::weigh() {
  for (int64_t turn = 0; turn * warps < queries; ++turn) {
    Value query = e.add(e.warp(), turn * warps);
    if ((turn + 1) * warps <= queries)
      weighOne(query);
    else
      e.ifThen(e.less(query, e.number(queries)), [&] { weighOne(query); });
  }
}

void OnlineSoftmax::weighOne(Value query) {
  auto acrossWarp = [&](Value own, llvm::function_ref<Value(Value, Value)> combine) {
    return e.acrossLanes(own, {16, 8, 4, 2, 1}, combine);
  };
  Value low = weights(query, e.lane()), high = e.at(low, 4 * kWarpLanes);
  Value first = e.load(e.f32(), low), second = e.load(e.f32(), high), before = greatest(query);
  Value most = acrossWarp(e.max(first, second), [&](Value a, Value c) { return e.max(a, c); });
  most = e.max(most, before);
  first = functions::exp2(e, e.sub(first, most), false);
  second = functions::exp2(e, e.sub(second, most), false);
  e.store(halves ? e.asBf16(first) : first, low);
  e.store(halves ? e.asBf16(second) : second, high);
  Value added = acrossWarp(e.add(first, second), [&](Value a, Value c) { return e.add(a, c); });
  Value factor = functions::exp2(e, e.sub(before, most), false);
  Value all = e.fma(sum(query), factor, added);
  e.ifThen(e.equal(e.lane(), e.number(0)), [&] {
    e.store(most, ofQuery(0, query));
    e.store(all, ofQuery(1, query));
    e.store(factor, ofQuery(2, query));
  });
}

} // namespace lmopt::nvptx
