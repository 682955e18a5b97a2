// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A warp at the neurons of a tree: their numbers, and the sides to which they send a token. In: a row of f32, neurons
// (NeuronRows.h).
//
// The side is that of the sum in f64, rounded to f32 once (dialects/lm/conditional/Reference.cpp). A sum in f32 tells
// it unless it is within its own error of zero, which |x| |w| bounds (RowProducts::sumError), or no finite number:
// there the warp adds again in f64, in the order of the reference, so that the two are one number. What is behind |x|
// is packed with the neuron, what is before it is the reach of the token; a row of zeros has reach 0 and is exact. As
// codegen/cpu/conditional/Descent.cpp, Recheck.cpp. Tested by test/unit/codegen/ptx/NeuronTreeTest.cpp, GatesTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_CONDITIONAL_DESCENT_H
#define LMOPT_CODEGEN_PTX_CONDITIONAL_DESCENT_H

#include "codegen/ptx/conditional/NeuronRows.h"
#include "codegen/ptx/conditional/RowProducts.h"

namespace lmopt::nvptx {

class Descent {
public:
  using Value = mlir::Value;
  using Values = Emitter::Values;
  Descent(Emitter &e, const NeuronRows &rows, bool tieRight, Value weights, Value x)
      : e(e), rows(rows), tieRight(tieRight), weights(weights), x(x), products{e, rows.inputs} {}

  /// From the root (the number of a neuron) down so many levels, 32 at most. By a whole warp. Lane l gets the neuron of
  /// level l and its number; all get the place in the tree at which the way ends, counted from the root on, level by
  /// level.
  Values walk(Value root, int64_t levels);

  /// The numbers of the reference. Four lanes share a neuron, each has its own four.
  Value exactNumber(Value neuron);
  /// a > 0, and for those who want it a = 0.
  Value goesRight(Value number);

private:
  Emitter &e;
  const NeuronRows &rows;
  bool tieRight;
  Value weights, x;
  RowProducts products;

  Value rowOf(Value neuron) { return e.atElement(weights, neuron, rows.neuronBytes()); }
  Value beside(Value neuron, int64_t offset) {
    return e.load(e.f32(),
                  e.at(e.atElement(e.at(weights, rows.numbersOffset()), neuron, NeuronRows::kNumbersBytes), offset));
  }
  Value reach();
  Value anyBits();
  Value number(Value neuron, Value reach);
  Value isUncertain(Value number, Value error);
  Value addExactly(Value row, Value k, Value sum);
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_CONDITIONAL_DESCENT_H
