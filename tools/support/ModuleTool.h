// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the tools for compiler engineers (lmopt-opt, lmopt-reduce) share: reading a module's text, writing one, and
// leaving nothing behind when they die.
//
// In: names of files, "-" for standard input and output. Out: a buffer, a file, or an Error. The input may be the
// output: it is read whole, and the output takes its place in one step. Tested by test/tools/module-files.test.
#ifndef LMOPT_TOOLS_SUPPORT_MODULETOOL_H
#define LMOPT_TOOLS_SUPPORT_MODULETOOL_H

#include "files/Status.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>
#include <string>

namespace lmopt {

/// Makes interrupts, crashes and a reader that goes away (`... | head`) remove unfinished files. Call it after
/// llvm::InitLLVM, whose handler for pipes it replaces.
void cleanUpOnSignals();

/// The text of a module, which MLIR's parser can take without harm (files/ModuleText.h); or bytecode.
Result<std::unique_ptr<llvm::MemoryBuffer>> readModuleBuffer(const std::string &path);

/// Whether writeModuleText would accept the path; "-" is always fine.
Result<void> checkModuleOutput(const std::string &path);
Result<void> writeModuleText(const std::string &path, llvm::StringRef text);

} // namespace lmopt

#endif // LMOPT_TOOLS_SUPPORT_MODULETOOL_H
