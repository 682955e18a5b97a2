// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm.preview_linear for CPUs. In: rows x, a preview p of their product, its weights. Out: y = the product where p is
// one of the `count` greatest of its row, p elsewhere. Shim et al., SVD-softmax (2017); techniques 5.4 (b).
//
// For each row, on one thread:
//   1. The count-th greatest of p, bit by bit. A float as an integer whose order is that of the numbers: its bits with
//      the lower 31 turned over where the sign is set, and the sign turned over to compare without it. The greatest
//      integer t for which at least `count` are not below it is found from its highest bit on: 32 walks over N numbers,
//      each of a few instructions for 16 of them, beside a product that reads N r weights.
//   2. A panel of 16 in which none reaches t is copied. Any other is computed by the kernel of the whole product, and
//      lanes that are not wanted get their previews back. Of those that equal t the first ones are wanted, so that
//      there are `count`.
// What is no number and what is -infinity is never wanted: t does not fall below the integer behind that of -infinity.
// Each result is made by one thread from one row by the instructions of the whole product: which thread, and in what
// step, changes no bit. Tested by test/unit/codegen/PreviewLinearKernelTest.cpp,
// test/codegen/run-compiled/ranking.mlir.
#include "codegen/cpu/ranking/PreviewLinear.h"

#include "codegen/cpu/linear/LinearParts.h"

#include <limits>

using namespace mlir;

namespace lmopt::cpu {

namespace {

using Values = Emitter::Values;
constexpr int32_t kLowest = std::numeric_limits<int32_t>::min();
constexpr int32_t kNegativeInfinity = static_cast<int32_t>(0x807fffff); ///< its place in the order

struct PreviewEmitter {
  Emitter &e;
  const PreviewSpec &spec;
  const std::string &product; ///< the kernel of the whole product
  Value in, preview, weights, out, scratch;

  int64_t panels() const { return spec.exact.panels(); }
  bool ragged() const { return spec.exact.outputs % kLanes != 0; }
  Value exclusiveOr(Value a, Value c) { return arith::XOrIOp::create(e.b, e.loc, a, c); }
  Value atLeast(Value a, Value c) { return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::sge, a, c); }

  Value previews(Value row, Value panel) {
    return e.load(e.floats(), e.at(preview, e.add(e.mul(row, floatRowBytes(spec.exact.outputs)), e.mul(panel, 64))),
                  64);
  }

  // The places of 16 numbers in the order of all; the lowest where there is no number, or no output.
  Value places(Value panel, Value numbers) {
    numbers = e.add(numbers, e.floatsOf(0)); // -0 to 0: they are equal
    Value bits = e.bitcast(numbers, e.ints());
    Value turned = e.bitAnd(e.shrSigned(bits, e.intsOf(31)), e.intsOf(std::numeric_limits<int32_t>::max()));
    Value isNumber = arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::ORD, numbers, numbers);
    Value found = e.select(isNumber, exclusiveOr(bits, turned), e.intsOf(kLowest));
    if (!ragged())
      return found;
    Value lanes = e.maskBelow(e.sub(e.index(spec.exact.outputs), e.mul(panel, kLanes)));
    return e.select(lanes, found, e.intsOf(kLowest));
  }

  // How many are at `least` or beyond.
  Value countFrom(Value row, Value least) {
    Value bound = e.broadcast(least);
    Value sums = e.loop(e.index(0), e.index(panels()), 1, {e.intsOf(0)}, [&](Value panel, const Values &sum) {
      Value beyond = atLeast(places(panel, previews(row, panel)), bound);
      return Values{e.add(sum[0], e.select(beyond, e.intsOf(1), e.intsOf(0)))};
    })[0];
    return e.reduceAdd(sums);
  }

  // The place of the count-th greatest.
  Value threshold(Value row) {
    Value sign = e.i32(kLowest), count = e.i32(static_cast<int32_t>(spec.count));
    Value found = e.loop(e.index(0), e.index(32), 1, {e.i32(0)}, [&](Value step, const Values &known) {
      Value shift = arith::TruncIOp::create(e.b, e.loc, e.b.getI32Type(), e.sub(e.index(31), step));
      Value tried = arith::OrIOp::create(e.b, e.loc, known[0], e.shl(e.i32(1), shift));
      Value enough = atLeast(countFrom(row, exclusiveOr(tried, sign)), count);
      return Values{e.select(enough, tried, known[0])};
    })[0];
    return e.max(exclusiveOr(found, sign), e.i32(kNegativeInfinity + 1));
  }

  // Lanes above the threshold keep what was computed, of those at it as many as are left; others get their preview.
  void giveBack(Value row, Value panel, Value least) {
    Value first = e.mul(panel, kLanes), count = e.min(e.sub(e.index(spec.exact.outputs), first), e.index(kLanes));
    Value at = e.mul(first, 4), to = e.at(out, e.add(e.mul(row, spec.exact.outStride), at));
    Value numbers = e.at(preview, e.add(e.mul(row, floatRowBytes(spec.exact.outputs)), at));
    e.store(places(panel, previews(row, panel)), scratch, 64);
    e.loop(e.index(0), count, 1, [&](Value lane) {
      Value offset = e.mul(lane, 4), place = e.load(e.b.getI32Type(), e.at(scratch, offset));
      Value still = e.load(e.b.getI64Type(), left(), 8);
      Value given = arith::AndIOp::create(e.b, e.loc, e.equal(place, least), e.less(e.index(0), still));
      e.store(e.sub(still, e.select(given, e.index(1), e.index(0))), left(), 8);
      Value kept = arith::OrIOp::create(e.b, e.loc, e.less(least, place), given);
      Value address = e.at(to, offset);
      e.store(e.select(kept, e.load(e.b.getF32Type(), address), e.load(e.b.getF32Type(), e.at(numbers, offset))),
              address);
    });
  }
  Value left() { return e.at(scratch, 64); } ///< how many of those at the threshold are still wanted

  void emitRow(Value row) {
    Value least = threshold(row), bound = e.broadcast(least);
    Value above = arith::ExtSIOp::create(e.b, e.loc, e.b.getI64Type(), countFrom(row, e.add(least, e.i32(1))));
    e.store(e.sub(e.index(spec.count), above), left(), 8);
    e.loop(0, panels(), 1, [&](Value panel) {
      Value numbers = previews(row, panel), wanted = atLeast(places(panel, numbers), bound);
      Value any = vector::ReductionOp::create(e.b, e.loc, vector::CombiningKind::OR, wanted);
      e.ifElse(
          any,
          [&] {
            func::CallOp::create(e.b, e.loc, product, TypeRange(),
                                 ValueRange{in, weights, out, row, e.add(row, 1), panel, e.add(panel, 1)});
            giveBack(row, panel, least);
          },
          [&] { storePanel(e, spec.exact, out, numbers, row, panel); });
    });
  }
};
} // namespace

std::string previewLinearKernel(KernelLibrary &kernels, const PreviewSpec &spec) {
  std::string product = linearKernel(kernels, spec.exact);
  std::string name = "preview" + std::to_string(spec.count) + "_of_" + product;
  return kernels.define(name, 5, 2, [&](Emitter &e, ValueRange a) {
    PreviewEmitter emitter{e, spec, product, a[0], a[1], a[2], a[3], a[4]};
    e.loop(a[5], a[6], 1, [&](Value row) { emitter.emitRow(row); });
  });
}

} // namespace lmopt::cpu
