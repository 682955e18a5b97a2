// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The barrier between the blocks of a cooperative launch, for kernels that do more than one step.
//
// A counter in memory, zero when the launch begins, counts arrivals; the k-th barrier of a launch is over when it has
// reached k times the number of blocks, so that nothing is reset between two of them and no block can overtake. One
// thread of a block releases what all of them wrote (they have met before), and polls; the others wait for it at a
// barrier of the block. Its pieces are those of the PTX memory model that LLVM keeps: red.release by inline PTX (LLVM
// 22 drops the ordering of atomicrmw), ld.acquire by an atomic load. Source: ptx.md 1.3, 5.2. Tested by
// test/unit/codegen/ptx/WalkerTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_PERSISTENT_GRIDBARRIER_H
#define LMOPT_CODEGEN_PTX_PERSISTENT_GRIDBARRIER_H

#include "codegen/ptx/persistent/Poll.h"

namespace lmopt::nvptx {

struct GridBarrier {
  int64_t threads = 256, barrier = 0; ///< of a block: which take part, and where they meet
  Poll poll;

  /// `target`: what the counter must reach. `meanwhile` is done by all threads once all of the block have arrived.
  void emit(Emitter &e, mlir::Value counter, mlir::Value target, const std::function<void()> &meanwhile) const;

private:
  static void arrive(Emitter &e, mlir::Value counter);
  void wait(Emitter &e, mlir::Value counter, mlir::Value target) const;
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_PERSISTENT_GRIDBARRIER_H
