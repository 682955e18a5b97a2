// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pooling over segments; see Pooling.h.
#include "codegen/cpu/pooling/Pooling.h"

#include "codegen/cpu/KernelLibrary.h"

#include "lmopt/abi.h"

#include <cstddef>

using namespace mlir;

namespace lmopt::cpu {

namespace {
// One vector of columns of one segment.
Value poolColumns(Emitter &e, PoolKind kind, Value first, Value rows, int64_t stride) {
  auto row = [&](Value i) { return e.loadFloats(e.at(first, e.mul(i, stride))); };
  if (kind == PoolKind::First)
    return row(e.index(0));
  if (kind == PoolKind::Last)
    return row(e.sub(rows, e.index(1)));
  Value start = kind == PoolKind::Max ? row(e.index(0)) : e.floatsOf(0);
  Value pooled = e.loop(e.index(0), rows, 1, {start}, [&](Value i, const Emitter::Values &carried) {
    return Emitter::Values{kind == PoolKind::Max ? e.max(row(i), carried[0]) : e.add(row(i), carried[0])};
  })[0];
  if (kind == PoolKind::Max)
    return pooled;
  Value count = arith::SIToFPOp::create(e.b, e.loc, e.b.getF32Type(), rows);
  return e.div(pooled, e.broadcast(count));
}
} // namespace

std::string poolKernel(KernelLibrary &kernels, int64_t width, PoolKind kind) {
  static const char *const names[] = {"mean", "first", "max", "last"};
  std::string name = std::string("pool_") + names[static_cast<int>(kind)] + "_x" + std::to_string(width);
  return kernels.define(name, 3, 2, [&](Emitter &e, ValueRange args) {
    int64_t stride = floatRowBytes(width);
    Value segments = loadPointer(e, args[2], offsetof(lmopt_step_t, segments));
    e.loop(args[3], args[4], 1, [&](Value s) {
      Value segment = e.at(segments, e.mul(s, sizeof(lmopt_segment_t)));
      Value row = loadInteger(e, segment, offsetof(lmopt_segment_t, row));
      Value rows = loadInteger(e, segment, offsetof(lmopt_segment_t, rows));
      Value first = e.at(args[0], e.mul(row, stride)), to = e.at(args[1], e.mul(s, stride));
      e.loop(0, stride, 64,
             [&](Value offset) { e.store(poolColumns(e, kind, e.at(first, offset), rows, stride), e.at(to, offset)); });
    });
  });
}

} // namespace lmopt::cpu
