// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The way of a block of threads through its keys and values (TileContext.h), 64 positions at a time: the next keys are
// on their way while weights are made, the next values while scores are. What derives from it computes: FloatTile.h in
// f32, MmaTile.h on tensor cores. Tested through the kernels.
#ifndef LMOPT_CODEGEN_PTX_ATTENTION_ATTENTIONTILE_H
#define LMOPT_CODEGEN_PTX_ATTENTION_ATTENTIONTILE_H

#include "codegen/ptx/attention/TileContext.h"

namespace lmopt::nvptx {

class AttentionTile {
public:
  AttentionTile(const TileContext &tile, TileSource &source, mlir::Value queries, mlir::Value results)
      : tile(tile), source(source), queries(queries), results(results), e(tile.e), spec(tile.spec),
        places(tile.places) {}
  virtual ~AttentionTile() = default;
  void run();

protected:
  using Value = mlir::Value;
  using Values = Emitter::Values;
  static constexpr int64_t kBlock = TilePlaces::kBlock;

  /// What a thread carries from block to block, in the beginning.
  virtual Values start() = 0;
  virtual void storeQuery(Value number, Value at) = 0;
  /// Scores of a block's positions times log2 e, -infinity where a row does not look: what of them a thread keeps.
  virtual Values score(Value block) = 0;
  /// Scores become weights.
  virtual void weigh(Values &scores, Values &carried) = 0;
  /// Whether a warp adds values with weights of other warps.
  virtual bool sharesWeights() = 0;
  virtual void addValues(const Values &weights, Values &carried) = 0;
  virtual void store(const Values &carried) = 0;

  const TileContext &tile;
  TileSource &source;
  Value queries, results;
  Emitter &e;
  const AttentionSpec &spec;
  const TilePlaces &places;

  /// The head of row `number` of the block, in rows of results.
  Value resultOf(Value number);
  /// Of the product of row `number` with a position, which count where there is a bias, as score() wants it; what a row
  /// is given where it does not look: finite with windows, where it may see nothing of the first blocks, and what that
  /// adds to sums vanishes with the first score.
  Value scoreOf(Value product, Value number, Value position);
  Value hidden() const;
  /// Whether row `number` does not look at a position.
  Value isHidden(Value number, Value position);
  Value isRow(Value number) { return e.less(e.add(tile.tile, number), tile.rows); }

private:
  void loadQueries();
  Value firstBlock();
  void copy(bool isKeys, Value block);
  void waitForCopies(int64_t pending);
  Values addBlock(Value block, Values carried);
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_ATTENTION_ATTENTIONTILE_H
