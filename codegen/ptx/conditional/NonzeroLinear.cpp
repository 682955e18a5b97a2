// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See NonzeroLinear.h.
#include "codegen/ptx/conditional/NonzeroLinear.h"

#include "codegen/ptx/conditional/RowProducts.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;

class NonzeroEmitter {
public:
  NonzeroEmitter(Emitter &e, const NeuronRows &rows, ValueRange a)
      : e(e), rows(rows), x(e.atElement(a[0], e.blockY(), rowBytes(rows.neurons, 4))), weights(a[1]),
        to(e.atElement(a[2], e.blockY(), rows.valueBytes())), columns{e, rows.outputs, e.block()} {}

  void run() {
    Value begin = e.mul(e.warp(), kWarpLanes);
    Value sum = e.loop(begin, e.number(rows.neurons), ColumnSums::kThreads, {e.floatOf(0)},
                       [&](Value first, const Values &so) { return Values{addSome(first, so[0])}; })[0];
    columns.finish(sum, to, [&](Value all) {
      return rows.added ? e.add(all, e.load(e.f32(), e.at(e.at(weights, rows.addedOffset()), columns.columnOffset())))
                        : all;
    });
  }

private:
  static constexpr int64_t kAhead = 4; ///< rows on their way
  Emitter &e;
  const NeuronRows &rows;
  Value x, weights, to;
  ColumnSums columns;

  // Those of 32 numbers that are not zero, from the first on; also what is no number.
  Value addSome(Value first, Value start) {
    Value own = e.add(first, e.lane()), isThere = e.less(own, e.number(rows.neurons));
    Value loaded = e.load(e.f32(), e.at(x, e.mul(e.select(isThere, own, first), 4)));
    Value number = e.select(isThere, loaded, e.floatOf(0));
    Value mask = e.ballot(arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::UNE, number, e.floatOf(0)));
    Value count = LLVM::CtPopOp::create(e.b, e.loc, e.i32(), mask);
    return e.loop(e.number(0), count, kAhead, {mask, start}, [&](Value done, const Values &so) {
      return addFew(first, number, e.sub(count, done), so[0], so[1]);
    })[1];
  }

  // The lowest bits of the mask: rows of `left`, at most; a lane beyond the last stands for the first, and adds
  // nothing.
  Values addFew(Value first, Value number, Value left, Value mask, Value sum) {
    Values numbers, values;
    for (int64_t i = 0; i < kAhead; ++i) {
      Value lane = e.bitAnd(LLVM::CountTrailingZerosOp::create(e.b, e.loc, e.i32(), mask, false), kWarpLanes - 1);
      mask = e.bitAnd(mask, e.add(mask, -1));
      Value row = e.atElement(weights, e.add(first, lane), rows.neuronBytes());
      numbers.push_back(e.ofLane(number, lane));
      values.push_back(e.load(e.f32(), e.at(row, columns.columnOffset())));
    }
    for (int64_t i = 0; i < kAhead; ++i) {
      auto at = static_cast<size_t>(i);
      sum = e.select(e.less(e.number(i), left), e.fma(numbers[at], values[at], sum), sum);
    }
    return {mask, sum};
  }
};

} // namespace

int64_t nonzeroBlocks(const NeuronRows &rows) { return ColumnSums::blocksOf(rowBytes(rows.outputs, 4) / 4); }

std::string nonzeroLinearKernel(KernelLibrary &kernels, const NeuronRows &rows) {
  using Kind = ArgumentKind;
  KernelShape shape = {ColumnSums::kThreads, /*leastBlocks=*/1, ColumnSums::kSharedBytes};
  return kernels.define("nonzero_" + wordOf(rows) + "_" + kernels.getTarget().chip, shape,
                        {Kind::Memory, Kind::Constant, Kind::Memory},
                        [=](Emitter &e, ValueRange a) { NonzeroEmitter(e, rows, a).run(); });
}

} // namespace lmopt::nvptx
