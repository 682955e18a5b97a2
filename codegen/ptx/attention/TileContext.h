// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block of threads that attends for neighbouring rows of one segment and one query head: what it knows of itself,
// where its queries, keys and values lie in shared memory, and where they come from. Blocks: tiles of rows along x,
// heads along y, segments along z. Tested through the kernels (AttendTile.h, AttendSegments.h).
#ifndef LMOPT_CODEGEN_PTX_ATTENTION_TILECONTEXT_H
#define LMOPT_CODEGEN_PTX_ATTENTION_TILECONTEXT_H

#include "codegen/ptx/attention/CacheAccess.h"

namespace lmopt::nvptx {

/// Places in shared memory, in bytes: rows of numbers an odd number of 16 bytes apart, so that eight neighbours lie in
/// different banks.
struct TilePlaces {
  static constexpr int64_t kBlock = AttentionSpec::kBlock; ///< keys or values at once
  int64_t rows, elementBytes, stride, valueStride, queries, keys, values, end;

  TilePlaces(const AttentionSpec &spec, int64_t rows, int64_t elementBytes)
      : rows(rows), elementBytes(elementBytes), stride(strideOf(spec.width * elementBytes)),
        valueStride(strideOf(spec.valueWidth() * elementBytes)), queries(0), keys(rows * stride),
        values(keys + kBlock * stride), end(values + kBlock * valueStride) {}
  static int64_t strideOf(int64_t bytes) { return 16 * (bytes / 16 | 1); }
};

struct TileContext {
  TileContext(Emitter &e, const AttentionSpec &spec, const TilePlaces &places, int64_t threads, mlir::Value segments)
      : e(e), spec(spec), places(places), threads(threads), shared(e.shared()), thread(e.thread()), head(e.blockY()),
        tile(e.mul(e.block(), places.rows)) {
    mlir::Value segment = e.atElement(segments, e.blockZ(), sizeof(lmopt_device_segment_t));
    first = e.load(e.i32(), e.at(segment, offsetof(lmopt_device_segment_t, first)));
    rows = e.load(e.i32(), e.at(segment, offsetof(lmopt_device_segment_t, rows)));
  }

  Emitter &e;
  const AttentionSpec &spec;
  TilePlaces places;
  int64_t threads;
  mlir::Value shared, thread, head, tile, first, rows; ///< rows of the segment; `tile`: the block's first of these
  mlir::Value bias = {};                               ///< its numbers; null: none

  mlir::Value kvHead() const { return kvHeadOf(e, spec, head); }
  mlir::Value place(int64_t offset, mlir::Value number, int64_t bytes) const {
    return e.at(e.at(shared, offset), e.mul(number, bytes));
  }
  mlir::Value row(int64_t offset, mlir::Value number) const { return place(offset, number, places.stride); }
  mlir::Value valueRow(mlir::Value number) const { return place(places.values, number, places.valueStride); }
  /// A key or value of a block.
  mlir::Value blockRow(bool isKeys, mlir::Value number) const {
    return isKeys ? row(places.keys, number) : valueRow(number);
  }
};

/// Where a block's queries, keys and values come from, and how far each row sees.
class TileSource {
public:
  explicit TileSource(const TileContext &tile) : tile(tile), e(tile.e), spec(tile.spec) {}
  virtual ~TileSource() = default;

  /// Called where the block is known to have a row.
  virtual void begin() {}
  /// How many positions the block's rows see together.
  virtual mlir::Value seenByAll() = 0;
  /// The position of row `number` of the block.
  virtual mlir::Value ownPosition(mlir::Value number) = 0;
  /// The last position that it sees, and the first; null: 0.
  virtual mlir::Value lastSeen(mlir::Value number) = 0;
  virtual mlir::Value firstSeen(mlir::Value) { return {}; }
  /// Number `column` of a query; `row` is the segment's, `query` where it lies.
  virtual mlir::Value queryNumber(mlir::Value query, mlir::Value row, mlir::Value column) = 0;
  /// 64 keys or values from position `block` on to shared memory, zeros from seenByAll() on: by all threads.
  virtual void copyBlock(bool isKeys, mlir::Value block) = 0;
  /// Whether copyBlock() copies behind threads' backs.
  virtual bool isAsync() { return true; }
  /// Whether queries and weights are rounded to bf16 also off tensor cores.
  virtual bool isHalves() { return false; }

protected:
  const TileContext &tile;
  Emitter &e;
  const AttentionSpec &spec;

  int64_t widthOf(bool isKeys) const { return isKeys ? spec.width : spec.valueWidth(); }
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_ATTENTION_TILECONTEXT_H
