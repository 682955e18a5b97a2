// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Trees of neurons (lm.neuron_tree): how their weights lie, what the kernel keeps meanwhile, the kernel.
//
//   N rows of a neuron, tree after tree, level after level, each of    what it is multiplied with, then what it adds
//   N times 16 bytes: bias; the norm, see Descent.cpp; scale of what it is multiplied with; scale of what it adds (f32)
//   if what it is multiplied with has fewer bits than what decides: N exact rows of f32, each with its length behind it
//
// Children 2n + 1 and 2n + 2 are neighbours, so that both are one stretch of memory.
// Tested by test/unit/codegen/NeuronTreeKernelTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_CONDITIONAL_NEURONTREE_H
#define LMOPT_CODEGEN_CPU_CONDITIONAL_NEURONTREE_H

#include "codegen/cpu/Rows.h"
#include "dialects/lm/Kinds.h"

#include <algorithm>
#include <string>

namespace lmopt::cpu {

class KernelLibrary;

/// What the numbers of a row are stored as.
enum class RowNumber { F32, Bf16, S8 };
constexpr int64_t numberBytes(RowNumber format) {
  return format == RowNumber::F32 ? 4 : format == RowNumber::Bf16 ? 2 : 1;
}
constexpr const char *numberWord(RowNumber format) {
  return format == RowNumber::F32 ? "f32" : format == RowNumber::Bf16 ? "bf16" : "s8";
}

struct NeuronRows {
  int64_t neurons = 0, inputs = 0, outputs = 0; ///< outputs 0: neurons that only decide
  RowNumber keyFormat = RowNumber::F32, valueFormat = RowNumber::F32;
  bool exact = false; ///< exact rows decide

  int64_t keyVectors() const { return roundUp(inputs, kLanes) / kLanes; }
  int64_t valueVectors() const { return roundUp(outputs, kLanes) / kLanes; }
  int64_t keyVectorBytes() const { return kLanes * numberBytes(keyFormat); }
  int64_t valueVectorBytes() const { return kLanes * numberBytes(valueFormat); }
  int64_t valueOffset() const { return roundUp(keyVectors() * keyVectorBytes(), 64); } ///< in a row
  int64_t rowBytes() const { return valueOffset() + roundUp(valueVectors() * valueVectorBytes(), 64); }
  /// Sums of many numbers are made of pieces, so that a token alone need not wait for one addition after the other; not
  /// of few, which tokens that are taken together would have to add (24 vectors: 4 % of their products).
  int64_t pieces() const {
    int64_t pieces = 8;
    while (pieces > 1 && (keyVectors() < 24 * pieces || keyVectors() % pieces))
      pieces /= 2;
    return pieces;
  }
  static constexpr int64_t kNumbersBytes = 16, kBias = 0, kNorm = 4, kKeyScale = 8, kValueScale = 12;
  int64_t numbersOffset() const { return neurons * rowBytes(); }
  int64_t exactOffset() const { return numbersOffset() + roundUp(neurons * kNumbersBytes, 64); }
  int64_t exactNorm() const { return keyVectors() * 64; } ///< in an exact row
  int64_t exactBytes() const { return exact ? exactNorm() + 64 : 0; }
  int64_t bytes() const { return exactOffset() + neurons * exactBytes(); }
  /// What a sum in f32 is off at most, by lengths: see Descent.cpp.
  double sumError() const { return static_cast<double>(keyVectors() + 8) * 0x1p-24; } // pieces only make it less
};

/// Added to each norm, so that a bound covers what is lost where products of numbers near 2^-126 are rounded.
constexpr float kLeastNorm = 0x1p-30f;

/// The walk of many tokens down a tree; see Descent.cpp. Tokens are numbers of rows of a block.
struct DescentSpec {
  NeuronRows rows;
  int64_t levels = 0;
  bool tieRight = false;
  int64_t trees = 1;
  int64_t mostTokens = 16384; ///< of a block; what a program never exceeds needs no memory

  /// Fewer tokens walk one by one.
  static constexpr int64_t kFew = 16;
  /// Tokens of a block: so many that neurons of the last level have some each. Where trees are many and so small that a
  /// block need not be large for their weights' sake, so few that its rows stay in the second-level cache from tree to
  /// tree. (bench-cmm --no-dense --trees 4 --levels 10, Zen 4: 54 ms with 16384, 59 with 2048, whose rows the
  /// third-level cache would keep.)
  int64_t blockTokens() const { return std::min<int64_t>(mostTokens, trees <= 8 ? 16384 : 128); }
  /// Tokens whose rows are in the second-level cache while they walk down some levels.
  int64_t tileTokens() const {
    int64_t fitting = (int64_t{288} << 10) / floatRowBytes(rows.inputs) / 8 * 8;
    return std::min(std::max<int64_t>(fitting, 8), std::min<int64_t>(blockTokens(), 256));
  }
  /// Levels after which the tokens of a block are put into the order of their neurons (even; all: never): as many
  /// neurons as there are tiles in a block, unless a whole tree stays in the second-level cache.
  int64_t firstLevels() const {
    if ((int64_t{1} << levels) * rows.rowBytes() <= (int64_t{512} << 10))
      return levels;
    int64_t first = 0;
    while ((int64_t{4} << first) * tileTokens() <= blockTokens())
      first += 2;
    return std::min(first, levels);
  }
  int64_t nodes() const { return (int64_t{1} << levels) - 1; } ///< of a tree

  // Scratch: lists of tokens and their neurons, of which one is made from the other; for each token the reach of its
  // errors, its numbers, and which of four ways it takes; what is counted.
  int64_t numbersPerToken() const { return roundUp(levels, kLanes); }
  int64_t listBytes() const { return roundUp(4 * (blockTokens() + kLanes), 64); }
  int64_t tokensOffset(int64_t list) const { return 2 * list * listBytes(); } ///< also where the list begins
  int64_t neuronsOffset(int64_t list) const { return tokensOffset(list) + listBytes(); }
  int64_t reachOffset() const { return 4 * listBytes(); }
  int64_t waysOffset() const { return 5 * listBytes(); }
  int64_t numbersOffset() const { return 6 * listBytes(); }
  int64_t sumsOffset() const { return numbersOffset() + 4 * numbersPerToken() * blockTokens(); }
  int64_t countsOffset() const { return sumsOffset() + 4 * 64; }
  int64_t scratchBytes() const { return countsOffset() + roundUp(8 << firstLevels(), 64) + 64; }
};

/// Results of this many bytes are longer than what caches keep, so they go past them: a row that is only written need
/// not be read first (Zen 4, 48 MB: 3 ms of 18; bench-cmm --no-dense, without and with it).
constexpr int64_t kStreamed = int64_t{16} << 20;

struct NeuronTreeSpec {
  DescentSpec descent;
  Activation kind = Activation::Gelu;
  int64_t outStride = 0; ///< bytes
  /// Whether a block may have results so long that they go past the caches.
  bool mayStream() const { return !ragged() && descent.blockTokens() * outStride >= kStreamed; }
  /// Rows of the caller's memory may end inside their last vector.
  bool ragged() const { return outStride < floatRowBytes(descent.rows.outputs); }
};

/// (in, weights, out, scratch, rowBegin, rowEnd)
std::string neuronTreeKernel(KernelLibrary &kernels, const NeuronTreeSpec &spec);

} // namespace lmopt::cpu

#endif
