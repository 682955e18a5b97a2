// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The softmax by a binary tree for CPUs. In: a score s for each node (or the rows that they are made from). Out: the
// sum of log sigmoid(+-s) on the way to each word, or to one. From techniques 5.5.
//
// log sigmoid(s) = min(s, 0) - log(1 + exp(-|s|)), 16 nodes at a time; that of -s is less by s. All logits: nodes in
// their order, parents first, each adds to what its own sum is. One word: its way is in a table; the panel of 16 nodes
// that holds the next one is multiplied by the kernel of the whole product, unless it is the panel of the node before.
// A way of 10 to 20 nodes reads as many panels at most, so nodes that follow one another should stand together.
//
// Both add the same numbers in the same order, from the root on: what one finds is what the other has, bit for bit.
// Tested by test/unit/codegen/WordTreeKernelTest.cpp, test/codegen/run-compiled/trees.mlir.
#include "codegen/cpu/ranking/WordTree.h"

#include "codegen/cpu/linear/LinearParts.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {

using Values = Emitter::Values;

struct TreeEmitter {
  Emitter &e;
  const TreeTables &tables;
  Value address; ///< of the tables

  Value integer(Value base, Value number) {
    Value found = e.load(e.b.getI32Type(), e.at(base, e.mul(number, 4)));
    return arith::ExtSIOp::create(e.b, e.loc, e.b.getI64Type(), found);
  }
  Value left(Value node) { return integer(address, node); }
  Value right(Value node) { return integer(e.at(address, tables.rightOffset()), node); }
  Value begin(Value word) { return integer(e.at(address, tables.beginOffset()), word); }
  Value step(Value number) { return integer(e.at(address, tables.stepOffset()), number); }
  Value number(Value row, Value i) { return e.load(e.b.getF32Type(), e.at(row, e.mul(i, 4))); }

  // log sigmoid of 16 scores.
  Value toLeft(Value score) {
    Value power = e.exp(e.sub(e.floatsOf(0), e.magnitude(score)));
    Value below = e.select(e.less(e.floatsOf(0), score), e.floatsOf(0), score);
    return e.sub(below, e.log(e.add(e.floatsOf(1), power)));
  }
};

// All logits of a row.
void emitLogits(TreeEmitter &t, const TreeLogitsSpec &spec, Value scores, Value out, Value scratch) {
  Emitter &e = t.e;
  Value logs = e.at(scratch, spec.logOffset()), words = e.index(t.tables.words());
  auto logAt = [&](Value side) { return e.at(logs, e.mul(side, 4)); };
  e.loop(0, roundUp(t.tables.nodes, kLanes), kLanes, [&](Value i) {
    Value at = e.mul(i, 4);
    e.store(t.toLeft(e.load(e.floats(), e.at(scores, at), 64)), e.at(scratch, at), 64);
  });
  e.store(e.f32(0), logAt(words));
  e.loop(0, t.tables.nodes, 1, [&](Value node) {
    Value above = t.number(logs, e.add(node, words)), left = t.number(scratch, node);
    e.store(e.add(above, left), logAt(t.left(node)));
    e.store(e.add(above, e.sub(left, t.number(scores, node))), logAt(t.right(node)));
  });
  e.loop(e.index(0), words, kLanes, [&](Value i) {
    Value at = e.mul(i, 4), mask = e.maskBelow(e.sub(words, i));
    e.storeMasked(e.loadFloats(e.at(logs, at)), e.at(out, at), mask);
  });
}

// The score of one word for each row.
struct TreeScoreEmitter {
  Emitter &e;
  const TreeScoreSpec &spec;
  const std::string &product; ///< the kernel of the whole product, with padded rows of results
  Value in, weights, tables, targets, out, scratch;
  TreeEmitter tree{e, spec.tables, tables};

  void multiply(Value row, Value panel) {
    Value input = e.at(in, e.mul(row, spec.exact.inStride()));
    func::CallOp::create(e.b, e.loc, product, TypeRange(),
                         ValueRange{input, weights, scratch, e.index(0), e.index(1), panel, e.add(panel, 1)});
    Value scores = e.load(e.floats(), e.at(scratch, e.mul(panel, 64)), 64);
    e.store(tree.toLeft(scores), e.at(scratch, spec.leftOffset()), 64);
  }

  void emitRow(Value row) {
    Value word = tree.integer(targets, row), lanes = e.index(kLanes);
    Values sums = e.loop(tree.begin(word), tree.begin(e.add(word, 1)), 1, {e.f32(0), e.index(-1)},
                         [&](Value at, const Values &carried) {
                           Value step = tree.step(at), node = e.div(step, e.index(2)), panel = e.div(node, lanes);
                           Value fresh = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ne, panel, carried[1]);
                           e.ifThen(fresh, [&] { multiply(row, panel); });
                           Value left = tree.number(e.at(scratch, spec.leftOffset()), e.rem(node, lanes));
                           Value right = e.sub(left, tree.number(scratch, node));
                           Value goesLeft = e.equal(e.rem(step, e.index(2)), e.index(0));
                           return Values{e.add(carried[0], e.select(goesLeft, left, right)), panel};
                         });
    e.store(sums[0], e.at(out, e.mul(row, spec.outStride)));
  }
};

std::string sizesText(const TreeTables &tables) {
  return "m" + std::to_string(tables.nodes) + "_w" + std::to_string(tables.steps);
}
} // namespace

std::string treeLogitsKernel(KernelLibrary &kernels, const TreeLogitsSpec &spec) {
  std::string name = "tree_logits_" + sizesText(spec.tables) + "_to" + std::to_string(spec.outStride);
  return kernels.define(name, 4, 2, [&](Emitter &e, ValueRange a) {
    TreeEmitter tree{e, spec.tables, a[1]};
    e.loop(a[4], a[5], 1, [&](Value row) {
      emitLogits(tree, spec, e.at(a[0], e.mul(row, floatRowBytes(spec.tables.nodes))),
                 e.at(a[2], e.mul(row, spec.outStride)), a[3]);
    });
  });
}

std::string treeScoreKernel(KernelLibrary &kernels, const TreeScoreSpec &spec) {
  LinearSpec padded = spec.exact;
  padded.outStride = floatRowBytes(spec.exact.outputs);
  std::string product = linearKernel(kernels, padded);
  std::string name = "tree_score_" + sizesText(spec.tables) + "_to" + std::to_string(spec.outStride) + "_" + product;
  return kernels.define(name, 6, 2, [&](Emitter &e, ValueRange a) {
    TreeScoreEmitter emitter{e, spec, product, a[0], a[1], a[2], a[3], a[4], a[5]};
    e.loop(a[6], a[7], 1, [&](Value row) { emitter.emitRow(row); });
  });
}

} // namespace lmopt::cpu
