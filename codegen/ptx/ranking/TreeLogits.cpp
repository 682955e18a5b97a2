// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See TreeLogits.h.
#include "codegen/ptx/ranking/TreeLogits.h"

#include "codegen/Functions.h"
#include "codegen/ptx/Rows.h"
#include "codegen/ptx/ranking/TopLogits.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;
using Kind = ArgumentKind;
constexpr int64_t kThreads = 256;

class TreeLogitsEmitter {
public:
  TreeLogitsEmitter(Emitter &e, const cpu::TreeTables &tables, int64_t outStride, ValueRange a)
      : e(e), tables(tables), begins(e.at(a[1], tables.beginOffset())), steps(e.at(a[1], tables.stepOffset())),
        scores(e.atElement(a[0], e.blockY(), rowBytes(tables.nodes, 4))),
        logits(e.atElement(a[2], e.blockY(), outStride)) {}

  void run() {
    Value word = e.add(e.mul(e.block(), kThreads), e.thread());
    e.ifThen(e.less(word, e.number(tables.words())), [&] { e.store(logitOf(word), e.atElement(logits, word, 4)); });
  }

private:
  Emitter &e;
  const cpu::TreeTables &tables;
  Value begins, steps, scores, logits;

  Value integer(Value list, Value i) { return e.load(e.i32(), e.atElement(list, i, 4)); }

  Value logitOf(Value word) {
    return e.loop(integer(begins, word), integer(begins, e.add(word, 1)), 1, {e.floatOf(0)},
                  [&](Value at, const Values &so) {
                    Value step = integer(steps, at), score = e.load(e.f32(), e.atElement(scores, e.shr(step, 1), 4));
                    Value left = toLeft(score), isLeft = e.equal(e.bitAnd(step, 1), e.number(0));
                    return Values{e.add(so[0], e.select(isLeft, left, e.sub(left, score)))};
                  })[0];
  }

  // log sigmoid(s) = min(s, 0) - log(1 + exp(-|s|)); that of -s is less by s.
  Value toLeft(Value score) {
    Value magnitude = e.bitcast(e.bitAnd(e.bitcast(score, e.i32()), 0x7fffffff), e.f32());
    Value power = functions::exp(e, e.sub(e.floatOf(0), magnitude));
    Value below = e.select(e.less(e.floatOf(0), score), e.floatOf(0), score);
    return e.sub(below, functions::log(e, e.add(e.floatOf(1), power)));
  }
};

void emitPick(Emitter &e, int64_t vocabulary, ValueRange a) {
  Value row = e.add(e.mul(e.block(), kThreads), e.thread());
  e.ifThen(e.less(row, a[4]), [&] {
    Value token = e.load(e.i32(), e.atElement(a[2], row, 4));
    Value target = e.load(e.i32(), e.atElement(a[1], token, 4));
    Value logits = e.atElement(a[0], row, 4 * vocabulary);
    e.store(e.load(e.f32(), e.atElement(logits, target, 4)), e.atElement(a[3], row, 4));
  });
}

} // namespace

std::string treeLogitsKernel(KernelLibrary &kernels, const cpu::TreeTables &tables, int64_t outStride) {
  std::string name = "tree_logits_m" + std::to_string(tables.nodes) + "_w" + std::to_string(tables.steps) + "_to" +
                     std::to_string(outStride) + "_" + kernels.getTarget().chip;
  return kernels.define(name, {kThreads}, {Kind::Memory, Kind::Constant, Kind::Memory},
                        [=](Emitter &e, ValueRange a) { TreeLogitsEmitter(e, tables, outStride, a).run(); });
}

std::string pickLogitsKernel(KernelLibrary &kernels, int64_t vocabulary) {
  return kernels.define("pick_logits_v" + std::to_string(vocabulary) + "_" + kernels.getTarget().chip, {kThreads},
                        {Kind::Memory, Kind::Memory, Kind::Memory, Kind::Memory, Kind::Number},
                        [=](Emitter &e, ValueRange a) { emitPick(e, vocabulary, a); });
}

//===--- The entry ---===//

int64_t scoreBytes(plan::ProgramOp prefill) {
  return roundUp(4 * topLogitsOf(prefill).vocabulary * static_cast<int64_t>(*prefill.getMaxRows()), 256);
}

void addScoreLaunches(plan::ProgramOp prefill, int64_t logitsOffset, KernelLibrary &kernels,
                      std::vector<Launch> &launches) {
  Argument logits = {Argument::Arena, logitsOffset};
  for (Launch &launch : launches)
    for (Argument &argument : launch.arguments)
      if (argument.kind == Argument::Result)
        argument = logits;
  Launch pick;
  pick.domain = plan::Domain::outputs;
  pick.kernel = pickLogitsKernel(kernels, topLogitsOf(prefill).vocabulary);
  pick.arguments = {logits,
                    {Argument::Tokens, 1}, // the input "targets"
                    {Argument::OutputRows},
                    {Argument::Result, 0},
                    Argument::number(Size::rows(pick.domain))};
  pick.grid[0] = Size::rows(pick.domain, kThreads);
  launches.push_back(std::move(pick));
}

} // namespace lmopt::nvptx
