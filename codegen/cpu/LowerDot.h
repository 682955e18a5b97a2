// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Replaces the dot products of lmk by instructions of one instruction set. In: functions with lmk.dot_u8s8 on vectors
// of 16 sums, lmk.dot_bf16 on any. Out: arith, vector and llvm.call_intrinsic. Tested by
// test/codegen/cpu/lower-dot.mlir and, by running every spelling on the same data, by test/unit/codegen/DotTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_LOWERDOT_H
#define LMOPT_CODEGEN_CPU_LOWERDOT_H

#include "codegen/cpu/Target.h"

#include "mlir/Pass/Pass.h"

#include <memory>

namespace lmopt::cpu {

std::unique_ptr<mlir::Pass> createLowerDotPass(const Target &target);

/// Makes `--lmk-lower-dot=isa=NAME` known to lmopt-opt.
void registerLowerDotPass();

} // namespace lmopt::cpu

#endif
