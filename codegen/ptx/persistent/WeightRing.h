// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights on their way to the bodies of a walker: a ring of stages in shared memory, which one warp fills ahead of the
// others, across blocks, records and the barriers between them, so that the memory is not idle while blocks wait.
//
//   a stage: eight slices of a tile (of its last stage, those that are left), 4 KB; stages are numbered from the start
//   of the launch on, in the order in which the block takes them, and stage n lies in place n mod `stages`
//   the loader: waits until the place is empty, and copies
//       sm_80: by cp.async, 16 bytes a lane, a group a stage; waits for the group of `stages` / 2 stages before, and
//           tells that that one is full
//       sm_90a: by one bulk copy, whose bytes the mbarrier "full" counts itself; all places may be under way
//   a warp: waits until the stage is full, reads its slice, and tells that it has
//
// "Full" and "empty" are mbarriers, each a phase for each use of its place: full counts the loader (and bytes), empty
// the eight warps. A stage of a tile that ends before a warp's slice is waited for and told all the same (skip), so
// that phases stay in step. The loader is never needed to be told apart from progress: it holds back only stages that
// it has begun, and a warp that wants the oldest of them has emptied the place of the next. Tiles without their zero
// blocks differ in length, which the loader reads where the body does; a warp reaches a range of blocks, of two stages
// at most, and tells of all stages before it; all warps do so before they meet. Who waits longer than Poll
// allows ends the launch. Source: ptx.md 4.1, 5.2; PTX ISA, "mbarrier", "cp.async.bulk". Tested by
// test/unit/codegen/ptx/WeightRingTest.cpp.
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
  static constexpr int64_t kStageBlocks = kStageBytes / kBlockBytes;
  static int64_t stagesOf(int64_t slices) { return (slices + kWarps - 1) / kWarps; }
  /// Stages that are under way at once, where it is the loader that tells of them.
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
  /// The same of a tile of so many blocks of kBlockBytes.
  Value loadBlocks(Value from, Value blocks, Value stage);
  /// Once there are no more.
  void finish(Value stage);

  // Who computes, eight warps; `first` is the stage that the tile begins with.
  Emitter::Values take(Emitter &own, Value first, Value slice);
  void skip(Value first, int64_t slices);
  /// Of a tile in blocks: see SliceSource. `passed` counts stages of the tile.
  Value reach(Value first, Value passed, Value from, Value end);
  void leave(Value first, Value passed, Value blocks) { letGo(first, passed, stagesOfBlocks(e, blocks)); }
  Value blockAt(Emitter &own, Value first, Value block);
  static Value stagesOfBlocks(Emitter &e, Value blocks) {
    return e.div(e.add(blocks, RingSpec::kStageBlocks - 1), RingSpec::kStageBlocks);
  }

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
  void waitUntilFull(Value stage) { wait(full(stage), parity(stage)); }
  /// Of the stages of a tile from one to another.
  void letGo(Value first, Value from, Value to);
  void arrive(Value mbarrier);
  /// `bytes` of at most so many slices: of all of them where it is null.
  void loadStage(Value from, int64_t slices, Value stage, Value bytes = {});
  bool hasBulkCopies() const { return e.target.hasWgmma(); }
  void copyInPieces(Value from, int64_t slices, Value stage, Value bytes);
  void copyInBulk(Value from, Value stage, Value bytes);
};

/// The weights of one tile.
class TileOfRing : public SliceSource {
public:
  TileOfRing(WeightRing &ring, mlir::Value first) : ring(ring), first(first) {}
  Emitter::Values take(Emitter &e, Value slice) override { return ring.take(e, first, slice); }
  Value reach(Emitter &, Value passed, Value from, Value end) override { return ring.reach(first, passed, from, end); }
  void leave(Emitter &, Value passed, Value blocks) override { ring.leave(first, passed, blocks); }
  Value blockAt(Emitter &e, Value block) override { return ring.blockAt(e, first, block); }

private:
  WeightRing &ring;
  mlir::Value first;
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_PERSISTENT_WEIGHTRING_H
