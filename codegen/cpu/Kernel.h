// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a step is called: the kernel's name and what it is given, in order. EntryPoints.cpp makes the call.
// Plain numbers, no MLIR. Tested by all compiled models.
#ifndef LMOPT_CODEGEN_CPU_KERNEL_H
#define LMOPT_CODEGEN_CPU_KERNEL_H

#include <cstdint>
#include <string>
#include <vector>

namespace lmopt::cpu {

/// One argument of a kernel.
struct Argument {
  enum Kind {
    Input,    ///< rows that the step reads, by number
    Output,   ///< rows that it makes, by number
    Weight,   ///< packed weight, by number
    Weights,  ///< where all weights begin: in the place of a weight that there is not
    RowBegin, ///< rows of this thread
    RowEnd,
    UnitBegin, ///< units of this thread, see Kernel::units
    UnitEnd,
    Scratch,    ///< memory of the thread
    RowInfo,    ///< table of rows, see RowInfo.h
    Tokens,     ///< a number for each token: 0 the ids, n the input n - 1 beside them
    OutputRows, ///< numbers of the tokens whose results are wanted
    Step,       ///< lmopt_step_t
    StateOffset,
    Thread,
    Threads,
    Number ///< the number itself
  };
  Kind kind;
  int64_t number = 0;
};

struct Kernel {
  std::string name;
  std::vector<Argument> arguments;
  int64_t units = 0;         ///< what Share::panels deals out
  int64_t unitsTogether = 1; ///< in groups of so many
};

} // namespace lmopt::cpu

#endif
