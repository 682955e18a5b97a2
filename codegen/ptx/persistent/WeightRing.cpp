// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See WeightRing.h.
#include "codegen/ptx/persistent/WeightRing.h"

#include "codegen/ptx/Hopper.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace lmopt::nvptx {

static void syncWarp(Emitter &e) { NVVM::SyncWarpOp::create(e.b, e.loc, e.number(-1)); }
static Value isFirstLane(Emitter &e) { return e.equal(e.lane(), e.number(0)); }

// By inline PTX: LLVM's own write the forms of PTX 8.0.
static void inlinePtx(Emitter &e, const char *text, ValueRange operands) {
  NVVM::InlinePtxOp::create(e.b, e.loc, TypeRange(), operands, ValueRange(), text, Value());
}

void WeightRing::initialize() {
  for (int64_t i = 0; i < spec.stages; ++i) {
    Value stage = e.number(i);
    inlinePtx(e, "mbarrier.init.shared.b64 [{$r0}], {$r1};", {full(stage), e.number(1)});
    inlinePtx(e, "mbarrier.init.shared.b64 [{$r0}], {$r1};", {empty(stage), e.number(RingSpec::kWarps)});
  }
  if (hasBulkCopies())
    hopper::publishBarriers(e);
}

Value WeightRing::parity(Value stage) {
  return e.bitAnd(e.shr(stage, llvm::Log2_64(static_cast<uint64_t>(spec.stages))), 1);
}

void WeightRing::wait(Value mbarrier, Value parity) {
  spec.poll.emit(e, [&] {
    auto test = NVVM::InlinePtxOp::create(
        e.b, e.loc, TypeRange(e.i32()), ValueRange{mbarrier, parity}, ValueRange(),
        "{ .reg .pred p; mbarrier.test_wait.parity.shared.b64 p, [{$r0}], {$r1}; selp.u32 {$w0}, 1, 0, p; }", Value());
    return e.equal(test.getResult(0), e.number(0));
  });
}

/// What a warp has done before: one lane tells it for all, and before any of them waits for what comes of it.
void WeightRing::arrive(Value mbarrier) {
  syncWarp(e);
  e.ifThen(isFirstLane(e),
           [&] { inlinePtx(e, "{ .reg .b64 s; mbarrier.arrive.shared.b64 s, [{$r0}]; }", {mbarrier}); });
  syncWarp(e);
}

//===--- The loader ---===//

Value WeightRing::load(Value from, int64_t slices, Value stage) {
  int64_t whole = slices / RingSpec::kWarps, rest = slices % RingSpec::kWarps;
  stage = e.loop(e.number(0), e.number(whole), 1, {stage}, [&](Value i, const Emitter::Values &carried) {
    loadStage(e.atElement(from, i, RingSpec::kStageBytes), RingSpec::kWarps, carried[0]);
    return Emitter::Values{e.add(carried[0], 1)};
  })[0];
  if (!rest)
    return stage;
  loadStage(e.at(from, whole * RingSpec::kStageBytes), rest, stage);
  return e.add(stage, 1);
}

Value WeightRing::loadBlocks(Value from, Value blocks, Value stage) {
  Value bytes = e.mul(blocks, kBlockBytes), count = stagesOfBlocks(e, blocks);
  return e.loop(e.number(0), count, 1, {stage}, [&](Value i, const Emitter::Values &carried) {
    Value left = e.sub(bytes, e.mul(i, RingSpec::kStageBytes));
    loadStage(e.atElement(from, i, RingSpec::kStageBytes), RingSpec::kWarps, carried[0],
              e.min(left, e.number(RingSpec::kStageBytes)));
    return Emitter::Values{e.add(carried[0], 1)};
  })[0];
}

// Of a place that was never used the phase before counts as over.
void WeightRing::loadStage(Value from, int64_t slices, Value stage, Value bytes) {
  wait(empty(stage), e.bitXor(parity(stage), e.number(1)));
  if (hasBulkCopies())
    copyInBulk(from, stage, bytes ? bytes : e.number(slices * kSliceBytes));
  else
    copyInPieces(from, slices, stage, bytes);
}

// By one lane. What warps have read of the place, they have told of before.
void WeightRing::copyInBulk(Value from, Value stage, Value bytes) {
  Value isOne = isFirstLane(e);
  hopper::arriveExpectingIf(e, isOne, full(stage), bytes);
  hopper::copyBulkIf(e, isOne, bytesAt(stage), from, bytes, full(stage));
}

// Behind the last byte nothing is read, and what is written nobody reads.
void WeightRing::copyInPieces(Value from, int64_t slices, Value stage, Value bytes) {
  Value place = e.mul(e.lane(), 16), to = e.at(bytesAt(stage), place), own = e.at(from, place);
  for (int64_t i = 0; i < slices; ++i) {
    Value isThere = bytes ? e.less(e.add(place, i * kSliceBytes), bytes) : Value();
    Value source = e.at(own, i * kSliceBytes);
    if (isThere)
      source = e.select(isThere, source, from);
    e.copyAsync(e.at(to, i * kSliceBytes), source,
                isThere ? e.select(isThere, e.number(16), e.number(0)) : e.number(16));
  }
  e.closeCopies();
  e.waitForCopies(spec.pending());
  Value before = e.number(spec.pending());
  e.ifThen(e.less(e.number(spec.pending() - 1), stage), [&] { arrive(full(e.sub(stage, before))); });
}

void WeightRing::finish(Value stage) {
  if (hasBulkCopies())
    return; // whoever takes a stage has waited for it
  e.waitForCopies();
  Value pending = e.number(spec.pending());
  Value first = e.sub(stage, e.min(stage, pending));
  e.loop(first, stage, 1, [&](Value told) { arrive(full(told)); });
}

//===--- Who computes ---===//

Emitter::Values WeightRing::take(Emitter &own, Value first, Value slice) {
  Value stage = own.add(first, own.shr(slice, 3));
  waitUntilFull(stage);
  Value offset = own.add(own.mul(own.bitAnd(slice, RingSpec::kWarps - 1), kSliceBytes), own.mul(own.lane(), 16));
  Emitter::Values words = own.loadWords(own.at(bytesAt(stage), offset));
  arrive(empty(stage));
  return words;
}

Value WeightRing::reach(Value first, Value passed, Value from, Value end) {
  Value begin = e.max(e.div(from, RingSpec::kStageBlocks), passed);
  letGo(first, passed, begin);
  e.loop(begin, stagesOfBlocks(e, end), 1, [&](Value number) { waitUntilFull(e.add(first, number)); });
  return begin;
}

void WeightRing::letGo(Value first, Value from, Value to) {
  e.loop(from, to, 1, [&](Value number) {
    Value stage = e.add(first, number);
    waitUntilFull(stage);
    arrive(empty(stage));
  });
}

Value WeightRing::blockAt(Emitter &own, Value first, Value block) {
  Value place =
      own.bitAnd(own.add(own.mul(first, RingSpec::kStageBlocks), block), spec.stages * RingSpec::kStageBlocks - 1);
  return own.at(base, own.mul(place, kBlockBytes));
}

void WeightRing::skip(Value first, int64_t slices) {
  int64_t rest = slices % RingSpec::kWarps;
  if (!rest)
    return;
  e.ifThen(e.less(e.number(rest - 1), e.warp()), [&] {
    Value stage = e.add(first, slices / RingSpec::kWarps);
    waitUntilFull(stage);
    arrive(empty(stage));
  });
}

} // namespace lmopt::nvptx
