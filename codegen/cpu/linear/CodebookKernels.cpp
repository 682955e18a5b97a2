// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products of rows of floats with weights that are numbers of 256 f32 entries. In: rows of floats, packed
// weights as LinearSpec says. Out: rows of floats.
//
//   y[n] = scale[n] sum over k of  x[k] c[code[n, k]]  + bias[n]
//
// Entries are fetched one by one, numbers from words of eight: two loads share a cycle, where the gathering
// instructions of AVX2 take longer (Zen 3, busy: 0.45 ns a weight, gathers 0.73, shuffles of 16 tables of 16
// bytes 0.93; plain f32 weights from memory 0.63). A few rows use entries as they come; for more, those of a panel are
// written down once, inputs * 64 bytes of scratch that stay in the second-level cache, and read by one tile of rows
// after another.
//
// The sum of an output is one chain of fused multiply-adds in the order of k, both ways: results do not depend on how
// rows and panels are dealt out. Tested by test/unit/codegen/CodebookKernelTest.cpp.
#include "codegen/cpu/linear/LinearParts.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {

using Values = Emitter::Values;

struct CodebookEmitter {
  Emitter &e;
  const LinearSpec &spec;
  Value in, weights, out, scratch, rowBegin, rowEnd;

  Value rowAddress(Value row) { return e.at(in, e.mul(row, spec.inStride())); }
  Value table() { return e.at(weights, spec.tableOffset()); }
  Value codes(Value panel) { return e.at(weights, e.mul(panel, spec.panelBytes())); }
  Value perOutput(int64_t offset, Value panel) {
    return e.load(e.floats(), e.at(weights, e.add(e.mul(panel, 64), offset)), 64);
  }

  /// The entries of 16 outputs.
  Value entries(Value numbers) {
    Values lanes;
    for (int64_t first = 0; first < kLanes; first += 8) {
      Value word = e.load(e.b.getI64Type(), e.at(numbers, first), 8);
      for (int64_t i = 0; i < 8; ++i) {
        Value number = e.bitAnd(i == 0 ? word : e.shrLogical(word, e.index(8 * i)), e.index(255));
        lanes.push_back(e.load(e.b.getF32Type(), e.at(table(), e.mul(number, 4))));
      }
    }
    return vector::FromElementsOp::create(e.b, e.loc, e.floats(), lanes);
  }

  void writeDown(Value panel) {
    Value from = codes(panel);
    e.loop(e.index(0), e.index(spec.inputs), 1,
           [&](Value k) { e.store(entries(e.at(from, e.mul(k, kLanes))), e.at(scratch, e.mul(k, 64)), 64); });
  }

  // The last tile of a range may read rows beyond it (the arena is padded to whole tiles) but never stores them.
  void tile(Value row, Value panel, int64_t rows, bool writtenDown) {
    Values at;
    for (int64_t r = 0; r < rows; ++r)
      at.push_back(rowAddress(e.add(row, r)));
    Value from = writtenDown ? scratch : codes(panel);
    auto step = [&](Value k, const Values &carried) {
      Value column =
          writtenDown ? e.load(e.floats(), e.at(from, e.mul(k, 64)), 64) : entries(e.at(from, e.mul(k, kLanes)));
      Values next;
      for (int64_t r = 0; r < rows; ++r) {
        Value x = e.broadcast(e.load(e.b.getF32Type(), e.at(at[r], e.mul(k, 4))));
        next.push_back(e.fma(x, column, carried[r]));
      }
      return next;
    };
    finish(e.loop(e.index(0), e.index(spec.inputs), 1, Values(rows, e.floatsOf(0)), step), row, panel);
  }

  void finish(const Values &sums, Value row, Value panel) {
    Value scale = perOutput(spec.scaleOffset(), panel);
    Value bias = spec.bias ? perOutput(spec.biasOffset(), panel) : Value();
    for (size_t r = 0; r < sums.size(); ++r) {
      Value current = e.add(row, r), y = e.mul(sums[r], scale);
      e.ifThen(e.less(current, rowEnd), [&] { storePanel(e, spec, out, bias ? e.add(y, bias) : y, current, panel); });
    }
  }

  void emit(Value panelBegin, Value panelEnd) {
    const int64_t height = e.shape.tileRows;
    Value rows = e.sub(rowEnd, rowBegin);
    auto panels = [&](const std::function<void(Value)> &body) { e.loop(panelBegin, panelEnd, 1, body); };
    auto few = [&](int64_t count) {
      panels([&](Value panel) { tile(rowBegin, panel, count, /*writtenDown=*/false); });
    };
    auto many = [&] {
      panels([&](Value panel) {
        writeDown(panel);
        e.loop(rowBegin, rowEnd, height, [&](Value row) { tile(row, panel, height, /*writtenDown=*/true); });
      });
    };
    e.ifThen(e.less(rowBegin, rowEnd), [&] {
      e.ifElse(
          e.less(rows, e.index(2)), [&] { few(1); },
          [&] { e.ifElse(e.less(rows, e.index(height + 1)), [&] { few(height); }, many); });
    });
  }
};
} // namespace

void emitCodebookLinear(Emitter &e, const LinearSpec &spec, ValueRange arguments) {
  CodebookEmitter emitter{e, spec, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]};
  emitter.emit(arguments[6], arguments[7]);
}

} // namespace lmopt::cpu
