// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Softmax over the positions of one part of a row's attention, for some queries side by side, in shared memory, with
// the bits of codegen/cpu/attention/AttentionTile.cpp. In: scores, -infinity where a query must not look. Out: weights
// 2^(score log2 e - m) in their place, with m the greatest score times log2 e; m; and the sum of weights, of which
// those whose positions are equal modulo 16 are added one after another, then halves to halves. Tested by
// test/unit/codegen/ptx/AttendRowsTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_ATTENTION_PARTSOFTMAX_H
#define LMOPT_CODEGEN_PTX_ATTENTION_PARTSOFTMAX_H

#include "codegen/ptx/Emitter.h"

namespace lmopt::nvptx {

class PartSoftmax {
public:
  static constexpr int64_t kPositions = 256; ///< of a part

  /// At `offset` of shared memory; a block of so many threads. `halves`: weights are computed for, and rounded to,
  /// bf16; their sum is not.
  PartSoftmax(Emitter &e, int64_t queries, int64_t offset, int64_t threads, bool halves)
      : e(e), queries(queries), offset(offset), threads(threads), halves(halves) {}

  /// Of shared memory: a multiple of 16.
  static int64_t bytes(int64_t queries) { return 4 * queries * kStride + 2 * 4 * padded(queries); }

  /// Nothing is seen yet. A barrier must follow.
  void start();
  /// A warp has a query: between two barriers.
  void weigh();

  mlir::Value score(mlir::Value query, mlir::Value inPart) { ///< address of a score or weight
    return e.at(e.at(e.shared(), offset), e.mul(e.add(e.mul(query, kStride), inPart), 4));
  }
  mlir::Value greatest(mlir::Value query) { return e.load(e.f32(), ofQuery(0, query)); }
  mlir::Value sum(mlir::Value query) { return e.load(e.f32(), ofQuery(1, query)); }

private:
  Emitter &e;
  int64_t queries, offset, threads;
  bool halves;

  /// Threads that read the same position of several queries find them in different banks.
  static constexpr int64_t kStride = kPositions + 4;
  /// LLVM loads four neighbouring numbers at once, also where there are three.
  static int64_t padded(int64_t queries) { return (queries + 3) / 4 * 4; }
  mlir::Value ofQuery(int64_t what, mlir::Value query) {
    return e.at(e.at(e.shared(), offset + 4 * queries * kStride + what * 4 * padded(queries)), e.mul(query, 4));
  }
  void weighOne(mlir::Value query);
  mlir::Value sumOf(const Emitter::Values &weights);
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_ATTENTION_PARTSOFTMAX_H
