// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row programs: what is done to one row after another between two products, and the kernel for it.
// Tested by test/unit/codegen/RowKernelTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_ROWS_ROWPROGRAM_H
#define LMOPT_CODEGEN_CPU_ROWS_ROWPROGRAM_H

#include "codegen/cpu/Rows.h"
#include "dialects/lm/Kinds.h"

#include <string>
#include <vector>

namespace lmopt::cpu {

class KernelLibrary;

enum class RowOpKind {
  Embedding,       ///< row of an f32 table by token id
  EmbeddingPanels, ///< the same from the panels of an f32 linear (tied head)
  EmbeddingHalves, ///< the same from the panels of a bf16 linear
  EmbeddingCodes,  ///< the same from the panels of an s8 linear: codes * scale
  EmbeddingGroups, ///< the same from the panels of a grouped linear
  AddPositions,    ///< + row of an f32 table by position
  Copy,
  Add,
  BiasAdd,
  RmsNorm,
  LayerNorm,
  Activation,
  GatedProduct,
  Rotate,
  Quantize,
  QuantizeGroups,
  Narrow, ///< to bf16
  L2Normalize
};

/// One operation of a row program. Values are numbered; inputs of the program come first.
struct RowOp {
  RowOpKind kind = RowOpKind::Copy;
  std::vector<int64_t> operands; ///< value numbers
  int64_t result = 0;            ///< value number
  int64_t width = 0;
  float epsilon = 0;
  int64_t block = 0;       ///< Rotate; QuantizeGroups, EmbeddingGroups: the group
  int64_t scaleOffset = 0; ///< EmbeddingCodes: where the scales of the table begin
  int64_t tableRows = 0;   ///< of the linear whose panels are an embedding's table
  int64_t bits = 0;        ///< EmbeddingGroups
  bool hasMin = false;     ///< EmbeddingGroups
  Activation activation = Activation::Gelu;
  bool for8Bits = false; ///< only quantized to 8 bits, or rounded to bf16: GELU and SiLU by their shorter formulas
  std::vector<int64_t> weights; ///< numbers of weight pointers: gamma, beta; table; vector
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
