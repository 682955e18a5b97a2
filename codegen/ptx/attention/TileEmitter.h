// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention of 64 rows of a segment and a query head on tensor cores, a warp for 16 of them; what is attended to comes
// in blocks of 64 positions. Queries, keys, values and weights are bf16, scores and sums f32. What derives from it says
// where queries, keys and values come from, and how far each row sees. Source: FlashAttention-2 (Dao 2023) for the way
// from scores to the second product without leaving registers. Tested through its kernels (AttendTile.h,
// AttendSegments.h).
//
// Operands of products are those of mma.m16n8k16: of a lane 4 g + t, sums are the numbers (g, 2 t), (g, 2 t + 1), (g +
// 8, 2 t), (g + 8, 2 t + 1) of 16 queries x 8 positions or numbers of a head. Two neighbouring such pieces of weights,
// rounded, are the left operand of the second product as they lie.
#ifndef LMOPT_CODEGEN_PTX_ATTENTION_TILEEMITTER_H
#define LMOPT_CODEGEN_PTX_ATTENTION_TILEEMITTER_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/attention/AttentionSpec.h"

namespace lmopt::nvptx {

class TileEmitter {
public:
  static constexpr int64_t kThreads = 128, kBlock = AttentionSpec::kBlock, kRows = 64;

  /// Places in shared memory, in bytes: rows of bf16, an odd number of 16 bytes apart, so that eight neighbours lie in
  /// different banks.
  struct Places {
    int64_t stride, queries, keys, values, end;

    explicit Places(const AttentionSpec &spec)
        : stride(16 * (spec.width / 8 | 1)), queries(0), keys(kRows * stride), values(keys + kBlock * stride),
          end(values + kBlock * stride) {}
  };
  /// As many blocks of threads on a multiprocessor as registers and shared memory allow.
  static KernelShape shapeOf(const AttentionSpec &spec) {
    return {kThreads, /*leastBlocks=*/spec.width <= 64 ? 4 : 2, Places(spec).end};
  }
  /// Heads of these widths.
  static bool canDo(const AttentionSpec &spec) { return spec.width % 16 == 0 && spec.width <= 128; }

  /// Blocks: 64s of rows along x, heads along y, segments along z. `isAsync`: copyBlock() copies behind threads' backs.
  TileEmitter(Emitter &e, const AttentionSpec &spec, mlir::Value segments, mlir::Value queries, mlir::Value results,
              bool isAsync);
  virtual ~TileEmitter() = default;
  void run();

protected:
  using Value = mlir::Value;
  using Values = Emitter::Values;

  /// What is not known without a row: called where the block has one.
  virtual void begin() {}
  /// How many positions the block's rows see together.
  virtual Value seenByAll() = 0;
  /// The last position that row `number` of the block sees.
  virtual Value lastSeen(Value number) = 0;
  /// Number `column` of a query; `row` is the segment's, `query` where it lies.
  virtual Value queryNumber(Value query, Value row, Value column) = 0;
  /// 64 keys or values from position `block` on to shared memory, zeros from seenByAll() on: by all threads.
  virtual void copyBlock(bool isKeys, Value block, int64_t to) = 0;

  Emitter &e;
  const AttentionSpec &spec;
  Places places;
  Value queries, results, shared, thread, head, tile, first, rows; ///< rows of the segment; `tile`: the first of these

  Value kvHead() { return e.div(head, spec.group()); }
  Value place(int64_t offset, Value number, int64_t bytes) { return e.at(e.at(shared, offset), e.mul(number, bytes)); }

private:
  bool isAsync;
  struct Carried;
  void attend();
  void loadQueries();
  void copy(bool isKeys, Value block);
  void waitForCopies(int64_t pending);
  Carried addBlock(Value block, const Carried &carried);

  Value lanePair() { return e.mul(e.bitAnd(e.lane(), 3), 2); } // 2 t
  Value laneRow();
  Value leftRow(Value from);
  Value rightRow(Value from);
  void multiply(const Values &left, const Values &right, Values &sums, size_t at);

  Values scoresOf();
  Values masked(Value block, const Values &products);
  Carried weigh(Values &scores, const Carried &before);
  void addValues(const Values &weights, Values &numbers);
  void store(const Carried &carried);
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_ATTENTION_TILEEMITTER_H
