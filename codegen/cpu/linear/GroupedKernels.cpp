// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products with weights in short groups (codes of 4 to 8 bits, or numbers of at most 16 entries of a codebook;
// f16 scales and minima) and rows of s8 codes in the same groups. In: rows as GroupedRow says, packed weights as
// LinearSpec says. Out: rows of floats.
//
//   y[n] = sum over groups of  s (s_w[n] D + m_w[n] A) + bias[n]
//
// With small scales s_w and m_w are multiples of the row's unit, which is multiplied with the sum at the end.
//
// s is the scale of a group of activations. D is an exact integer sum in one register, 16 outputs at a
// time: the weights are the unsigned operand of the dot instruction, the activations the signed one, four of them
// broadcast from memory. Per 32 inputs that is 8 dot instructions, one product of scales and one (with minima: two)
// fused multiply-adds, 10 (11) uses of the two multiplying pipes where plain int8 rows need 8: prompts are bound at
// 80 % (73 %) of their speed. Conversions have pipes of their own. One token is bound by memory: 16 outputs x 32 inputs
// are 320 bytes, 32 cycles at 40 GB/s, for about 30 instructions. Groups are added up in the order of k, in `tile` as
// in `stream`: results do not depend on how rows are dealt out. Tested by test/unit/codegen/GroupedKernelTest.cpp.
//
// A codebook is 16 bytes in a register, entries plus 128, in which one shuffle of bytes looks up the entries of a
// register of numbers; from there on they are codes of 8 bits.
#include "codegen/cpu/linear/LinearParts.h"

#include "dialects/lmk/Lmk.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {

using Values = Emitter::Values;

struct GroupedEmitter {
  Emitter &e;
  const LinearSpec &spec;
  Value in, weights, out, rowBegin, rowEnd;
  GroupedRow layout{spec.inputs, spec.group};
  Value table = {}; ///< the codebook

  /// Inputs that are unpacked at a time: 8 registers of codes where the group has so many.
  int64_t chunk() const { return spec.chunk(); }
  int64_t chunks() const { return spec.group / chunk(); }

  Value rowAddress(Value row) { return e.at(in, e.mul(row, layout.bytes())); }
  Value blockAddress(Value panel, Value group) { return panelLines(e, spec, weights, panel).at(e, group); }
  Value halves(Value address) { return e.fromHalf(e.load(VectorType::get({kLanes}, e.b.getI16Type()), address, 32)); }
  /// 16 codes of 8 bits as floats.
  Value bytes(Value address) {
    Value codes = e.load(VectorType::get({kLanes}, e.b.getI8Type()), address, 16);
    return e.toFloat(arith::ExtUIOp::create(e.b, e.loc, e.ints(), codes));
  }
  Value scales(Value block) {
    Value at = e.at(block, spec.groupCodeBytes());
    return spec.smallScales ? bytes(at) : halves(at);
  }
  Value minima(Value block) {
    if (!spec.smallScales)
      return halves(e.at(block, spec.groupCodeBytes() + 2 * kLanes));
    Value sixteenths = e.mul(scales(block), e.floatsOf(-0.0625f));
    return e.mul(sixteenths, bytes(e.at(block, spec.groupCodeBytes() + kLanes)));
  }

  /// Codes, or entries, of 16 outputs for line `line` of a chunk: a register for each four inputs of the line.
  Values unpack(Value chunkAt, int64_t line, bool inOrder) {
    Value lineAt = e.at(chunkAt, line * 64);
    Value raw = inOrder ? e.loadInOrder(e.ints(), lineAt, 32) : e.load(e.ints(), lineAt, 32);
    if (spec.bits == 8)
      return {e.bitcast(raw, e.bytes())};
    int64_t bits = spec.lowerBits(), inLine = 8 / bits;
    Value upper = spec.upperBits() ? e.load(e.ints(), e.at(chunkAt, spec.linesOfChunk() * 64), 32) : Value();
    Value mask = e.intsOf(0x01010101 * ((1 << bits) - 1));
    Values steps;
    for (int64_t i = 0; i < inLine; ++i) {
      Value codes = e.bitAnd(i == 0 ? raw : e.shrLogical(raw, e.intsOf(bits * i)), mask);
      if (upper)
        codes = e.add(codes, upperBits(upper, inLine * line + i));
      codes = e.bitcast(codes, e.bytes());
      steps.push_back(spec.codebook ? lmk::LookupOp::create(e.b, e.loc, e.bytes(), table, codes).getResult() : codes);
    }
    return steps;
  }
  /// The upper bits of the codes of a chunk's `four`-th four inputs, where they stand in a code.
  Value upperBits(Value bytes, int64_t four) {
    int64_t count = spec.upperBits(), from = count * four, to = spec.lowerBits();
    Value moved = from < to   ? e.shl(bytes, e.intsOf(to - from))
                  : from > to ? e.shrLogical(bytes, e.intsOf(from - to))
                              : bytes;
    return e.bitAnd(moved, e.intsOf(0x01010101 * (((1 << count) - 1) << to)));
  }

  /// One number of the row's arrays, in all lanes.
  Value field(Type type, Value rowAt, int64_t offset, Value group) {
    return e.broadcast(e.load(type, e.at(rowAt, e.add(e.mul(group, 4), offset))));
  }
  /// -128 A of codes of 8 bits and of entries; of fewer bits -8 A, and what is left of the offset as a shift.
  Value start(Value rowAt, Value group) {
    if (spec.hasMin)
      return e.intsOf(0);
    bool isByte = spec.codebook || spec.bits == 8;
    Value from = field(e.b.getI32Type(), rowAt, layout.startOffset(isByte ? 8 : 4), group);
    return isByte || spec.bits == 4 ? from : e.shl(from, e.intsOf(spec.bits - 4));
  }
  Value activations(Value address) { return e.bitcast(e.broadcast(e.load(e.b.getI32Type(), address)), e.bytes()); }
  Value dot(Value sum, Value codes, Value four) {
    return lmk::DotU8S8Op::create(e.b, e.loc, sum.getType(), sum, codes, four);
  }
  /// Calls body(number of the chunk, sums) for the chunks of a group.
  Values overChunks(const Values &sums, const std::function<Values(Value, const Values &)> &body) {
    if (chunks() == 1)
      return body(e.index(0), sums);
    return e.loop(e.index(0), e.index(chunks()), 1, sums, body);
  }
  Value chunkCodes(Value block, Value chunkIndex) { return e.at(block, e.mul(chunkIndex, spec.chunkBytes())); }
  Value chunkActivations(Value rowAt, Value group, Value chunkIndex) {
    return e.at(rowAt, e.add(e.add(e.mul(group, spec.group), e.mul(chunkIndex, chunk())), layout.codeOffset()));
  }

  /// sum + s (s_w D + m_w A)
  Value addGroup(Value sum, Value dot, Value block, Value rowAt, Value group) {
    Value scale = e.mul(scales(block), field(e.b.getF32Type(), rowAt, GroupedRow::scaleOffset(), group));
    sum = e.fma(e.toFloat(dot), scale, sum);
    return spec.hasMin ? e.fma(minima(block), field(e.b.getF32Type(), rowAt, layout.sumOffset(), group), sum) : sum;
  }

  void finish(Value sum, Value row, Value panel) {
    if (spec.smallScales)
      sum = e.mul(sum, e.load(e.floats(), e.at(weights, e.add(e.mul(panel, 64), spec.unitsOffset())), 64));
    if (spec.bias)
      sum = e.add(sum, e.load(e.floats(), e.at(weights, e.add(e.mul(panel, 64), spec.biasOffset())), 64));
    storePanel(e, spec, out, sum, row, panel);
  }

  // rows x panels sums and as many dot products stay in registers. Codes are unpacked four (eight) inputs at a time and
  // used by all rows at once, activations are broadcast once for all panels: 4 rows and 3 panels take 12 sums, 12
  // dot products and 6 registers of codes, and 7 loads for 12 dot instructions where one panel would take 5 for 4, more
  // than the two load ports bring in the time of the products.
  // The last tile may read rows beyond the range (the arena is padded) but never stores them.
  //
  // Weights that come from memory are asked for on the way; see LinearKernels.cpp. `Once`: this is the only tile of
  // rows, and it takes blocks in the order of their addresses. `NextPanels`: the same block of the next four panels,
  // for eight rows with one panel (65 % of the unit; 4 rows and 4 panels in order, twice: 50 %).
  enum class Ask { Nothing, NextPanels, Once };
  void tile(Value row, Value panel, int64_t rows, int64_t panels, Ask ask) {
    Values at;
    for (int64_t r = 0; r < rows; ++r)
      at.push_back(rowAddress(e.add(row, r)));
    Values sums = e.loop(e.index(0), e.index(layout.groups()), 1, Values(rows * panels, e.floatsOf(0)),
                         [&](Value group, const Values &carried) { return addGroup(carried, at, panel, group, ask); });
    for (int64_t r = 0; r < rows; ++r) {
      Value current = e.add(row, r);
      e.ifThen(e.less(current, rowEnd), [&] {
        for (int64_t p = 0; p < panels; ++p)
          finish(sums[r * panels + p], current, e.add(panel, p));
      });
    }
  }
  void askFor(Value block, int64_t panels, Ask ask) {
    for (int64_t line = 0; ask != Ask::Nothing && line < panels * spec.blockBytes(); line += 64)
      ask == Ask::Once ? e.prefetchOnce(e.at(block, kOnceAhead + line))
                       : e.prefetch(e.at(block, spec.panelsTogether() * spec.panelBytes() + line));
  }
  /// Adds one group of the rows at `at` times as many panels as there are sums for.
  Values addGroup(Values sums, const Values &at, Value panel, Value group, Ask ask) {
    Values blocks;
    for (size_t p = 0; p < sums.size() / at.size(); ++p)
      blocks.push_back(blockAddress(e.add(panel, p), group));
    askFor(blocks[0], blocks.size(), ask);
    return addGroup(sums, at, blocks, group, ask == Ask::Once || at.size() == 1);
  }
  Values addGroup(Values sums, const Values &at, const Values &blocks, Value group, bool inOrder = true) {
    if (inOrder && blocks.size() > 1)
      return addInOrder(sums, at, blocks, group);
    Values dots;
    for (Value rowAt : at)
      dots.append(blocks.size(), start(rowAt, group));
    dots = overChunks(dots, [&](Value index, Values next) {
      dotTile(next, blocks, at, group, index, inOrder);
      return next;
    });
    for (size_t i = 0; i < sums.size(); ++i)
      sums[i] = addGroup(sums[i], dots[i], blocks[i % blocks.size()], at[i / blocks.size()], group);
    return sums;
  }
  /// Weights from memory are taken in the order of their addresses, block by block.
  Values addInOrder(Values sums, const Values &at, const Values &blocks, Value group) {
    for (size_t p = 0; p < blocks.size(); ++p) {
      Values own;
      for (size_t r = 0; r < at.size(); ++r)
        own.push_back(sums[r * blocks.size() + p]);
      own = addGroup(own, at, {blocks[p]}, group);
      for (size_t r = 0; r < at.size(); ++r)
        sums[r * blocks.size() + p] = own[r];
    }
    return sums;
  }
  /// Adds the products of one chunk of all rows and blocks.
  void dotTile(Values &sums, const Values &blocks, const Values &at, Value group, Value chunkIndex, bool inOrder) {
    for (int64_t line = 0; line < spec.linesOfChunk(); ++line) {
      SmallVector<Values> steps; // by panel: registers of codes of four inputs each
      for (Value block : blocks)
        steps.push_back(unpack(chunkCodes(block, chunkIndex), line, inOrder));
      int64_t count = steps[0].size();
      for (int64_t s = 0; s < count; ++s)
        for (size_t r = 0; r < at.size(); ++r) {
          Value four = activations(e.at(chunkActivations(at[r], group, chunkIndex), (line * count + s) * 4));
          for (size_t p = 0; p < blocks.size(); ++p)
            sums[r * blocks.size() + p] = dot(sums[r * blocks.size() + p], steps[p][s], four);
        }
    }
  }

  // Blocks of rows that fit into half of a second-level cache of 512 KiB outside, then panels, whose weights stay in
  // the first level while the rows of the block pass by.
  void tiles(Value panelBegin, Value panelEnd) {
    int64_t blockRows = std::max<int64_t>(roundUp((256 << 10) / layout.bytes(), kRowUnit), kRowUnit);
    e.loop(rowBegin, rowEnd, blockRows, [&](Value first) {
      Value end = e.min(e.add(first, blockRows), rowEnd);
      overPanels(e, panelBegin, panelEnd, groupedTilePanels(e.shape), [&](Value panel, int64_t count) {
        e.loop(first, end, kGroupedTileRows,
               [&](Value row) { tile(row, panel, kGroupedTileRows, count, Ask::Nothing); });
      });
    });
  }
  // A few sequences decoded together: weights come from memory.
  void fewRows(Value panelBegin, Value panelEnd) {
    int64_t rows = wide() ? kRowUnit : kGroupedTileRows;
    e.loop(panelBegin, panelEnd, 1, [&](Value panel) {
      e.loop(rowBegin, rowEnd, rows, [&](Value row) { tile(row, panel, rows, 1, Ask::NextPanels); });
    });
  }
  void singleTile(Value panelBegin, Value panelEnd, int64_t rows, Ask ask) {
    overPanels(e, panelBegin, panelEnd, wide() ? spec.panelsTogether() : 1,
               [&](Value panel, int64_t count) { tile(rowBegin, panel, rows, count, ask); });
  }
  bool wide() const { return e.shape.tilePanels > 1; } ///< 32 registers

  // One row where registers do not hold the sums and products of four panels. The blocks of panels that alternate are
  // still taken in the order of their addresses, one after another, while the sums take turns: one panel at a time
  // would read every fourth block of memory (Zen 3: 5.3 GB/s of 4-bit blocks).
  void inTurns(Value panel, int64_t panels) {
    PanelLines lines = panelLines(e, spec, weights, panel);
    Value rowAt = rowAddress(rowBegin);
    auto addBlock = [&](Value sum, Value block, Value group) {
      for (int64_t line = 0; line < spec.blockBytes(); line += 64)
        e.prefetch(e.at(block, kStreamAhead + line));
      return addGroup({sum}, {rowAt}, {block}, group).front();
    };
    Values sums = e.loop(e.index(0), e.index(layout.groups()), 1, Values(panels, e.floatsOf(0)),
                         [&](Value group, const Values &carried) {
                           Value first = lines.at(e, group);
                           if (panels == 1)
                             return Values{addBlock(carried[0], first, group)};
                           return e.loop(e.index(0), e.index(panels), 1, carried, [&](Value p, const Values &turn) {
                             Values next(turn.begin() + 1, turn.end());
                             next.push_back(addBlock(turn[0], e.at(first, e.mul(p, spec.blockBytes())), group));
                             return next;
                           });
                         });
    for (int64_t p = 0; p < panels; ++p)
      finish(sums[p], rowBegin, e.add(panel, p));
  }
  void singleRow(Value panelBegin, Value panelEnd) {
    if (wide())
      return singleTile(panelBegin, panelEnd, 1, Ask::Nothing);
    overPanels(e, panelBegin, panelEnd, spec.panelsTogether(),
               [&](Value panel, int64_t count) { inTurns(panel, count); });
  }

  void emit(Value panelBegin, Value panelEnd) {
    if (spec.codebook)
      table = e.load(e.bytes(16), e.at(weights, spec.tableOffset()), 16);
    Value rows = e.sub(rowEnd, rowBegin);
    auto moreThan = [&](int64_t count, const std::function<void()> &body) {
      e.ifThen(e.less(e.index(count), rows), body);
    };
    auto between = [&](int64_t least, int64_t most, const std::function<void()> &body) {
      e.ifThen(e.less(rows, e.index(most + 1)), [&] { moreThan(least - 1, body); });
    };
    between(1, 1, [&] { singleRow(panelBegin, panelEnd); });
    between(2, kGroupedTileRows, [&] { singleTile(panelBegin, panelEnd, kGroupedTileRows, Ask::Once); });
    between(kGroupedTileRows + 1, 4 * kRowUnit, [&] { fewRows(panelBegin, panelEnd); });
    moreThan(4 * kRowUnit, [&] { tiles(panelBegin, panelEnd); });
  }
};
} // namespace

void emitGroupedLinear(Emitter &e, const LinearSpec &spec, ValueRange arguments) {
  GroupedEmitter{e, spec, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4]}.emit(arguments[5],
                                                                                                     arguments[6]);
}

} // namespace lmopt::cpu
