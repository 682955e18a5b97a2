// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Images.h.
#include "codegen/ptx/Images.h"

#include "codegen/ptx/EmitText.h"

#include "lmopt/abi.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

namespace lmopt::nvptx {

std::string makeKernelTable(const KernelLibrary &kernels) {
  const std::optional<Walker> &walker = kernels.getWalker();
  lmopt_kernels_t header = {LMOPT_KERNELS_MAGIC, static_cast<uint32_t>(kernels.kernels().size()),
                            walker ? static_cast<uint32_t>(walker->number + 1) : 0};
  std::string table(reinterpret_cast<const char *>(&header), sizeof header), names;
  size_t firstName = sizeof header + kernels.kernels().size() * sizeof(lmopt_kernel_t);
  for (const KernelEntry &kernel : kernels.kernels()) {
    lmopt_kernel_t entry = {
        static_cast<uint32_t>(firstName + names.size()), static_cast<uint32_t>(kernel.shape.threads),
        static_cast<uint32_t>(kernel.shape.sharedBytes), static_cast<uint32_t>(kernel.argumentBytes()),
        walker && llvm::is_contained(walker->kernels, kernel.number)};
    table.append(reinterpret_cast<const char *>(&entry), sizeof entry);
    names.append(kernel.name.c_str(), kernel.name.size() + 1);
  }
  return table + names;
}

/// A file of its own for each side: ptxas reads and writes files only.
static bool assemble(const std::string &ptxas, const std::string &chip, const std::string &text, std::string &cubin,
                     std::string &error) {
  llvm::SmallString<128> source, object, messages;
  for (auto [path, suffix] : {std::pair(&source, "ptx"), std::pair(&object, "cubin"), std::pair(&messages, "txt")})
    if (std::error_code code = llvm::sys::fs::createTemporaryFile("lmopt", suffix, *path)) {
      error = "cannot create a temporary file: " + code.message();
      return false;
    }
  llvm::FileRemover removals[] = {llvm::FileRemover(source), llvm::FileRemover(object), llvm::FileRemover(messages)};
  std::error_code code;
  llvm::raw_fd_ostream(source, code) << text;
  std::string architecture = "-arch=" + chip;
  llvm::StringRef arguments[] = {ptxas, architecture, "-O3", source, "-o", object};
  std::optional<llvm::StringRef> redirects[] = {"", messages.str(), messages.str()};
  int status = llvm::sys::ExecuteAndWait(ptxas, arguments, std::nullopt, redirects, 0, 0, &error);
  auto read = [](llvm::StringRef path) {
    auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
    return buffer ? (*buffer)->getBuffer().str() : std::string();
  };
  if (status != 0 || code) {
    error = "'" + ptxas + "' failed for " + chip + ": " + (error.empty() ? read(messages) : error);
    return false;
  }
  cubin = read(object);
  return true;
}

bool makeImages(KernelLibrary &kernels, const std::string &ptxas, std::map<std::string, std::string> &blobs,
                std::string &error) {
  const std::string &chip = kernels.getTarget().chip;
  blobs["kernels." + chip] = makeKernelTable(kernels);
  std::string &text = blobs["ptx." + chip];
  if (!emitText(kernels, text, error))
    return false;
  return ptxas.empty() || assemble(ptxas, chip, text, blobs["cubin." + chip], error);
}

} // namespace lmopt::nvptx
