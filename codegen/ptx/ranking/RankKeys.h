// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Logits as keys, and what a warp does with them. A key is an i64 that compares, unsigned, as its logit and token rank:
//
//   high half  the logit's bits, turned so that they compare as floats do     low half  the token, all bits turned
//   0          nothing: NaN, -infinity, no such token
//
// In, out: keys in registers, lists of them in descending order in memory, filled up with 0. Tested by
// test/unit/codegen/ptx/TopLogitsTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_RANKING_RANKKEYS_H
#define LMOPT_CODEGEN_PTX_RANKING_RANKKEYS_H

#include "codegen/ptx/Emitter.h"

namespace lmopt::nvptx {

class RankKeys {
public:
  using Value = mlir::Value;
  using Values = Emitter::Values;

  explicit RankKeys(Emitter &e) : e(e) {}

  static constexpr int64_t kMost = 64; ///< that a warp finds: two a lane
  static constexpr int64_t kBytes = 8; ///< of a key

  Value none(); ///< 0
  Value isSome(Value key);
  Value atLeast(Value a, Value b);
  Value keyOf(Value logit, Value token); ///< of a token that there is
  Value wordOf(Value logit);             ///< i32: the high half; 0 of nothing
  Value tokenOf(Value key);              ///< -1 of nothing
  /// Puts keys of one lane in descending order; 8 of them.
  void sort(Values &keys);

  /// Is given, by some lane each, a place in [0, top) and the key that is there.
  using Out = std::function<void(Value, Value)>;
  /// The `top` greatest keys of lists in memory, `count` of them, `stride` bytes apart, each of `top` keys.
  void merge(Value lists, int64_t count, Value stride, Value top, const Out &out);
  /// Of the block's row of lists, all of which lie side by side, the key at a place of the whole order, below `top`, in
  /// all threads of a block; 0 where there is none. `told`: 8 bytes of shared memory that nobody else uses.
  Value keyAt(Value place, Value lists, int64_t count, Value top, Value told);
  /// The same of each lane's own sorted keys in registers.
  void mergeLanes(const Values &keys, Value top, const Out &out);

private:
  Emitter &e;
  using Best = std::function<Value(const Values &)>;        ///< of a lane
  using Pop = std::function<Values(const Values &, Value)>; ///< without that key

  void turns(Value top, const Values &start, const Best &best, const Pop &pop, const Out &out);
  Value placeOf(size_t i) { return e.add(e.lane(), static_cast<int64_t>(i) * kWarpLanes); }
  Value greatestOfWarp(Value own); ///< in all lanes
  Value turned(Value logit);       ///< its bits, so that they compare as floats do
  Value isRanked(Value logit);     ///< is neither NaN nor -infinity
  Value constant(uint64_t value);
  Value load(Value address) { return e.load(e.b.getI64Type(), address, kBytes); }
  Value greatestWord(Value own); ///< of a warp, of 32 bits
  Value equal(Value a, Value b);
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_RANKING_RANKKEYS_H
