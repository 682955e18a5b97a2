// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See WeightRing.h.
#include "codegen/ptx/persistent/WeightRing.h"

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

// Of a place that was never used the phase before counts as over.
void WeightRing::loadStage(Value from, int64_t slices, Value stage) {
  wait(empty(stage), e.bitXor(parity(stage), e.number(1)));
  Value to = e.at(bytesAt(stage), e.mul(e.lane(), 16)), own = e.at(from, e.mul(e.lane(), 16));
  for (int64_t i = 0; i < slices; ++i)
    e.copyAsync(e.at(to, i * kSliceBytes), e.at(own, i * kSliceBytes), e.number(16));
  e.closeCopies();
  e.waitForCopies(spec.pending());
  Value before = e.number(spec.pending());
  e.ifThen(e.less(e.number(spec.pending() - 1), stage), [&] { arrive(full(e.sub(stage, before))); });
}

void WeightRing::finish(Value stage) {
  e.waitForCopies();
  Value pending = e.number(spec.pending());
  Value first = e.sub(stage, e.min(stage, pending));
  e.loop(first, stage, 1, [&](Value told) { arrive(full(told)); });
}

//===--- Who computes ---===//

Emitter::Values WeightRing::take(Emitter &own, Value first, Value slice) {
  Value stage = own.add(first, own.shr(slice, 3));
  wait(full(stage), parity(stage));
  Value offset = own.add(own.mul(own.bitAnd(slice, RingSpec::kWarps - 1), kSliceBytes), own.mul(own.lane(), 16));
  Emitter::Values words = own.loadWords(own.at(bytesAt(stage), offset));
  arrive(empty(stage));
  return words;
}

void WeightRing::skip(Value first, int64_t slices) {
  int64_t rest = slices % RingSpec::kWarps;
  if (!rest)
    return;
  e.ifThen(e.less(e.number(rest - 1), e.warp()), [&] {
    Value stage = e.add(first, slices / RingSpec::kWarps);
    wait(full(stage), parity(stage));
    arrive(empty(stage));
  });
}

} // namespace lmopt::nvptx
