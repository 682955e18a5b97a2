// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the lowered module to an object file: stock conversions to the LLVM dialect, translation, LLVM's optimizer and
// code generator, all in this process. Adds the artifact's ELF note, the code table and the query function (see
// lmopt/abi.h). In: LoweredModel, Target. Out: bytes of an ELF object. An artifact with several versions of the code is
// linked from one object for each and one, of plain x86-64 code, that hands out their tables.
// Tested by the end-to-end tests and test/unit/codegen.
#ifndef LMOPT_CODEGEN_LINK_EMITOBJECT_H
#define LMOPT_CODEGEN_LINK_EMITOBJECT_H

#include "codegen/lower/Lower.h"

#include "llvm/ADT/SmallVector.h"

#include <string>
#include <vector>

namespace lmopt::link {

struct ObjectOptions {
  std::string *llvmIr = nullptr;   ///< when not null: becomes the optimized LLVM IR
  std::string *assembly = nullptr; ///< when not null: becomes the assembly
  int version = -1; ///< not -1: one of several versions; its table is a symbol for emitDispatch, and that is all
};

/// Consumes the module of `lowered`. False and `error` on failure (a bug of lmopt, not of the input).
bool emitObject(lower::LoweredModel &lowered, const cpu::Target &target, const ObjectOptions &options,
                llvm::SmallVectorImpl<char> &object, std::string &error);

/// The note of each version and the query function, for objects that were emitted as versions 0, 1, ...
bool emitDispatch(const std::vector<cpu::Target> &versions, const lower::ModelFacts &facts,
                  llvm::SmallVectorImpl<char> &object, std::string &error);

/// Only the stock conversions, in place: scf, arith, vector, func to the LLVM dialect (the stage `emit` of
/// --stop-after).
mlir::LogicalResult convertToLlvm(mlir::ModuleOp module, const cpu::Target &target);

} // namespace lmopt::link

#endif
