// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Leaves that a tree of hyperplanes chooses; see Gates.h. One leaf is where a way ends. Of several, all numbers are
// those of the reference, in f64: the costs are their sums, so no sum in f32 could say which of two is less.
#include "codegen/ptx/conditional/Choice.h"
#include "codegen/ptx/conditional/Descent.h"
#include "codegen/ptx/conditional/Gates.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;

class TreeGatesEmitter {
public:
  TreeGatesEmitter(Emitter &e, const TreeGatesSpec &spec, ValueRange a)
      : e(e), spec(spec),
        descent(e, spec.nodes, spec.tieRight, a[1], e.atElement(a[0], e.block(), spec.nodes.keyBytes())),
        to(e.atElement(a[2], e.block(), rowBytes(spec.leaves(), 4))), numbers(e.shared()),
        choice{e, e.at(numbers, spec.keysOffset()), spec.leaves()} {}

  void run() {
    if (spec.count == spec.leaves())
      return store([&](Value) { return one(); });
    if (spec.several())
      return chooseSeveral();
    Value node = descent.walk(e.number(0), spec.levels)[2];
    Value reached = e.add(node, 1 - spec.leaves());
    store([&](Value leaf) { return e.select(e.equal(leaf, reached), one(), zero()); });
  }

private:
  Emitter &e;
  const TreeGatesSpec &spec;
  Descent descent;
  Value to, numbers;
  Choice choice;

  Value one() { return e.floatOf(1); }
  Value zero() { return e.floatOf(0); }
  Value numberAt(Value node) { return e.at(numbers, e.mul(node, 4)); }

  // All threads; behind the last leaf stands zero.
  void store(llvm::function_ref<Value(Value)> gate) {
    int64_t padded = rowBytes(spec.leaves(), 4) / 4;
    e.loop(e.thread(), e.number(padded), spec.threads(), [&](Value leaf) {
      Value isLeaf = e.less(leaf, e.number(spec.leaves()));
      Value number =
          padded == spec.leaves() ? gate(leaf) : e.ifThen(isLeaf, {zero()}, [&] { return Values{gate(leaf)}; })[0];
      e.store(number, e.at(to, e.mul(leaf, 4)));
    });
  }

  void chooseSeveral() {
    findNumbers();
    e.barrier();
    e.loop(e.thread(), e.number(spec.leaves()), spec.threads(),
           [&](Value leaf) { choice.put(leaf, e.sub(zero(), costOf(leaf))); });
    e.barrier();
    store([&](Value leaf) { return e.select(e.less(choice.rank(leaf), e.number(spec.count)), one(), zero()); });
  }

  // Eight nodes a warp; lanes beyond the last one look at it again. No branch stores a number: lanes must stay together
  // for the next node, so those that need not store do so to a place of their own.
  void findNumbers() {
    int64_t nodes = spec.nodes.neurons, together = spec.threads() / 4;
    Value end = e.select(e.equal(e.bitAnd(e.lane(), 3), e.number(0)), e.number(nodes), e.number(0));
    Value spare = e.add(e.thread(), spec.spareOffset() / 4);
    e.loop(e.mul(e.warp(), 8), e.number(nodes), together, [&](Value first) {
      Value own = e.add(first, e.shr(e.lane(), 2)), node = e.min(own, e.number(nodes - 1));
      e.store(descent.exactNumber(node), numberAt(e.select(e.less(own, end), node, spare)));
    });
  }

  // Along the way to a leaf. Counted from one, a parent has half the number of its child.
  Value costOf(Value leaf) {
    Value counted = e.add(leaf, spec.leaves()), cost = zero();
    for (int64_t level = 0; level < spec.levels; ++level) {
      Value a = e.load(e.f32(), numberAt(e.add(e.shr(counted, spec.levels - level), -1)));
      Value magnitude = e.bitcast(e.bitAnd(e.bitcast(a, e.i32()), 0x7fffffff), e.f32());
      magnitude = e.select(e.isNumber(a), magnitude, zero());
      Value isRight = e.equal(e.bitAnd(e.shr(counted, spec.levels - level - 1), 1), e.number(1));
      Value isOther = arith::XOrIOp::create(e.b, e.loc, descent.goesRight(a), isRight);
      cost = e.add(cost, e.select(isOther, magnitude, zero()));
    }
    return cost;
  }
};

} // namespace

std::string treeGatesKernel(KernelLibrary &kernels, const TreeGatesSpec &spec) {
  using Kind = ArgumentKind;
  std::string name = "tree_gates" + std::to_string(spec.count) + "_l" + std::to_string(spec.levels) +
                     (spec.tieRight ? "_tieright_" : "_") + wordOf(spec.nodes) + "_" + kernels.getTarget().chip;
  KernelShape shape = {spec.threads(), leastBlocksOf(spec.threads()), spec.sharedBytes()};
  return kernels.define(name, shape, {Kind::Memory, Kind::Constant, Kind::Memory},
                        [=](Emitter &e, ValueRange a) { TreeGatesEmitter(e, spec, a).run(); });
}

} // namespace lmopt::nvptx
