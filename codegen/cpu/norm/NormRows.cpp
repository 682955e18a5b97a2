// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Norms: a factor for the whole row, from the sum of its squares; the layer norm's squares are those of differences
// from the mean, and the norm of heads has a factor for each. See NormRows.h.
#include "codegen/cpu/norm/NormRows.h"

#include "codegen/cpu/rows/RowContext.h"

#include <cstring>

using namespace mlir;

namespace lmopt::cpu {

namespace {

std::string epsilonWord(float epsilon) {
  uint32_t bits;
  static_assert(sizeof(bits) == sizeof(epsilon));
  memcpy(&bits, &epsilon, sizeof(bits));
  return epsilon != 0 ? "e" + std::to_string(bits) : "";
}

class Norm : public RowFunction, public RowReduction {
public:
  explicit Norm(float epsilon) : epsilon(epsilon) {}
  const RowReduction *reduction() const final { return this; }

  void gather(RowContext &row, int64_t stage, Value x, Value, MutableArrayRef<Value> sums) const override {
    sums[0] = row.e.fma(x, x, sums[0]);
  }

  void conclude(RowTotals &totals, int64_t stage) const final {
    Emitter &e = totals.e;
    Value sum = totals.sum();
    Value average = e.mul(sum, e.f32(1.0f / totals.width()));
    totals.remember(e.broadcast(number(e, stage, sum, average)));
  }

  void map(RowChunk &chunk) const final {
    chunk.each([&](int64_t i, Value offset) {
      Value y = scaled(chunk, chunk.operand(0, i), offset);
      if (chunk.weightCount() > 0)
        y = chunk.e.mul(y, chunk.weightAt(0, offset));
      return chunk.weightCount() < 2 ? y : chunk.e.add(y, chunk.weightAt(1, offset));
    });
  }

protected:
  /// What a stage finds, from the sum of what it gathered and the average of that.
  virtual Value number(Emitter &e, int64_t stage, Value sum, Value average) const {
    return e.reciprocalSqrt(e.add(average, e.f32(epsilon)));
  }
  virtual Value scaled(RowChunk &chunk, Value x, Value offset) const { return chunk.e.mul(x, chunk.number(0)); }

  float epsilon;
};

class RmsNorm : public Norm {
public:
  using Norm::Norm;
  RowName name() const override { return {"rmsnorm", epsilonWord(epsilon)}; }
};

class L2Normalize : public Norm {
public:
  L2Normalize() : Norm(0) {}
  RowName name() const override { return {"l2norm"}; }

protected:
  Value number(Emitter &e, int64_t, Value sum, Value) const override {
    Value norm = LLVM::SqrtOp::create(e.b, e.loc, sum.getType(), sum);
    return e.div(e.f32(1), e.max(norm, e.f32(1e-12f)));
  }
};

// Two stages, as the oracle has: the variance is the mean of squared differences from the mean.
class LayerNorm : public Norm {
public:
  using Norm::Norm;
  RowName name() const override { return {"layernorm", epsilonWord(epsilon)}; }
  int64_t stages() const override { return 2; }

  void gather(RowContext &row, int64_t stage, Value x, Value offset, MutableArrayRef<Value> sums) const override {
    if (stage == 0)
      sums[0] = row.e.add(x, sums[0]);
    else
      Norm::gather(row, stage, centred(row, x, offset), offset, sums);
  }

protected:
  Value number(Emitter &e, int64_t stage, Value sum, Value average) const override {
    return stage == 0 ? average : Norm::number(e, stage, sum, average);
  }
  Value scaled(RowChunk &chunk, Value x, Value offset) const override {
    return chunk.e.mul(centred(chunk, x, offset), chunk.number(1));
  }

private:
  static Value centred(RowContext &row, Value x, Value offset) {
    return zeroBeyondWidth(row.e, row.width(), row.e.sub(x, row.number(0)), offset);
  }
};

// A head is one chunk: its sum is taken where its numbers are in registers, in the order of codegen/RowSums.h.
class HeadRmsNorm : public RowFunction {
public:
  HeadRmsNorm(int64_t width, float epsilon) : width(width), epsilon(epsilon) {}
  RowName name() const override { return {"headnorm" + std::to_string(width), epsilonWord(epsilon)}; }
  ChunkSize chunk(int64_t) const override { return {width / kLanes, /*exactly=*/true}; }
  void map(RowChunk &chunk) const override {
    Emitter &e = chunk.e;
    Value average = e.mul(sumOfSquares(chunk), e.f32(1.0f / static_cast<float>(width)));
    Value factor = e.broadcast(e.reciprocalSqrt(e.add(average, e.f32(epsilon))));
    chunk.each([&](int64_t i, Value) {
      Value y = e.mul(chunk.operand(0, i), factor);
      return chunk.weightCount() ? e.mul(y, chunk.weightAt(0, e.index(64 * i))) : y;
    });
  }

private:
  Value sumOfSquares(RowChunk &chunk) const {
    Emitter &e = chunk.e;
    Emitter::Values sums(rowSumRegisters(width), e.floatsOf(0));
    for (int64_t i = 0; i < chunk.registers(); ++i) {
      Value &sum = sums[i % sums.size()], x = chunk.operand(0, i);
      sum = e.fma(x, x, sum);
    }
    for (; sums.size() > 1; sums.resize(sums.size() / 2))
      for (size_t i = 0; i < sums.size() / 2; ++i)
        sums[i] = e.add(sums[i], sums[i + sums.size() / 2]);
    return e.reduceAdd(sums[0]);
  }
  int64_t width;
  float epsilon;
};

} // namespace

RowFunctionRef headRmsNorm(int64_t width, float epsilon) { return std::make_shared<HeadRmsNorm>(width, epsilon); }
RowFunctionRef rmsNorm(float epsilon) { return std::make_shared<RmsNorm>(epsilon); }
RowFunctionRef layerNorm(float epsilon) { return std::make_shared<LayerNorm>(epsilon); }
RowFunctionRef l2Normalize() { return std::make_shared<L2Normalize>(); }

} // namespace lmopt::cpu
