// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of many rows of u8 codes with s8 weights on CPUs that multiply no bytes but 16-bit words, two at a time
// (PMADDWD of AVX2). In: quantized rows and packed weights as LinearSpec says, scratch memory. Out: rows of floats.
//
// Widening bytes beside each product costs a third of the instructions. So both sides are widened once, into scratch: a
// block of rows for all panels, then a panel for all rows of the block. A product is then two instructions of 16
// factors, the multiplication and the addition, and nothing else (Zen 4, code for AVX2: 183 GOP/s where widening at
// each use reaches 137; four instructions a cycle are 237). Sums are the same integers, so which way a row goes changes
// no bit.
//
//   rows     [row][step] of 8 bytes: the codes 0, 2 of the step as words, then 1, 3
//   weights  [step] of 128 bytes:    for 16 outputs the weights 0, 2 of the step as words, then 1, 3
//
// Even and odd bytes of a 32-bit lane are two operations away from words, and need no shuffle. Long rows are walked in
// chunks whose panel stays in the second-level cache; between chunks the sums stand where their results will be.
// Tested by test/unit/codegen/LinearKernelTest.cpp.
#include "codegen/cpu/linear/LinearParts.h"

#include "dialects/lmk/Lmk.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {

using Values = Emitter::Values;

struct WordEmitter : LinearEnds {
  Value scratch, rowBegin, rowEnd;
  WordScratch words{spec};

  int64_t height() const { return e.shape.tileRows; }
  Value rowWords(Value block, Value row, int64_t r) {
    Value number = e.sub(e.add(row, r), block);
    return e.at(scratch, e.add(e.mul(number, words.rowBytes()), words.weightBytes()));
  }

  /// Both halves of 16 lanes of bytes: even bytes as they are, odd ones moved down.
  Value mask(Value lanes) { return e.bitAnd(lanes, e.intsOf(0x00ff00ff)); }
  void widenRow(Value row, Value to, Value firstStep, Value steps) {
    SmallVector<int64_t> low, high;
    for (int64_t i = 0; i < kLanes / 2; ++i) {
      low.append({i, i + kLanes});
      high.append({i + kLanes / 2, i + kLanes / 2 + kLanes});
    }
    Value from = e.at(rowAddress(row), e.add(e.mul(firstStep, 4), kQuantHeader));
    e.loop(e.index(0), steps, kLanes, [&](Value step) { // rows are padded to 16 steps
      Value codes = e.load(e.ints(), e.at(from, e.mul(step, 4)), 64);
      Value even = mask(codes), odd = mask(e.shrLogical(codes, e.intsOf(8)));
      e.store(e.shuffle(even, odd, low), e.at(to, e.mul(step, 8)), 64);
      e.store(e.shuffle(even, odd, high), e.at(to, e.add(e.mul(step, 8), 64)), 64);
    });
  }
  void widenRows(Value block, Value end, Value firstStep, Value steps) {
    e.loop(block, end, height(), [&](Value row) { // of the last tile all rows, as products read them
      for (int64_t r = 0; r < height(); ++r)
        widenRow(e.add(row, r), rowWords(block, row, r), firstStep, steps);
    });
  }

  /// Asks for the next panel meanwhile.
  void widenPanel(Value panel, Value firstStep, Value steps) {
    PanelLines lines = panelLines(e, spec, weights, panel), following = panelLines(e, spec, weights, e.add(panel, 1));
    e.loop(e.index(0), steps, 1, [&](Value step) {
      Value place = e.add(firstStep, step), to = e.at(scratch, e.mul(step, 128));
      Value codes = e.bitcast(e.load(e.ints(), lines.at(e, place), 64), e.words());
      e.prefetch(following.at(e, place));
      Value eight = arith::ConstantOp::create(e.b, e.loc, DenseElementsAttr::get(e.words(), int16_t(8)));
      e.store(e.shrSigned(e.shl(codes, eight), eight), to, 64);
      e.store(e.shrSigned(codes, eight), e.at(to, 64), 64);
    });
  }

  Values products(Value block, Value row, Value steps, const Values &begin) {
    Values at;
    for (int64_t r = 0; r < height(); ++r)
      at.push_back(rowWords(block, row, r));
    return e.loopAsWritten(e.index(0), steps, 1, begin, [&](Value step, Values sums) {
      for (int64_t half = 0; half < 2; ++half) {
        Value column = e.load(e.words(), e.at(scratch, e.add(e.mul(step, 128), 64 * half)), 64);
        for (int64_t r = 0; r < height(); ++r) {
          Value pair = e.load(e.b.getI32Type(), e.at(at[r], e.add(e.mul(step, 8), 4 * half)));
          sums[r] = multiply(sums[r], e.bitcast(e.broadcast(pair), e.words()), column);
        }
      }
      return sums;
    });
  }
  Value multiply(Value sum, Value pair, Value column) {
    return lmk::DotS16Op::create(e.b, e.loc, e.ints(), sum, pair, column);
  }

  void overTiles(Value block, Value end, const std::function<void(Value)> &body) { e.loop(block, end, height(), body); }
  void overPanels(Value begin, Value end, const std::function<void(Value)> &body) { e.loop(begin, end, 1, body); }

  Value sumAt(Value row, int64_t r, Value panel) {
    return e.at(out, e.add(e.mul(e.add(row, r), spec.outStride), e.mul(panel, 64)));
  }
  Values loadSums(Value row, Value panel) {
    Values sums;
    for (int64_t r = 0; r < height(); ++r)
      sums.push_back(e.load(e.ints(), sumAt(row, r, panel), 64));
    return sums;
  }
  void storeSums(const Values &sums, Value row, Value panel) {
    for (int64_t r = 0; r < height(); ++r)
      e.ifThen(e.less(e.add(row, r), rowEnd), [&] { e.store(sums[r], sumAt(row, r, panel), 64); });
  }

  void oneChunk(Value block, Value end, Value panelBegin, Value panelEnd) {
    Value steps = e.index(spec.steps());
    widenRows(block, end, e.index(0), steps);
    overPanels(panelBegin, panelEnd, [&](Value panel) {
      widenPanel(panel, e.index(0), steps);
      overTiles(block, end, [&](Value row) {
        Values sums = products(block, row, steps, starts(rowsFrom(row, height()), panel, 1));
        finishTile(sums, row, rowEnd, height(), panel, 1);
      });
    });
  }

  void inChunks(Value block, Value end, Value panelBegin, Value panelEnd) {
    auto overAll = [&](const std::function<void(Value, Value)> &body) {
      overPanels(panelBegin, panelEnd,
                 [&](Value panel) { overTiles(block, end, [&](Value row) { body(row, panel); }); });
    };
    overAll([&](Value row, Value panel) { storeSums(starts(rowsFrom(row, height()), panel, 1), row, panel); });
    e.loop(e.index(0), e.index(spec.steps()), words.steps(), [&](Value first) {
      Value steps = e.min(e.index(words.steps()), e.sub(e.index(spec.steps()), first));
      widenRows(block, end, first, steps);
      overPanels(panelBegin, panelEnd, [&](Value panel) {
        widenPanel(panel, first, steps);
        overTiles(block, end,
                  [&](Value row) { storeSums(products(block, row, steps, loadSums(row, panel)), row, panel); });
      });
    });
    overAll([&](Value row, Value panel) { finishTile(loadSums(row, panel), row, rowEnd, height(), panel, 1); });
  }

  void emit(Value panelBegin, Value panelEnd) {
    e.loop(rowBegin, rowEnd, words.rows(), [&](Value block) {
      Value end = e.min(e.add(block, words.rows()), rowEnd);
      words.chunks() == 1 ? oneChunk(block, end, panelBegin, panelEnd) : inChunks(block, end, panelBegin, panelEnd);
    });
  }
};
} // namespace

void emitWordLinear(Emitter &e, const LinearSpec &spec, ValueRange arguments) {
  WordEmitter emitter{{e, spec, arguments[0], arguments[1], arguments[2]}, arguments[3], arguments[4], arguments[5]};
  emitter.emit(arguments[6], arguments[7]);
}

} // namespace lmopt::cpu
