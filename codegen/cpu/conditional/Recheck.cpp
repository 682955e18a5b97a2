// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A decision looked at again. In: a token and a neuron. Out: the side of the sum in f64, rounded to f32 once, as the
// meaning of the ops has it (dialects/lm/conditional/Reference.cpp). Rows of fewer bits have exact ones beside them:
// their sum in f32 decides unless it is within its own error of zero. How often: of random numbers, |a| / (|x| |w|) has
// deviation 1 / sqrt(K), so of 768 inputs one in 10500 decisions of f32 rows, one in 28 of bf16, one in 6 of s8 rows
// (bench/cmm/rechecks.py).
// Tested by test/unit/codegen/NeuronTreeKernelTest.cpp.
#include "codegen/cpu/conditional/DescentTree.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {

using Values = Emitter::Values;

// 16 numbers of what decides.
Value loadExact(Tree &t, Value neuron, Value i) {
  const NeuronRows &rows = t.spec.rows;
  if (rows.exact)
    return t.e.load(t.e.floats(), t.e.at(t.exactRow(neuron), t.e.mul(i, 64)), 64);
  return loadNumbers(t.e, rows.keyFormat, t.e.at(t.neuronRow(neuron), t.e.mul(i, rows.keyVectorBytes())));
}
Value loadToken(Tree &t, Value token, Value i) {
  return t.e.load(t.e.floats(), t.e.at(t.tokenRow(token), t.e.mul(i, 64)), 64);
}

// Four sums, k mod 4. Products of f32 are exact in f64, so it is all the same whether they are fused with their
// additions.
Value exactNumber(Tree &t, Value token, Value neuron) {
  Emitter &e = t.e;
  auto doubles = VectorType::get({4}, e.b.getF64Type());
  auto wide = [&](Value v) { return arith::ExtFOp::create(e.b, e.loc, doubles, v).getResult(); };
  Value zero = arith::ConstantOp::create(e.b, e.loc, DenseElementsAttr::get(doubles, 0.0));
  Value sums = e.loop(e.index(0), e.index(t.spec.rows.keyVectors()), 1, {zero}, [&](Value i, const Values &carried) {
    Value xs = loadToken(t, token, i), ws = loadExact(t, neuron, i), total = carried[0];
    for (int64_t k = 0; k < kLanes; k += 4) {
      SmallVector<int64_t> four{k, k + 1, k + 2, k + 3};
      total = e.add(total, e.mul(wide(e.shuffle(xs, four)), wide(e.shuffle(ws, four))));
    }
    return Values{total};
  })[0];
  Value sum = e.add(e.add(e.lane(sums, 0), e.lane(sums, 1)), e.add(e.lane(sums, 2), e.lane(sums, 3)));
  Value bias = t.numberOf(neuron, NeuronRows::kBias);
  Value wideBias = arith::ExtFOp::create(e.b, e.loc, e.b.getF64Type(), bias);
  return arith::TruncFOp::create(e.b, e.loc, e.b.getF32Type(), e.add(sum, wideBias));
}

// The sum in f32.
Value closeNumber(Tree &t, Value token, Value neuron) {
  Emitter &e = t.e;
  Value sum = sumInChains(e, t.spec.rows.keyVectors(),
                          [&](Value i) { return std::make_pair(loadToken(t, token, i), loadExact(t, neuron, i)); });
  return e.add(sum, t.numberOf(neuron, NeuronRows::kBias));
}

void emitRecheck(Tree &t, Value token, Value position, Value neuron, Value level) {
  Emitter &e = t.e;
  auto decide = [&](Value number) { storeNumber(e, t.side(number), t.part(t.spec.waysOffset()), position); };
  if (!t.spec.rows.exact) {
    Value number = exactNumber(t, token, neuron);
    e.store(number, t.numberAddress(token, level));
    return decide(number);
  }
  Value number = closeNumber(t, token, neuron),
        norm = t.real(e.at(t.exactRow(neuron), t.spec.rows.exactNorm()), e.index(0));
  decide(number);
  e.ifThen(t.isUncertain(number, e.mul(t.reach(token), norm)), [&] { decide(exactNumber(t, token, neuron)); });
}
} // namespace

std::string recheckKernel(KernelLibrary &kernels, const DescentSpec &spec) {
  return kernels.define("descend_again_" + textOf(spec), 5, 4, [&](Emitter &e, ValueRange a) {
    Tree tree(e, spec, a);
    emitRecheck(tree, a[5], a[6], a[7], a[8]);
  });
}

} // namespace lmopt::cpu
