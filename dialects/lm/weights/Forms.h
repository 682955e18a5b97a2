// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What verifiers of weight attributes ask of their sources. Every derived weight checks its sources when it is made, so
// getForm never fails. In: attributes. Out: forms, or an error that names the constraint, what was expected and found.
// Tested by test/dialects/lm/weights*.mlir.
#ifndef LMOPT_DIALECTS_LM_WEIGHTS_FORMS_H
#define LMOPT_DIALECTS_LM_WEIGHTS_FORMS_H

#include "dialects/lm/LmDialect.h"

namespace lmopt::lm {

using EmitError = llvm::function_ref<mlir::InFlightDiagnostic()>;

/// What is expected of a source of a derived weight.
struct Expected {
  llvm::StringRef constraint; ///< "C1"
  llvm::StringRef what;       ///< "the source"
  unsigned minRank, maxRank;
};

mlir::InFlightDiagnostic &printShape(mlir::InFlightDiagnostic &diagnostic, llvm::ArrayRef<int64_t> shape);

/// The form of a source if it is an f32 weight of a fitting rank; an error otherwise.
mlir::FailureOr<WeightForm> expectF32(EmitError emitError, mlir::Attribute source, Expected expected);
mlir::FailureOr<WeightForm> expectMatrix(EmitError emitError, mlir::Attribute source,
                                         llvm::StringRef constraint = "C1");
/// A vector with as many numbers as `form` has along `dim`, as far as both are known.
mlir::LogicalResult expectVector(EmitError emitError, mlir::Attribute vector, const WeightForm &form, unsigned dim,
                                 Expected expected);
/// C2 of weights that keep some rows or columns: ascending, at least one, below `count`.
mlir::LogicalResult expectKept(EmitError emitError, llvm::ArrayRef<int64_t> kept, int64_t count, llvm::StringRef what);
/// The names of a leaf: neither is empty.
mlir::LogicalResult verifyFileReference(EmitError emitError, llvm::StringRef path, llvm::StringRef key);

/// The form of an f32 weight derived from `sources` (null: absent), with the shape of the first one. Each is asked
/// once: asking twice would double the work with each link of a chain of derivations.
WeightForm deriveForm(llvm::ArrayRef<mlir::Attribute> sources);

} // namespace lmopt::lm

#endif
