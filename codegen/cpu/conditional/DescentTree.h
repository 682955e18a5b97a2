// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the kernels of a descent share: a tree as they are given it, decisions, and when a decision is looked at again.
// Used by Descent.cpp, DescentSteps.cpp and Recheck.cpp; tested through them.
#ifndef LMOPT_CODEGEN_CPU_CONDITIONAL_DESCENTTREE_H
#define LMOPT_CODEGEN_CPU_CONDITIONAL_DESCENTTREE_H

#include "codegen/cpu/conditional/Descent.h"

#include <limits>

namespace lmopt::cpu {

/// What all kernels of a descent are given: (in, rows, numbers, exact, scratch).
struct Tree {
  using Value = mlir::Value;
  using Values = Emitter::Values;
  Emitter &e;
  const DescentSpec &spec;
  TreeValues values;

  Tree(Emitter &e, const DescentSpec &spec, mlir::ValueRange a)
      : e(e), spec(spec), values{a[0], a[1], a[2], a[3], a[4]} {}

  Value tokenRow(Value token) { return e.at(values.in, e.mul(token, floatRowBytes(spec.rows.inputs))); }
  Value neuronRow(Value neuron) { return e.at(values.rows, e.mul(neuron, spec.rows.rowBytes())); }
  Value exactRow(Value neuron) { return e.at(values.exact, e.mul(neuron, spec.rows.exactBytes())); }
  Value real(Value base, Value i) { return e.load(e.b.getF32Type(), e.at(base, e.mul(i, 4))); }
  Value numberOf(Value neuron, int64_t offset) {
    Value numbers = e.at(values.numbers, e.mul(neuron, NeuronRows::kNumbersBytes));
    return e.load(e.b.getF32Type(), e.at(numbers, offset));
  }
  Value part(int64_t offset) { return e.at(values.scratch, offset); }
  Value numberAddress(Value token, Value level) {
    return e.at(part(spec.numbersOffset()), e.mul(e.add(e.mul(token, spec.numbersPerToken()), level), 4));
  }
  Value reach(Value token) { return real(part(spec.reachOffset()), token); }
  Value compare(mlir::arith::CmpFPredicate predicate, Value a, Value c) {
    return mlir::arith::CmpFOp::create(e.b, e.loc, predicate, a, c);
  }
  Value either(Value a, Value c) { return mlir::arith::OrIOp::create(e.b, e.loc, a, c); }
  Value asInteger(Value bit) { return mlir::arith::ExtUIOp::create(e.b, e.loc, e.b.getI64Type(), bit); }

  /// a > 0, and for those who want it a = 0, as 0 or 1.
  Value side(Value a) {
    using mlir::arith::CmpFPredicate;
    return asInteger(compare(spec.tieRight ? CmpFPredicate::OGE : CmpFPredicate::OGT, a, e.f32(0)));
  }
  /// The sum may have another sign than the exact one: it is within its error of zero, or no finite number.
  Value isUncertain(Value a, Value error) {
    using mlir::arith::CmpFPredicate;
    Value magnitude = e.bitcast(e.bitAnd(e.bitcast(a, e.b.getI32Type()), e.i32(0x7fffffff)), e.b.getF32Type());
    return either(compare(CmpFPredicate::ULT, magnitude, error),
                  compare(CmpFPredicate::UGE, magnitude, e.f32(std::numeric_limits<float>::infinity())));
  }
  Value childOf(Value neuron, Value side) { return e.add(e.add(e.mul(neuron, 2), 1), side); }
};

/// (tree, token, position, neuron, level): the way at one neuron, exactly, to the list of ways, and its number to those
/// of the token, unless narrow rows give the numbers.
std::string recheckKernel(KernelLibrary &kernels, const DescentSpec &spec);

/// Steps of all tokens of a range by one or two levels; see DescentSteps.cpp.
/// (tree, from, to, ahead, begin, end, level, aheadBegin, aheadEnd)
std::string stepKernel(KernelLibrary &kernels, const DescentSpec &spec, int64_t levels, bool last);
/// How many of the rows that are needed next a step asks for, by tokens of its own.
std::pair<int64_t, int64_t> stepAhead(const Emitter &e);

/// (tree, count): all levels for tokens one by one.
std::string walkKernel(KernelLibrary &kernels, const DescentSpec &spec);

/// What the code of a descent depends on, for names.
std::string textOf(const DescentSpec &spec);

} // namespace lmopt::cpu

#endif
