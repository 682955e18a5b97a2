// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rings: layers of a decoder that look back over a window keep the latest positions only, position p where p modulo the
// number of the ring's positions is. In: a module with programs of steps. Out: their ring_positions and ring_back;
// which steps have a place in rings. Layouts of caches: codegen/cpu/attention/CacheView.h,
// codegen/ptx/attention/CacheAccess.h; the memory of a session: runtime/src/session/cache.c. Tested by
// test/codegen/plan/rings.mlir.
#ifndef LMOPT_CODEGEN_PLAN_RINGS_H
#define LMOPT_CODEGEN_PLAN_RINGS_H

#include "dialects/plan/Plan.h"

namespace lmopt::plan {

/// Rings are multiples of it: positions that kernels of all targets attend to at once, at multiples of it (both check).
constexpr int64_t kRingBlock = 256;

/// All programs of a module have the same rings, as long as the longest window asks; none where no sequence is longer.
void chooseRings(mlir::ModuleOp module, int64_t mostRows);

/// Whether the state that a step writes lies in a ring, in a program whose rings are chosen.
bool isForRing(StepOp append);

/// Where a kernel finds the state of its layer, in bytes for each position.
struct StatePlace {
  int64_t offset = 0; ///< of the layers before it: of those in rings, or of the others, as it is
  bool inRing = false;
  int64_t ringPositions = 0; ///< of the model's rings, also where this layer is not in one; 0: there are none
  int64_t allBytes = 0;      ///< of the layers that keep all positions
  int64_t ringBytes = 0;     ///< of the layers in rings
};
StatePlace statePlaceOf(StepOp step);

} // namespace lmopt::plan

#endif // LMOPT_CODEGEN_PLAN_RINGS_H
