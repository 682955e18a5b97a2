// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What kernels of weights in groups do with codes and scales, in the operations of
// codegen/cpu/linear/GroupedKernels.cpp and their order: all of them give the same bits. Weights as Fragments.h has
// them, rows as GroupedRow. Tested by test/unit/codegen/ptx/GroupedTileTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_LINEAR_GROUPEDCODES_H
#define LMOPT_CODEGEN_PTX_LINEAR_GROUPEDCODES_H

#include "codegen/ptx/Emitter.h"
#include "codegen/ptx/linear/Fragments.h"

namespace lmopt::nvptx {

class GroupedCodes {
public:
  using Value = mlir::Value;
  using Values = Emitter::Values;

  GroupedCodes(Emitter &e, const LinearSpec &linear) : e(e), linear(linear) {}

  /// Of a slice 32 inputs as operand. Signed codes of four bits stand in the upper half of a byte: sixteen times as
  /// large, which addGroup frees the sum of.
  Values unpacked(Values words, int64_t part);

  /// The same with zeros in the place of the 16 inputs that are not of half `half`: products with groups of 16.
  Values halfOf(const Values &operand, int64_t half);

  /// Of an output in a group; `minimum` null where there is none.
  struct Scale {
    Value scale, minimum;
  };
  /// `at`: scales of 16 outputs, of which it is number `output`.
  Scale scaleAt(Value at, Value output);
  /// sum + s (s_w D + m_w A): `own` is s, `codes` s A.
  Value addGroup(Value sum, Value dot, const Scale &scale, Value own, Value codes);

private:
  Emitter &e;
  const LinearSpec &linear;

  Value halfAt(Value at, Value output) { return e.fromHalf(e.load(e.b.getI16Type(), e.at(at, e.mul(output, 2)), 2)); }
  Value byteAt(Value at, Value output) {
    Value code = e.load(e.b.getI8Type(), e.at(at, output), 1);
    return e.toFloat(mlir::arith::ExtUIOp::create(e.b, e.loc, e.i32(), code));
  }
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LINEAR_GROUPEDCODES_H
