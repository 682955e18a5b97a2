// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention of 16 rows of a segment and a head in f32; see AttentionTile.h. Scores lie in shared memory
// (OnlineSoftmax.h).
#ifndef LMOPT_CODEGEN_PTX_ATTENTION_FLOATTILE_H
#define LMOPT_CODEGEN_PTX_ATTENTION_FLOATTILE_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/attention/AttentionTile.h"
#include "codegen/ptx/attention/OnlineSoftmax.h"

namespace lmopt::nvptx {

class FloatTile : public AttentionTile {
public:
  static constexpr int64_t kThreads = 256, kRows = 16;

  FloatTile(const TileContext &tile, TileSource &source, mlir::Value queries, mlir::Value results)
      : AttentionTile(tile, source, queries, results), softmax(e, kRows, places.end, kThreads, source.isHalves()) {}

  static TilePlaces placesOf(const AttentionSpec &spec) { return {spec, kRows, /*elementBytes=*/4}; }
  static KernelShape shapeOf(const AttentionSpec &spec) {
    return {kThreads, /*leastBlocks=*/1, placesOf(spec).end + OnlineSoftmax::bytes(kRows)};
  }

private:
  OnlineSoftmax softmax;

  Values start() override;
  void storeQuery(Value number, Value at) override { e.store(source.isHalves() ? e.asBf16(number) : number, at); }
  Values score(Value block) override;
  void weigh(Values &scores, Values &carried) override { softmax.weigh(); }
  bool sharesWeights() override { return true; }
  void addValues(const Values &weights, Values &carried) override;
  void store(const Values &carried) override;

  Values products(Value query, Value position, Value offset, const Values &sums);
  Value dot(const Values &left, const Values &right, Value sum);
  int64_t groups() const;
  int64_t rowsOfGroup() const { return kRows / groups(); }
  Value firstRow();
  Value column() { return e.mul(e.rem(tile.thread, spec.valueWidth()), 4); }
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_ATTENTION_FLOATTILE_H
