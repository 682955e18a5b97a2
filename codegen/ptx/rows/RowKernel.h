// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is done to rows one by one, as one kernel: norms, activations, sums, gathering, rounding to bf16 or to codes.
//
// In: a list of steps, each of which gives a number for each place of a row, or stores what an earlier one gave. Out: a
// kernel with a block for each row. The numbers of a row stay in registers from its first step to its last, four
// neighbouring ones a thread and turn; what a whole row has to know (sums, extremes) goes through shuffles and shared
// memory, in an order that depends on the width alone. What does not sum gives the bits that codegen/cpu gives.
//
//   rows of floats [rows][round_up(width, 8)] f32; halves [rows][round_up(width, 16)] bf16; codes
//   [rows][round_up(width, 32)] u8 with scale f32 [rows] and zero point i32 [rows]. Beyond the width floats and halves
//   are zero.
//
// Source: ptx.md 2.2, 2.3. Tested by test/unit/codegen/ptx/RowsTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_ROWS_ROWKERNEL_H
#define LMOPT_CODEGEN_PTX_ROWS_ROWKERNEL_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/Rows.h"
#include "dialects/lm/Kinds.h"

namespace lmopt::nvptx {

enum class RowStepKind {
  Load,        ///< rows of floats
  Gather,      ///< rows of floats of a table by number: pointers table, numbers i32
  Add,         ///< operand + operand
  Gated,       ///< activation(operand) * operand
  Activate,    ///< activation(operand)
  RmsNorm,     ///< of an operand; pointer: factors
  LayerNorm,   ///< of an operand; pointers: factors, sums
  StoreFloats, ///< an operand
  StoreHalves, ///< an operand, rounded to nearest, ties to even
  StoreCodes   ///< an operand in u8, DynamicQuantizeLinear; pointers: codes, scales, zero points
};

struct RowStep {
  RowStepKind kind;
  std::vector<int64_t> operands = {}; ///< numbers of earlier steps
  std::vector<int64_t> pointers = {}; ///< numbers of arguments of the kernel
  Activation activation = Activation::Relu;
  float epsilon = 0;
};

struct RowSpec {
  int64_t width = 0;
  std::vector<RowStep> steps;

  static constexpr int64_t kThreads = 256;
  int64_t floatBytes() const { return rowBytes(width, 4); }
  int64_t halfBytes() const { return rowBytes(width, 2); }
  int64_t codeBytes() const { return rowBytes(width, 1); }
};

/// (the pointers in order). A block for each row along x.
std::string rowKernel(KernelLibrary &kernels, const RowSpec &spec);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_ROWS_ROWKERNEL_H
