// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products over rows: register-tiled for many rows, streaming for one. In: rows of floats or quantized rows and
// packed panels of weights. Out: rows of floats. See LinearSpec for the layout.
//
// Every output is computed by one thread, and its sum over k runs in one fixed order, so results do not depend on how
// rows and panels are dealt out. (Integer sums are exact anyway; many rows of codes may go another way,
// WordKernels.cpp.)
// Tested by test/unit/codegen/LinearKernelTest.cpp.
#include "codegen/cpu/linear/LinearParts.h"

#include "dialects/lmk/Lmk.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {

using Values = Emitter::Values;

// Emits the body of one linear kernel. The only difference between float and integer kernels is what one step along k
// does and what happens to a finished sum.
struct LinearEmitter : LinearEnds {
  Value rowBegin, rowEnd;

  int64_t steps() const { return spec.steps(); }
  VectorType registers() { // of weights and of activations
    return spec.integer() ? e.bytes() : spec.bf16() ? e.halves() : e.floats();
  }

  Value codes(Value row, Value step) { // the activations of one step: 4 bytes, two bf16 or one float
    Value offset = e.mul(step, 4);
    return e.at(rowAddress(row), spec.integer() ? e.add(offset, kQuantHeader) : offset);
  }
  Value loadActivation(Value address) {
    if (!spec.integer() && !spec.bf16())
      return e.broadcast(e.load(e.b.getF32Type(), address));
    return e.bitcast(e.broadcast(e.load(e.b.getI32Type(), address)), registers());
  }
  // Line p of a step for panels that are read together: a group, or a single one.
  Value lineAddress(const PanelLines &lines, Value step, int64_t p) { return e.at(lines.at(e, step), 64 * p); }
  Value loadWeights(const PanelLines &lines, Value step, int64_t p) {
    return e.load(registers(), lineAddress(lines, step, p), 64);
  }
  PanelLines linesOf(Value panel) { return panelLines(e, spec, weights, panel); }
  Value multiply(Value activation, Value weight, Value sum) {
    if (spec.bf16())
      return lmk::DotBf16Op::create(e.b, e.loc, sum.getType(), sum, activation, weight);
    if (!spec.integer())
      return e.fma(activation, weight, sum);
    return lmk::DotU8S8Op::create(e.b, e.loc, sum.getType(), sum, activation, weight);
  }
  // Rows of a tile. Floats need no registers for steps between, which widened products do.
  int64_t height() const { return heightOf(spec, e.shape); }
  static int64_t heightOf(const LinearSpec &spec, const Shape &shape) {
    return spec.integer() ? shape.byteTileRows : spec.bf16() ? shape.tileRows : shape.floatTileRows;
  }
  // Row r of a tile. The last tile of a range may read rows beyond it (the arena is padded to units of rows) but never
  // stores them; where a height is no part of such a unit it stays with the last row.
  Value rowOf(Value first, int64_t r) {
    Value row = e.add(first, r);
    return kRowUnit % height() == 0 ? row : e.min(row, e.add(rowEnd, -1));
  }
  // rows x panels accumulators stay in registers for the whole walk along k.
  //
  // Weights that will be needed are asked for on the way, because a tile of eight rows fills the window of the core
  // with products that wait for weights, so that few loads are under way at once. Weights lie in the order of use:
  // behind the last panel of one linear begins the next.
  //
  // `once`: this tile is the only one, weights come from memory: the lines kOnceAhead bytes further on, past the
  // second-level cache, in which they would be of no use (Zen 5, eight rows: 23 GB/s without, 30 one group ahead, 35
  // for 8 KB, 37 past the cache; 42 are all there is). Otherwise the next group of panels, so that its first tile does
  // not wait (6 % of a MiniLM sentence of 128); further tiles ask again, which costs nothing that can be measured.
  void tile(Value row, Value panel, int64_t rows, int64_t panels, bool once) {
    PanelLines lines = linesOf(panel), following = linesOf(e.add(panel, panels));
    auto askFor = [&](Value step, int64_t p) {
      once ? e.prefetchOnce(e.at(lineAddress(lines, step, p), kOnceAhead))
           : e.prefetch(lineAddress(following, step, p));
    };
    Values rowsOf;
    for (int64_t r = 0; r < rows; ++r)
      rowsOf.push_back(rowOf(row, r));
    Values sums =
        e.loop(e.index(0), e.index(steps()), 1, starts(rowsOf, panel, panels), [&](Value step, const Values &carried) {
          Values next = carried, columns;
          for (int64_t p = 0; p < panels; ++p)
            columns.push_back(loadWeights(lines, step, p));
          for (int64_t p = 0; p < panels; ++p)
            askFor(step, p);
          for (int64_t r = 0; r < rows; ++r) {
            Value activation = loadActivation(codes(rowsOf[r], step));
            for (int64_t p = 0; p < panels; ++p)
              next[r * panels + p] = multiply(activation, columns[p], next[r * panels + p]);
          }
          return next;
        });
    finishTile(sums, row, rowEnd, rows, panel, panels);
  }

  // With 256-bit registers a step of s8 or bf16 is long enough to leave the hardware's prefetching behind.
  bool asksAhead() const { return e.shape.tilePanels == 1 && (spec.integer() || spec.bf16()); }

  // One row: bound by reading the weights, so panels are taken as they lie, whatever a tile has registers for: one of
  // three that alternate, at a time, reads every third line of memory (Zen 3, 576 x 1536 of s8 that no cache holds:
  // 3.9 GB/s). Integer sums may run in two chains a panel, which hides the latency of the multiplication where three
  // panels leave registers for it; float sums keep the order of `tile`, because whether a thread's share is a single
  // row depends on the number of threads.
  void stream(Value row, Value panel, int64_t panels) {
    PanelLines lines = linesOf(panel);
    bool spare = panels == 1 || e.shape.tilePanels > 1;
    int64_t chains = spec.integer() && steps() % 2 == 0 && spare ? 2 : 1;
    Values begin(panels * chains, spec.integer() ? e.intsOf(0) : e.floatsOf(0)), first = starts({row}, panel, panels);
    for (int64_t p = 0; p < panels; ++p)
      begin[p * chains] = first[p];
    Values sums = e.loop(e.index(0), e.index(steps()), chains, begin, [&](Value step, const Values &carried) {
      Values next = carried;
      for (int64_t c = 0; c < chains; ++c) {
        Value current = e.add(step, c);
        Value activation = loadActivation(codes(row, current));
        for (int64_t p = 0; p < panels && asksAhead(); ++p)
          e.prefetch(e.at(lineAddress(lines, current, p), kStreamAhead));
        for (int64_t p = 0; p < panels; ++p)
          next[p * chains + c] = multiply(activation, loadWeights(lines, current, p), next[p * chains + c]);
      }
      return next;
    });
    Values joined;
    for (int64_t p = 0; p < panels; ++p)
      joined.push_back(chains == 2 ? e.add(sums[2 * p], sums[2 * p + 1]) : sums[p]);
    finishRow(finishOf(panel, panels), joined, row, panel);
  }

  // Panels outside: one group of panels (K * 48 bytes) stays in the first-level cache while all rows pass by.
  void tiles(Value panelBegin, Value panelEnd) {
    overPanels(e, panelBegin, panelEnd, e.shape.tilePanels, [&](Value panel, int64_t count) {
      e.loop(rowBegin, rowEnd, height(), [&](Value row) { tile(row, panel, height(), count, false); });
    });
  }
  void singleTile(Value panelBegin, Value panelEnd) {
    overPanels(e, panelBegin, panelEnd, e.shape.tilePanels,
               [&](Value panel, int64_t count) { tile(rowBegin, panel, height(), count, true); });
  }

  // Up to kRowUnit rows where more are multiplied as words.
  void emitFew(Value panelBegin, Value panelEnd, const std::function<void()> &many) {
    Value few = e.less(e.sub(rowEnd, rowBegin), e.index(kRowUnit + 1));
    e.ifElse(few, [&] { emit(panelBegin, panelEnd); }, many);
  }

  void emit(Value panelBegin, Value panelEnd) {
    Value single = e.less(e.sub(rowEnd, rowBegin), e.index(2));
    e.ifElse(
        single,
        [&] {
          e.ifThen(e.less(rowBegin, rowEnd), [&] {
            overPanels(e, panelBegin, panelEnd, spec.panelsTogether(),
                       [&](Value panel, int64_t count) { stream(rowBegin, panel, count); });
          });
        },
        [&] {
          Value one = e.less(e.sub(rowEnd, rowBegin), e.index(height() + 1));
          e.ifElse(one, [&] { singleTile(panelBegin, panelEnd); }, [&] { tiles(panelBegin, panelEnd); });
        });
  }
};
} // namespace

static const char *formatName(WeightFormat format) {
  switch (format) {
  case WeightFormat::F32:
    return "f32";
  case WeightFormat::Bf16:
    return "bf16";
  case WeightFormat::S8Rows:
    return "u8s8";
  case WeightFormat::Blocks:
    return "u8s8blocks";
  case WeightFormat::Codes:
    return "u8s8codes";
  case WeightFormat::Grouped:
    return "s8u";
  case WeightFormat::Codebook:
    return "codebook";
  }
  return "";
}

static std::string linearName(const LinearSpec &spec, const Target &target) {
  std::string kind = formatName(spec.format);
  if (spec.grouped())
    kind += std::to_string(spec.bits) + "g" + std::to_string(spec.group) + (spec.hasMin ? "min" : "") +
            (spec.smallScales ? "s8" : "") + (spec.codebook ? "codebook" : "");
  bool dense = !spec.sparse() && !spec.words && !spec.floatCodebook();
  int64_t rows = spec.grouped() ? kGroupedTileRows
                 : dense        ? LinearEmitter::heightOf(spec, target.shape)
                                : target.shape.tileRows;
  int64_t panels = spec.grouped()                          ? groupedTilePanels(target.shape)
                   : spec.floatCodebook() || spec.sparse() ? 1
                                                           : target.shape.tilePanels;
  kind += spec.words ? "words" : "";
  return "linear_" + kind + "_n" + std::to_string(spec.outputs) + "_k" + std::to_string(spec.inputs) +
         (spec.bias ? "_bias" : "") + (spec.outStride < spec.panels() * 64 ? "_packed" : "") + "_tile" +
         std::to_string(rows) + "x" + std::to_string(panels) +
         (spec.integer() || spec.grouped() ? std::string("_") + dotIsaName(target.spelling.dot) : std::string());
}

int64_t linearScratchBytes(const LinearSpec &spec) {
  if (spec.floatCodebook())
    return 64 * spec.inputs;
  return spec.words ? WordScratch{spec}.bytes() : 0;
}

std::string linearKernel(KernelLibrary &kernels, const LinearSpec &spec) {
  int64_t pointers = spec.usesScratch() ? 4 : 3, numbers = spec.sparse() ? 5 : 4;
  return kernels.define(linearName(spec, kernels.getTarget()), pointers, numbers, [&](Emitter &e, ValueRange args) {
    if (spec.grouped())
      return emitGroupedLinear(e, spec, args);
    if (spec.sparse())
      return emitSparseLinear(e, spec, args);
    if (spec.floatCodebook())
      return emitCodebookLinear(e, spec, args);
    ValueRange ends = args.drop_front(pointers);
    LinearEmitter emitter{{e, spec, args[0], args[1], args[2]}, ends[0], ends[1]};
    if (spec.words)
      return emitter.emitFew(ends[2], ends[3], [&] { emitWordLinear(e, spec, args); });
    emitter.emit(ends[2], ends[3]);
  });
}

} // namespace lmopt::cpu
