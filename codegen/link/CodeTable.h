// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the runtime reads of the code of an artifact: the table of constants and entries, the function that gives it,
// and the note that says which CPUs it is for. All are spelled field by field as lmopt/abi.h has them.
//
// In: what was lowered. Out: globals of the LLVM module. Tested by test/unit/codegen/ArtifactFileTest.cpp.
#ifndef LMOPT_CODEGEN_LINK_CODETABLE_H
#define LMOPT_CODEGEN_LINK_CODETABLE_H

#include "codegen/cpu/Target.h"
#include "codegen/lower/Lower.h"

#include "llvm/IR/GlobalVariable.h"

#include <vector>

namespace lmopt::link {

/// The version of the ABI that a model needs (lmopt/abi.h).
uint32_t abiVersion(const lower::ModelFacts &facts);

/// The table of one version of the code, which other objects can see; of the only one (-1) it is private.
llvm::GlobalVariable *addTable(llvm::Module &module, const lower::LoweredModel &lowered, int version);

/// Declarations of the tables that other objects define.
std::vector<llvm::GlobalVariable *> declareTables(llvm::Module &module, size_t count);

/// lmopt_model_query(abi | version << 16): NULL for a caller that is too old and for a version that is not there.
void addQuery(llvm::Module &module, uint32_t abi, llvm::ArrayRef<llvm::GlobalVariable *> versions);

/// An ELF note: name size, descriptor size, type, "lmopt" padded to 8, then lmopt_note_t (lmopt/abi.h).
void addNote(llvm::Module &module, const lower::ModelFacts &facts, const cpu::Target &target);

} // namespace lmopt::link

#endif // LMOPT_CODEGEN_LINK_CODETABLE_H
