// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The greatest results of a product, certified by bounds. In: rows x, their previews p = the product of 8-bit codes of
// x and W (rotated), and the norms of #cpu.bounds. Out: the `count` greatest of y = x W^T + b, bit for bit those of the
// whole product, and -infinity elsewhere. From techniques 5.4 (d).
//
// For each row, on one thread:
//   1. The count greatest previews, roughly, say which panels of 16 outputs to compute first, by the kernel of the
//      whole product; the count-th greatest of these results is t.
//   2. A panel is computed too unless p[n] + s[n] < t for each n of it, where s[n] bounds |y[n] - p[n]|.
//   3. Of all that was computed the count greatest stay, by n where they are equal.
// What step 2 leaves out is below t, of which there are count results at least: it is none of the count greatest. So
// the result does not depend on the previews; they decide how much is computed. Every comparison says "compute" when it
// meets what is no number, so NaN and overflow cost time and nothing else.
//
// The bound. With R the rotation, w = R W[n], v the numbers that the codes of w stand for, e = |w - v|; x_r the row as
// quantized (R x, rounded), u the numbers that its codes stand for, d = |x_r - u|; all norms Euclidean, eps = 2^-24:
//   y[n] - p[n] = W[n] x - v u + rounding = (w - v) u + w (R x - u) + rounding,
//   |y[n] - p[n]| <= e |u| + |w| (d + |R x - x_r|) + rounding
// (Cauchy, Schwarz), and rounding is
//   - of the whole product: at most two roundings for each of K terms, (2 K eps / (1 - 2 K eps)) sum |W[n][k] x[k]|
//     with sum <= |w| |x|; one of adding the bias, eps (|W[n] x| + |b[n]|);
//   - of the preview: of the integer sum, of two products and of the bias, 4 eps |v u| + eps |b[n]|, |v| <= |w| + e;
//   - of R x: a stage of the rotation rounds each sum once, at most 16 stages and the scale, 20 eps |x|;
//   - of x - u, of p[n] + s[n] and of s[n] itself: 4 eps (|u| + |x|) (|w| + e).
// A product of bf16 reads x rounded to bf16, off by at most 2^-8 |x|. Together, with
//   tau = (2 K + 64) 2^-23
//   alpha = (1 + tau) |u|
//   beta = (1 + tau) (d + tau (|x| + |u|) [+ 2^-8 |x|])
//   s[n] = alpha e[n] + beta |w[n]| + 2^-20 |b[n]| + K 2^-120
// (tau is twice what is needed: the second half covers 1 / (1 - 2 K eps) and the norms' own rounding).
// Squares that underflow are covered by K 2^-100 added to each sum of them; numbers below 2^-126, which some
// instructions take as zero, by K 2^-120 added to e and to s. K is at most 65536, or tau is no small number.
//
// Cost: a few walks over the previews (N numbers), and the panels computed: 4 of 3072 for SmolLM2's best token, 220 for
// its best 40. Which thread takes a row, and what others do, changes nothing. Tested by
// test/unit/codegen/TopLinearKernelTest.cpp, test/codegen/run-compiled/ranking.mlir.
#include "codegen/cpu/ranking/TopLinear.h"

#include "codegen/cpu/linear/LinearParts.h"

#include "lmopt/abi.h"

#include <cmath>
#include <cstddef>
#include <limits>

using namespace mlir;

namespace lmopt::cpu {

namespace {

using Values = Emitter::Values;
constexpr float kNone = -std::numeric_limits<float>::infinity();

// Emits the body for one row at a time.
struct TopEmitter {
  Emitter &e;
  const TopSpec &spec;
  const std::string &product; ///< the kernel of the whole product
  Value in, rotated, codes, preview, weights, bounds, out, scratch, step;

  int64_t panels() const { return spec.exact.panels(); }
  bool ragged() const { return spec.exact.outputs % kLanes != 0; }
  Value cell(int64_t number) { return e.at(scratch, spec.cellOffset() + 8 * number); } ///< 0: length, 1: left to give
  Value mark(Value panel) { return e.at(scratch, e.add(e.mul(panel, 4), spec.markOffset())); }
  Value none() { return e.floatsOf(kNone); }

  //===--- Comparisons: what is no number is never excluded ---===//

  // not (a >= c)
  Value notAtLeast(Value a, Value c) { return arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::ULT, a, c); }
  // not (a < c)
  Value notLess(Value a, Value c) { return arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::UGE, a, c); }
  Value same(Value a, Value c) { return arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::OEQ, a, c); }
  Value any(Value mask) { return vector::ReductionOp::create(e.b, e.loc, vector::CombiningKind::OR, mask); }
  // Numbers as they are; what is none as -infinity.
  Value numbersOf(Value x) { return e.select(e.less(none(), x), x, none()); }

  //===--- Panels ---===//

  // Lanes of the panel that are outputs.
  Value lanes(Value panel) { return e.maskBelow(e.sub(e.index(spec.exact.outputs), e.mul(panel, kLanes))); }
  // What lies beyond the last output is not there.
  Value within(Value panel, Value x) { return ragged() ? e.select(lanes(panel), x, none()) : x; }
  Value previews(Value row, Value panel) {
    Value at = e.at(preview, e.add(e.mul(row, floatRowBytes(spec.exact.outputs)), e.mul(panel, 64)));
    return within(panel, e.load(e.floats(), at, 64));
  }
  Value resultAddress(Value row, Value panel) {
    return e.at(out, e.add(e.mul(row, spec.exact.outStride), e.mul(panel, 64)));
  }
  Value results(Value row, Value panel) {
    Value at = resultAddress(row, panel);
    if (spec.exact.outStride >= panels() * 64 || !ragged())
      return numbersOf(within(panel, e.loadFloats(at)));
    return numbersOf(within(panel, e.loadMasked(e.floats(), at, lanes(panel))));
  }

  void compute(Value row, Value panel) {
    func::CallOp::create(e.b, e.loc, product, TypeRange(),
                         ValueRange{in, weights, out, row, e.add(row, 1), panel, e.add(panel, 1)});
    e.store(e.i32(1), mark(panel));
    Value length = e.load(e.b.getI64Type(), cell(0), 8);
    e.store(panel, e.at(scratch, e.add(e.mul(length, 8), spec.listOffset())), 8);
    e.store(e.add(length, 1), cell(0), 8);
  }

  //===--- The count-th greatest ---===//

  // The count-th of the numbers in `size` vectors, equal ones counted once: there are as many that are not smaller.
  Value rough(Value count) {
    Value least = e.loop(e.index(0), count, 1, {e.f32(std::nanf(""))}, [&](Value, const Values &last) {
      Value below = e.broadcast(last[0]);
      Value best = e.loop(e.index(0), e.index(spec.blocks()), 1, {none()}, [&](Value block, const Values &carried) {
        Value x = e.load(e.floats(), e.at(scratch, e.mul(block, 64)), 64);
        return Values{e.max(e.select(notAtLeast(x, below), x, none()), carried[0])};
      })[0];
      return Values{e.reduceMax(best)};
    })[0];
    return least;
  }

  // Of the results of the panels in the list: the count-th greatest, equal ones counted each, and how many that equal
  // it are among the count greatest.
  std::pair<Value, Value> exactly(Value row, Value count) {
    Value length = e.load(e.b.getI64Type(), cell(0), 8);
    auto overList = [&](const Values &start, const std::function<Value(Value, Value)> &combine) {
      return e.loop(e.index(0), length, 1, start, [&](Value i, const Values &carried) {
        Value panel = e.load(e.b.getI64Type(), e.at(scratch, e.add(e.mul(i, 8), spec.listOffset())), 8);
        return Values{combine(results(row, panel), carried[0])};
      })[0];
    };
    Values found =
        e.loop(e.index(0), count, 1, {e.f32(std::nanf("")), count, count},
               [&](Value, const Values &last) { // the last number, how many are still wanted, and were before
                 Value below = e.broadcast(last[0]);
                 Value best = e.reduceMax(overList({none()}, [&](Value x, Value best) {
                   return e.max(e.select(notAtLeast(x, below), x, none()), best);
                 }));
                 Value all = e.broadcast(best);
                 Value equal = e.reduceAdd(overList({e.intsOf(0)}, [&](Value x, Value sum) {
                   return e.add(sum, e.select(same(x, all), e.intsOf(1), e.intsOf(0)));
                 }));
                 Value wanted = e.less(e.index(0), last[1]);
                 Value left = e.sub(last[1], arith::ExtSIOp::create(e.b, e.loc, e.b.getI64Type(), equal));
                 return Values{e.select(wanted, best, last[0]), e.select(wanted, left, last[1]),
                               e.select(wanted, last[1], last[2])};
               });
    return {found[0], found[2]};
  }

  //===--- The bound ---===//

  Value sqrtOf(Value sum) { return LLVM::SqrtOp::create(e.b, e.loc, sum.getType(), sum); }

  struct Slack {
    Value alpha, beta; ///< in all lanes
  };
  // Norms of the row as quantized, of its codes, and of the difference.
  Slack slackOf(Value row) {
    const int64_t width = spec.exact.inputs;
    Value numbers = e.at(rotated, e.mul(row, floatRowBytes(width))),
          bytes = e.at(codes, e.mul(row, quantRowBytes(width)));
    Value scale = e.broadcast(e.load(e.b.getF32Type(), bytes));
    Value zero = e.broadcast(e.load(e.b.getI32Type(), e.at(bytes, 4)));
    auto chunk = [&](Value k, const Values &sums) {
      Value x = e.load(e.floats(), e.at(numbers, e.mul(k, 4)), 64);
      Value code = arith::ExtUIOp::create(e.b, e.loc, e.ints(),
                                          e.load(e.bytes(kLanes), e.at(bytes, e.add(k, kQuantHeader)), 16));
      Value u = e.mul(e.toFloat(e.sub(code, zero)), scale);
      if (width % kLanes != 0)
        u = e.select(e.maskBelow(e.sub(e.index(width), k)), u, e.floatsOf(0));
      Value apart = e.sub(x, u);
      return Values{e.fma(x, x, sums[0]), e.fma(u, u, sums[1]), e.fma(apart, apart, sums[2])};
    };
    Values sums = e.loop(e.index(0), e.index(width), kLanes, Values(3, e.floatsOf(0)), chunk);
    auto norm = [&](int64_t i) {
      return sqrtOf(e.add(e.reduceAdd(sums[i]), e.f32(static_cast<float>(width) * 0x1p-100f)));
    };
    const float tau = static_cast<float>(2 * width + 64) * 0x1p-23f;
    Value x = norm(0), u = norm(1), apart = norm(2);
    Value beta = e.add(apart, e.mul(e.add(x, u), e.f32(tau)));
    if (spec.exact.bf16())
      beta = e.add(beta, e.mul(x, e.f32(0x1p-8f)));
    return {e.broadcast(e.mul(u, e.f32(1 + tau))), e.broadcast(e.mul(beta, e.f32(1 + tau)))};
  }

  // p + s for the 16 outputs of a panel.
  Value ceilings(Value row, Value panel, const Slack &slack) {
    auto at = [&](Value base, int64_t offset) {
      return e.load(e.floats(), e.at(base, e.add(e.mul(panel, 64), offset)), 64);
    };
    Value floor = e.floatsOf(static_cast<float>(spec.exact.inputs) * 0x1p-120f);
    Value s = e.fma(at(bounds, 0), slack.alpha, e.fma(at(bounds, spec.normOffset()), slack.beta, floor));
    if (spec.exact.bias)
      s = e.fma(e.magnitude(at(weights, spec.exact.biasOffset())), e.floatsOf(0x1p-20f), s);
    return within(panel, e.add(previews(row, panel), s));
  }

  //===--- The steps ---===//

  // Where 16 panels have their greatest previews, lane by lane; no panel has been computed.
  void begin(Value row) {
    e.store(e.index(0), cell(0), 8);
    e.loop(0, roundUp(4 * panels(), 64), 64,
           [&](Value at) { e.store(e.intsOf(0), e.at(scratch, e.add(at, spec.markOffset())), 64); });
    e.loop(e.index(0), e.index(spec.blocks()), 1, [&](Value block) {
      Value first = e.mul(block, kLanes), last = e.min(e.add(first, kLanes), e.index(panels()));
      Value best = e.loop(first, last, 1, {none()}, [&](Value panel, const Values &carried) {
        return Values{e.max(numbersOf(previews(row, panel)), carried[0])};
      })[0];
      e.store(best, e.at(scratch, e.mul(block, 64)), 64);
    });
  }

  void computeWhere(Value row, const std::function<Value(Value)> &needed) {
    e.loop(e.index(0), e.index(panels()), 1, [&](Value panel) {
      Value fresh = e.equal(e.load(e.b.getI32Type(), mark(panel)), e.i32(0));
      e.ifThen(fresh, [&] { e.ifThen(any(needed(panel)), [&] { compute(row, panel); }); });
    });
  }

  // Of the panel's results, those above `least`, and of those equal to it as many as are left to give, in order.
  void keep(Value row, Value panel, Value least) {
    Value first = e.mul(panel, kLanes), count = e.min(e.sub(e.index(spec.exact.outputs), first), e.index(kLanes));
    Value address = resultAddress(row, panel);
    e.loop(e.index(0), count, 1, [&](Value lane) {
      Value at = e.at(address, e.mul(lane, 4));
      Value y = e.load(e.b.getF32Type(), at), left = e.load(e.b.getI64Type(), cell(1), 8);
      Value equal = same(y, least);
      Value given = arith::AndIOp::create(e.b, e.loc, equal, e.less(e.index(0), left));
      Value kept = arith::OrIOp::create(e.b, e.loc, e.less(least, y), given);
      e.store(e.sub(left, e.select(given, e.index(1), e.index(0))), cell(1), 8);
      e.store(e.select(kept, y, e.f32(kNone)), at);
    });
  }

  // As many as the caller asks for, `count` at most.
  Value wantedCount() {
    Value asked = loadInteger(e, step, offsetof(lmopt_step_t, top)), most = e.index(spec.count);
    return e.select(e.less(e.index(0), asked), e.min(asked, most), most);
  }

  void emitRow(Value row) {
    Value count = wantedCount();
    begin(row);
    Value start = e.broadcast(rough(count));
    computeWhere(row, [&](Value panel) { return outputsOnly(panel, notLess(previews(row, panel), start)); });
    Value least = e.broadcast(exactly(row, count).first);
    Slack slack = slackOf(row);
    computeWhere(row, [&](Value panel) { return outputsOnly(panel, notLess(ceilings(row, panel, slack), least)); });
    std::pair<Value, Value> last = exactly(row, count);
    e.store(last.second, cell(1), 8);
    e.loop(e.index(0), e.index(panels()), 1, [&](Value panel) {
      Value fresh = e.equal(e.load(e.b.getI32Type(), mark(panel)), e.i32(0));
      e.ifElse(
          fresh, [&] { storePanel(e, spec.exact, out, none(), row, panel); }, [&] { keep(row, panel, last.first); });
    });
  }

  // No lane beyond the last output asks for anything.
  Value outputsOnly(Value panel, Value mask) {
    return ragged() ? Value(arith::AndIOp::create(e.b, e.loc, mask, lanes(panel))) : mask;
  }
};
} // namespace

std::string topLinearKernel(KernelLibrary &kernels, const TopSpec &spec) {
  std::string product = linearKernel(kernels, spec.exact);
  std::string name = "top" + std::to_string(spec.count) + "_of_" + product;
  return kernels.define(name, 9, 2, [&](Emitter &e, ValueRange a) {
    TopEmitter emitter{e, spec, product, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8]};
    e.loop(a[9], a[10], 1, [&](Value row) { emitter.emitRow(row); });
  });
}

} // namespace lmopt::cpu
