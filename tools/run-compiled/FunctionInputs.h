// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a function computes from, as tokens: compiled code takes nothing else. Row t of sequence b of its constants is
// read by one token; where the function has token ids of its own (for an lm.embedding), it is they.
//
// In: the steps of a result, token ids for an argument. Out: batch, lengths, tokens, and constants as tables with a row
// for each token; or an error at the op that does not fit. Tested by test/codegen/run-compiled.
#ifndef LMOPT_TOOLS_RUNCOMPILED_FUNCTIONINPUTS_H
#define LMOPT_TOOLS_RUNCOMPILED_FUNCTIONINPUTS_H

#include "tools/run-compiled/Slice.h"

#include <optional>

namespace lmopt {

/// What a value is to compiled code, told by its type and its users.
enum class InputRole {
  Rows,    ///< f32, batch x sequence x width
  Vectors, ///< f32, batch x width: one for each sequence
  Ids,     ///< i32, batch x sequence, of lm.embedding
  Lengths, ///< i32, batch, of lm.attention and lm.pool
};
std::optional<InputRole> inputRole(mlir::Value value);

class FunctionInputs {
public:
  /// `ids`: for arguments, as one sequence.
  FunctionInputs(const std::vector<Slice> &steps, llvm::ArrayRef<int32_t> ids) : steps(steps), given(ids) {}
  mlir::LogicalResult read();

  int64_t batch() const { return parts.front().batch; }
  /// Rows that a sequence has in step s.
  int64_t length(size_t s) const { return parts[s].length; }
  /// Rows of sequence b that count, as lengths of the last step say; without them, all.
  int64_t ownLength(int64_t b) const;
  /// Of a sequence, in all steps.
  int64_t totalLength() const { return parts.back().begin + parts.back().length; }
  bool hasIds() const { return parts.front().ids.has_value(); }
  int32_t token(size_t s, int64_t b, int64_t t) const;
  /// All tokens are below.
  int64_t tokenCount() const { return tokens; }
  /// Constant `op` (an index into the ops of each step) as tokenCount() x width floats. Vectors stand at the first
  /// token of their sequence. Fails when two rows have one token but different numbers.
  mlir::FailureOr<std::vector<float>> table(size_t op, int64_t width) const;

private:
  /// What belongs to one step; -1: not known yet.
  struct Part {
    int64_t batch = -1, length = -1, begin = 0;
    std::optional<std::vector<int32_t>> ids, lengths;
  };

  mlir::LogicalResult readOp(Part &part, mlir::Operation *op);
  mlir::LogicalResult readInput(Part &part, mlir::Operation *user, mlir::Value value);
  mlir::LogicalResult readIntegers(Part &part, mlir::Operation *user, mlir::Value value);
  mlir::LogicalResult checkIds(const Part &part, const Slice &step) const;
  mlir::LogicalResult join();

  const std::vector<Slice> &steps;
  llvm::ArrayRef<int32_t> given;
  std::vector<Part> parts; ///< by step
  int64_t tokens = 0;
};

} // namespace lmopt

#endif // LMOPT_TOOLS_RUNCOMPILED_FUNCTIONINPUTS_H
