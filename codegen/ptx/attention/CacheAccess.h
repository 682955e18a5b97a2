// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the kernels of attention share: a row of the step's table, where a layer's keys and values lie, turning by rope.
// Layouts: AttentionSpec.h. Tested by test/unit/codegen/ptx/AttendRowsTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_ATTENTION_CACHEACCESS_H
#define LMOPT_CODEGEN_PTX_ATTENTION_CACHEACCESS_H

#include "codegen/ptx/Emitter.h"
#include "codegen/ptx/attention/AttentionSpec.h"

namespace lmopt::nvptx {

/// A row of the table of rows; a field is loaded where it is asked for.
class DeviceRow {
public:
  DeviceRow(Emitter &e, mlir::Value table, mlir::Value row)
      : e(e), at(e.atElement(table, row, sizeof(lmopt_device_row_t))) {}

  mlir::Value cache() { return e.loadPointer(e.at(at, offsetof(lmopt_device_row_t, cache))); }
  mlir::Value position() { return number(offsetof(lmopt_device_row_t, position)); }
  mlir::Value first() { return number(offsetof(lmopt_device_row_t, first)); }
  mlir::Value rows() { return number(offsetof(lmopt_device_row_t, rows)); }
  mlir::Value rope() { return number(offsetof(lmopt_device_row_t, rope)); }

private:
  mlir::Value number(int64_t offset) { return e.load(e.i32(), e.at(at, offset)); }
  Emitter &e;
  mlir::Value at;
};

/// Which kv head a query head reads, and a kv head's query heads: the first, and how many there are.
mlir::Value kvHeadOf(Emitter &e, const AttentionSpec &spec, mlir::Value head);
mlir::Value firstHeadOf(Emitter &e, const AttentionSpec &spec, mlir::Value kvHead);
mlir::Value headsOf(Emitter &e, const AttentionSpec &spec, mlir::Value kvHead);

/// The keys and values of one layer in a sequence's cache. `layerOffset`: in a block, of a ring behind the layers that
/// keep all positions. `blockBytes`: of a block of these; of a ring with those of rings.
class LayerCache {
public:
  LayerCache(Emitter &e, const AttentionSpec &spec, mlir::Value cache, mlir::Value layerOffset, mlir::Value blockBytes)
      : e(e), spec(spec), base(e.at(cache, layerOffset)), blockBytes(blockBytes) {}

  /// What a kv head has in a block of positions.
  mlir::Value keys(mlir::Value block, mlir::Value kvHead) {
    return e.atElement(place(block), kvHead, spec.keyBlockBytes());
  }
  mlir::Value values(mlir::Value block, mlir::Value kvHead) {
    mlir::Value first = e.at(place(block), spec.kvHeads * spec.keyBlockBytes());
    return e.atElement(first, kvHead, spec.valueBlockBytes());
  }

private:
  mlir::Value place(mlir::Value block) {
    if (!spec.ringBlocks)
      return e.atElement(base, block, blockBytes);
    if (spec.inRing)
      return e.atElement(base, e.rem(block, spec.ringBlocks), blockBytes);
    mlir::Value longer = e.min(block, e.number(spec.ringBlocks)); // of the blocks before this one
    return e.atElement(e.atElement(base, block, blockBytes), longer, spec.ringBlockBytes);
  }
  Emitter &e;
  const AttentionSpec &spec;
  mlir::Value base, blockBytes;
};

/// The first position that a row at `position` sees; null: 0.
mlir::Value windowBegin(Emitter &e, const AttentionSpec &spec, mlir::Value position);
/// With its soft cap.
mlir::Value cappedScore(Emitter &e, const AttentionSpec &spec, mlir::Value score);
/// With what `bias` adds for a head and the distance from the query's position to the key's.
mlir::Value biasedScore(Emitter &e, const AttentionSpec &spec, mlir::Value bias, mlir::Value head, mlir::Value distance,
                        mlir::Value score);

/// The numbers in a word of the cache, without their scale.
Emitter::Values cacheNumbers(Emitter &e, const AttentionSpec &spec, mlir::Value word);

/// The cosines and sines that turn a row at this position.
mlir::Value anglesAt(Emitter &e, const AttentionSpec &spec, mlir::Value angles, mlir::Value position, mlir::Value rope);

/// Number i of a head, turned: a cos - b sin in the first half of what is turned, b cos + a sin in the second.
mlir::Value turned(Emitter &e, const AttentionSpec &spec, mlir::Value head, mlir::Value i, mlir::Value angles);

/// "f32_kv3_d64", or "f32_kv3_d64x32" with values of another width: what both sides of a cache agree on.
std::string cacheName(const AttentionSpec &spec);
/// "_h9", or "_h6of3_1_2" with groups of several sizes: the query heads.
std::string headsName(const AttentionSpec &spec);
/// "64", or "64x32" with values of another width.
std::string widthsName(const AttentionSpec &spec);
/// "_turn64": of kernels that turn.
std::string turnName(const AttentionSpec &spec);
std::string maskName(const AttentionSpec &spec); ///< window, cap and bias

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_ATTENTION_CACHEACCESS_H
