// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block of threads chooses the greatest of some numbers. In: floats, one call each. Out: for each number how many
// come before it: the greater ones, and of equal ones those with smaller places; what is no number comes last.
//
// Keys: floats as unsigned integers in the same order; 0 is what is no number. Each number counts those before it, all
// threads at once: N / threads times N comparisons in shared memory, little beside an expert. Tested by
// test/unit/codegen/ptx/GatesTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_CONDITIONAL_CHOICE_H
#define LMOPT_CODEGEN_PTX_CONDITIONAL_CHOICE_H

#include "codegen/ptx/Emitter.h"

#include <limits>

namespace lmopt::nvptx {

struct Choice {
  using Value = mlir::Value;
  using Values = Emitter::Values;
  Emitter &e;
  Value keys; ///< in shared memory
  int64_t width;

  void put(Value place, Value number) {
    Value bits = e.bitcast(e.add(number, e.floatOf(0)), e.i32()); // -0 to 0: they are equal
    Value negative = e.shrSigned(bits, e.number(31)), sign = e.number(std::numeric_limits<int32_t>::min());
    Value turned = mlir::arith::OrIOp::create(e.b, e.loc, negative, sign); // all bits of negative ones
    Value key = mlir::arith::XOrIOp::create(e.b, e.loc, bits, turned);
    e.store(e.select(e.isNumber(number), key, e.number(0)), address(place));
  }
  /// Behind a barrier.
  Value rank(Value place) {
    Value own = load(place);
    return e.loop(e.number(0), e.number(width), 1, {e.number(0)}, [&](Value other, const Values &so) {
      Value key = load(other);
      Value isFirst = e.bitAnd(e.equal(key, own), e.less(other, place));
      Value isBefore = mlir::arith::OrIOp::create(e.b, e.loc, e.less(own, key), isFirst);
      return Values{e.add(so[0], e.select(isBefore, e.number(1), e.number(0)))};
    })[0];
  }

private:
  Value address(Value place) { return e.at(keys, e.mul(place, 4)); }
  Value load(Value place) { return e.load(e.i32(), address(place)); }
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_CONDITIONAL_CHOICE_H
