// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Waiting for another thread: a question is asked again and again, eagerly first, then with short sleeps and a look at
// the clock; who waits too long ends the launch by a trap, which the driver tells as a fault: an error, not a hang. In:
// code that asks. Out: a loop. Source: ptx.md 5.2. Tested by test/unit/codegen/ptx/WalkerTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_PERSISTENT_POLL_H
#define LMOPT_CODEGEN_PTX_PERSISTENT_POLL_H

#include "codegen/ptx/Emitter.h"

namespace lmopt::nvptx {

struct Poll {
  int64_t nanoseconds = 2'000'000'000; ///< that somebody waits at most

  static constexpr int64_t kEagerPolls = 64, kSleepNanoseconds = 20;

  /// `isNotYet` gives an i1.
  void emit(Emitter &e, llvm::function_ref<mlir::Value()> isNotYet) const;

private:
  void beforeNext(Emitter &e, mlir::Value polls, mlir::Value start) const;
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_PERSISTENT_POLL_H
