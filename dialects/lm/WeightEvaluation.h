// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the readers of weights share: the diagnostics of one evaluation, the leaves that come from files, and what is
// derived from other weights. In: weight attributes, files, sources. Out: WeightData, or a located error that names
// param, tensor, what was expected and found. Used by Weights.cpp only; tested by test/unit/dialects/WeightsTest.cpp.
#ifndef LMOPT_DIALECTS_LM_WEIGHTEVALUATION_H
#define LMOPT_DIALECTS_LM_WEIGHTEVALUATION_H

#include "dialects/lm/Weights.h"

#include "files/gguf/Gguf.h"
#include "files/safetensors/Safetensors.h"

namespace lmopt::lm {

std::string shapeText(llvm::ArrayRef<int64_t> shape);
llvm::StringRef formText(const WeightData &data); ///< f32, bf16, int8, 4-bit grouped, ...
int64_t elementsOf(llvm::ArrayRef<int64_t> shape);

/// Evaluates one weight; carries what a diagnostic needs.
class Evaluation {
public:
  Evaluation(mlir::Location loc, llvm::StringRef what, int &errorCode) : loc(loc), what(what), errorCode(errorCode) {}

  mlir::InFlightDiagnostic error(int code = kErrorMalformed) {
    errorCode = code;
    return mlir::emitError(loc) << what << ": ";
  }
  mlir::LogicalResult error(const Error &cause) { return error(cause.code) << cause.message; }

  /// Sources that must be f32 and of a rank; shapes from files are seen here for the first time.
  mlir::LogicalResult expectF32(const WeightData &data, unsigned minRank, unsigned maxRank, mlir::Attribute attribute);
  mlir::LogicalResult expectVector(const WeightData &vector, int64_t size, mlir::Attribute attribute);
  /// A shape that a file states, before anything of that size is made.
  mlir::LogicalResult expectShape(llvm::ArrayRef<int64_t> shape, llvm::StringRef path, llvm::StringRef key);

private:
  mlir::Location loc;
  llvm::StringRef what; // the param, for messages
  int &errorCode;
};

//===- Leaves ----------------------------------------------------------------------------------------------------===//

mlir::FailureOr<WeightData> readDense(Evaluation &evaluation, mlir::DenseElementsAttr dense);
mlir::FailureOr<WeightData> readGguf(Evaluation &evaluation, const GgufFile &file, GgufAttr attribute);
/// Codes, scales and minima as the file holds them.
mlir::FailureOr<WeightData> readNative(Evaluation &evaluation, const GgufFile &file, GgufAttr attribute);
mlir::FailureOr<WeightData> readSafetensors(Evaluation &evaluation, const SafetensorsFile &file,
                                            SafetensorsAttr attribute);

//===- Derivations, in place where the shape stays ---------------------------------------------------------------===//

mlir::FailureOr<WeightData> makeRow(Evaluation &evaluation, RowAttr attribute, WeightData source);
mlir::FailureOr<WeightData> makeSum(Evaluation &evaluation, SumAttr attribute, WeightData a, const WeightData &b);
mlir::FailureOr<WeightData> makeScale(Evaluation &evaluation, ScaleAttr attribute, WeightData source);
mlir::FailureOr<WeightData> makeColumnScale(Evaluation &evaluation, ScaleColumnsAttr attribute, WeightData source,
                                            const WeightData &vector);
mlir::FailureOr<WeightData> makeRowSum(Evaluation &evaluation, AddToRowsAttr attribute, WeightData source,
                                       const WeightData &vector);
/// `bias`: may be null.
mlir::FailureOr<WeightData> makeMatvecAdd(Evaluation &evaluation, MatvecAddAttr attribute, const WeightData &source,
                                          const WeightData &vector, const WeightData *bias);
/// Of an f32 matrix or vector, or of a grouped matrix: a permutation of rows leaves groups of inputs as they are.
mlir::FailureOr<WeightData> makePermutation(Evaluation &evaluation, PermuteRopeAttr attribute, WeightData source);
mlir::FailureOr<WeightData> makeRotation(Evaluation &evaluation, RotateColumnsAttr attribute, WeightData source);
mlir::FailureOr<WeightData> makeNarrow(Evaluation &evaluation, NarrowAttr attribute, WeightData source);
mlir::FailureOr<WeightData> makeCodes(Evaluation &evaluation, QuantizeRowsAttr attribute, const WeightData &source);
mlir::FailureOr<WeightData> makeGroups(Evaluation &evaluation, QuantizeGroupsAttr attribute, const WeightData &source);

} // namespace lmopt::lm

#endif
