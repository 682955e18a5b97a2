// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Trees of neurons for CPUs: y = sum over trees and levels of f(a_l) V[n_l]. In: rows of f32, neurons (NeuronTree.h).
// Out: rows of f32. The walk down each tree is Descent.cpp's; then each token adds the rows of its way.
//
// What bounds the adding: one multiplication for 64 bytes of V, which a core reads from its first-level cache as fast
// as it multiplies. So columns are taken 16 vectors at a time (256-bit registers: six), their sums in registers for a
// whole way, and tokens in the order of their neurons, whose ways have most rows in common: 12 rows x 1 KB stay in the
// first-level cache from one token to the next. Each row of the result is written once a tree.
// Tested by test/unit/codegen/NeuronTreeKernelTest.cpp, test/codegen/run-compiled/conditional.mlir.
#include "codegen/cpu/conditional/DescentTree.h"
#include "codegen/cpu/elementwise/Activations.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {

using Values = Emitter::Values;

struct Adding {
  Emitter &e;
  const NeuronTreeSpec &spec;
  bool more;    ///< to what the trees before have made
  bool streams; ///< past the caches
  Value rows, neuronNumbers, out, scratch, list;
  const DescentSpec &descent = spec.descent;
  const NeuronRows &neurons = descent.rows;

  Value numbers(Value token) {
    return e.at(scratch, e.add(e.mul(token, 4 * descent.numbersPerToken()), descent.numbersOffset()));
  }
  Value tokenAt(Value i) { return loadNumber(e, e.at(list, descent.tokensOffset(0)), i); }
  Value lastAt(Value i) { return loadNumber(e, e.at(list, descent.neuronsOffset(0)), i); }

  // The neuron of a level on the way to the last one: counted from one, the number of a parent is half of its child's.
  Value onWay(Value last, int64_t level) {
    return e.add(e.shrLogical(e.add(last, 1), e.index(descent.levels - 1 - level)), -1);
  }

  void activate(Value i) {
    Value token = tokenAt(i);
    for (int64_t lanes = 0; lanes < descent.numbersPerToken(); lanes += kLanes) {
      Value address = e.at(numbers(token), 4 * lanes);
      Value x = e.load(e.floats(), address, 64), y = emitActivation(e, spec.kind, false, x);
      Value isNumber = arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::ORD, x, x);
      e.store(spec.kind == Activation::Relu ? y : e.select(isNumber, y, x), address, 64); // formulas clamp, NaN stays
    }
    if (neurons.valueFormat == RowNumber::S8)
      for (int64_t level = 0; level < descent.levels; ++level) {
        Value address = e.at(numbers(token), 4 * level),
              number = e.mul(onWay(lastAt(i), level), NeuronRows::kNumbersBytes);
        Value scale = e.at(neuronNumbers, e.add(number, NeuronRows::kValueScale));
        e.store(e.mul(e.load(e.b.getF32Type(), address), e.load(e.b.getF32Type(), scale)), address);
      }
  }

  // The rows of the result lie in no order that a core could guess.
  static constexpr int64_t kRowsAhead = 4;
  void askForResult(Value i, Value end, Value first, int64_t count) {
    Value token = tokenAt(e.min(e.add(i, kRowsAhead), e.add(end, -1)));
    Value row = e.at(out, e.add(e.mul(token, spec.outStride), e.mul(first, 64)));
    for (int64_t c = 0; c < count; ++c)
      e.prefetch(e.at(row, 64 * c));
  }

  // Nor do the neurons of the last level, each of which has few tokens (Zen 5, 16384 tokens, 12 levels, without and
  // with it: 9.7 and 9.4 ms; in Zen 3's instructions 12.3 and 11.3).
  void askForLast(Value i, Value end, Value first, int64_t count) {
    Value row = e.mul(lastAt(e.min(e.add(i, kRowsAhead), e.add(end, -1))), neurons.rowBytes());
    Value inRow = e.add(e.mul(first, neurons.valueVectorBytes()), neurons.valueOffset());
    for (int64_t offset = 0; offset < count * neurons.valueVectorBytes(); offset += 64)
      e.prefetch(e.at(e.at(rows, e.add(row, inRow)), offset));
  }

  // Some vectors of a row of the result.
  void columns(Value i, Value end, Value first, int64_t count) {
    if (descent.firstLevels() < descent.levels)
      askForLast(i, end, first, count);
    if (more || !streams)
      askForResult(i, end, first, count);
    Value token = tokenAt(i), last = lastAt(i), factors = numbers(token);
    Value to = e.at(out, e.add(e.mul(token, spec.outStride), e.mul(first, 64)));
    Values sums;
    for (int64_t c = 0; c < count; ++c)
      sums.push_back(more ? loadResult(e.at(to, 64 * c), e.add(first, c)) : e.floatsOf(0));
    Value inRow = e.add(e.mul(first, neurons.valueVectorBytes()), neurons.valueOffset());
    for (int64_t level = 0; level < descent.levels; ++level) {
      Value row = e.at(rows, e.add(e.mul(onWay(last, level), neurons.rowBytes()), inRow));
      Value factor = e.broadcast(e.load(e.b.getF32Type(), e.at(factors, 4 * level)));
      for (int64_t c = 0; c < count; ++c)
        sums[c] =
            e.fma(factor, loadNumbers(e, neurons.valueFormat, e.at(row, neurons.valueVectorBytes() * c)), sums[c]);
    }
    for (int64_t c = 0; c < count; ++c)
      storeResult(sums[c], e.at(to, 64 * c), e.add(first, c));
  }

  Value lanesLeft(Value vector) { return e.maskBelow(e.sub(e.index(neurons.outputs), e.mul(vector, kLanes))); }
  Value loadResult(Value address, Value vector) {
    return spec.ragged() ? e.loadMasked(e.floats(), address, lanesLeft(vector)) : e.loadFloats(address);
  }
  void storeResult(Value sum, Value address, Value vector) {
    if (spec.ragged())
      return e.storeMasked(sum, address, lanesLeft(vector));
    LLVM::StoreOp::create(e.b, e.loc, sum, address, 64, /*isVolatile=*/false, /*isNonTemporal=*/streams);
  }

  void emit(Value begin, Value end) {
    e.loop(begin, end, 1, [&](Value i) { activate(i); });
    int64_t together = e.shape.tilePanels > 1 ? 16 : 6, vectors = neurons.valueVectors();
    int64_t whole = vectors / together * together;
    e.loop(0, whole, together,
           [&](Value first) { e.loop(begin, end, 1, [&](Value i) { columns(i, end, first, together); }); });
    if (whole < vectors)
      e.loop(begin, end, 1, [&](Value i) { columns(i, end, e.index(whole), vectors - whole); });
  }
};

std::string nameOf(const NeuronTreeSpec &spec) {
  return std::string("neuron_tree_") + kernelWord(spec.kind) + "_" + textOf(spec.descent) +
         (spec.ragged() ? "_packed" : "");
}

// (rows, numbers, out, scratch, list, begin, end)
std::string addingKernel(KernelLibrary &kernels, const NeuronTreeSpec &spec, bool more, bool streams) {
  std::string name = std::string(more ? "add_more_" : "add_") + (streams ? "past_" : "") + nameOf(spec);
  return kernels.define(name, 5, 2, [&](Emitter &e, ValueRange a) {
    Adding{e, spec, more, streams, a[0], a[1], a[2], a[3], a[4]}.emit(a[5], a[6]);
  });
}

struct TreeEmitter {
  Emitter &e;
  const NeuronTreeSpec &spec;
  const Descent &descent;
  Value weights, scratch;
  /// Of the first tree and of others, through the caches and past them.
  const std::string &adding, &addingMore, &addingPast, &addingMorePast;

  TreeValues treeOf(Value in, Value tree) {
    const NeuronRows &rows = spec.descent.rows;
    Value first = e.mul(tree, spec.descent.nodes());
    auto partAt = [&](int64_t offset, int64_t bytes) { return e.at(e.at(weights, offset), e.mul(first, bytes)); };
    return {in, partAt(0, rows.rowBytes()), partAt(rows.numbersOffset(), NeuronRows::kNumbersBytes),
            partAt(rows.exactOffset(), rows.exactBytes()), scratch};
  }
  void add(const std::string &kernel, const TreeValues &tree, Value out, int64_t list, Value begin, Value end) {
    Value lists = e.at(scratch, spec.descent.tokensOffset(list));
    func::CallOp::create(e.b, e.loc, kernel, TypeRange(),
                         ValueRange{tree.rows, tree.numbers, out, scratch, lists, begin, end});
  }

  // One tree for the rows of a block.
  void many(Value in, Value out, Value count, Value number, bool first) {
    TreeValues tree = treeOf(in, number);
    descent.emitFirst(e, tree, count, first);
    e.loop(e.index(0), count, spec.descent.tileTokens(), [&](Value begin) {
      Value end = e.min(e.add(begin, spec.descent.tileTokens()), count);
      descent.emitRest(e, tree, begin, end, count);
      auto add = [&](const std::string &kernel) { this->add(kernel, tree, out, descent.endList(), begin, end); };
      if (!spec.mayStream())
        return add(first ? adding : addingMore);
      Value bytes = e.mul(count, spec.outStride);
      e.ifElse(
          e.less(bytes, e.index(kStreamed)), [&] { add(first ? adding : addingMore); },
          [&] { add(first ? addingPast : addingMorePast); });
    });
  }
  // The same for few.
  void few(Value in, Value out, Value count, Value number, bool first) {
    TreeValues tree = treeOf(in, number);
    descent.emitWalk(e, tree, count, first);
    add(first ? adding : addingMore, tree, out, 0, e.index(0), count);
  }
  void allTrees(const std::function<void(Value, bool)> &body) {
    body(e.index(0), true);
    if (spec.descent.trees > 1)
      e.loop(e.index(1), e.index(spec.descent.trees), 1, [&](Value tree) { body(tree, false); });
  }
};
} // namespace

std::string neuronTreeKernel(KernelLibrary &kernels, const NeuronTreeSpec &spec) {
  Descent descent(kernels, spec.descent);
  bool several = spec.descent.trees > 1, streams = spec.mayStream();
  std::string first = addingKernel(kernels, spec, false, false);
  std::string more = several ? addingKernel(kernels, spec, true, false) : "";
  std::string past = streams ? addingKernel(kernels, spec, false, true) : "";
  std::string morePast = several && streams ? addingKernel(kernels, spec, true, true) : "";
  return kernels.define(nameOf(spec), 4, 2, [&](Emitter &e, ValueRange a) {
    TreeEmitter emitter{e, spec, descent, a[1], a[3], first, more, past, morePast};
    e.loop(a[4], a[5], spec.descent.blockTokens(), [&](Value block) {
      Value count = e.min(e.index(spec.descent.blockTokens()), e.sub(a[5], block));
      Value in = e.at(a[0], e.mul(block, floatRowBytes(spec.descent.rows.inputs)));
      Value out = e.at(a[2], e.mul(block, spec.outStride));
      auto few = [&] { emitter.allTrees([&](Value tree, bool first) { emitter.few(in, out, count, tree, first); }); };
      auto many = [&] { emitter.allTrees([&](Value tree, bool first) { emitter.many(in, out, count, tree, first); }); };
      e.ifElse(e.less(count, e.index(DescentSpec::kFew)), few, many);
    });
  });
}

} // namespace lmopt::cpu
