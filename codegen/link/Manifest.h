// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The manifest of an artifact: what `lmopt inspect` prints, as JSON. In: the lm module, plan and options. Out: text.
// Keys: see makeManifest. Tested by the end-to-end tests (inspect tells the truth).
#ifndef LMOPT_CODEGEN_LINK_MANIFEST_H
#define LMOPT_CODEGEN_LINK_MANIFEST_H

#include "codegen/Compile.h"
#include "codegen/lower/Lower.h"

namespace lmopt::link {

/// `lowered` is the last version; what it says of kernels holds for that one.
std::string makeManifest(mlir::ModuleOp module, const lower::LoweredModel &lowered,
                         const std::vector<cpu::Target> &versions, const CompileOptions &options);

} // namespace lmopt::link

#endif
