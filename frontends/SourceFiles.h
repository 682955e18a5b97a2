// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which files a model was made from, so that no output takes their place.
//
// In: the path that was imported and its module. Out: the names of files. Of a Hugging Face directory that is every
// file in it, also those that lmopt does not read (vocab.txt, README.md): they belong to the checkpoint. What lmopt
// itself may have written there before is left out: artifacts (ELF files), their weights, and texts of stages. Tested
// by test/unit/frontends/ImportTest.cpp and test/tools/lmopt/outputs.sh.
#ifndef LMOPT_FRONTENDS_SOURCEFILES_H
#define LMOPT_FRONTENDS_SOURCEFILES_H

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace lmopt {

struct SourceFiles {
  std::vector<std::string> module;     // model.mlir and the files beside it that it names
  std::vector<std::string> checkpoint; // GGUF file, files of a directory, files that lm.param points into

  std::vector<std::string> all() const;
};

/// Adds the checkpoint's files; those of the module are known to who read it.
void collectSourceFiles(const std::string &path, mlir::ModuleOp module, llvm::StringRef baseDirectory,
                        SourceFiles &sources);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_SOURCEFILES_H
