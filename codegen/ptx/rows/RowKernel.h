// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is done to rows one by one, as one kernel: norms, activations, sums, gathering, rounding to bf16 or to codes.
//
// In: a list of steps, each of which gives a number for each place of a row, or stores what an earlier one gave. Out: a
// kernel with a block for each row. The numbers of a row stay in registers from its first step to its last, four
// neighbouring ones a thread and turn; what a whole row has to know (sums, extremes) goes through shuffles and shared
// memory, in the order of codegen/RowSums.h. The bits are those that codegen/cpu gives.
//
//   rows of floats [rows][round_up(width, 8)] f32; halves [rows][round_up(width, 16)] bf16; codes
//   [rows][round_up(width, 32)] u8 with scale f32 [rows] and zero point i32 [rows]; codes in
//   groups as GroupedRow says. Beyond the width floats, halves and codes in groups are zero. Tables and vectors of
//   weights are rows of floats, too.
//
// Source: ptx.md 2.2, 2.3. Tested by test/unit/codegen/ptx/RowsTest.cpp, RowLoadsTest.cpp and RowCodesTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_ROWS_ROWKERNEL_H
#define LMOPT_CODEGEN_PTX_ROWS_ROWKERNEL_H

#include "codegen/CodeRange.h"
#include "codegen/RowSums.h"
#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/Rows.h"
#include "codegen/ptx/linear/Fragments.h"
#include "dialects/lm/Kinds.h"

#include <functional>

namespace lmopt::nvptx {

enum class RowStepKind {
  Load,       ///< rows of floats
  LoadListed, ///< those of the rows of floats that a list names: pointers rows, numbers i32
  JoinParts,  ///< attention's parts as one row (RowParts.cpp), `size` numbers of each head; pointers: parts, rows of
              ///< the step, a number: parts that a row has room for; and, where a list names the rows, the list
  Gather,     ///< rows of floats of a table by number: pointers table, numbers i32
  GatherFragments, ///< the same of a table that lies as weights of a product, `table`
  Add,             ///< operand + operand
  AddPositions,    ///< operand + row of a table by position; pointers table, rows of the step (lmopt_device_row_t)
  BiasAdd,         ///< operand + vector; pointer: the vector
  Gated,           ///< activation(operand) * operand
  Activate,        ///< activation(operand)
  SoftCap,         ///< of an operand, at `cap`
  RmsNorm,         ///< of an operand; pointer: factors, if any
  HeadRmsNorm,  ///< of each `size` numbers of an operand by themselves: canNormHeads; pointer: `size` factors, if any
  LayerNorm,    ///< of an operand; pointers: factors, and sums, if any
  L2Normalize,  ///< of an operand
  FakeQuantize, ///< what an operand's codes of `range` stand for
  Rotate,       ///< blocks of `size` numbers times the orthonormal Hadamard matrix: canRotate
  StoreFloats,  ///< an operand
  StorePacked,  ///< an operand to rows of 4 width bytes
  StoreHalves,  ///< an operand, rounded to nearest, ties to even
  StoreCodes,   ///< an operand in u8, DynamicQuantizeLinear; pointers: codes, scales, zero points
  StoreStaticCodes, ///< an operand in u8 codes of `range`; pointers as of StoreCodes
  StoreGroups       ///< an operand in s8 codes in groups of `size` (canStoreGroups); pointers: codes, groups
};

struct RowStep {
  RowStepKind kind;
  std::vector<int64_t> operands = {}; ///< numbers of earlier steps
  std::vector<int64_t> pointers = {}; ///< numbers of arguments of the kernel
  Activation activation = Activation::Relu;
  float epsilon = 0;
  bool for8Bits = false; ///< the activation's result is only rounded to 8 bits or bf16: a coarser formula will do
  LinearSpec table = {};
  CodeRange range = {};
  int64_t size = 0;   ///< of a block, of a group, of a head
  int64_t window = 0; ///< of attention whose parts are joined; 0: none
  float cap = 0;
  bool isOperand = false; ///< a store: to where the product that follows in the same kernel reads (RowPlace)
};

/// Which sizes there is code for, where they divide the width: a group lies within a warp, a block within a turn of all
/// threads.
constexpr bool isPowerFrom(int64_t least, int64_t size, int64_t most) {
  return size >= least && size <= most && (size & (size - 1)) == 0;
}
constexpr bool canStoreGroups(int64_t group) { return isPowerFrom(16, group, 128); }
constexpr bool canRotate(int64_t block) { return isPowerFrom(1, block, 512); }

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

// The same as a part of another kernel (linear/RowPrologue.h), bit for bit.

/// Which row is made, and by whom.
struct RowPlace {
  mlir::Value row;
  mlir::Value exchange;      ///< shared memory in which the threads of a block meet: exchangeBytes
  mlir::Value isStored = {}; ///< whether this block is who stores what other kernels read; null: it is
  /// Where the row's part of this number goes that the product reads: as the pointers of a store to memory.
  std::function<mlir::Value(size_t)> operand = {};
};
/// By all threads of a block, which meet; `pointers`: arguments of these kinds.
void emitRow(Emitter &e, const RowSpec &spec, mlir::ValueRange pointers, const RowPlace &place);
llvm::SmallVector<ArgumentKind> rowArguments(const RowSpec &spec);
int64_t exchangeBytes(const RowSpec &spec);
/// Of a kernel, without the architecture.
std::string rowName(const RowSpec &spec);
/// Bytes of memory that the numbers of a row come from; `parts`: of attention.
int64_t bytesRead(const RowSpec &spec, int64_t parts);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_ROWS_ROWKERNEL_H
