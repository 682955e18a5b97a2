// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the kernels that store keys and values and those that read them share: addresses inside a sequence's cache (the
// layout is in AttentionSpec.h), the turn of RoPE, the table of rows, and the form of their names. In the bodies of
// kernels only. Tested by test/unit/codegen/AttentionKernelTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_CACHEVIEW_H
#define LMOPT_CODEGEN_CPU_CACHEVIEW_H

#include "codegen/cpu/RowInfo.h"
#include "codegen/cpu/attention/AttentionSpec.h"
#include "codegen/cpu/linear/LinearParts.h"

namespace lmopt::cpu {

/// Lanes for loops over half a head that need not be a multiple of 16: the largest power of two that divides `n`.
int64_t lanesFor(int64_t n);

/// The keys of one kv head: panels of 16 positions, four of which alternate as long as the capacity has all four.
struct KeyPanels {
  static constexpr int64_t kGroup = 4;
  mlir::Value base, capacity;
  PanelLines lines(Emitter &e, const AttentionSpec &spec, mlir::Value panel) const;
};

/// Addresses inside one sequence's cache for one layer.
struct CacheView {
  Emitter &e;
  const AttentionSpec &spec;
  mlir::Value base, capacity; ///< base: this layer's part
  KeyPanels keys(mlir::Value kvHead);
  mlir::Value values(mlir::Value kvHead);
  /// Where a position is kept.
  mlir::Value kept(mlir::Value position) { return spec.ringPositions ? e.rem(position, capacity) : position; }
};

struct RowInfo {
  mlir::Value cache, capacity, position;
  mlir::Value rope; ///< number of the rope table
  RowInfo at(mlir::Value otherPosition) const { return {cache, capacity, otherPosition, rope}; }
};
RowInfo loadRowInfo(Emitter &e, mlir::Value table, mlir::Value row);
CacheView layerView(Emitter &e, const AttentionSpec &spec, const RowInfo &info, mlir::Value layerOffset);
/// Where the rows that queries see of a segment are kept, and how many there are.
CacheView segmentView(Emitter &e, const AttentionSpec &spec, mlir::Value segment, mlir::Value layerOffset);
mlir::Value seenRows(Emitter &e, const AttentionSpec &spec, mlir::Value rows);

/// cos and sin of one position, `lanes` dimensions at a time; see RopeTable.
struct Turn {
  Emitter::Values cos, sin;
  int64_t lanes = kLanes;
};
Turn loadTurn(Emitter &e, const RopeTable &table, mlir::Value base, const RowInfo &row);

/// Calls put(dimension, vector) for one head read from `from`, turned by `turn`.
void turnHead(Emitter &e, const AttentionSpec &spec, const Turn &turn, mlir::Value from,
              const std::function<void(int64_t, mlir::Value)> &put);

/// One head, turned or not, into the cache at a position.
void storeOneKey(Emitter &e, const AttentionSpec &spec, const Turn &turn, mlir::Value from, KeyPanels keys,
                 mlir::Value position);
void storeOneValue(Emitter &e, const AttentionSpec &spec, mlir::Value from, mlir::Value values, mlir::Value position);

/// f32, bf16, ...: as kernels are named.
const char *formatName(CacheFormat format);
std::string attentionName(const char *what, const AttentionSpec &spec, const RopeTable &table, bool splitHeads);

} // namespace lmopt::cpu

#endif
