// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See LinearResults.h.
#include "codegen/ptx/linear/LinearResults.h"

using namespace mlir;

namespace lmopt::nvptx {

void LinearResults::put(Value number, Value row, Value output) {
  auto store = [&] {
    Value sum = linear.bias ? e.add(number, loadOf(e.f32(), linear.biasOffset(), output)) : number;
    e.store(sum, e.at(e.atElement(out, row, stride), e.mul(output, 4)));
  };
  Value isThere = e.less(row, count);
  if (linear.outputs % LinearSpec::kTile)
    isThere = arith::AndIOp::create(e.b, e.loc, isThere, e.less(output, storedOutputs()));
  e.ifThen(isThere, store);
}

Value LinearResults::storedOutputs() {
  int64_t padded = rowBytes(linear.outputs, 4);
  Value isPadded = e.equal(stride, e.number(padded)), outputs = e.number(linear.outputs);
  return padded == 4 * linear.outputs ? outputs : e.select(isPadded, e.number(padded / 4), outputs);
}

} // namespace lmopt::nvptx
