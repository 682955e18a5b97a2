// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row programs: what is done to one row after another between two products, and the kernel for it.
// Tested by test/unit/codegen/RowKernelTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_ROWS_ROWPROGRAM_H
#define LMOPT_CODEGEN_CPU_ROWS_ROWPROGRAM_H

#include "codegen/cpu/Rows.h"
#include "codegen/cpu/rows/RowFunction.h"

#include <string>
#include <vector>

namespace lmopt::cpu {

class KernelLibrary;

/// One operation of a row program. Values are numbered; inputs of the program come first.
struct RowOp {
  RowFunctionRef function;
  std::vector<int64_t> operands; ///< value numbers
  int64_t result = 0;            ///< value number
  int64_t width = 0;
  std::vector<int64_t> weights = {}; ///< numbers of weight pointers, in the order in which the function names them
};

/// A chain of operations on one row after another, with values between them kept in a scratch row (first-level cache).
struct RowProgram {
  struct Input {
    int64_t value, stride;
    bool gathered; ///< row r is read at index outputRows[r]
  };
  struct Output {
    int64_t value, stride;
  };
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  std::vector<RowOp> ops;
  std::vector<int64_t> widths; ///< by value number
  int64_t weightCount = 0;
  std::string name() const;
  std::vector<bool> keptInScratch() const; ///< by value number: neither input nor output
  int64_t scratchBytes() const;            ///< two rows of every such value (two are at work together)
};

/// (inputs..., outputs..., weights..., scratch, tokens, outputRows, rowInfo, rowBegin, rowEnd)
std::string rowsKernel(KernelLibrary &kernels, const RowProgram &program);

} // namespace lmopt::cpu

#endif
