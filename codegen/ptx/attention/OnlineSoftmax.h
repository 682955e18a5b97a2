// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Softmax over positions that come in blocks of 64, for some queries side by side, in shared memory. In: scores times
// log2 e, -infinity where a query must not look. Out: weights in their place, and what sums so far shrink by; in the
// end the greatest score and the sum of weights. Source: Milakov and Gimelshein 2018. Tested by
// test/unit/codegen/ptx/AttendRowsTest.cpp and AttendSegmentsTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_ATTENTION_ONLINESOFTMAX_H
#define LMOPT_CODEGEN_PTX_ATTENTION_ONLINESOFTMAX_H

#include "codegen/ptx/Emitter.h"

namespace lmopt::nvptx {

class OnlineSoftmax {
public:
  static constexpr int64_t kBlock = 64; ///< positions
  static constexpr float kLog2OfE = 1.44269504088896341F;

  /// At `offset` of shared memory; a block of so many threads. `halves`: weights are rounded to bf16 for the products,
  /// as tensor cores take them; their sum is not.
  OnlineSoftmax(Emitter &e, int64_t queries, int64_t offset, int64_t threads, bool halves = false)
      : e(e), queries(queries), offset(offset), warps(threads / kWarpLanes), halves(halves) {}

  /// Of shared memory: a multiple of 16.
  static int64_t bytes(int64_t queries) { return 4 * queries * kBlock + 3 * 4 * padded(queries); }

  /// Before the first block; a barrier must follow.
  void start();
  /// A warp has a query: between two barriers.
  void weigh();

  mlir::Value weights(mlir::Value query, mlir::Value position); ///< address of a score or weight
  mlir::Value weights(int64_t query, mlir::Value position) { return weights(e.number(query), position); }
  mlir::Value greatest(mlir::Value query) { return e.load(e.f32(), ofQuery(0, query)); }
  mlir::Value sum(mlir::Value query) { return e.load(e.f32(), ofQuery(1, query)); }
  mlir::Value shrink(mlir::Value query) { return e.load(e.f32(), ofQuery(2, query)); }

private:
  Emitter &e;
  int64_t queries, offset, warps;
  bool halves;

  /// LLVM loads four neighbouring numbers at once, also where there are three.
  static int64_t padded(int64_t queries) { return (queries + 3) / 4 * 4; }
  mlir::Value ofQuery(int64_t what, mlir::Value query) {
    return e.at(e.at(e.shared(), offset + 4 * queries * kBlock + what * 4 * padded(queries)), e.mul(query, 4));
  }
  void weighOne(mlir::Value query);
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_ATTENTION_ONLINESOFTMAX_H
