// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights on their way to the bodies of a walker: a ring of stages in shared memory, which one warp fills ahead of the
// others, across blocks, records and the barriers between them, so that the memory is not idle while blocks wait.
//
//   a stage: eight slices of a tile (of its last stage, those that are left), 4 KB; stages are numbered from the start
//   of the launch on, in the order in which the block takes them, and stage n lies in place n mod `stages` the loader:
//   waits until the place is empty, copies (cp.async, 16 bytes a lane, a group a stage), waits for the group
//       of `stages` / 2 stages before, and tells that that one is full
//   a warp: waits until the stage is full, reads its slice, and tells that it has
//
// "Full" and "empty" are mbarriers, each a phase for each use of its place: full counts the loader, empty the eight
// warps. A stage of a tile that ends before a warp's slice is waited for and told all the same (skip), so that phases
// stay in step. The loader is never needed to be told apart from progress: it holds back only stages that it has begun,
// and a warp that wants the oldest of them has emptied the place of the next. sm_80's instructions serve all
// architectures; bulk copies of sm_90 would spare the loader 8 of 9 instructions. Who waits longer than Poll allows
// ends the launch. Source: ptx.md 4.1, 5.2; PTX ISA, "mbarrier". Tested by test/unit/codegen/ptx/WeightRingTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_PERSISTENT_WEIGHTRING_H
#define LMOPT_CODEGEN_PTX_PERSISTENT_WEIGHTRING_H

#include "codegen/ptx/persistent/Poll.h"

namespace lmopt::nvptx {

/// How large a ring is and where it lies.
struct RingSpec {
  int64_t stages = 0; ///< a power of two; 0: there is none
  int64_t place = 0;  ///< in shared memory; a multiple of 16
  Poll poll;

  static constexpr int64_t kWarps = 8, kStageBytes = kWarps * kSliceBytes;
  static constexpr int64_t bytesOf(int64_t stages) { return stages * (kStageBytes + 16); }
  static int64_t stagesOf(int64_t slices) { return (slices + kWarps - 1) / kWarps; }
  /// Stages that are under way at once.
  int64_t pending() const { return stages / 2; }
};

class WeightRing {
public:
  using Value = mlir::Value;

  WeightRing(Emitter &e, const RingSpec &spec) : e(e), spec(spec), base(e.at(e.shared(), spec.place)) {}

  /// By one thread, before all others begin.
  void initialize();

  // The loader, one warp; `stage` counts what it has begun.
  /// Brings a tile of `slices` slices that begins at `from`; the stage behind it.
  Value load(Value from, int64_t slices, Value stage);
  /// Once there are no more.
  void finish(Value stage);

  // Who computes, eight warps; `first` is the stage that the tile begins with.
  Emitter::Values take(Emitter &own, Value first, Value slice);
  void skip(Value first, int64_t slices);

private:
  Emitter &e;
  const RingSpec &spec;
  Value base;

  Value placeOf(Value stage) { return e.bitAnd(stage, spec.stages - 1); }
  Value full(Value stage) { return e.at(base, e.add(e.mul(placeOf(stage), 8), spec.stages * RingSpec::kStageBytes)); }
  Value empty(Value stage) { return e.at(full(stage), 8 * spec.stages); }
  Value bytesAt(Value stage) { return e.at(base, e.mul(placeOf(stage), RingSpec::kStageBytes)); }
  /// Parity of the phase in which a stage uses its place.
  Value parity(Value stage);
  void wait(Value mbarrier, Value parity);
  void arrive(Value mbarrier);
  void loadStage(Value from, int64_t slices, Value stage);
};

/// The slices of one tile.
class TileOfRing : public SliceSource {
public:
  TileOfRing(WeightRing &ring, mlir::Value first) : ring(ring), first(first) {}
  Emitter::Values take(Emitter &e, mlir::Value slice) override { return ring.take(e, first, slice); }

private:
  WeightRing &ring;
  mlir::Value first;
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_PERSISTENT_WEIGHTRING_H
