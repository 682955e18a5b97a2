// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See PartSoftmax.h.
#include "codegen/ptx/attention/PartSoftmax.h"
#include "codegen/ptx/attention/OnlineSoftmax.h"

#include "codegen/Functions.h"

using namespace mlir;

namespace lmopt::nvptx {

using Values = Emitter::Values;

// A part may have fewer blocks than there is room for.
void PartSoftmax::start() {
  e.loop(e.thread(), e.number(queries * kStride), threads,
         [&](Value i) { e.store(e.floatOf(-INFINITY), e.at(e.at(e.shared(), offset), e.mul(i, 4))); });
}

void PartSoftmax::weigh() {
  for (int64_t turn = 0, warps = threads / kWarpLanes; turn * warps < queries; ++turn) {
    Value query = e.add(e.warp(), turn * warps);
    if ((turn + 1) * warps <= queries)
      weighOne(query);
    else
      e.ifThen(e.less(query, e.number(queries)), [&] { weighOne(query); });
  }
}

void PartSoftmax::weighOne(Value query) {
  Value own = score(query, e.lane()), most = e.floatOf(-INFINITY);
  Values weights;
  for (int64_t i = 0; i < kPositions; i += kWarpLanes)
    weights.push_back(e.load(e.f32(), e.at(own, 4 * i)));
  for (Value one : weights)
    most = e.max(one, most);
  most = e.acrossLanes(most, {16, 8, 4, 2, 1}, [&](Value a, Value c) { return e.max(a, c); });
  Value log2OfE = e.floatOf(OnlineSoftmax::kLog2OfE), greatest = e.mul(most, log2OfE);
  Value shift = e.sub(e.floatOf(0), greatest);
  for (auto [i, weight] : llvm::enumerate(weights)) {
    weight = functions::exp2(e, e.fma(weight, log2OfE, shift), halves);
    e.store(halves ? e.asBf16(weight) : weight, e.at(own, 4 * kWarpLanes * static_cast<int64_t>(i)));
  }
  Value sum = sumOf(weights);
  e.ifThen(e.equal(e.lane(), e.number(0)), [&] {
    e.store(greatest, ofQuery(0, query));
    e.store(sum, ofQuery(1, query));
  });
}

// Two lanes have the positions of a remainder modulo 16, in turns.
Value PartSoftmax::sumOf(const Values &weights) {
  Value isLow = e.less(e.lane(), e.number(16)), sum = e.floatOf(0);
  for (Value weight : weights) {
    Value other = e.acrossLanes(weight, {16}, [](Value, Value of) { return of; });
    sum = e.add(sum, e.select(isLow, weight, other));
    sum = e.add(sum, e.select(isLow, other, weight));
  }
  return e.acrossLanes(sum, {8, 4, 2, 1}, [&](Value a, Value c) { return e.add(a, c); });
}

} // namespace lmopt::nvptx
