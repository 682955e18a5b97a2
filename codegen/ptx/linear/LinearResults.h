// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What all products of few rows do with a sum: its bias, and its place. Tested by the kernels
// (test/unit/codegen/ptx/LinearDecodeTest.cpp, GroupedDecodeTest.cpp).
#ifndef LMOPT_CODEGEN_PTX_LINEAR_LINEARRESULTS_H
#define LMOPT_CODEGEN_PTX_LINEAR_LINEARRESULTS_H

#include "codegen/ptx/Emitter.h"
#include "codegen/ptx/linear/Fragments.h"

namespace lmopt::nvptx {

struct LinearResults {
  using Value = mlir::Value;
  Emitter &e;
  const LinearSpec &linear;
  Value weights, out, stride, count;

  /// One of the numbers of 4 bytes for each output.
  Value loadOf(mlir::Type type, int64_t offset, Value output) {
    return e.load(type, e.at(e.at(weights, offset), e.mul(output, 4)));
  }
  /// A result with its bias to its place, where there is such a row. Behind the last output stands nothing that is
  /// ours, or the padding of rows of floats, which must be zero: the sum there is.
  void put(Value number, Value row, Value output);

private:
  Value storedOutputs();
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LINEAR_LINEARRESULTS_H
