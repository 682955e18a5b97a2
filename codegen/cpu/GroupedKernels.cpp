// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products with weights in short groups (4-bit or 8-bit codes, f16 scales and minima) and rows of s8 codes in
// the same groups. In: rows as GroupedRow says, packed weights as LinearSpec says. Out: rows of floats.
//
//   y[n] = sum over groups of  s_a (s_w[n] D + m_w[n] A) + bias[n]
//
// D is an exact integer sum in one register, 16 outputs at a time: the weights are the unsigned operand of the dot
// instruction, the activations the signed one, four of them broadcast from memory. Per 32 inputs that is 8 dot
// instructions and one conversion, one multiplication and one (with minima: two) fused multiply-adds: at least 11 uses
// of the two multiplying pipes where plain int8 rows need 8, which bounds prompts at 73 % (80 %) of their speed. One
// token is bound by memory: 16 outputs x 32 inputs are 320 bytes, 32 cycles at 40 GB/s, for about 30 instructions.
// Groups are added up in the order of k, in `tile` as in `stream`: results do not depend on how rows are dealt out.
// Tested by test/unit/codegen/GroupedKernelTest.cpp.
#include "codegen/cpu/LinearParts.h"

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

  /// Inputs that are unpacked at a time: 8 registers of codes where the group has so many.
  int64_t chunk() const { return spec.group % 32 == 0 ? 32 : 16; }
  int64_t chunks() const { return spec.group / chunk(); }

  Value rowAddress(Value row) { return e.at(in, e.mul(row, layout.bytes())); }
  Value blockAddress(Value panel, Value group) { return groupedBlock(e, spec, weights, panel, group); }
  Value halves(Value address) { return e.fromHalf(e.load(VectorType::get({kLanes}, e.b.getI16Type()), address, 32)); }
  Value scales(Value block) { return halves(e.at(block, spec.groupCodeBytes())); }
  Value minima(Value block) { return halves(e.at(block, spec.groupCodeBytes() + 2 * kLanes)); }

  /// Codes of one chunk, a register for each four inputs. `from`: the chunk's first byte.
  Values codes(Value from) {
    Values steps;
    for (int64_t i = 0; i < chunk() * spec.bits / 32; ++i) {
      Value raw = e.load(e.ints(), e.at(from, i * 64), 32);
      if (spec.bits == 8) {
        steps.push_back(e.bitcast(raw, e.bytes()));
        continue;
      }
      Value low = e.intsOf(0x0f0f0f0f);
      steps.push_back(e.bitcast(e.bitAnd(raw, low), e.bytes()));
      steps.push_back(e.bitcast(e.bitAnd(e.shrLogical(raw, e.intsOf(4)), low), e.bytes()));
    }
    return steps;
  }

  /// One number of the row's arrays, in all lanes.
  Value field(Type type, Value rowAt, int64_t offset, Value group) {
    return e.broadcast(e.load(type, e.at(rowAt, e.add(e.mul(group, 4), offset))));
  }
  Value start(Value rowAt, Value group) {
    return spec.hasMin ? e.intsOf(0) : field(e.b.getI32Type(), rowAt, layout.startOffset(spec.bits), group);
  }
  Value dotChunk(Value sum, const Values &steps, Value activations) {
    for (size_t s = 0; s < steps.size(); ++s) {
      Value four = e.broadcast(e.load(e.b.getI32Type(), e.at(activations, s * 4)));
      sum = lmk::DotU8S8Op::create(e.b, e.loc, sum.getType(), sum, steps[s], e.bitcast(four, e.bytes()));
    }
    return sum;
  }
  /// Calls body(codes of the chunk, offset of its activations, sums) for the chunks of a group.
  Values overChunks(const Values &sums, const std::function<Values(Value, const Values &)> &body) {
    if (chunks() == 1)
      return body(e.index(0), sums);
    return e.loop(e.index(0), e.index(chunks()), 1, sums, body);
  }
  Value chunkCodes(Value block, Value chunkIndex) {
    return e.at(block, e.mul(chunkIndex, chunk() * kLanes * spec.bits / 8));
  }
  Value chunkActivations(Value rowAt, Value group, Value chunkIndex) {
    return e.at(rowAt, e.add(e.add(e.mul(group, spec.group), e.mul(chunkIndex, chunk())), layout.codeOffset()));
  }

  /// sum + s_a (s_w D + m_w A)
  Value addGroup(Value sum, Value dot, Value scale, Value minimum, Value rowAt, Value group) {
    Type f32 = e.b.getF32Type();
    sum = e.fma(e.mul(e.toFloat(dot), scale), field(f32, rowAt, GroupedRow::scaleOffset(), group), sum);
    return spec.hasMin ? e.fma(minimum, field(f32, rowAt, layout.scaledSumOffset(), group), sum) : sum;
  }

  void finish(Value sum, Value row, Value panel) {
    if (spec.bias)
      sum = e.add(sum, e.load(e.floats(), e.at(weights, e.add(e.mul(panel, 64), spec.biasOffset())), 64));
    storePanel(e, spec, out, sum, row, panel);
  }

  // Codes of a chunk are unpacked once and stay in registers while `rows` rows pass by; each row's dot products are a
  // chain of 8, and the chains of different rows overlap. The last tile may read rows beyond the range (the arena is
  // padded) but never stores them.
  //
  // `ahead`: the same block of the next four panels is asked for on the way; see LinearKernels.cpp.
  void tile(Value row, Value panel, int64_t rows, bool ahead) {
    Values at;
    for (int64_t r = 0; r < rows; ++r)
      at.push_back(rowAddress(e.add(row, r)));
    Values sums = e.loop(e.index(0), e.index(layout.groups()), 1, Values(rows, e.floatsOf(0)),
                         [&](Value group, const Values &carried) {
                           Value block = blockAddress(panel, group);
                           Value scale = scales(block), minimum = spec.hasMin ? minima(block) : Value();
                           for (int64_t line = 0; ahead && line < spec.blockBytes(); line += 64)
                             e.prefetch(e.at(block, 4 * spec.groupedPanelBytes() + line));
                           Values dots;
                           for (int64_t r = 0; r < rows; ++r)
                             dots.push_back(start(at[r], group));
                           dots = overChunks(dots, [&](Value index, const Values &before) {
                             Values steps = codes(chunkCodes(block, index)), next;
                             for (int64_t r = 0; r < rows; ++r)
                               next.push_back(dotChunk(before[r], steps, chunkActivations(at[r], group, index)));
                             return next;
                           });
                           Values next;
                           for (int64_t r = 0; r < rows; ++r)
                             next.push_back(addGroup(carried[r], dots[r], scale, minimum, at[r], group));
                           return next;
                         });
    for (int64_t r = 0; r < rows; ++r) {
      Value current = e.add(row, r);
      e.ifThen(e.less(current, rowEnd), [&] { finish(sums[r], current, panel); });
    }
  }

  // One row: `panels` sequential streams of weights.
  void stream(Value row, Value panel, int64_t panels) {
    Value at = rowAddress(row);
    Values sums = e.loop(e.index(0), e.index(layout.groups()), 1, Values(panels, e.floatsOf(0)),
                         [&](Value group, const Values &carried) {
                           Values dots(panels, start(at, group)), blocks, next;
                           for (int64_t p = 0; p < panels; ++p)
                             blocks.push_back(blockAddress(e.add(panel, p), group));
                           dots = overChunks(dots, [&](Value index, const Values &before) {
                             Values after;
                             for (int64_t p = 0; p < panels; ++p)
                               after.push_back(dotChunk(before[p], codes(chunkCodes(blocks[p], index)),
                                                        chunkActivations(at, group, index)));
                             return after;
                           });
                           for (int64_t p = 0; p < panels; ++p)
                             next.push_back(addGroup(carried[p], dots[p], scales(blocks[p]),
                                                     spec.hasMin ? minima(blocks[p]) : Value(), at, group));
                           return next;
                         });
    for (int64_t p = 0; p < panels; ++p)
      finish(sums[p], row, e.add(panel, p));
  }

  void panelTiles(Value first, Value end, Value panel, bool ahead) {
    int64_t tall = groupedTileRows(e.target);
    Value whole = e.sub(end, e.rem(e.sub(end, first), e.index(tall)));
    e.loop(first, whole, tall, [&](Value row) { tile(row, panel, tall, ahead); });
    e.loop(whole, end, kRowUnit, [&](Value row) { tile(row, panel, std::min(tall, kRowUnit), ahead); });
  }

  // Blocks of rows that fit into half of a second-level cache of 512 KiB outside, then panels, whose weights stay in
  // the first level while the rows of the block pass by.
  void tiles(Value panelBegin, Value panelEnd) {
    int64_t tall = groupedTileRows(e.target);
    int64_t blockRows = std::max<int64_t>(roundUp((256 << 10) / layout.bytes(), tall), tall);
    e.loop(rowBegin, rowEnd, blockRows, [&](Value first) {
      Value end = e.min(e.add(first, blockRows), rowEnd);
      e.loop(panelBegin, panelEnd, 1, [&](Value panel) { panelTiles(first, end, panel, false); });
    });
  }

  void emit(Value panelBegin, Value panelEnd) {
    e.ifElse(
        e.less(e.sub(rowEnd, rowBegin), e.index(2)),
        [&] {
          e.ifThen(e.less(rowBegin, rowEnd), [&] {
            overPanels(e, panelBegin, panelEnd, e.target.tilePanels > 1 ? 4 : 1,
                       [&](Value panel, int64_t count) { stream(rowBegin, panel, count); });
          });
        },
        [&] {
          // Up to two tiles: a few sequences decoded together, where weights come from memory.
          Value few = e.less(e.sub(rowEnd, rowBegin), e.index(2 * groupedTileRows(e.target) + 1));
          e.ifElse(
              few,
              [&] { e.loop(panelBegin, panelEnd, 1, [&](Value panel) { panelTiles(rowBegin, rowEnd, panel, true); }); },
              [&] { tiles(panelBegin, panelEnd); });
        });
  }
};
} // namespace

// 32 registers: 16 sums + 8 of codes + scale and minimum + a few dot products in flight. With 16 registers of half the
// width the codes alone would fill them; four rows keep the spilled ones in the first-level cache busy.
int64_t groupedTileRows(const Target &target) { return target.tilePanels > 1 ? 16 : 4; }

Value groupedBlock(Emitter &e, const LinearSpec &spec, Value weights, Value panel, Value group) {
  auto alternating = [&] {
    Value inFour = e.rem(panel, e.index(4));
    Value place = e.mul(e.sub(panel, inFour), spec.groupedPanelBytes());
    return std::pair(e.add(place, e.mul(inFour, spec.blockBytes())), e.index(4 * spec.blockBytes()));
  };
  auto [place, stride] = alternating();
  if (spec.panels() != spec.alternatingPanels()) {
    Value inside = e.less(panel, e.index(spec.alternatingPanels()));
    place = e.select(inside, place, e.mul(panel, spec.groupedPanelBytes()));
    stride = e.select(inside, stride, e.index(spec.blockBytes()));
  }
  return e.at(weights, e.add(place, e.mul(group, stride)));
}

void emitGroupedLinear(Emitter &e, const LinearSpec &spec, ValueRange arguments) {
  GroupedEmitter{e, spec, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4]}.emit(arguments[5],
                                                                                                     arguments[6]);
}

} // namespace lmopt::cpu
