// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See HeadEncoder.h.
#include "codegen/ptx/attention/HeadEncoder.h"

using namespace mlir;

namespace lmopt::nvptx {

Value HeadEncoder::kept(Value x) {
  return spec.format == CacheFormat::F32 ? x : e.narrow(e.shr(e.roundedToBf16(x), 16), 16);
}

void HeadEncoder::encode(const std::function<Value(Value)> &numberAt, const std::function<void(Value, Value)> &put,
                         const std::function<void(Value)> &putScale) {
  if (spec.isCodes())
    return encodeCodes(numberAt, put, putScale);
  each([&](Value i) { put(i, kept(numberAt(i))); });
}

// A head of zeros has the scale 0.
void HeadEncoder::encodeCodes(const std::function<Value(Value)> &numberAt, const std::function<void(Value, Value)> &put,
                              const std::function<void(Value)> &putScale) {
  Emitter::Values numbers;
  Value largest = e.floatOf(0);
  each([&](Value i) {
    Value x = numberAt(i);
    largest = e.max(e.max(x, e.sub(e.floatOf(0), x)), largest);
    numbers.push_back(x);
  });
  largest = e.acrossLanes(largest, {16, 8, 4, 2, 1}, [&](Value a, Value c) { return e.max(a, c); });
  Value inverse = e.select(e.less(e.floatOf(0), largest), e.div(e.floatOf(127), largest), e.floatOf(0));
  auto next = numbers.begin();
  each([&](Value i) { put(i, e.narrow(e.add(e.roundToInt(e.mul(*next++, inverse)), 128), 8)); });
  putScale(e.mul(largest, e.floatOf(1.0F / 127)));
}

void HeadEncoder::each(const std::function<void(Value)> &body) {
  for (int64_t begin = 0; begin < width; begin += kWarpLanes) {
    Value i = e.add(e.lane(), begin);
    body(begin + kWarpLanes <= width ? i : e.min(i, e.number(width - 1)));
  }
}

} // namespace lmopt::nvptx
