// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Imported models on disk: model.mlir with the files that lm.tokenizer and lm.chat_template name beside it.
// Tested by test/unit/frontends/ImportTest.cpp.
#ifndef LMOPT_FRONTENDS_MODULEFILE_H
#define LMOPT_FRONTENDS_MODULEFILE_H

#include "frontends/Import.h"

namespace lmopt {

/// Parses an .mlir or .mlirbc file (what the parser says becomes the message) and reads the files it names.
Result<ImportedModel> readModuleFile(const std::string &path, mlir::MLIRContext &context);

/// `path` as seen from the root; as it is when the working directory has gone.
std::string absolutePath(llvm::StringRef path);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_MODULEFILE_H
