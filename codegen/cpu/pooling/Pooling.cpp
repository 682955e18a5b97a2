// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pooling over segments; see Pooling.h.
#include "codegen/cpu/pooling/Pooling.h"

#include "codegen/cpu/Segments.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {
// One vector of columns of one segment.
Value poolColumns(Emitter &e, Pooling pooling, Value first, Value rows, int64_t stride) {
  auto row = [&](Value i) { return e.loadFloats(e.at(first, e.mul(i, stride))); };
  if (pooling == Pooling::Cls)
    return row(e.index(0));
  if (pooling == Pooling::Last)
    return row(e.sub(rows, e.index(1)));
  Value start = pooling == Pooling::Max ? row(e.index(0)) : e.floatsOf(0);
  Value pooled = e.loop(e.index(0), rows, 1, {start}, [&](Value i, const Emitter::Values &carried) {
    return Emitter::Values{pooling == Pooling::Max ? e.max(row(i), carried[0]) : e.add(row(i), carried[0])};
  })[0];
  if (pooling == Pooling::Max)
    return pooled;
  Value count = arith::SIToFPOp::create(e.b, e.loc, e.b.getF32Type(), rows);
  return e.div(pooled, e.broadcast(count));
}
} // namespace

std::string poolKernel(KernelLibrary &kernels, int64_t width, Pooling pooling) {
  std::string name = std::string("pool_") + kernelWord(pooling) + "_x" + std::to_string(width);
  return kernels.define(name, 3, 2, [&](Emitter &e, ValueRange args) {
    int64_t stride = floatRowBytes(width);
    Segments segments(e, args[2]);
    e.loop(args[3], args[4], 1, [&](Value s) {
      Value segment = segments.at(s);
      Value row = loadInteger(e, segment, offsetof(lmopt_segment_t, row));
      Value rows = loadInteger(e, segment, offsetof(lmopt_segment_t, rows));
      Value first = e.at(args[0], e.mul(row, stride)), to = e.at(args[1], e.mul(s, stride));
      e.loop(0, stride, 64, [&](Value offset) {
        e.store(poolColumns(e, pooling, e.at(first, offset), rows, stride), e.at(to, offset));
      });
    });
  });
}

} // namespace lmopt::cpu
