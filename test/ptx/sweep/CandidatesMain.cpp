// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// gpu-candidates FOLDER [--small]: writes what gpu-sweep measures (Candidates.h), for all architectures.
//
// Out: FILE.ptx for each text, and index.json: {"numbers": [...], "texts": [{"file", "capability", "is_exact",
// "kernels": [{"name", "threads", "shared_bytes", "number", "argument_offsets"}], "runs": [...]}]}. Exit code 1 where a
// kernel is not emitted, 2 for wrong usage or a folder that cannot be written. Tested by the test gpu-check.
#include "codegen/ptx/EmitText.h"
#include "test/ptx/sweep/Candidates.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace lmopt;
namespace json = llvm::json;

static json::Array kernelsOf(const nvptx::KernelLibrary &kernels) {
  json::Array list;
  for (const nvptx::KernelEntry &kernel : kernels.kernels())
    list.push_back(json::Object{{"name", kernel.name},
                                {"threads", kernel.shape.threads},
                                {"shared_bytes", kernel.shape.sharedBytes},
                                {"number", kernel.number},
                                {"argument_offsets", json::Array(kernel.argumentOffsets())}});
  return list;
}

static bool write(const std::string &path, const std::string &text) {
  std::error_code code;
  llvm::raw_fd_ostream(path, code) << text;
  if (code)
    llvm::errs() << "gpu-candidates: cannot write '" << path << "': " << code.message() << "\n";
  return !code;
}

/// Nothing where it fails, which is said.
static std::optional<json::Object> emit(const nvptx::Target &target, const sweep::Candidates &candidates,
                                        const std::string &folder) {
  mlir::MLIRContext context;
  nvptx::KernelLibrary kernels(&context, target);
  json::Array runs;
  candidates.define(kernels, runs);
  json::Array list = kernelsOf(kernels);
  std::string text, error, file = candidates.file + "." + target.chip + ".ptx";
  if (!nvptx::emitText(kernels, text, error)) {
    llvm::errs() << "gpu-candidates: " << file << ": " << error << "\n";
    return std::nullopt;
  }
  if (!write(folder + "/" + file, text))
    return std::nullopt;
  return json::Object{{"file", file},
                      {"capability", target.capability()},
                      {"is_exact", target.isExact()},
                      {"kernels", std::move(list)},
                      {"runs", std::move(runs)}};
}

int main(int argc, char **argv) {
  bool isSmall = argc == 3 && argv[2] == std::string("--small");
  std::vector<nvptx::Target> targets;
  std::string error;
  if (argc < 2 || argc > 2 + isSmall || !nvptx::makeTargets("nvptx", targets, error)) {
    llvm::errs() << "usage: gpu-candidates FOLDER [--small]\n" << error;
    return 2;
  }
  const std::string folder = argv[1];
  if (std::error_code code = llvm::sys::fs::create_directories(folder)) {
    llvm::errs() << "gpu-candidates: cannot make '" << folder << "': " << code.message() << "\n";
    return 2;
  }
  json::Array texts;
  for (const nvptx::Target &target : targets)
    for (const sweep::Candidates &candidates : sweep::candidatesFor(target, isSmall)) {
      std::optional<json::Object> one = emit(target, candidates, folder);
      if (!one)
        return 1;
      texts.push_back(std::move(*one));
    }
  std::string index;
  llvm::raw_string_ostream(index) << json::Value(
      json::Object{{"numbers", sweep::assumedNumbers()}, {"texts", std::move(texts)}});
  return write(folder + "/index.json", index) ? 0 : 2;
}
