// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See TreeLogits.h.
#include "codegen/ptx/ranking/TreeLogits.h"

#include "codegen/ptx/Rows.h"
#include "codegen/ptx/ranking/TreeWay.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;
using Kind = ArgumentKind;
constexpr int64_t kThreads = 256;

class TreeLogitsEmitter {
public:
  TreeLogitsEmitter(Emitter &e, const cpu::TreeTables &tables, int64_t outStride, ValueRange a)
      : e(e), tables(tables), way(e, tables, a[1]), scores(e.atElement(a[0], e.blockY(), rowBytes(tables.nodes, 4))),
        logits(e.atElement(a[2], e.blockY(), outStride)) {}

  void run() {
    Value word = e.add(e.mul(e.block(), kThreads), e.thread());
    e.ifThen(e.less(word, e.number(tables.words())), [&] { e.store(logitOf(word), e.atElement(logits, word, 4)); });
  }

private:
  Emitter &e;
  const cpu::TreeTables &tables;
  TreeWay way;
  Value scores, logits;

  Value logitOf(Value word) {
    return way.go(word, {e.floatOf(0)}, [&](Value step, const Values &so) {
      Value score = e.load(e.f32(), e.atElement(scores, way.nodeOf(step), 4));
      return Values{way.add(so[0], step, score)};
    })[0];
  }
};

} // namespace

std::string treeLogitsKernel(KernelLibrary &kernels, const cpu::TreeTables &tables, int64_t outStride) {
  std::string name = "tree_logits_m" + std::to_string(tables.nodes) + "_w" + std::to_string(tables.steps) + "_to" +
                     std::to_string(outStride) + "_" + kernels.getTarget().chip;
  return kernels.define(name, {kThreads}, {Kind::Memory, Kind::Constant, Kind::Memory},
                        [=](Emitter &e, ValueRange a) { TreeLogitsEmitter(e, tables, outStride, a).run(); });
}

} // namespace lmopt::nvptx
