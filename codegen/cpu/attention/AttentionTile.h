// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention of one tile: up to eight query rows against one kv head, with an online softmax. Scores, softmax and sums
// of a block of positions follow one another, with the scores of the block in the first-level cache. In the bodies of
// kernels only; AttentionKernels.cpp says which rows make a tile, AttentionTile.cpp computes with floats,
// AttentionCodes.cpp with codes of 8 bits. Tested by test/unit/codegen/AttentionKernelTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_ATTENTIONTILE_H
#define LMOPT_CODEGEN_CPU_ATTENTIONTILE_H

#include "codegen/cpu/attention/CacheView.h"
#include "dialects/lmk/Lmk.h"

#include <functional>

namespace lmopt::cpu {

constexpr int64_t kQueryRows = 8; // rows of one tile: a vector of numbers, one for each row, has lanes to spare
constexpr int64_t kKeyPanels = KeyPanels::kGroup; // at a time: 4 rows x 4 panels = 16 sums hide a product's latency
constexpr int64_t kBlock = 256;   // positions with one maximum: 8 KB of scores stay in the first-level cache
constexpr int64_t kAhead = 8192;  // bytes of values asked for ahead: 64 positions of SmolLM2, a tenth of a microsecond
constexpr float kMasked = -1e30f; // finite, so that differences of two masked scores are 0 and not NaN
constexpr float kLog2e = 1.44269504088896341f;

/// Whether pairs of bf16 are multiplied as two f32 each: queries and weights are then kept so.
inline bool isWidened(const AttentionSpec &spec, const Shape &shape) { return spec.bf16() && !shape.bf16; }

// A tile's rows are query heads of tokens; where they come from and how far each may look is the caller's business.
struct Tile {
  int64_t rows = 0;
  Emitter::Values limit;         ///< by row: number of visible positions (i64), ascending
  mlir::Value positions, common; ///< the largest and the least limit
  Emitter::Values first;         ///< by row: the first visible position, ascending; empty: 0
  Emitter::Values own, bias;     ///< by row: its own position, and what its head's bias reads; empty: no bias
  KeyPanels keys;
  mlir::Value values; ///< of the kv head, as the keys
  bool ahead = false; ///< keys and values come from memory: ask for them before they are needed
  bool once = false;  ///< no other tile reads them soon
};

// Scratch of one thread: queries [8][head_dim padded], scores [8][256] (weights take their place; where bf16 is
// widened, queries and weights are rounded but kept as f32: widened once, not at each use), outputs [8][dv]; one
// register for each row: largest score, by lane; one number for each row: maximum, that of the block negated, what the
// sums so far and those of the block count from now on, sum of weights. With i8 a query is [K4] high and [K4] low
// bytes, and a panel of weights 16 high and 16 low bytes.
struct ScratchLayout {
  const AttentionSpec &spec;
  int64_t queryBytes() const { return floatRowBytes(spec.headDim); } // also when bf16 needs only half of it
  int64_t outBytes() const { return 4 * spec.valueDim(); }
  int64_t scoreStart() const { return kQueryRows * queryBytes(); }
  int64_t outStart() const { return scoreStart() + kQueryRows * kBlock * 4; }
  int64_t statsStart() const { return outStart() + kQueryRows * outBytes(); }
  int64_t bytes() const { return statsStart() + (kQueryRows + 7) * 64; }
};

struct Scratch {
  Emitter &e;
  ScratchLayout layout;
  mlir::Value base;
  Scratch(Emitter &e, const AttentionSpec &spec, mlir::Value base) : e(e), layout{spec}, base(base) {}
  mlir::Value query(int64_t r) { return e.at(base, r * layout.queryBytes()); }
  mlir::Value score(int64_t r) { return e.at(base, layout.scoreStart() + r * kBlock * 4); }
  mlir::Value out(int64_t r) { return e.at(base, layout.outStart() + r * layout.outBytes()); }
  mlir::Value stats(int64_t r) { return e.at(base, layout.statsStart() + r * 64); }
  mlir::Value best(int64_t r) { return stats(r); }
  // By lane: row r in lane r.
  mlir::Value maximum() { return stats(kQueryRows); }
  mlir::Value shift() { return stats(kQueryRows + 1); }      ///< the block's maximum, negated
  mlir::Value correction() { return stats(kQueryRows + 2); } ///< factor of what was summed before; in the end 1 / total
  mlir::Value share() { return stats(kQueryRows + 3); }      ///< factor of what the block sums
  mlir::Value total() { return stats(kQueryRows + 4); }      ///< sum of weights
  // i8 only. By lane: what one unit of a row's weights stands for, and its inverse.
  mlir::Value weightUnit() { return stats(kQueryRows + 5); }
  mlir::Value weightInverse() { return stats(kQueryRows + 6); }
  // Of one query: what one unit of it stands for, and 128 times the sum of its numbers.
  mlir::Value queryUnit(int64_t r) { return e.at(query(r), layout.queryBytes() - 8); }
  mlir::Value queryOffset(int64_t r) { return e.at(query(r), layout.queryBytes() - 4); }
};

/// Emits the walk of one tile over its positions, block after block.
struct TileEmitter {
  Emitter &e;
  const AttentionSpec &spec;
  Scratch scratch;
  const Tile &tile;

  // One step of a product multiplies one float, or two bf16, of 16 columns: 64 bytes of keys or values either way. An
  // operand is one register, or, where bf16 is widened, two: the first and the second of each pair.
  int64_t factors() const { return spec.bf16() ? 2 : 1; }
  bool widened() const { return isWidened(spec, e.shape); }
  Emitter::Values loadColumns(mlir::Value address);
  Emitter::Values loadRow(mlir::Value numbers, mlir::Value step);
  mlir::Value multiply(const Emitter::Values &row, const Emitter::Values &columns, mlir::Value sum);
  mlir::Value loadBytes(mlir::Value address) { return e.load(e.bytes(), address, 64); }
  mlir::Value fourBytes(mlir::Value address) {
    return e.bitcast(e.broadcast(e.load(e.b.getI32Type(), address)), e.bytes());
  }
  mlir::Value dot(mlir::Value sum, mlir::Value u, mlir::Value s) {
    return lmk::DotU8S8Op::create(e.b, e.loc, sum.getType(), sum, u, s);
  }
  mlir::Value joined(mlir::Value high, mlir::Value low) { return e.add(e.shl(high, e.intsOf(8)), low); }
  mlir::Value ofRow(mlir::Value lanes, int64_t r) { return e.broadcast(e.load(e.b.getF32Type(), e.at(lanes, 4 * r))); }
  int64_t sumsAtOnce() const { return e.shape.tilePanels > 1 ? 24 : 6; } ///< of 32 registers, or of 16 half as wide
  void forTiles(int64_t perColumn, int64_t columns,
                const std::function<void(int64_t, int64_t, mlir::Value, int64_t)> &body);
  void askFor(mlir::Value address, int64_t lines);
  mlir::Value kept(mlir::Value start); ///< where the cache has the block that begins there
  PanelLines keyLines(mlir::Value start, mlir::Value position);
  void scores(mlir::Value start, mlir::Value position, int64_t panels);
  void codeScores(mlir::Value start, mlir::Value position, int64_t panels);
  void keepAll(int64_t first, int64_t rows, mlir::Value start, mlir::Value position, const Emitter::Values &sums);
  void keepScores(int64_t r, mlir::Value start, mlir::Value position, Emitter::Values sums, bool masked);
  mlir::Value needsMask(mlir::Value position, int64_t panels);
  mlir::Value biasedScore(int64_t r, mlir::Value position, mlir::Value score);
  mlir::Value maskedScore(int64_t r, mlir::Value position, mlir::Value score);
  void updateMaxima();
  void updateTotals(const Emitter::Values &sums);
  void addToOut(int64_t r, mlir::Value d, mlir::Value sum);
  void softmax(mlir::Value start, mlir::Value panels);
  mlir::Value scaledWeight(mlir::Value weight, mlir::Value panel);
  void encodeWeights(mlir::Value panels, const Emitter::Values &largest);
  void accumulateCodes(mlir::Value start, mlir::Value panels);
  void askAhead(mlir::Value panel, mlir::Value column, int64_t count, int64_t registers);
  void accumulate(mlir::Value start, mlir::Value count);
  Emitter::Values loadValues(mlir::Value address, bool half);
  void reset();
  void emit();

  mlir::Value inverseSum(int64_t r) { return ofRow(scratch.correction(), r); }
};

} // namespace lmopt::cpu

#endif
