// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention of 64 rows of a segment and a head on tensor cores, a warp for 16 of them; see AttentionTile.h. Queries,
// keys, values and weights are bf16, scores and sums f32. Source: FlashAttention-2 (Dao 2023) for the way from scores
// to the second product without leaving registers.
//
// Operands of products are those of mma.m16n8k16: of a lane 4 g + t, sums are the numbers (g, 2 t), (g, 2 t + 1), (g +
// 8, 2 t), (g + 8, 2 t + 1) of 16 queries x 8 positions or numbers of a head. Two neighbouring such pieces of weights,
// rounded, are the left operand of the second product as they lie.
#ifndef LMOPT_CODEGEN_PTX_ATTENTION_MMATILE_H
#define LMOPT_CODEGEN_PTX_ATTENTION_MMATILE_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/attention/AttentionTile.h"

namespace lmopt::nvptx {

class MmaTile : public AttentionTile {
public:
  static constexpr int64_t kThreads = 128, kRows = 64;
  using AttentionTile::AttentionTile;

  /// Heads of these widths.
  static bool canDo(const AttentionSpec &spec) { return canDo(spec.width) && canDo(spec.valueWidth()); }
  static bool canDo(int64_t width) { return width % 16 == 0 && width <= 128; }
  static TilePlaces placesOf(const AttentionSpec &spec) { return {spec, kRows, /*elementBytes=*/2}; }
  /// As many blocks of threads on a multiprocessor as registers and shared memory allow.
  static KernelShape shapeOf(const AttentionSpec &spec) {
    return {kThreads, /*leastBlocks=*/std::max(spec.width, spec.valueWidth()) <= 64 ? 4 : 2, placesOf(spec).end};
  }

private:
  struct Carried;

  Values start() override;
  void storeQuery(Value number, Value at) override;
  Values score(Value block) override { return masked(block, products()); }
  void weigh(Values &scores, Values &carried) override;
  bool sharesWeights() override { return false; }
  void addValues(const Values &weights, Values &carried) override;
  void store(const Values &carried) override;

  Value lanePair() { return e.mul(e.bitAnd(e.lane(), 3), 2); } // 2 t
  Value laneRow();
  Value leftRow(Value from, int64_t stride);
  Value rightRow(Value from);
  void multiply(const Values &left, const Values &right, Values &sums, size_t at);
  Values products();
  Values masked(Value block, const Values &products);
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_ATTENTION_MMATILE_H
