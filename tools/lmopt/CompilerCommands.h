// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The commands that need MLIR: their work, and what they share.
//
// In: options as parsed. Out: files, or an Error with the exit code. Diagnostics of MLIR become the message of that
// error. Tested by test/tools/lmopt and test/e2e.
#ifndef LMOPT_TOOLS_LMOPT_COMPILERCOMMANDS_H
#define LMOPT_TOOLS_LMOPT_COMPILERCOMMANDS_H

#include "files/Status.h"
#include "tools/lmopt/CommandLine.h"

#include <string>

namespace mlir {
class MLIRContext;
class ModuleOp;
} // namespace mlir

namespace lmopt::driver {

Result<void> importSource(const ImportOptions &options, const Context &context);
Result<void> compileSource(const CompileOptions &options, const Context &context);
Result<void> calibrateSource(const CalibrateOptions &options, const Context &context);
Result<void> compressSource(const CompressOptions &options, const Context &context);
Result<void> tellSensitivity(const CompressOptions &options, const Context &context);
Result<void> inspectSource(const InspectOptions &options, const Context &context);
/// The shipped recipes, one a line with its summary.
std::string recipeTable();

/// Loads what a module of lmopt is made of. The dump of the operation behind an error belongs to --verbose.
void prepareContext(mlir::MLIRContext &mlirContext, const Context &context);

/// Collects the errors that MLIR reports while it lives: the first one with its notes, as "location: message". Warnings
/// are told at once, and with --verbose remarks, too.
class ErrorCollector {
public:
  ErrorCollector(mlir::MLIRContext &mlirContext, const Context &context);
  ~ErrorCollector();
  ErrorCollector(const ErrorCollector &) = delete;
  ErrorCollector &operator=(const ErrorCollector &) = delete;

  /// The first error, or `otherwise` when none was reported.
  std::string message(const std::string &otherwise) const { return text.empty() ? otherwise : text; }
  /// An error without a message gets that one: MLIR has told what is wrong.
  Error explain(Error error, const std::string &otherwise) const {
    return error.message.empty() ? Error{error.code, message(otherwise)} : error;
  }

private:
  mlir::MLIRContext &mlirContext;
  uint64_t handler;
  std::string text;
};

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_COMPILERCOMMANDS_H
