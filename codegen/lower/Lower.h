// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the lm module to code: programs of steps, scheduled (plan), and a new module with one function for each kernel
// and each entry point (prefill and decode, or encode), in scf, arith, vector, llvm (addresses) and lmk. No lm op is
// left in it. In: an optimized lm module. Out: LoweredModel. Tested by test/codegen/lower and the end-to-end tests.
#ifndef LMOPT_CODEGEN_LOWER_LOWER_H
#define LMOPT_CODEGEN_LOWER_LOWER_H

#include "codegen/cpu/Target.h"
#include "codegen/ptx/Target.h"
#include "dialects/plan/Plan.h"

#include "mlir/IR/OwningOpRef.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace lmopt::lower {

/// What a model is planned for.
enum class Machine { Cpu, Cuda };

/// A number for each token beside its id (step->inputs).
struct NamedInput {
  std::string name;
  int64_t limit = 0; ///< rows of the smallest table that it is looked up in
};

/// What the entries give, by name.
struct NamedResult {
  std::string name;
  plan::Domain domain = plan::Domain::outputs;
  int64_t width = 0;
};

/// What is known of a model once it is planned.
struct ModelFacts {
  Machine machine = Machine::Cpu;
  bool decoder = true;
  std::string architecture;
  int64_t vocabulary = 0, maxPositions = 0;
  std::vector<NamedInput> inputs;
  std::vector<NamedResult> results;
  std::vector<NamedInput> scoreInputs;   ///< of the entry "score"
  std::vector<NamedResult> scoreResults; ///< none: there is no such entry
  int64_t ropeSwitch = 0;                ///< longer sequences are turned by the second rope tables; 0: there are none
  int64_t cacheBytesPerPosition = 0, stateBytesPerSequence = 0;
  int64_t ringPositions = 0, ringBytesPerPosition = 0, ringBack = 0; ///< layers that keep the latest positions; 0: none
  int64_t weightBytes = 0;
  int64_t prefillRows = 0, decodeRows = 0; ///< most rows of a step; decodeRows 0: an encoder
  int64_t arenaBytes = 0, threadBytes = 0; ///< the largest that an entry needs
  int64_t waitsPrefill = 0, waitsDecode = 0;
  int64_t launchesPrefill = 0, launchesDecode = 0; ///< for GPUs: of a step of most rows, of a step of one
  int64_t top = 0; ///< the entry decode_top gives the so many greatest logits; 0: there is none
};

struct LoweredModel {
  ModelFacts facts;
  mlir::OwningOpRef<mlir::ModuleOp> plan;    ///< params, packed weights, scheduled programs
  mlir::OwningOpRef<mlir::ModuleOp> module;  ///< the code of CPUs; of a model for GPUs, the host's
  std::map<std::string, std::string> images; ///< of a model for GPUs: blobs of the artifact (codegen/ptx/Images.h)
  llvm::SmallVector<plan::WeightOp> weights() const;
  /// The programs, that for many rows first.
  llvm::SmallVector<plan::ProgramOp> programs() const;
};

/// Plans a copy of `module`, whose programs are then scheduled; `show` (may be null) is given the plan after each stage
/// (plan, schedule). Fails with a located error where code generation lacks something.
mlir::LogicalResult planModel(mlir::ModuleOp module, Machine machine, LoweredModel &lowered,
                              llvm::function_ref<mlir::LogicalResult(llvm::StringRef, mlir::ModuleOp)> show = {});
/// The code of a planned model.
mlir::LogicalResult emitModel(const cpu::Target &target, LoweredModel &lowered);
/// The same of a model that is planned for GPUs: images for each of the architectures, and the code of the host, any
/// x86-64. `ptxas`: the program, empty: none. False and `error` on failure.
bool emitDeviceModel(llvm::ArrayRef<nvptx::Target> targets, const std::string &ptxas, LoweredModel &lowered,
                     std::string &error);

/// Makes `--lm-lower-to-cpu` (replaces the lm module by its code) and the passes of planning known to lmopt-opt.
void registerLowerPasses();

/// Dialects of plans and of lowered modules, and what code generation knows of the ops of lm.
void registerDialects(mlir::DialectRegistry &registry);

} // namespace lmopt::lower

#endif
