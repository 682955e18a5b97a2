// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declares lm-observe and its registration; what it does stands in Observe.td. And the parts that `lmopt calibrate` is
// made of: a model cut where only one value goes on, each part as a model of its own that gives what its linears read.
#ifndef LMOPT_PASSES_OBSERVE_OBSERVE_H
#define LMOPT_PASSES_OBSERVE_OBSERVE_H

#include "passes/analysis/ObservedValues.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/Pass.h"

namespace lmopt::lm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/observe/Observe.h.inc"

/// The one function of a model; an error at the module when there is not exactly one.
mlir::FailureOr<mlir::func::FuncOp> findModelFunction(mlir::ModuleOp module);

/// Of that function: whether it takes a cache.
bool isDecoder(mlir::func::FuncOp function);

/// Some ops of a function, one after another. What goes in is made of the function's arguments, or is `input`; what
/// goes on is `output`.
struct Segment {
  std::vector<mlir::Operation *> ops;
  mlir::Value input;  ///< null: the segment begins with the ids
  mlir::Value output; ///< null: the segment ends with the function
};

/// All of a function.
Segment wholeSegment(mlir::func::FuncOp function);

/// Rows that go in from outside, one for each token id.
struct StoredRows {
  mlir::Attribute weight; ///< where they lie
  int64_t count = 0;
};

/// The segment as a module with one function @encode. Its results: `observed`, named; then the output, named `next`, if
/// it is not among them, or what the function returns, where `results` is true; then `more`, of which the input may be
/// one. With an input, ids are the numbers of the rows in `rows`.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> buildObserver(mlir::func::FuncOp function, const Segment &segment,
                                                                 llvm::ArrayRef<ObservedValue> observed,
                                                                 const StoredRows &rows, bool results,
                                                                 llvm::ArrayRef<mlir::Value> more = {});

} // namespace lmopt::lm

#endif // LMOPT_PASSES_OBSERVE_OBSERVE_H
