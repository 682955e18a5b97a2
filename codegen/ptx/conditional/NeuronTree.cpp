// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See NeuronTree.h.
#include "codegen/ptx/conditional/NeuronTree.h"

#include "codegen/ptx/conditional/Descent.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;
/// Rows that are on their way to a thread at once.
constexpr int64_t kAhead = 4;

class TreeEmitter {
public:
  TreeEmitter(Emitter &e, const NeuronTreeSpec &spec, ValueRange a)
      : e(e), spec(spec), x(e.atElement(a[0], e.block(), spec.rows.keyBytes())), weights(a[1]),
        to(e.atElement(a[2], e.block(), spec.rows.valueBytes())), visits(e.shared()), trees(a[3]) {}

  void run() {
    if (spec.treesTogether() == spec.trees)
      return some(e.number(0), trees, /*isFirst=*/true);
    some(e.number(0), e.number(spec.treesTogether()), /*isFirst=*/true);
    e.loop(e.number(spec.treesTogether()), trees, spec.treesTogether(), [&](Value first) {
      e.barrier(); // who is behind may still read what was found before
      some(first, e.min(e.add(first, spec.treesTogether()), trees), /*isFirst=*/false);
    });
  }

private:
  Emitter &e;
  const NeuronTreeSpec &spec;
  Value x, weights, to, visits, trees;
  static constexpr int64_t kVisit = NeuronTreeSpec::kVisitBytes;

  // Some trees, and what they add.
  void some(Value first, Value end, bool isFirst) {
    e.loop(e.add(first, e.warp()), end, spec.warps(), [&](Value tree) { walk(tree, e.sub(tree, first)); });
    e.barrier();
    Value count = e.mul(e.sub(end, first), spec.levels);
    e.loop(e.thread(), e.number(spec.rows.valueBytes() / 16), spec.threads(), [&](Value four) {
      Value column = e.at(to, e.mul(four, 16));
      Values start = isFirst ? Values(4, e.floatOf(0)) : e.loadFour(e.f32(), column); // its own from before
      e.storeFour(withoutPadding(add(four, count, start), four), column);
    });
  }

  // Lane l keeps what was found at level l. No branch stores it: lanes must stay together for the next tree, so those
  // without a level store to a place of their own.
  void walk(Value tree, Value slot) {
    Descent descent(e, spec.rows, spec.tieRight, weights, x);
    Values found = descent.walk(e.mul(tree, spec.nodes()), spec.levels);
    Value visit = e.add(e.mul(slot, spec.levels), e.lane()), spare = e.add(e.thread(), spec.mostVisits());
    Value place = e.at(visits, e.mul(e.select(e.less(e.lane(), e.number(spec.levels)), visit, spare), kVisit));
    e.store(found[0], place);
    e.store(activated(e, spec.kind, found[1]), e.at(place, 4));
  }

  // Four columns of all rows that were found.
  Values add(Value four, Value count, const Values &start) {
    Value whole = e.bitAnd(count, -kAhead);
    Values sums = e.loop(e.number(0), whole, kAhead, start,
                         [&](Value visit, const Values &so) { return addRows(visit, kAhead, four, so); });
    return e.loop(whole, count, 1, sums, [&](Value visit, const Values &so) { return addRows(visit, 1, four, so); });
  }
  Values addRows(Value visit, int64_t count, Value four, const Values &start) {
    Values factors, sums = start;
    std::vector<Values> rows;
    for (int64_t i = 0; i < count; ++i) {
      Value found = e.at(visits, e.mul(e.add(visit, i), kVisit));
      Value row = e.atElement(weights, e.load(e.i32(), found), spec.rows.neuronBytes());
      rows.push_back(e.loadFour(e.f32(), e.at(e.at(row, spec.rows.valueOffset()), e.mul(four, 16))));
      factors.push_back(e.load(e.f32(), e.at(found, 4)));
    }
    for (size_t i = 0; i < rows.size(); ++i)
      for (size_t j = 0; j < 4; ++j)
        sums[j] = e.fma(factors[i], rows[i][j], sums[j]);
    return sums;
  }
  // Infinity times the padding's zero is none.
  Values withoutPadding(Values sums, Value four) {
    for (size_t j = 0; spec.rows.outputs % 8 && j < 4; ++j)
      sums[j] = e.select(e.less(e.add(e.mul(four, 4), static_cast<int64_t>(j)), e.number(spec.rows.outputs)), sums[j],
                         e.floatOf(0));
    return sums;
  }
};

std::string nameOf(const NeuronTreeSpec &spec, const Target &target) {
  return std::string("neuron_tree_") + kernelWord(spec.kind) + "_t" + std::to_string(spec.trees) + "_l" +
         std::to_string(spec.levels) + (spec.tieRight ? "_tieright_" : "_") + wordOf(spec.rows) + "_" + target.chip;
}

} // namespace

std::string neuronTreeKernel(KernelLibrary &kernels, const NeuronTreeSpec &spec) {
  using Kind = ArgumentKind;
  KernelShape shape = {spec.threads(), leastBlocksOf(spec.threads()), spec.sharedBytes()};
  return kernels.define(nameOf(spec, kernels.getTarget()), shape,
                        {Kind::Memory, Kind::Constant, Kind::Memory, Kind::Number},
                        [=](Emitter &e, ValueRange a) { TreeEmitter(e, spec, a).run(); });
}

} // namespace lmopt::nvptx
