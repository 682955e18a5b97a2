// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of frontends/SourceFiles.h.
#include "frontends/SourceFiles.h"

#include "dialects/lm/Lm.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/BinaryFormat/Magic.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace lmopt;

std::vector<std::string> SourceFiles::all() const {
  std::vector<std::string> files = module;
  files.insert(files.end(), checkpoint.begin(), checkpoint.end());
  return files;
}

static bool isElf(const llvm::Twine &path) {
  llvm::file_magic magic;
  return !llvm::identify_magic(path, magic) && magic == llvm::file_magic::elf_shared_object;
}

/// What `compile` may have written on an earlier day: M.so, M.so.weights, texts of stages.
static bool isOutputOfCompile(StringRef path) {
  StringRef artifact = path;
  if (artifact.consume_back(".weights"))
    return isElf(artifact);
  StringRef extension = llvm::sys::path::extension(path);
  return extension == ".ll" || extension == ".s" || extension == ".mlir" || isElf(path);
}

/// The files of a directory and of those in it: sentence-transformers has one for each of its modules.
static void addDirectory(StringRef directory, std::vector<std::string> &files) {
  constexpr int maxDepth = 4;
  constexpr size_t maxFiles = 10000;
  std::error_code failed;
  using Iterator = llvm::sys::fs::recursive_directory_iterator;
  for (Iterator entry(directory, failed), end; entry != end && !failed && files.size() < maxFiles;
       entry.increment(failed)) {
    bool isImported = llvm::sys::fs::exists(entry->path() + "/model.mlir"); // made from the checkpoint, not part of it
    if (entry.level() >= maxDepth || isImported)
      entry.no_push();
    if (llvm::sys::fs::is_regular_file(entry->path()) && !isOutputOfCompile(entry->path()))
      files.push_back(entry->path());
  }
}

/// The files that the weights of a module lie in, each once.
static void addWeightFiles(ModuleOp module, StringRef baseDirectory, std::vector<std::string> &files) {
  llvm::StringSet<> seen;
  auto add = [&](StringRef path) {
    SmallString<256> full(llvm::sys::path::is_absolute(path) ? "" : baseDirectory);
    llvm::sys::path::append(full, path);
    if (seen.insert(full).second)
      files.push_back(full.str().str());
  };
  module.walk([&](lm::ParamOp param) {
    param.getValue().walk([&](lm::GgufAttr weight) { add(weight.getPath()); });
    param.getValue().walk([&](lm::SafetensorsAttr weight) { add(weight.getPath()); });
    param.getValue().walk([&](lm::IntegersAttr tensor) { add(tensor.getPath()); });
    param.getValue().walk([&](lm::StatisticsAttr statistics) { add(statistics.getPath()); });
  });
}

void lmopt::collectSourceFiles(const std::string &path, ModuleOp module, StringRef baseDirectory,
                               SourceFiles &sources) {
  bool isModule = !sources.module.empty();
  if (!isModule && llvm::sys::fs::is_directory(path))
    addDirectory(path, sources.checkpoint);
  else if (!isModule)
    sources.checkpoint.push_back(path);
  addWeightFiles(module, baseDirectory, sources.checkpoint);
}
