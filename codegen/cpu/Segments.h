// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The segments of a step (lmopt/abi.h), for the bodies of kernels. A runtime newer than the code may know longer ones,
// so the step says how far it is from one to the next. Tested by test/unit/codegen/StepKernelTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_SEGMENTS_H
#define LMOPT_CODEGEN_CPU_SEGMENTS_H

#include "codegen/cpu/KernelLibrary.h"

#include "lmopt/abi.h"

#include <cstddef>

namespace lmopt::cpu {

class Segments {
public:
  Segments(Emitter &e, mlir::Value step)
      : e(e), first(loadPointer(e, step, offsetof(lmopt_step_t, segments))),
        size(loadInteger(e, step, offsetof(lmopt_step_t, segment_size))) {}

  mlir::Value at(mlir::Value index) const { return e.at(first, e.mul(index, size)); }

private:
  Emitter &e;
  mlir::Value first, size;
};

} // namespace lmopt::cpu

#endif
