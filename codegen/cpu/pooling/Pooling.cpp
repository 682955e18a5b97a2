// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pooling over segments; see Pooling.h.
#include "codegen/cpu/pooling/Pooling.h"

#include "codegen/PoolName.h"
#include "codegen/cpu/Segments.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

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
  auto toFloat = [&](Value number) -> Value { return arith::SIToFPOp::create(e.b, e.loc, e.b.getF32Type(), number); };
  auto combine = [&](Value i, Value so) {
    if (pooling == Pooling::Max)
      return e.max(row(i), so);
    if (pooling != Pooling::Weighted)
      return e.add(row(i), so);
    return e.add(e.mul(row(i), e.broadcast(toFloat(e.add(i, e.index(1))))), so); // two roundings, as on GPUs
  };
  Value start = pooling == Pooling::Max ? row(e.index(0)) : e.floatsOf(0);
  Value pooled = e.loop(e.index(0), rows, 1, {start}, [&](Value i, const Emitter::Values &carried) {
    return Emitter::Values{combine(i, carried[0])};
  })[0];
  if (pooling == Pooling::Max)
    return pooled;
  Value count = toFloat(rows);
  if (pooling == Pooling::MeanSqrt)
    count = LLVM::SqrtOp::create(e.b, e.loc, count.getType(), count);
  if (pooling == Pooling::Weighted) // n (n + 1) / 2
    count = e.mul(e.mul(count, toFloat(e.add(rows, e.index(1)))), e.f32(0.5F));
  return e.div(pooled, e.broadcast(count));
}
} // namespace

std::string poolKernel(KernelLibrary &kernels, int64_t width, const std::vector<Pooling> &poolings) {
  return kernels.define(poolName(poolings, width), 3, 2, [&](Emitter &e, ValueRange args) {
    int64_t stride = floatRowBytes(width), kinds = static_cast<int64_t>(poolings.size());
    Segments segments(e, args[2]);
    e.loop(args[3], args[4], 1, [&](Value s) {
      Value segment = segments.at(s);
      Value row = loadInteger(e, segment, offsetof(lmopt_segment_t, row));
      Value rows = loadInteger(e, segment, offsetof(lmopt_segment_t, rows));
      Value first = e.at(args[0], e.mul(row, stride)), to = e.at(args[1], e.mul(s, kinds * stride));
      for (int64_t i = 0; i < kinds; ++i)
        e.loop(0, stride, 64, [&](Value offset) {
          e.store(poolColumns(e, poolings[i], e.at(first, offset), rows, stride), e.at(e.at(to, i * stride), offset));
        });
    });
  });
}

} // namespace lmopt::cpu
