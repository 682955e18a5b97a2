// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The second half of `lmopt compile` as a library: from an optimized lm module to the artifact on disk.
// In: module, options. Out: one .so (and the split-out weights, if asked for), written atomically through
// files/AtomicFile.h. Tested by test/unit/codegen/CompileTest.cpp and the end-to-end tests.
#ifndef LMOPT_CODEGEN_COMPILE_H
#define LMOPT_CODEGEN_COMPILE_H

#include "mlir/IR/BuiltinOps.h"

#include <functional>
#include <string>

namespace lmopt {

/// The stages after which compileToArtifact can stop.
enum class CompileStage {
  Plan,  ///< the scheduled programs as MLIR text
  Lower, ///< the lowered module as MLIR text
  Emit,  ///< LLVM IR as text
  Link   ///< the artifact
};

struct CompileOptions {
  std::string targetCpu = "native"; ///< `native`, a CPU that LLVM knows, or several: a version of the code for each
  std::string target = "cpu";       ///< or `nvptx`, `nvptx:sm_80,sm_90a`: then no CPU is named
  std::string ptxas;                ///< for GPUs: the program, whose results stand beside the texts; empty: none
  std::string spellFor;             ///< a lesser CPU whose instructions the code is written in; empty: the target's own
  std::string baseDirectory;        ///< relative file names of weights start here (the folder of model.mlir)
  std::string tokenizer;            ///< blob (lmopt/tokenizer_format.h); may be empty
  std::string chatTemplate;         ///< Jinja text; may be empty
  std::string recipe;               ///< JSON of the recipe that made the module; stored in the artifact
  bool splitWeights = false;        ///< weights go to OUTPUT.weights instead of into the .so
  CompileStage stopAfter = CompileStage::Link;
  std::string
      dumpDirectory; ///< when not empty: plan.mlir, schedule.mlir, lower.mlir, emit.ll and emit.s are written there
  /// Called with work done and work in all (bytes of weights); may be empty.
  std::function<void(uint64_t, uint64_t)> progress;
};

/// Exit codes of the driver: 0, 1 internal, 2 unknown CPU or a spelling that does not fit, 3 malformed weights, 4
/// unsupported model, 5 memory or disk.
struct CompileResult {
  int code = 0;
  std::string message; ///< empty when MLIR diagnostics have already said it
};

CompileResult compileToArtifact(mlir::ModuleOp module, const CompileOptions &options, const std::string &output);

} // namespace lmopt

#endif
