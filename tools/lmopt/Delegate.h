// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Hands the command over to `lmopt-compiler`, the program beside this one that links MLIR. See CommandLine.h.
#ifndef LMOPT_TOOLS_LMOPT_DELEGATE_H
#define LMOPT_TOOLS_LMOPT_DELEGATE_H

#include "files/Status.h"

#include <string>
#include <vector>

namespace lmopt::driver {

/// The path of the program that runs now.
Result<std::string> ownPath();

/// Replaces this process by lmopt-compiler with the same arguments; returns only when that failed.
Error becomeCompiler(const std::vector<std::string> &arguments);

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_DELEGATE_H
