// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See CertifiedMarks.h.
#include "codegen/ptx/ranking/CertifiedMarks.h"

#include "codegen/ptx/ranking/BlockReduce.h"
#include "codegen/ptx/ranking/RankKeys.h"

#include <limits>

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;
using Kind = ArgumentKind;
constexpr int64_t kWarps = MarkedBlock::kWarps, kThreads = MarkedBlock::kThreads;
constexpr float kNone = -std::numeric_limits<float>::infinity();

// Shared memory: the last key of the lists; sums of warps, one list for each norm.
constexpr int64_t kNorms = 3, kSums = 16, kSharedBytes = kSums + kNorms * 4 * kWarps;

class CertifiedEmitter {
public:
  CertifiedEmitter(Emitter &e, const CertifiedSpec &spec, Value previews)
      : e(e), keys(e), spec(spec), block(e, spec.exact.outputs),
        previews(block.load(e.atElement(previews, e.blockY(), spec.previewBytes()))) {}

  /// Arguments of preview_marks without the previews.
  void markPreviews(ValueRange a) {
    Value last = lastOf(a[0], a[3]), marks = marksOf(a[1]), out = e.atElement(a[2], e.blockY(), spec.outStride);
    for (int64_t i = 0; i < MarkedBlock::kLaneNumbers; ++i) {
      Value key = e.select(block.isThere(i), keys.keyOf(preview(i), block.place(i)), keys.none());
      block.store(marks, i, e.bitAnd(keys.isSome(key), keys.atLeast(key, last)), /*wholeTiles=*/true);
      block.storeNumber(out, spec.outStride, i, e.floatOf(kNone));
    }
  }

  /// Arguments of bound_marks without the previews.
  void markBounds(ValueRange a) {
    Value last = lastOf(a[0], a[10]), least = resultOf(last, e.atElement(a[1], e.blockY(), spec.outStride));
    Slack slack = slackOf(a[6], a[7], a[8], a[9]);
    Value first = marksOf(a[2]), marks = marksOf(a[3]);
    for (int64_t i = 0; i < MarkedBlock::kLaneNumbers; ++i) {
      Value isBelow = e.less(e.add(preview(i), distance(i, slack, a[5], a[4])), least);
      Value isDone = e.less(e.number(0), e.load(e.i32(), e.atElement(first, tileOf(i), 4)));
      Value isOut = e.select(isBelow, isBelow, isDone);
      block.store(marks, i, e.select(isOut, block.isFalse(), block.isThere(i)), /*wholeTiles=*/true);
    }
  }

private:
  Emitter &e;
  RankKeys keys;
  const CertifiedSpec &spec;
  MarkedBlock block;
  Values previews;

  Value preview(int64_t i) { return previews[static_cast<size_t>(i)]; }
  Value tileOf(int64_t i) { return e.div(block.safePlace(i), LinearSpec::kTile); }
  Value marksOf(Value marks) { return e.atElement(marks, e.blockY(), MarkedBlock::bytesOf(spec.exact.outputs)); }

  /// The key of the last of the `top` greatest, in all threads; 0 where there are fewer.
  Value lastOf(Value lists, Value top) {
    return keys.keyAt(e.add(top, -1), lists, spec.results().blocks(), top, e.shared());
  }
  Value resultOf(Value key, Value row) {
    Value number = e.load(e.f32(), e.atElement(row, e.max(keys.tokenOf(key), e.number(0)), 4));
    return e.select(keys.isSome(key), number, e.floatOf(kNone));
  }

  //===--- The bound ---===//

  struct Slack {
    Value alpha, beta;
  };
  /// Of lengths of the row as quantized, of the numbers that its codes stand for, and of the difference.
  Slack slackOf(Value rotated, Value codes, Value scales, Value zeros) {
    const int64_t width = spec.exact.inputs;
    Value numbers = e.atElement(rotated, e.blockY(), rowBytes(width, 4));
    Value bytes = e.atElement(codes, e.blockY(), rowBytes(width, 1));
    Value scale = e.load(e.f32(), e.atElement(scales, e.blockY(), 4));
    Value zero = e.load(e.i32(), e.atElement(zeros, e.blockY(), 4));
    Values start(kNorms, e.floatOf(0));
    Values sums = e.loop(e.number(0), e.number(width), kThreads, start, [&](Value first, const Values &so) {
      Value k = e.add(first, e.thread()), isThere = e.less(k, e.number(width));
      k = e.min(k, e.number(width - 1));
      Value x = e.load(e.f32(), e.atElement(numbers, k, 4));
      Value code = arith::ExtUIOp::create(e.b, e.loc, e.i32(), e.load(e.b.getI8Type(), e.at(bytes, k), 1));
      Value u = e.mul(e.toFloat(e.sub(code, zero)), scale), apart = e.sub(x, u);
      Values squares = {e.fma(x, x, so[0]), e.fma(u, u, so[1]), e.fma(apart, apart, so[2])};
      for (size_t i = 0; i < squares.size(); ++i)
        squares[i] = e.select(isThere, squares[i], so[i]);
      return squares;
    });
    auto norm = [&](int64_t i) {
      Value list = e.at(e.shared(), kSums + i * 4 * kWarps);
      Value sum =
          acrossBlock(e, sums[static_cast<size_t>(i)], list, kWarps, [&](Value a, Value c) { return e.add(a, c); });
      return e.sqrt(e.add(sum, e.floatOf(static_cast<float>(width) * 0x1p-100F)));
    };
    const float tau = static_cast<float>(2 * width + 64) * 0x1p-23F;
    Value x = norm(0), u = norm(1), apart = norm(2);
    Value beta = e.add(apart, e.mul(e.add(x, u), e.floatOf(tau)));
    if (spec.exact.format == WeightFormat::Bf16)
      beta = e.add(beta, e.mul(x, e.floatOf(0x1p-8F)));
    return {e.mul(u, e.floatOf(1 + tau)), e.mul(beta, e.floatOf(1 + tau))};
  }
  /// s[n]
  Value distance(int64_t i, const Slack &slack, Value bounds, Value weights) {
    auto at = [&](Value base, int64_t offset) {
      return e.load(e.f32(), e.atElement(e.at(base, offset), block.safePlace(i), 4));
    };
    Value floor = e.floatOf(static_cast<float>(spec.exact.inputs) * 0x1p-120F);
    Value s = e.fma(at(bounds, 0), slack.alpha, e.fma(at(bounds, spec.normOffset()), slack.beta, floor));
    if (!spec.exact.bias)
      return s;
    Value bias = e.bitcast(e.bitAnd(e.bitcast(at(weights, spec.exact.biasOffset()), e.i32()), 0x7fffffff), e.f32());
    return e.fma(bias, e.floatOf(0x1p-20F), s);
  }
};

std::string nameOf(const char *what, const CertifiedSpec &spec, const KernelLibrary &kernels) {
  return std::string(what) + "_of_" + wordOf(spec.exact) + "_to" + std::to_string(spec.outStride) + "_" +
         kernels.getTarget().chip;
}
constexpr KernelShape kShape = {kThreads, /*leastBlocks=*/2, kSharedBytes};
} // namespace

std::string previewMarksKernel(KernelLibrary &kernels, const CertifiedSpec &spec) {
  return kernels.define(
      nameOf("preview_marks", spec, kernels), kShape,
      {Kind::Memory, Kind::Memory, Kind::Memory, Kind::Memory, Kind::Number},
      [=](Emitter &e, ValueRange a) { CertifiedEmitter(e, spec, a[0]).markPreviews(a.drop_front()); });
}

std::string boundMarksKernel(KernelLibrary &kernels, const CertifiedSpec &spec) {
  SmallVector<Kind> kinds(12, Kind::Memory);
  kinds[5] = kinds[6] = Kind::Constant;
  kinds[11] = Kind::Number;
  return kernels.define(nameOf("bound_marks", spec, kernels), kShape, kinds,
                        [=](Emitter &e, ValueRange a) { CertifiedEmitter(e, spec, a[0]).markBounds(a.drop_front()); });
}

} // namespace lmopt::nvptx
