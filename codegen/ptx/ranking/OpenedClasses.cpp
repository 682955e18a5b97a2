// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See OpenedClasses.h.
#include "codegen/ptx/ranking/OpenedClasses.h"

#include "codegen/ptx/ranking/RankKeys.h"

#include <limits>

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Kind = ArgumentKind;
constexpr int64_t kThreads = MarkedBlock::kThreads;
constexpr float kNone = -std::numeric_limits<float>::infinity();

class OpenedEmitter {
public:
  OpenedEmitter(Emitter &e, const OpenedSpec &spec, ValueRange a)
      : e(e), keys(e), spec(spec), block(e, spec.table.sharing()),
        scores(e.atElement(a[0], e.blockY(), rowBytes(spec.table.classes, 4))), lists(a[1]),
        classes(e.at(a[2], spec.table.classOffset())), opened(flagsOf(a[3])),
        marks(e.atElement(a[4], e.blockY(), MarkedBlock::bytesOf(spec.table.sharing()))), top(a[5]) {}

  void openLikely() {
    Value last = keyAt(e.shr(e.add(top, -1), 1), spec.scores().blocks());
    open(1, [&](Value group) {
      Value key = keys.keyOf(scoreOf(group), group);
      return e.bitAnd(keys.isSome(key), keys.atLeast(key, last));
    });
  }

  void openLeft(Value sums, Value logits, Value before) {
    Value last = keyAt(e.add(top, -1), spec.logits().blocks());
    Value word = e.max(keys.tokenOf(last), e.number(0));
    Value found = e.load(e.f32(), e.atElement(e.atElement(logits, e.blockY(), spec.outStride), word, 4));
    Value least = e.select(keys.isSome(last), found, e.floatOf(kNone));
    Value total = e.load(e.f32(), e.atElement(sums, e.blockY(), spec.table.sumsBytes()));
    openedBefore = flagsOf(before);
    open(2, [&](Value group) {
      Value chance = e.sub(scoreOf(group), total), isClosed = e.equal(flag(openedBefore, group), e.number(0));
      return e.bitAnd(isClosed, e.bitAnd(e.less(e.floatOf(kNone), chance), notBelow(chance, least)));
    });
  }

private:
  Emitter &e;
  RankKeys keys;
  const OpenedSpec &spec;
  MarkedBlock block;
  Value scores, lists, classes, opened, marks, top, openedBefore = {};

  Value notBelow(Value a, Value c) { return arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::OGE, a, c); }
  Value flagsOf(Value flags) { return e.atElement(flags, e.blockY(), 4 * spec.table.classes); }
  Value flag(Value flags, Value group) { return e.load(e.i32(), e.atElement(flags, group, 4)); }
  Value scoreOf(Value group) { return e.load(e.f32(), e.atElement(scores, group, 4)); }

  Value keyAt(Value place, int64_t blocks) { return keys.keyAt(place, lists, blocks, top, e.shared()); }

  // Marks, then when each class was opened: `now`, or before; classes of one word are open from the beginning.
  void open(int64_t now, const std::function<Value(Value)> &isOpen) {
    for (int64_t i = 0; i < MarkedBlock::kLaneNumbers; ++i) {
      Value group = e.load(e.i32(), e.atElement(classes, block.safePlace(i), 4));
      block.store(marks, i, e.bitAnd(block.isThere(i), isOpen(group)));
    }
    Value first = e.add(e.mul(e.block(), kThreads), e.thread());
    e.loop(first, e.number(spec.table.classes), kThreads * spec.blocks(), [&](Value group) {
      Value before = openedBefore ? flag(openedBefore, group) : e.number(0);
      if (!openedBefore && spec.table.singles)
        before = e.select(e.less(group, e.number(spec.table.singles)), e.number(1), before);
      e.store(e.select(isOpen(group), e.number(now), before), e.atElement(opened, group, 4));
    });
  }
};

std::string nameOf(const char *what, const OpenedSpec &spec, const KernelLibrary &kernels) {
  return std::string(what) + "_n" + std::to_string(spec.table.words) + "_c" + std::to_string(spec.table.classes) +
         "_s" + std::to_string(spec.table.singles) + "_to" + std::to_string(spec.outStride) + "_" +
         kernels.getTarget().chip;
}
constexpr KernelShape kShape = {kThreads, /*leastBlocks=*/2, /*sharedBytes=*/8};
} // namespace

std::string likelyMarksKernel(KernelLibrary &kernels, const OpenedSpec &spec) {
  return kernels.define(nameOf("likely_marks", spec, kernels), kShape,
                        {Kind::Memory, Kind::Memory, Kind::Constant, Kind::Memory, Kind::Memory, Kind::Number},
                        [=](Emitter &e, ValueRange a) { OpenedEmitter(e, spec, a).openLikely(); });
}

std::string leftMarksKernel(KernelLibrary &kernels, const OpenedSpec &spec) {
  return kernels.define(nameOf("left_marks", spec, kernels), kShape,
                        {Kind::Memory, Kind::Memory, Kind::Constant, Kind::Memory, Kind::Memory, Kind::Number,
                         Kind::Memory, Kind::Memory, Kind::Memory},
                        [=](Emitter &e, ValueRange a) { OpenedEmitter(e, spec, a).openLeft(a[6], a[7], a[8]); });
}

} // namespace lmopt::nvptx
