// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of a table by token id, whatever the table's layout: rows of floats, or the panels of a tied head (LinearSpec);
// and rows by position. See EmbeddingRows.h.
#include "codegen/cpu/embedding/EmbeddingRows.h"

#include "codegen/cpu/linear/LinearParts.h"
#include "codegen/cpu/rows/RowContext.h"
#include "dialects/lmk/Lmk.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {

using Values = Emitter::Values;

Value floatsOfRow(RowChunk &chunk, Value row, Value offset) {
  Emitter &e = chunk.e;
  return e.loadFloats(e.at(e.at(chunk.weight(0), e.mul(row, floatRowBytes(chunk.width()))), offset));
}

class Embedding : public RowFunction {
  RowName name() const override { return {"embed"}; }
  void map(RowChunk &chunk) const override {
    chunk.each([&](int64_t, Value offset) { return floatsOfRow(chunk, chunk.tokenId(), offset); });
  }
};

class AddPositions : public RowFunction {
  RowName name() const override { return {"positions"}; }
  void map(RowChunk &chunk) const override {
    chunk.each([&](int64_t i, Value offset) {
      return chunk.e.add(chunk.operand(0, i), floatsOfRow(chunk, chunk.position(), offset));
    });
  }
};

/// Rows of a table in panels.
class PanelRow : public RowFunction {
public:
  explicit PanelRow(const LinearSpec &table) : table(table) {}
  void map(RowChunk &chunk) const final {
    chunk.each([&](int64_t, Value offset) { return numbers(chunk.e, chunk.weight(0), chunk.tokenId(), offset); });
  }

protected:
  /// 16 numbers of row `id`; `offset`: the bytes of the row of floats before them.
  virtual Value numbers(Emitter &e, Value weights, Value id, Value offset) const = 0;

  std::string rows() const { return "n" + std::to_string(table.outputs); }
  // Where the row begins in its panel: its lane of each step.
  PanelLines lines(Emitter &e, Value weights, Value id) const {
    PanelLines lines = panelLines(e, table, weights, e.div(id, e.index(kLanes)));
    return {e.at(lines.base, e.mul(e.rem(id, e.index(kLanes)), 4)), lines.stride};
  }
  LinearSpec table;
};

class F32Row : public PanelRow {
public:
  using PanelRow::PanelRow;
  RowName name() const override { return {"embedpanels", rows()}; }

protected:
  // Lane n % 16 of steps [16]: one float in each cache line, 16 lines for a vector.
  Value numbers(Emitter &e, Value weights, Value id, Value offset) const override {
    PanelLines from = lines(e, weights, id);
    Values lanes;
    for (int64_t i = 0; i < kLanes; ++i) {
      // offset counts 4 bytes for an element of the row; the same element is 64 bytes further in the panel. The last
      // vector of a ragged row must not read beyond the panel's depth: its lanes read element 0 and are zeroed.
      Value element = e.add(e.div(offset, e.index(4)), i);
      Value inside = e.less(element, e.index(table.inputs));
      Value lane = table.inputs % kLanes ? e.select(inside, element, e.index(0)) : element;
      lanes.push_back(e.load(e.b.getF32Type(), from.at(e, lane)));
    }
    Value floats = vector::FromElementsOp::create(e.b, e.loc, e.floats(), lanes);
    return zeroBeyondWidth(e, table.inputs, floats, offset);
  }
};

class Bf16Row : public PanelRow {
public:
  using PanelRow::PanelRow;
  RowName name() const override { return {"embedbf16", rows()}; }

protected:
  // Lane n % 16 of steps [16][2]: two numbers in each cache line. The panel may end inside the last vector of the row:
  // what lies beyond it is read from the first pair and zeroed.
  Value numbers(Emitter &e, Value weights, Value id, Value offset) const override {
    PanelLines from = lines(e, weights, id);
    Value depth = e.index(table.steps());
    Values pairs;
    for (int64_t i = 0; i < kLanes / 2; ++i) { // 16 floats of the row, 64 bytes, come from 8 lines of the panel
      Value pair = e.add(e.div(offset, e.index(8)), i);
      Value line = table.inputs % kLanes ? e.select(e.less(pair, depth), pair, e.index(0)) : pair;
      pairs.push_back(e.load(e.b.getI32Type(), from.at(e, line)));
    }
    Value packed = vector::FromElementsOp::create(e.b, e.loc, e.ints(kLanes / 2), pairs);
    Value floats = arith::ExtFOp::create(e.b, e.loc, e.floats(), e.bitcast(packed, e.halves(kLanes)));
    return zeroBeyondWidth(e, table.inputs, floats, offset);
  }
};

class S8Row : public PanelRow {
public:
  using PanelRow::PanelRow;
  RowName name() const override { return {"embeds8", "s" + std::to_string(table.scaleOffset()) + rows()}; }

protected:
  // Lane n % 16 of steps [16][4]: four codes in each cache line. Codes beyond the width are zero.
  Value numbers(Emitter &e, Value weights, Value id, Value offset) const override {
    PanelLines from = lines(e, weights, id);
    Value scale = e.load(e.b.getF32Type(), e.at(weights, e.add(e.mul(id, 4), table.scaleOffset())));
    Values groups;
    for (int64_t i = 0; i < 4; ++i) // 16 codes are four steps, 64 bytes of the row
      groups.push_back(e.load(e.b.getI32Type(), from.at(e, e.add(e.div(offset, e.index(16)), i))));
    Value packed = vector::FromElementsOp::create(e.b, e.loc, e.ints(4), groups);
    Value codes = arith::ExtSIOp::create(e.b, e.loc, e.ints(), e.bitcast(packed, e.bytes(16)));
    return e.mul(e.toFloat(codes), e.broadcast(scale));
  }
};

class GroupedTableRow : public PanelRow {
public:
  using PanelRow::PanelRow;
  RowName name() const override {
    return {"embedgroups" + std::to_string(table.group),
            rows() + "b" + std::to_string(table.bits) + (table.hasMin ? "min" : "") +
                (table.smallScales ? "s" + std::to_string(table.unitsOffset()) : "")};
  }

protected:
  // Row n of panels [n / 16][group]: in a step of four inputs (a pair of steps in halves of bytes) the codes of output
  // n % 16 are four neighbouring bytes.
  Value numbers(Emitter &e, Value weights, Value id, Value offset) const override {
    Value element = e.div(offset, e.index(4)), lane = e.rem(id, e.index(kLanes));
    Value block = panelLines(e, table, weights, e.div(id, e.index(kLanes))).at(e, e.div(element, e.index(table.group)));
    auto number = [&](int64_t place) {
      return e.fromHalf(e.broadcast(e.load(e.b.getI16Type(), e.at(block, e.add(e.mul(lane, 2), place)), 2)));
    };
    Value inGroup = e.rem(element, e.index(table.group));
    Values words = table.upperBits() ? planes(e, e.at(block, e.mul(lane, 4)), inGroup) : bytes(e, block, lane, inGroup);
    Value packed = vector::FromElementsOp::create(e.b, e.loc, e.ints(4), words);
    Value codes = arith::ExtUIOp::create(e.b, e.loc, e.ints(), e.bitcast(packed, e.bytes(16)));
    Value moved = e.add(codes, e.intsOf(-table.codeOffset()));
    if (table.smallScales)
      return small(e, weights, id, e.at(block, lane), e.toFloat(moved));
    Value numbers = e.mul(e.toFloat(moved), number(table.groupCodeBytes()));
    return table.hasMin ? e.add(numbers, number(table.groupCodeBytes() + 2 * kLanes)) : numbers;
  }

  /// Four codes each, in the order of the inputs; 16 inputs are 16 bits / 32 lines of 64 bytes.
  Values bytes(Emitter &e, Value block, Value lane, Value inGroup) const {
    Value steps = e.div(e.mul(inGroup, table.bits), e.index(32));
    Values words;
    for (int64_t i = 0; i < kLanes * table.bits / 32; ++i) {
      Value word = e.load(e.b.getI32Type(), e.at(block, e.add(e.mul(lane, 4), e.mul(e.add(steps, i), 64))));
      words.push_back(table.bits == 8 ? word : e.bitAnd(word, e.i32(0x0f0f0f0f)));
      if (table.bits == 4)
        words.push_back(e.bitAnd(e.shrLogical(word, e.i32(4)), e.i32(0x0f0f0f0f)));
    }
    return words;
  }
  /// The same of codes of 5 and 6 bits; `at`: the lane of the block.
  Values planes(Emitter &e, Value at, Value inGroup) const {
    Value chunk = e.at(at, e.mul(e.div(inGroup, e.index(table.chunk())), table.chunkBytes()));
    Value inChunk = e.rem(inGroup, e.index(table.chunk())), half = e.mul(e.div(inChunk, e.index(kLanes)), 2 * 64);
    Value upper = e.load(e.b.getI32Type(), e.at(chunk, table.linesOfChunk() * 64));
    upper = e.shrLogical(upper, arith::TruncIOp::create(e.b, e.loc, e.b.getI32Type(), e.div(inChunk, e.index(4))));
    Value mask = e.i32(0x01010101 * ((1 << table.upperBits()) - 1));
    Values words;
    for (int64_t i = 0; i < 4; ++i) {
      Value low = e.load(e.b.getI32Type(), e.at(e.at(chunk, half), i / 2 * 64));
      low = e.bitAnd(e.shrLogical(low, e.i32(i % 2 * 4)), e.i32(0x0f0f0f0f));
      Value high = e.bitAnd(e.shrLogical(upper, e.i32(i * table.upperBits())), mask);
      words.push_back(e.add(low, e.shl(high, e.i32(4))));
    }
    return words;
  }

  /// scale code - scale z / 16, scale = unit c.
  Value small(Emitter &e, Value weights, Value id, Value laneOfBlock, Value codes) const {
    auto byte = [&](int64_t place) {
      Value code = e.load(e.b.getI8Type(), e.at(laneOfBlock, place));
      return e.toFloat(e.broadcast(arith::ExtUIOp::create(e.b, e.loc, e.b.getI32Type(), code)));
    };
    Value unit = e.broadcast(e.load(e.b.getF32Type(), e.at(weights, e.add(e.mul(id, 4), table.unitsOffset()))));
    Value scale = e.mul(unit, byte(table.groupCodeBytes()));
    Value moved = e.mul(byte(table.groupCodeBytes() + kLanes), e.floatsOf(-0.0625f));
    return e.add(e.mul(codes, scale), e.mul(scale, moved));
  }
};

class CodebookGroupRow : public PanelRow {
public:
  using PanelRow::PanelRow;
  RowName name() const override {
    return {"embedcodebook" + std::to_string(table.group),
            rows() + "b" + std::to_string(table.bits) + "t" + std::to_string(table.tableOffset())};
  }

protected:
  Value numbers(Emitter &e, Value weights, Value id, Value offset) const override {
    Value element = e.div(offset, e.index(4)), lane = e.rem(id, e.index(kLanes));
    Value block = panelLines(e, table, weights, e.div(id, e.index(kLanes))).at(e, e.div(element, e.index(table.group)));
    Values fours = numbersOf(e, e.at(block, e.mul(lane, 4)), e.rem(element, e.index(table.group)));
    Value packed = e.bitcast(vector::FromElementsOp::create(e.b, e.loc, e.ints(4), fours), e.bytes(16));
    Value entries = e.load(e.bytes(16), e.at(weights, table.tableOffset()), 16);
    Value found = lmk::LookupOp::create(e.b, e.loc, packed.getType(), entries, packed);
    Value integers = e.add(arith::ExtUIOp::create(e.b, e.loc, e.ints(), found), e.intsOf(-128));
    Value scale = e.load(e.b.getI16Type(), e.at(block, e.add(e.mul(lane, 2), table.groupCodeBytes())), 2);
    return e.mul(e.toFloat(integers), e.fromHalf(e.broadcast(scale)));
  }

private:
  /// 16 numbers from `element` of the group on, a word for each four; `at`: the lane of the block.
  Values numbersOf(Emitter &e, Value at, Value element) const {
    const int64_t stored = table.bits == 3 ? 2 : table.bits;
    Value chunk = e.at(at, e.mul(e.div(element, e.index(32)), 64 * table.bits)), rest = e.rem(element, e.index(32));
    Value lines = e.at(chunk, e.mul(e.div(e.mul(rest, stored), e.index(32)), 64));
    Value mask = e.i32(0x01010101 * ((1 << stored) - 1));
    Values fours;
    for (int64_t line = 0; line < kLanes * stored / 32; ++line) {
      Value word = e.load(e.b.getI32Type(), e.at(lines, 64 * line));
      for (int64_t i = 0; i < 8 / stored; ++i)
        fours.push_back(e.bitAnd(e.shrLogical(word, e.i32(stored * i)), mask));
    }
    if (table.bits == 3)
      addUpperBits(e, fours, e.load(e.b.getI32Type(), e.at(chunk, 2 * 64)), rest);
    return fours;
  }
  /// Those of input `rest` are bit rest / 4 of the bytes.
  void addUpperBits(Emitter &e, Values &fours, Value word, Value rest) const {
    Value from = arith::TruncIOp::create(e.b, e.loc, e.b.getI32Type(), e.div(rest, e.index(4)));
    for (size_t i = 0; i < fours.size(); ++i) {
      Value bit = e.bitAnd(e.shrLogical(word, e.add(from, e.i32(i))), e.i32(0x01010101));
      fours[i] = e.add(fours[i], e.shl(bit, e.i32(2)));
    }
  }
};

class CodebookRow : public PanelRow {
public:
  using PanelRow::PanelRow;
  RowName name() const override { return {"embedcodebook", rows() + "k" + std::to_string(table.inputs)}; }

protected:
  // Lane n % 16 of steps [16] of bytes. The last vector of a ragged row must not read beyond the panel.
  Value numbers(Emitter &e, Value weights, Value id, Value offset) const override {
    Value from =
        e.at(weights, e.add(e.mul(e.div(id, e.index(kLanes)), table.panelBytes()), e.rem(id, e.index(kLanes))));
    Values lanes;
    for (int64_t i = 0; i < kLanes; ++i) {
      Value element = e.add(e.div(offset, e.index(4)), i);
      if (table.inputs % kLanes)
        element = e.select(e.less(element, e.index(table.inputs)), element, e.index(0));
      Value number = e.load(e.b.getI8Type(), e.at(from, e.mul(element, kLanes)), 1);
      Value wide = arith::ExtUIOp::create(e.b, e.loc, e.b.getI64Type(), number);
      lanes.push_back(e.load(e.b.getF32Type(), e.at(e.at(weights, table.tableOffset()), e.mul(wide, 4))));
    }
    Value scale = e.load(e.b.getF32Type(), e.at(weights, e.add(e.mul(id, 4), table.scaleOffset())));
    Value entries = vector::FromElementsOp::create(e.b, e.loc, e.floats(), lanes);
    return zeroBeyondWidth(e, table.inputs, e.mul(entries, e.broadcast(scale)), offset);
  }
};

} // namespace

RowFunctionRef embedding() { return std::make_shared<Embedding>(); }
RowFunctionRef addPositions() { return std::make_shared<AddPositions>(); }

RowFunctionRef embedding(const LinearSpec &table) {
  switch (table.format) {
  case WeightFormat::F32:
    return std::make_shared<F32Row>(table);
  case WeightFormat::Bf16:
    return std::make_shared<Bf16Row>(table);
  case WeightFormat::S8Rows:
    return std::make_shared<S8Row>(table);
  case WeightFormat::Grouped:
    if (table.codebook)
      return std::make_shared<CodebookGroupRow>(table);
    return std::make_shared<GroupedTableRow>(table);
  case WeightFormat::Codebook:
    return std::make_shared<CodebookRow>(table);
  case WeightFormat::Blocks: // EmbeddingModel has refused them
  case WeightFormat::Codes:
    return nullptr;
  }
  return nullptr;
}

} // namespace lmopt::cpu
