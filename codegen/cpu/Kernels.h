// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernels that generated code is made of, each a private function of the module, emitted once for each set of
// shapes and named so that the name tells all: operation, types, sizes, register tile and instruction set, for example
// linear_u8s8_n960_k576_tile8x3_avx512vnni. The same string stands in the IR, in `lmopt inspect` and in profiles.
//
// Layout of data in memory (all strides in bytes, all rows 64-byte aligned):
//   floats   [rows][round_up(N, 16)] f32; the lanes beyond N are zero, so that no kernel needs a tail loop
//   quants   [rows][64 + round_up(K, 64)]: scale f32, zero point i32, 56 bytes unused, then K bytes u8
//   groups   [rows][header + round_up(K, 64)], see GroupedRow: numbers for each group, then K bytes s8
//   halves   [rows][round_up(N, 32)] bf16; the lanes from N to round_up(N, 16) are zero
//   weights  panels of 16 outputs, see LinearSpec
//   cache    for each layer, dv = round_up(head_dim, 16):
//            f32:  keys [kv head][capacity / 16][head_dim][16],         values [kv head][capacity][dv]
//            bf16: keys [kv head][capacity / 16][head_dim / 2][16][2],  values [kv head][capacity / 2][dv][2]
//            (pairs of dimensions, pairs of positions: what one bf16 dot instruction multiplies)
//            i8:   keys   [kv head][capacity / 16]{[K4 / 4][16][4] u8 = code + 128, [16] f32 scale}, K4 =
//            round_up(head_dim, 4)
//                  values [kv head][capacity / 16]{[4][dv][4] s8 code, [16] f32 scale}
//            (fours of dimensions, fours of positions: what one u8 x s8 dot instruction multiplies)
//            The lines (64 bytes) of four neighbouring panels of keys alternate, where the capacity has all four: one
//            stream of memory for the tile that multiplies them.
// Tested by test/unit/codegen/*KernelTest.cpp against plain loops, and by the end-to-end tests.
#ifndef LMOPT_CODEGEN_CPU_KERNELS_H
#define LMOPT_CODEGEN_CPU_KERNELS_H

#include "codegen/cpu/Emitter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace lmopt::cpu {

constexpr int64_t roundUp(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

/// Rows are handed to threads, and padded in the arena, in units of the tallest register tile.
constexpr int64_t kRowUnit = 8;
/// Bytes in front of the codes of a quantized row: scale, zero point, padding to the cache line.
constexpr int64_t kQuantHeader = 64;

constexpr int64_t floatRowBytes(int64_t width) { return 4 * roundUp(width, kLanes); }
constexpr int64_t quantRowBytes(int64_t width) { return kQuantHeader + roundUp(width, 64); }

constexpr int64_t halfRowBytes(int64_t width) { return roundUp(2 * width, 64); }

/// A row of s8 codes in groups, whose scales are the row's own times powers of two: a header of 64 bytes with s / 2^R
/// (f32), s the scale of the row; four arrays with a number for each group; the codes. With s / 2^j the scale (j <= R)
/// and A the sum of the codes of a group, the arrays hold R - j where a float has its exponent (i32), 2^(R - j) A
/// (f32), -8 A and -128 A (i32): what is added to the scales of a weight, what its minima are multiplied with, and what
/// a product starts from when it reads signed codes as unsigned ones, moved by 8 or by 128.
struct GroupedRow {
  static constexpr int64_t kRange = 24; ///< R: a group without a number above 2^-R of the row's largest is as good as 0
  int64_t width = 0, group = 0;
  int64_t groups() const { return width / group; }
  int64_t fieldBytes() const { return 4 * roundUp(groups(), kLanes); }
  static constexpr int64_t exponentOffset() { return 64; }
  int64_t sumOffset() const { return exponentOffset() + fieldBytes(); }
  int64_t startOffset(int64_t bits) const { return exponentOffset() + (bits == 4 ? 2 : 3) * fieldBytes(); }
  int64_t codeOffset() const { return exponentOffset() + 4 * fieldBytes(); }
  int64_t bytes() const { return codeOffset() + roundUp(width, 64); }
};

/// How the rows of a buffer lie in memory: floats, header and codes ("quants"), codes in groups, or halves.
enum class RowFormat { F32, U8, Groups, Bf16 };
/// `group`: of RowFormat::Groups.
constexpr int64_t rowBytes(RowFormat format, int64_t width, int64_t group) {
  if (format == RowFormat::Groups)
    return GroupedRow{width, group}.bytes();
  if (format == RowFormat::Bf16)
    return halfRowBytes(width);
  return format == RowFormat::U8 ? quantRowBytes(width) : floatRowBytes(width);
}

/// How the weights of a linear are packed, and with that what its rows of input must be; see LinearSpec.
enum class WeightFormat {
  F32,    ///< f32 weights, f32 rows
  Bf16,   ///< bf16 weights, bf16 rows; products exact, sums in f32
  S8Rows, ///< s8 weights with one scale an output, u8 rows
  Grouped ///< 4-bit or 8-bit weights with f16 scales in groups, rows in the same groups
};

/// A matrix product over rows: out[r][n] = sum_k in[r][k] * W[n][k] + bias[n].
///
/// Weights, packed in the order in which the kernel reads them, P = round_up(N, 16) / 16 panels. Panels come in threes
/// whose steps alternate, then those that make no three, so that a tile of three reads one stream of memory. (Three
/// streams gave 30 GB/s where one gives 38: Zen 5, one thread, products of eight rows on the way.)
///   f32: [P / 3][K][3][16] f32; [P][16] bias
///   bf16: [P / 3][K2][3][16][2] bf16, K2 = round_up(K, 2) / 2; [P][16] bias
///   s8:  [P / 3][K4][3][16][4] s8, K4 = round_up(K, 16) / 4; [P][16] scale f32; [P][16] sum of codes i32; [P][16] bias
///   grouped: [P / 4][K / G][4] blocks (then the panels that make no four: [K / G]); [P][16] bias
///        a block: codes, 16 scales f16, 16 minima f16 (if any)
///        8 bits: [G / 4][16][4] u8, the code plus 128
///        4 bits: [G / 8][16][4] bytes: low halves the first four of eight k, high halves the other four; signed codes
///                plus 8, codes with minima as they are
/// A group of four (bf16: two) neighbouring k of 16 outputs fills one register: what one dot instruction wants.
struct LinearSpec {
  int64_t outputs = 0, inputs = 0;
  WeightFormat format = WeightFormat::F32;
  bool bias = false;
  int64_t outStride = 0;       ///< bytes; 4 * outputs exactly when the result is the caller's memory
  int64_t bits = 0, group = 0; ///< Grouped: 4 or 8; a multiple of 16 that divides the inputs
  bool hasMin = false;         ///< Grouped, 4 bits
  int64_t panels() const { return roundUp(outputs, kLanes) / kLanes; }
  bool integer() const { return format == WeightFormat::S8Rows; } ///< u8 x s8 products, one exact sum an output
  bool bf16() const { return format == WeightFormat::Bf16; }
  bool grouped() const { return format == WeightFormat::Grouped; }
  RowFormat rowFormat() const {
    if (grouped())
      return RowFormat::Groups;
    return integer() ? RowFormat::U8 : bf16() ? RowFormat::Bf16 : RowFormat::F32;
  }
  int64_t inStride() const { return rowBytes(rowFormat(), inputs, group); }
  /// Grouped: bytes of the codes of one group of 16 outputs, and of a whole block.
  int64_t groupCodeBytes() const { return kLanes * group * bits / 8; }
  int64_t blockBytes() const { return groupCodeBytes() + 2 * kLanes * (hasMin ? 2 : 1); }
  /// Not grouped: what fills 4 bytes, K as packed, and the steps along k, 64 bytes of a panel each.
  int64_t inputsPerStep() const { return integer() ? 4 : bf16() ? 2 : 1; }
  int64_t depth() const { return roundUp(inputs, integer() ? 16 : inputsPerStep()); }
  int64_t steps() const { return depth() / inputsPerStep(); }
  /// A panel is a row of units: the 64 bytes of a step, or the block of a group. As many panels as are read together
  /// alternate unit by unit, so that reading them is one walk through memory; those left over lie one after another.
  int64_t unitBytes() const { return grouped() ? blockBytes() : 64; }
  int64_t panelBytes() const { return (grouped() ? inputs / group : steps()) * unitBytes(); }
  int64_t panelsTogether() const { return grouped() ? 4 : 3; }
  int64_t alternatingPanels() const { return panels() / panelsTogether() * panelsTogether(); }
  int64_t unitStride(int64_t panel) const { return (panel < alternatingPanels() ? panelsTogether() : 1) * unitBytes(); }
  int64_t unitOffset(int64_t panel, int64_t unit) const {
    int64_t among = panel < alternatingPanels() ? panel % panelsTogether() : 0;
    return (panel - among) * panelBytes() + among * unitBytes() + unit * unitStride(panel);
  }
  int64_t codeBytes() const { return roundUp(panels() * panelBytes(), 64); }
  int64_t scaleOffset() const { return codeBytes(); }
  int64_t sumOffset() const { return scaleOffset() + panels() * 64; }
  int64_t biasOffset() const { return codeBytes() + (integer() ? 2 * panels() * 64 : 0); }
  int64_t bytes() const { return biasOffset() + (bias ? panels() * 64 : 0); }
};

enum class RowOpKind {
  Embedding,       ///< row of an f32 table by token id
  EmbeddingPanels, ///< the same from the panels of an f32 linear (tied head)
  EmbeddingHalves, ///< the same from the panels of a bf16 linear
  EmbeddingCodes,  ///< the same from the panels of an s8 linear: codes * scale
  EmbeddingGroups, ///< the same from the panels of a grouped linear
  AddPositions,    ///< + row of an f32 table by position
  Copy,
  Add,
  BiasAdd,
  RmsNorm,
  LayerNorm,
  Activation,
  GatedProduct,
  Rotate,
  Quantize,
  QuantizeGroups,
  Narrow, ///< to bf16
  L2Normalize
};

enum class PoolKind { Mean, First, Max, Last };

enum class ActivationKind { Gelu, GeluTanh, Silu, Relu, Tanh };

/// One operation of a row program. Values are numbered; inputs of the program come first.
struct RowOp {
  RowOpKind kind = RowOpKind::Copy;
  std::vector<int64_t> operands; ///< value numbers
  int64_t result = 0;            ///< value number
  int64_t width = 0;
  float epsilon = 0;
  int64_t block = 0;       ///< Rotate; QuantizeGroups, EmbeddingGroups: the group
  int64_t scaleOffset = 0; ///< EmbeddingCodes: where the scales of the table begin
  int64_t tableRows = 0;   ///< of the linear whose panels are an embedding's table
  int64_t bits = 0;        ///< EmbeddingGroups
  bool hasMin = false;     ///< EmbeddingGroups
  ActivationKind activation = ActivationKind::Gelu;
  bool for8Bits = false; ///< only quantized to 8 bits, or rounded to bf16: GELU and SiLU by their shorter formulas
  std::vector<int64_t> weights; ///< numbers of weight pointers: gamma, beta; table; vector
};

/// A chain of operations on one row after another, with values between them kept in a scratch row (first-level cache).
struct RowProgram {
  struct Input {
    int64_t value, stride;
    bool gathered; ///< row r is read at index outputRows[r]
  };
  struct Output {
    int64_t value, stride;
  };
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  std::vector<RowOp> ops;
  std::vector<int64_t> widths; ///< by value number
  int64_t weightCount = 0;
  std::string name() const;
  std::vector<bool> keptInScratch() const; ///< by value number: neither input nor output
  int64_t scratchBytes() const;            ///< two rows of every such value (two are at work together)
};

/// How keys and values are kept, and with that what attention multiplies.
enum class CacheFormat {
  F32,
  Bf16, ///< queries and softmax weights as bf16, too; sums in f32; head_dim must be even
  I8    ///< codes of 8 bits and one scale for each position and kv head; queries and weights in 16 bits, exact sums
};

/// Attention of one layer over the cache. RoPE turns pairs (i, i + ropeDims / 2) of the first ropeDims of each head.
struct AttentionSpec {
  int64_t heads = 0, kvHeads = 0, headDim = 0;
  float scale = 1;
  bool causal = true;
  int64_t ropeDims = 0; ///< 0: none
  CacheFormat format = CacheFormat::F32;
  bool bf16() const { return format == CacheFormat::Bf16; }
  bool integer() const { return format == CacheFormat::I8; }
  int64_t keyDim() const { return integer() ? roundUp(headDim, 4) : headDim; }
  int64_t valueDim() const { return roundUp(headDim, kLanes); }
  int64_t elementBytes() const { return integer() ? 1 : bf16() ? 2 : 4; }
  int64_t scaleBytes() const { return integer() ? 4 : 0; }
  int64_t keyBytes() const { return elementBytes() * keyDim() + scaleBytes(); } ///< per position and kv head
  int64_t valueBytes() const { return elementBytes() * valueDim() + scaleBytes(); }
  int64_t cacheBytesPerPosition() const { return kvHeads * (keyBytes() + valueBytes()); }
  int64_t group() const { return heads / kvHeads; } ///< query heads that read one kv head
  int64_t scratchBytes() const;                     ///< per thread
};

/// Table of turns for RoPE: cos and sin of position = 64 * high + low are products of two small tables.
///   [64][D] cos low, [64][D] sin low, [H][D] cos high, [H][D] sin high, D = round_up(ropeDims / 2, 16)
/// Where angles depend on the length of the sequence, a second one of the same size follows, for those longer than
/// `switchPositions`; lmopt_segment_t.rope chooses.
struct RopeTable {
  static constexpr int64_t kLow = 64;
  int64_t halfDims = 0, positions = 0;
  int64_t switchPositions = 0; ///< 0: one table for all lengths
  int64_t rowBytes() const { return floatRowBytes(halfDims); }
  int64_t highRows() const { return (positions + kLow - 1) / kLow; }
  int64_t oneTableBytes() const { return 2 * (kLow + highRows()) * rowBytes(); }
  int64_t tables() const { return switchPositions ? 2 : 1; }
  int64_t bytes() const { return tables() * oneTableBytes(); }
};

/// What a kernel must know of a row: filled once per step and thread by the `describe_rows` kernel.
/// cache pointer, capacity, position, number of the rope table: 32 bytes.
constexpr int64_t kRowInfoBytes = 32;

/// Creates kernels in a module on first use and hands out their names.
class KernelLibrary {
public:
  KernelLibrary(mlir::ModuleOp module, const Target &target) : module(module), target(target) {}

  /// (in, weights, out, rowBegin, rowEnd, panelBegin, panelEnd)
  std::string linear(const LinearSpec &spec);
  /// (inputs..., outputs..., weights..., scratch, tokens, outputRows, rowInfo, rowBegin, rowEnd)
  std::string rows(const RowProgram &program);
  /// (keys, values, rope, rowInfo, layerOffset, rowBegin, rowEnd, thread, threads): stores rotated keys and the values
  /// into the cache. `splitHeads`: every thread walks all rows but takes only the pairs (row, kv head) whose turn is
  /// its own.
  std::string storeKeysValues(const AttentionSpec &spec, const RopeTable &table, bool splitHeads);
  /// (queries, out, rope, rowInfo, scratch, step, layerOffset, thread, threads): attention of all rows. Work is dealt
  /// out in turns by (segment, head, block of rows), or, with `splitHeads`, by (row, kv head) as storeKeysValues does.
  std::string attend(const AttentionSpec &spec, const RopeTable &table, bool splitHeads);
  /// (step, rowInfo): fills the table of rows.
  std::string describeRows();
  /// (in, out, step, segmentBegin, segmentEnd): one row for each segment.
  std::string pool(int64_t width, PoolKind kind);

  const Target &getTarget() const { return target; }
  mlir::ModuleOp getModule() { return module; }

private:
  using Body = std::function<void(Emitter &, mlir::ValueRange)>;
  std::string define(const std::string &name, int64_t pointers, int64_t integers, const Body &body);
  std::string define(const std::string &name, mlir::ArrayRef<mlir::Type> arguments, const Body &body);

  mlir::ModuleOp module;
  Target target;
};

/// Fields of lmopt_step_t and lmopt_segment_t, by offset.
inline mlir::Value loadPointer(Emitter &e, mlir::Value base, int64_t offset) {
  return e.load(e.ptrType(), e.at(base, offset), 8);
}
inline mlir::Value loadInteger(Emitter &e, mlir::Value base, int64_t offset) {
  return e.load(e.b.getI64Type(), e.at(base, offset), 8);
}

} // namespace lmopt::cpu

#endif
