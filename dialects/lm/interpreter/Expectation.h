// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is done with the results of a function, whoever computed them: the interpreter (--lm-interpret) or compiled code
// (--lm-run-compiled).
// In: the function and its results. Out: a line for each on stdout; or, when the function says what it expects, one
// line if that holds and a located error if not.
//
// A function may carry `lm.expect = [dense<...>, ...]` (one for each tensor result; of !lm.codes one each for codes,
// scales and zero points) and `lm.tolerance = 1.0e-6 : f64`, the allowed difference as a share of the largest magnitude
// expected.
// Tested by test/dialects/lm/interpret.

#ifndef LMOPT_DIALECTS_LM_INTERPRETER_EXPECTATION_H
#define LMOPT_DIALECTS_LM_INTERPRETER_EXPECTATION_H

#include "dialects/lm/interpreter/Interpreter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lmopt::lm {

struct ReportOptions {
  int digits = 6;            ///< of printed numbers
  int64_t top = 0;           ///< not 0: print only so many, the largest of the last row
  double leastTolerance = 0; ///< where lm.tolerance is less, this counts
};

mlir::LogicalResult report(mlir::func::FuncOp function, llvm::ArrayRef<RuntimeValue> results,
                           const ReportOptions &options);

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_INTERPRETER_EXPECTATION_H
