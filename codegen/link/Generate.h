// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM's optimizer and code generator as the kernels need them.
//
// In: an LLVM module. Out: the same, optimized; an object or assembly. Tested by
// test/unit/codegen/ArtifactFileTest.cpp.
#ifndef LMOPT_CODEGEN_LINK_GENERATE_H
#define LMOPT_CODEGEN_LINK_GENERATE_H

#include "llvm/IR/Module.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"

#include <string>

namespace lmopt::link {

void optimize(llvm::Module &module, llvm::TargetMachine &machine);

/// Changes the module.
bool generate(llvm::Module &module, llvm::TargetMachine &machine, llvm::CodeGenFileType kind,
              llvm::raw_pwrite_stream &out, std::string &error);

} // namespace lmopt::link

#endif // LMOPT_CODEGEN_LINK_GENERATE_H
