// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Imported models on disk: model.mlir with the files that lm.tokenizer and lm.chat_template name beside it.
// Tested by test/unit/frontends/ImportTest.cpp.
#ifndef LMOPT_FRONTENDS_MODULEFILE_H
#define LMOPT_FRONTENDS_MODULEFILE_H

#include "frontends/Import.h"

namespace lmopt {

/// Parses an .mlir file (what the parser says becomes the message) and reads the files it names. A text that MLIR's
/// parser is not made for (ModuleText.h) and a module without the function of a model are refused (exit code 3).
Result<ImportedModel> readModuleFile(const std::string &path, mlir::MLIRContext &context);
/// The same for a text that is in memory; `path` says where it lay.
Result<ImportedModel> readModuleText(const std::string &text, const std::string &path, mlir::MLIRContext &context);

/// `path` as seen from the root; as it is when the working directory has gone.
std::string absolutePath(llvm::StringRef path);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_MODULEFILE_H
