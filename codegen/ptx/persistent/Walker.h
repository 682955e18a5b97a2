// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A persistent kernel: decode steps as one cooperative launch instead of one launch a kernel.
//
// In: the kernels that such a step launches, each with its body. Out: one kernel more, the walker, which has all of
// these bodies in it. What a step launches is written down by the runtime as records (lmopt_walk_record_t: which
// kernel, its grid, its arguments); the walker goes through them, and of each record a block does virtual blocks
// b, b + g, b + 2 g, ... of the record's grid, b its own number and g how many blocks of the walker there are. Between
// two records all blocks meet (GridBarrier.h). The next record comes to shared memory while they wait.
//
// Memory that one record writes and another reads is read and written by the same launch: only weights and tables
// (arguments that are Constant) may be read past the first-level cache. A body is emitted as it is for its own kernel,
// so the walker gives the same bits. Threads of a block: 256; a body for fewer leaves the others idle. One warp more
// brings the weights of products to shared memory, ahead of the others (WeightRing.h). Cost beside the
// bodies: for each record a grid barrier and some twenty instructions a thread. Source: ptx.md 0, 1.3, 5.2.
// Tested by test/unit/codegen/ptx/WalkerTest.cpp and all decoders over the fake driver (test/e2e/devices.py).
#ifndef LMOPT_CODEGEN_PTX_PERSISTENT_WALKER_H
#define LMOPT_CODEGEN_PTX_PERSISTENT_WALKER_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/Launch.h"
#include "codegen/ptx/persistent/GridBarrier.h"

namespace lmopt::nvptx {

struct WalkerSpec {
  std::vector<int64_t> kernels; ///< numbers in the library, ascending
  GridBarrier barrier;
  /// Of the ring, a power of two; else as many as shared memory is good for.
  std::optional<int64_t> stages;

  static constexpr int64_t kThreads = 256;
  /// Most rows of a step that is walked; more are launched kernel by kernel.
  static constexpr int64_t kRows = 8;
};

/// Bytes from one record to the next: the longest arguments of these kernels behind the head.
int64_t recordBytes(const KernelLibrary &kernels, llvm::ArrayRef<int64_t> numbers);

/// (records, counter of barriers: zero at the start, number of records); launched cooperatively, on as many blocks as
/// there is room for.
std::string walkerKernel(KernelLibrary &kernels, const WalkerSpec &spec);

/// Gives the library a walker for what a step of few rows launches. None where a kernel has more threads than it.
void addWalker(KernelLibrary &kernels, llvm::ArrayRef<Launch> launches);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_PERSISTENT_WALKER_H
