// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Few keys and values for many: E K and F V of each sequence and head, by learned matrices or as means of neighbouring
// tokens, stored where attention looks for them. In: rows of keys and values, the step's segments. Out: the cache, or
// the state of the sequence (AttentionSpec::inState), in the order of AttentionSpec.h. From techniques 9.6. Each row
// of the result is one sum in the order of the tokens, whoever computes it. Cost: of n tokens, rank n products for each
// number of a head, or n sums. Tested by test/unit/codegen/AttentionKernelTest.cpp.
#include "codegen/cpu/Segments.h"
#include "codegen/cpu/attention/CacheView.h"

#include "lmopt/abi.h"

#include <algorithm>
#include <cstddef>

using namespace mlir;

namespace lmopt::cpu {

namespace {

using Values = Emitter::Values;

constexpr int64_t kRowsAtOnce = 4; // a token's numbers are loaded once for so many sums

/// One head of the rows of a sequence, and what they are multiplied by.
struct Head {
  Value first;        ///< of the first token
  int64_t stride;     ///< from token to token
  int64_t width;      ///< numbers
  Value matrix, rows; ///< rows: tokens of the sequence
};

struct ProjectEmitter {
  Emitter &e;
  const AttentionSpec &spec;
  Value keys, values, keyMatrix, valueMatrix, scratch, step, layerOffset, thread, threads;

  Value made(int64_t r) { return e.at(scratch, r * floatRowBytes(std::max(spec.headDim, spec.valueHeadDim()))); }

  /// Calls sum(offset, lanes) for the numbers of a head, a vector at a time.
  static void forNumbers(const Head &head, const std::function<void(int64_t, int64_t)> &sum) {
    int64_t lanes = lanesFor(head.width);
    for (int64_t d = 0; d < head.width; d += lanes)
      sum(4 * d, lanes);
  }

  Value load(const Head &head, Value token, int64_t offset, int64_t lanes) {
    return e.load(e.floats(lanes), e.at(head.first, e.add(e.mul(token, head.stride), offset)));
  }

  // made[i] = sum_t E[start + i, t] x[t]
  void products(const Head &head, Value start) {
    Values coefficients;
    for (int64_t i = 0; i < kRowsAtOnce; ++i) { // beyond the last row: that once more, not stored
      Value row = e.min(e.add(start, i), e.index(spec.projectedRows - 1));
      coefficients.push_back(e.at(head.matrix, e.mul(row, floatRowBytes(spec.projectionColumns))));
    }
    forNumbers(head, [&](int64_t offset, int64_t lanes) {
      Values sums(kRowsAtOnce, e.floatsOf(0, lanes));
      sums = e.loop(e.index(0), head.rows, 1, sums, [&](Value t, const Values &carried) {
        Value x = load(head, t, offset, lanes);
        Values next;
        for (int64_t i = 0; i < kRowsAtOnce; ++i) {
          Value share = e.load(e.b.getF32Type(), e.at(coefficients[i], e.mul(t, 4)));
          next.push_back(e.fma(e.broadcast(share, lanes), x, carried[i]));
        }
        return next;
      });
      for (int64_t i = 0; i < kRowsAtOnce; ++i)
        e.store(sums[i], e.at(made(i), offset));
    });
  }

  // made[i] = the mean of x[t], floor(s n / r) <= t < floor((s + 1) n / r), of row s = start + i of r
  void mean(const Head &head, Value start, int64_t i, Value resultRows) {
    Value s = e.add(start, i);
    Value begin = e.div(e.mul(s, head.rows), resultRows), end = e.div(e.mul(e.add(s, 1), head.rows), resultRows);
    Value count = arith::SIToFPOp::create(e.b, e.loc, e.b.getF32Type(), e.sub(end, begin));
    forNumbers(head, [&](int64_t offset, int64_t lanes) {
      Values sum = e.loop(begin, end, 1, {e.floatsOf(0, lanes)}, [&](Value t, const Values &carried) {
        return Values{e.add(carried[0], load(head, t, offset, lanes))};
      });
      e.store(e.div(sum[0], e.broadcast(count, lanes)), e.at(made(i), offset));
    });
  }

  /// Rows start, start + 1, ... of a head, as far as there are such; store(from, row).
  void project(const Head &head, Value start, Value resultRows, const std::function<void(Value, Value)> &store) {
    if (spec.projectionLearned)
      products(head, start);
    for (int64_t i = 0; i < kRowsAtOnce; ++i)
      e.ifThen(e.less(e.add(start, i), resultRows), [&] {
        if (!spec.projectionLearned)
          mean(head, start, i, resultRows);
        store(made(i), e.add(start, i));
      });
  }

  Head headOf(Value from, Value row, Value kvHead, int64_t width, Value matrix, Value rows) {
    int64_t stride = floatRowBytes(spec.kvHeads * width);
    return {e.at(from, e.add(e.mul(row, stride), e.mul(kvHead, 4 * width))), stride, width, matrix, rows};
  }

  void emit() {
    Segments segments(e, step);
    Value count = loadInteger(e, step, offsetof(lmopt_step_t, segment_count));
    e.loop(e.index(0), count, 1, [&](Value s) {
      Value segment = segments.at(s);
      Value rows = loadInteger(e, segment, offsetof(lmopt_segment_t, rows));
      Value resultRows = seenRows(e, spec, rows);
      Value blocks = e.div(e.add(resultRows, kRowsAtOnce - 1), e.index(kRowsAtOnce));
      e.loop(thread, e.mul(blocks, spec.kvHeads), threads, [&](Value item) {
        Value kvHead = e.rem(item, e.index(spec.kvHeads));
        oneBlock(segment, rows, resultRows, kvHead, e.mul(e.div(item, e.index(spec.kvHeads)), kRowsAtOnce));
      });
    });
  }

  void oneBlock(Value segment, Value rows, Value resultRows, Value kvHead, Value start) {
    Value first = loadInteger(e, segment, offsetof(lmopt_segment_t, row));
    CacheView view = segmentView(e, spec, segment, layerOffset);
    project(headOf(keys, first, kvHead, spec.headDim, keyMatrix, rows), start, resultRows,
            [&](Value from, Value row) { storeOneKey(e, spec, Turn(), from, view.keys(kvHead), row); });
    project(headOf(values, first, kvHead, spec.valueHeadDim(), valueMatrix, rows), start, resultRows,
            [&](Value from, Value row) { storeOneValue(e, spec, from, view.values(kvHead), row); });
  }
};
} // namespace

int64_t AttentionSpec::projectScratchBytes() const {
  return kRowsAtOnce * floatRowBytes(std::max(headDim, valueHeadDim()));
}

std::string projectKernel(KernelLibrary &kernels, const AttentionSpec &spec) {
  std::string name = attentionName("project_kv", spec, RopeTable(), /*splitHeads=*/false);
  if (spec.projectionLearned)
    name += "_x" + std::to_string(spec.projectionColumns);
  return kernels.define(name, 6, 3, [&](Emitter &e, ValueRange args) {
    ProjectEmitter{e, spec, args[0], args[1], args[2], args[3], args[4], args[5], args[6], args[7], args[8]}.emit();
  });
}

} // namespace lmopt::cpu
