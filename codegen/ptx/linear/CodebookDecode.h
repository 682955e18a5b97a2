// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products of rows of floats with weights that are numbers of 256 f32 entries. In: rows of floats, weights as
// Fragments.h says. Out: rows of floats.
//
//   y[n] = scale[n] sum over k of  x[k] c[code[n, k]]  + bias[n]
//
// A block makes 16 outputs of up to eight rows, of more there are more blocks. Entries and rows lie in shared memory;
// of a slice of 32 inputs a lane has four numbers each of four inputs: 16 look-ups, whose banks are the weights' own
// (32 lanes that read words at random meet some three times over). Products are plain f32: tensor cores have no type
// that keeps both factors. The eight inputs of lanes meet by shuffles, the warps in shared memory, in an order that
// does not depend on what rows there are; it is not the CPU's, so the last bits differ. Many rows: LinearFloatTile.h.
// Tested by test/unit/codegen/ptx/CodebookDecodeTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_LINEAR_CODEBOOKDECODE_H
#define LMOPT_CODEGEN_PTX_LINEAR_CODEBOOKDECODE_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/linear/Fragments.h"

#include <algorithm>

namespace lmopt::nvptx {

struct CodebookDecodeSpec {
  LinearSpec linear;

  static constexpr int64_t kRows = 8; ///< of a block
  static constexpr int64_t kWarps = 8, kTogether = 4;
  static constexpr int64_t kTableBytes = 1024;
  int64_t pieceSlices() const { return std::min(linear.slices(), kWarps * kTogether); }
  int64_t sliceBytes() const { return linear.sliceBytes(); }
  /// From one row in shared memory to the next.
  int64_t pieceStride() const { return sliceBytes() * pieceSlices() + 16; }
  int64_t sharedBytes() const {
    return kTableBytes + std::max(kRows * pieceStride(), kWarps * kRows * LinearSpec::kTile * 4);
  }
};

/// (weights, rows, results, bytes from one row of results to the next, number of rows). Grid and results as
/// linearDecodeKernel has them.
std::string codebookDecodeKernel(KernelLibrary &kernels, const CodebookDecodeSpec &spec);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LINEAR_CODEBOOKDECODE_H
