// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The product without what is multiplied by zero, for CPUs. In: rows of which many numbers are zero, rows of weights.
// Out: y = sum over the numbers that are not zero of x[k] V[k], and the bias.
//
// The places of these are listed first. One token reads the rows of V that it needs and no others: columns 16 vectors
// at a time, as NeuronTree.cpp adds. Several take four vectors at a time, so that these columns of all rows (3072 rows:
// 768 KB) stay in the second-level cache from token to token; each multiplication then waits for 64 bytes from there,
// twice as long as a product that keeps weights in registers for eight tokens. So with many tokens it pays where fewer
// than half of the numbers are left. Each result is one sum in the order of k, whatever is beside it. Tested by
// test/unit/codegen/ExpertsKernelTest.cpp, test/codegen/run-compiled/conditional.mlir.
#include "codegen/cpu/conditional/NonzeroLinear.h"

#include "codegen/cpu/conditional/Descent.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {

using Values = Emitter::Values;

struct NonzeroEmitter {
  Emitter &e;
  const NonzeroSpec &spec;
  Value in, weights, out, scratch;

  Value placesOf(Value slot) { return listAt(spec.placesOffset(), slot); }
  Value numbersOf(Value slot) { return listAt(spec.numbersOffset(), slot); }
  Value listAt(int64_t offset, Value slot) {
    return e.at(e.at(scratch, offset), e.mul(slot, floatRowBytes(spec.rows.neurons)));
  }

  // What is not zero of a token; codes are scaled here.
  void list(Value token, Value slot) {
    Value row = e.at(in, e.mul(token, floatRowBytes(spec.rows.neurons)));
    storeNumber(e, e.index(0), scratch, slot);
    forEachNonzero(e, row, spec.rows.neurons, [&](Value k) {
      Value count = countUp(e, scratch, slot), number = e.load(e.b.getF32Type(), e.at(row, e.mul(k, 4)));
      if (spec.rows.valueFormat == RowNumber::S8) {
        Value numbers = e.at(e.at(weights, spec.rows.numbersOffset()), e.mul(k, NeuronRows::kNumbersBytes));
        number = e.mul(number, e.load(e.b.getF32Type(), e.at(numbers, NeuronRows::kValueScale)));
      }
      storeNumber(e, k, placesOf(slot), count);
      e.store(number, e.at(numbersOf(slot), e.mul(count, 4)));
    });
  }

  void columns(Value token, Value slot, Value first, int64_t count) {
    int64_t vectorBytes = spec.rows.valueVectorBytes();
    Values sums;
    for (int64_t c = 0; c < count; ++c)
      sums.push_back(spec.bias ? e.loadFloats(e.at(e.at(weights, spec.biasOffset() + 64 * c), e.mul(first, 64)))
                               : e.floatsOf(0));
    Value places = placesOf(slot), numbers = numbersOf(slot), inRow = e.mul(first, vectorBytes);
    sums = e.loop(e.index(0), loadNumber(e, scratch, slot), 1, sums, [&](Value i, const Values &carried) {
      Values next = carried;
      Value row = e.at(weights, e.add(e.mul(loadNumber(e, places, i), spec.rows.rowBytes()), inRow));
      Value number = e.broadcast(e.load(e.b.getF32Type(), e.at(numbers, e.mul(i, 4))));
      for (int64_t c = 0; c < count; ++c)
        next[c] = e.fma(number, loadNumbers(e, spec.rows.valueFormat, e.at(row, vectorBytes * c)), next[c]);
      return next;
    });
    Value to = e.at(out, e.add(e.mul(token, spec.outStride), e.mul(first, 64)));
    for (int64_t c = 0; c < count; ++c)
      storeVector(sums[c], e.at(to, 64 * c), e.add(first, c));
  }
  void storeVector(Value sum, Value address, Value vector) {
    if (!spec.ragged())
      return e.store(sum, address);
    e.storeMasked(sum, address, e.maskBelow(e.sub(e.index(spec.rows.outputs), e.mul(vector, kLanes))));
  }

  void block(Value begin, Value end, int64_t together) {
    int64_t vectors = spec.rows.valueVectors(), whole = vectors / together * together;
    auto each = [&](Value first, int64_t count) {
      e.loop(begin, end, 1, [&](Value token) { columns(token, e.sub(token, begin), first, count); });
    };
    e.loop(0, whole, together, [&](Value first) { each(first, together); });
    if (whole < vectors)
      each(e.index(whole), vectors - whole);
  }
};
} // namespace

std::string nonzeroLinearKernel(KernelLibrary &kernels, const NonzeroSpec &spec) {
  std::string name = std::string("nonzero_") + numberWord(spec.rows.valueFormat) + "_k" +
                     std::to_string(spec.rows.neurons) + "_n" + std::to_string(spec.rows.outputs) +
                     (spec.bias ? "_bias" : "") + "_to" + std::to_string(spec.outStride);
  return kernels.define(name, 4, 2, [&](Emitter &e, ValueRange a) {
    NonzeroEmitter emitter{e, spec, a[0], a[1], a[2], a[3]};
    e.loop(a[4], a[5], spec.mostTokens, [&](Value begin) {
      Value end = e.min(e.add(begin, spec.mostTokens), a[5]);
      e.loop(begin, end, 1, [&](Value token) { emitter.list(token, e.sub(token, begin)); });
      bool wide = e.shape.tilePanels > 1; // 512-bit registers: sums of 16 vectors
      e.ifElse(
          e.less(e.sub(end, begin), e.index(4)), [&] { emitter.block(begin, end, wide ? 16 : 4); },
          [&] { emitter.block(begin, end, 4); });
    });
  });
}

} // namespace lmopt::cpu
