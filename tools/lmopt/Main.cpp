// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt`: everything that needs only the runtime; starts `lmopt-compiler` for the rest. See CommandLine.h.
#include "tools/lmopt/CommandLine.h"

int main(int argc, char **argv) { return lmopt::driver::runCommandLine(argc, argv, {}); }
