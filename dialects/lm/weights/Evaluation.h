// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One evaluation of a weight: what WeightAttrInterface::evaluate works with. In: weight attributes. Out: WeightData, or
// a located error that names param, tensor, what was expected and found. Inside this folder only; tested by
// test/unit/dialects/WeightsTest.cpp.
#ifndef LMOPT_DIALECTS_LM_WEIGHTS_EVALUATION_H
#define LMOPT_DIALECTS_LM_WEIGHTS_EVALUATION_H

#include "dialects/lm/Weights.h"

#include "files/gguf/Gguf.h"
#include "files/safetensors/Safetensors.h"

#include <deque>
#include <memory>
#include <mutex>

namespace lmopt::lm {

std::string shapeText(llvm::ArrayRef<int64_t> shape);
llvm::StringRef formText(const WeightData &data); ///< f32, bf16, int8, 4-bit grouped, ...
int64_t elementsOf(llvm::ArrayRef<int64_t> shape);

/// What several weights are made from together, as the factors of a matrix: computed once, by the first who asks, and
/// kept until four others were asked for. May be asked by several threads; those who ask for the same wait.
class SharedResults {
public:
  using Result = std::shared_ptr<const void>;
  /// Null when `make` gave null; then the next one tries again.
  Result get(mlir::Attribute key, llvm::function_ref<Result()> make);

private:
  struct Entry {
    mlir::Attribute key;
    std::mutex mutex; // guards the result
    Result result;
  };
  std::shared_ptr<Entry> entryOf(mlir::Attribute key);

  std::mutex mutex; // guards the list
  std::deque<std::shared_ptr<Entry>> latest;
};

/// Files by name, kept open, and what weights share; may be asked by several threads.
class WeightFiles {
public:
  virtual ~WeightFiles() = default;
  virtual Result<const GgufFile *> gguf(llvm::StringRef path) = 0;
  virtual Result<const SafetensorsFile *> safetensors(llvm::StringRef path) = 0;

  SharedResults shared;
};

/// Evaluates one weight; carries what a diagnostic needs.
class Evaluation {
public:
  Evaluation(WeightFiles &files, mlir::Location loc, llvm::StringRef what, int &errorCode)
      : files(files), loc(loc), what(what), errorCode(errorCode) {}

  /// The value of a weight: inline numbers, or what its attribute says (the verifiers bound depth and leaves).
  mlir::FailureOr<WeightData> read(mlir::Attribute weight);

  /// The same for a source that must be f32 and of a rank; `user` is the weight that is made of it.
  mlir::FailureOr<WeightData> readF32(mlir::Attribute source, unsigned minRank, unsigned maxRank, mlir::Attribute user);

  /// What the weights that are made of `key` share: made once, and null after an error has been told. All who share
  /// results of a kind of attribute mean the same T.
  template <class T>
  std::shared_ptr<const T> shared(mlir::Attribute key, llvm::function_ref<std::shared_ptr<const T>()> make) {
    return std::static_pointer_cast<const T>(files.shared.get(key, [&]() -> SharedResults::Result { return make(); }));
  }

  /// Null after an error has been told.
  const GgufFile *openGguf(llvm::StringRef path);
  const SafetensorsFile *openSafetensors(llvm::StringRef path);

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
  WeightFiles &files;
  mlir::Location loc;
  llvm::StringRef what; // the param, for messages
  int &errorCode;
};

} // namespace lmopt::lm

#endif
