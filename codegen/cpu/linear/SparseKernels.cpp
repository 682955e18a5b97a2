// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products with int8 weights that are stored without their zeros. In: quantized rows; packed weights as
// LinearSpec says. Out: rows of floats, the same bits as those of the dense kernel, because the sums are exact.
//
// Blocks: a zero block is neither read nor multiplied. What is left costs what a dense step costs and the place of its
// inputs, a load of 2 bytes beside 64 (AVX2, one row: 2 instructions beside 20). One row reads the blocks of a panel in
// order, one stream of memory; a tile of rows walks along the blocks of one panel, so that each broadcast of
// activations serves one panel and not three as in the dense kernel of AVX-512: 10 loads for 8 products in the place of
// 11 for 24.
// Weights are not trusted: where panels begin, the place of a block and how far masks reach are bounded by what is
// known when the model is compiled, so that a damaged file gives wrong numbers and no wrong address
// (docs/rationale.md). Codes: all steps are multiplied, but only what is not zero is read: 8 bytes of mask and the
// codes, expanded by vpexpandb (or what stands for it, Emitter::expandBytes). From techniques 7.5. Tested by
// test/unit/codegen/SparseKernelTest.cpp.
#include "codegen/cpu/linear/LinearParts.h"

#include "dialects/lmk/Lmk.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {

using Values = Emitter::Values;

struct SparseEmitter : LinearEnds {
  Value rowBegin, rowEnd, stored;

  Value begin(Value panel) {
    Value number = e.load(e.b.getI64Type(), e.at(weights, e.add(e.mul(panel, 8), spec.beginsOffset())), 8);
    return e.max(e.min(number, stored), e.index(0));
  }
  Value dot(Value sum, Value row, Value step, Value codes) {
    Value four = e.load(e.b.getI32Type(), e.at(rowAddress(row), e.add(e.mul(step, 4), kQuantHeader)));
    return lmk::DotU8S8Op::create(e.b, e.loc, sum.getType(), sum, e.bitcast(e.broadcast(four), e.bytes()), codes);
  }

  //===--- Blocks ---===//

  /// Places lie before the blocks, which begin at a multiple of 64 bytes.
  Value blocksBase() {
    Value placesBytes = e.mul(stored, 2);
    Value end = e.add(e.add(placesBytes, spec.placesOffset()), 63);
    return e.at(weights, e.mul(e.div(end, e.index(64)), 64));
  }
  Value place(Value block) {
    Value place = e.load(e.b.getI16Type(), e.at(weights, e.add(e.mul(block, 2), spec.placesOffset())), 2);
    return e.min(arith::ExtUIOp::create(e.b, e.loc, e.b.getI64Type(), place), e.index(spec.sparseSteps() - 1));
  }
  Value blockAddress(Value blocks, Value block) { return e.at(blocks, e.mul(block, 64)); }
  /// Adds the products of a block to the sum of each row.
  Values addBlock(Value blocks, Value block, Value row, Values sums) {
    Value step = place(block), codes = e.load(e.bytes(), blockAddress(blocks, block), 64);
    for (auto [r, sum] : llvm::enumerate(sums))
      sum = dot(sum, e.add(row, static_cast<int64_t>(r)), step, codes);
    return sums;
  }

  /// One row: two sums that take turns hide the latency of the multiplication.
  Value streamBlocks(Value blocks, Value row, Value panel) {
    Value first = begin(panel), end = e.max(begin(e.add(panel, 1)), first);
    Value whole = e.sub(end, e.rem(e.sub(end, first), e.index(2)));
    Values sums = {starts({row}, panel, 1).front(), e.intsOf(0)};
    sums = e.loop(first, whole, 2, sums, [&](Value block, const Values &carried) {
      return Values{addBlock(blocks, block, row, {carried[0]}).front(),
                    addBlock(blocks, e.add(block, 1), row, {carried[1]}).front()};
    });
    return e
        .loop(whole, end, 1, {e.add(sums[0], sums[1])},
              [&](Value block, const Values &carried) { return addBlock(blocks, block, row, carried); })
        .front();
  }

  /// As the dense tile: `once`, weights come from memory; else the next panel is asked for.
  Values tileBlocks(Value blocks, Value row, Value panel, int64_t rows, bool once) {
    Value first = begin(panel), end = e.max(begin(e.add(panel, 1)), first);
    Value ahead = once ? e.index(kOnceAhead) : e.mul(e.sub(end, first), 64);
    return e.loop(first, end, 1, starts(rowsFrom(row, rows), panel, 1), [&](Value block, const Values &carried) {
      Value asked = e.at(blockAddress(blocks, block), ahead);
      once ? e.prefetchOnce(asked) : e.prefetch(asked);
      return addBlock(blocks, block, row, carried);
    });
  }

  //===--- Codes ---===//

  Value maskAddress(Value panel, Value step) {
    return e.at(weights, e.add(e.mul(e.add(e.mul(panel, spec.sparseSteps()), step), 8), spec.placesOffset()));
  }
  /// Sums of the rows; on the way also the number of the next code.
  Values sumCodes(Value row, Value panel, int64_t rows) {
    Values carried = starts(rowsFrom(row, rows), panel, 1);
    carried.push_back(begin(panel));
    Value base = e.at(weights, spec.storedOffset());
    Values ends = e.loop(e.index(0), e.index(spec.sparseSteps()), 1, carried, [&](Value step, const Values &before) {
      Values next = before;
      Value mask = e.load(e.b.getI64Type(), maskAddress(panel, step), 8),
            codes = e.expandBytes(e.at(base, next.back()), mask);
      for (int64_t r = 0; r < rows; ++r)
        next[r] = dot(next[r], e.add(row, r), step, codes);
      next.back() = e.min(e.add(next.back(), e.countBits(mask)), stored);
      return next;
    });
    ends.pop_back();
    return ends;
  }

  //===--- Both ---===//

  Values sumTile(Value blocks, Value row, Value panel, int64_t rows, bool once) {
    return blocks ? tileBlocks(blocks, row, panel, rows, once) : sumCodes(row, panel, rows);
  }

  void emit(Value panelBegin, Value panelEnd) {
    Value blocks = spec.format == WeightFormat::Blocks ? blocksBase() : Value();
    Value rows = e.sub(rowEnd, rowBegin);
    int64_t height = e.shape.tileRows;
    auto panels = [&](const std::function<void(Value)> &body) { e.loop(panelBegin, panelEnd, 1, body); };
    auto tile = [&](Value row, Value panel, bool once) {
      finishTile(sumTile(blocks, row, panel, height, once), row, rowEnd, height, panel, 1);
    };
    auto single = [&](Value panel) {
      Value sum = blocks ? streamBlocks(blocks, rowBegin, panel) : sumCodes(rowBegin, panel, 1).front();
      finishRow(finishOf(panel, 1), {sum}, rowBegin, panel);
    };
    e.ifThen(e.equal(rows, e.index(1)), [&] { panels(single); });
    e.ifThen(e.less(e.index(1), rows), [&] {
      Value one = e.less(rows, e.index(height + 1));
      e.ifElse(
          one, [&] { panels([&](Value panel) { tile(rowBegin, panel, true); }); },
          [&] {
            panels([&](Value panel) { e.loop(rowBegin, rowEnd, height, [&](Value row) { tile(row, panel, false); }); });
          });
    });
  }
};
} // namespace

void emitSparseLinear(Emitter &e, const LinearSpec &spec, ValueRange arguments) {
  LinearEnds ends = {e, spec, arguments[0], arguments[1], arguments[2]};
  SparseEmitter{ends, arguments[3], arguments[4], arguments[7]}.emit(arguments[5], arguments[6]);
}

} // namespace lmopt::cpu
