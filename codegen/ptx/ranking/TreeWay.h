// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The way to a word of a tree, as kernels for GPUs go it: node after node from the root on, in the order of CPUs, so
// that whoever adds along it has their bits. In: packed tables (cpu/ranking/WordTree.h), scores of nodes. Out: sums of
// log sigmoid(+-score). From techniques 5.5. Tested by the kernels (test/unit/codegen/ptx/TreeLogitsTest.cpp,
// TreeScoreTest.cpp).
#ifndef LMOPT_CODEGEN_PTX_RANKING_TREEWAY_H
#define LMOPT_CODEGEN_PTX_RANKING_TREEWAY_H

#include "codegen/Functions.h"
#include "codegen/cpu/ranking/WordTree.h"
#include "codegen/ptx/Emitter.h"

namespace lmopt::nvptx {

class TreeWay {
public:
  using Value = mlir::Value;
  using Values = Emitter::Values;

  TreeWay(Emitter &e, const cpu::TreeTables &tables, Value address)
      : e(e), begins(e.at(address, tables.beginOffset())), steps(e.at(address, tables.stepOffset())) {}

  /// Goes to `word`: `body` is given a step of the way and what is carried.
  Values go(Value word, const Values &carried, llvm::function_ref<Values(Value, const Values &)> body) {
    return e.loop(integer(begins, word), integer(begins, e.add(word, 1)), 1, carried,
                  [&](Value at, const Values &so) { return body(integer(steps, at), so); });
  }
  Value nodeOf(Value step) { return e.shr(step, 1); }
  /// The sum with what the node of a step adds, whose score is known.
  Value add(Value sum, Value step, Value score) {
    Value left = toLeft(score), isLeft = e.equal(e.bitAnd(step, 1), e.number(0));
    return e.add(sum, e.select(isLeft, left, e.sub(left, score)));
  }

private:
  Emitter &e;
  Value begins, steps;

  Value integer(Value list, Value i) { return e.load(e.i32(), e.atElement(list, i, 4)); }

  // log sigmoid(s) = min(s, 0) - log(1 + exp(-|s|)); that of -s is less by s.
  Value toLeft(Value score) {
    Value magnitude = e.bitcast(e.bitAnd(e.bitcast(score, e.i32()), 0x7fffffff), e.f32());
    Value power = functions::exp(e, e.sub(e.floatOf(0), magnitude));
    Value below = e.select(e.less(e.floatOf(0), score), e.floatOf(0), score);
    return e.sub(below, functions::log(e, e.add(e.floatOf(1), power)));
  }
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_RANKING_TREEWAY_H
