// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernels of one architecture as blobs of an artifact: the PTX, what ptxas made of it where it is at hand, and the
// table by which the runtime finds them (lmopt/abi.h). In: a library of kernels. Out: names and bytes. Tested by
// test/unit/codegen/ptx and all models compiled for GPUs.
#ifndef LMOPT_CODEGEN_PTX_IMAGES_H
#define LMOPT_CODEGEN_PTX_IMAGES_H

#include "codegen/ptx/KernelLibrary.h"

namespace lmopt::nvptx {

/// The bytes of "kernels.ARCHITECTURE".
std::string makeKernelTable(const KernelLibrary &kernels);

/// Adds "ptx.X" and "kernels.X", and "cubin.X" where `ptxas` (a program, empty: none) is given. The library's module is
/// converted in place. False and `error` on failure.
bool makeImages(KernelLibrary &kernels, const std::string &ptxas, std::map<std::string, std::string> &blobs,
                std::string &error);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_IMAGES_H
