// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of tools/support/ModuleTool.h.
#include "tools/support/ModuleTool.h"

#include "files/AtomicFile.h"
#include "files/ModuleText.h"

#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

#include <sysexits.h>
#include <unistd.h>

using namespace lmopt;

static constexpr int kExitInterrupted = 130;

void lmopt::cleanUpOnSignals() {
  llvm::sys::SetInterruptFunction([] {
    removeUnfinishedFiles();
    _exit(kExitInterrupted);
  });
  llvm::sys::SetOneShotPipeSignalFunction([] {
    removeUnfinishedFiles();
    _exit(EX_IOERR);
  });
  llvm::sys::AddSignalHandler([](void *) { removeUnfinishedFiles(); }, nullptr);
}

Result<std::unique_ptr<llvm::MemoryBuffer>> lmopt::readModuleBuffer(const std::string &path) {
  // Volatile: copied, not mapped, so that whoever changes the file meanwhile (we, for one) does not change the text.
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> buffer =
      path == "-" ? llvm::MemoryBuffer::getSTDIN()
                  : llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/true,
                                                /*IsVolatile=*/true);
  if (!buffer)
    return resourceError("cannot read " + path + ": " + buffer.getError().message());
  std::string name = path == "-" ? "<stdin>" : path;
  if (Result<void> checked = checkModuleText((*buffer)->getBuffer(), name, ModuleSource::Engineer); !checked)
    return checked.error();
  return std::move(*buffer);
}

Result<void> lmopt::checkModuleOutput(const std::string &path) {
  return path == "-" ? Result<void>() : AtomicFile::check(path, OutputKind::Text);
}

Result<void> lmopt::writeModuleText(const std::string &path, llvm::StringRef text) {
  if (path != "-")
    return writeFileAtomically(path, text, OutputKind::Text);
  llvm::outs() << text;
  llvm::outs().flush();
  std::error_code failed = llvm::outs().error();
  llvm::outs().clear_error();
  return failed ? resourceError("cannot write to standard output: " + failed.message()) : Result<void>();
}
