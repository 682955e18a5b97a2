// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From kernels to PTX, in this process: stock conversions to the LLVM dialect inside the gpu.module, translation,
// LLVM's optimizer and its NVPTX code generator. No nvcc, no CUDA headers. In: a library of kernels. Out: the text, the
// same for the same kernels. Source: ptx.md 1. Tested by test/unit/codegen/ptx.
#ifndef LMOPT_CODEGEN_PTX_EMITTEXT_H
#define LMOPT_CODEGEN_PTX_EMITTEXT_H

#include "codegen/ptx/KernelLibrary.h"

namespace lmopt::nvptx {

/// The library's module is converted in place: call it last. False and `error` on failure (a bug of lmopt).
bool emitText(KernelLibrary &kernels, std::string &text, std::string &error);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_EMITTEXT_H
