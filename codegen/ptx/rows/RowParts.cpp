// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A row of attention from its parts (attention/AttendRows.h), which are joined in the order of positions: each number
// is the sum of those of the parts, weighted by how their greatest scores compare. See RowEmitter.h. Source: online
// softmax, Milakov and Gimelshein 2018. Tested by test/unit/codegen/ptx/AttendRowsTest.cpp.
#include "codegen/ptx/rows/RowEmitter.h"

#include "codegen/Functions.h"
#include "codegen/ptx/attention/CacheAccess.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;

/// Four numbers of one head, `first` its part of the lowest positions.
class PartsOfHead {
public:
  PartsOfHead(Emitter &e, Value parts, Value first, Value count, int64_t width)
      : e(e), parts(parts), first(first), count(count), width(width) {}

  Values numbers(Value place) {
    Value greatest = greatestScore();
    Values sums = e.loop(e.number(0), count, 1, Values(5, e.floatOf(0)), [&](Value part, const Values &so) {
      Value from = at(part), scores = e.at(from, 4 * width), own = e.at(from, e.mul(place, 4));
      Value weight = functions::exp2(e, e.sub(e.load(e.f32(), scores), greatest), false);
      Values result;
      for (int64_t i = 0; i < 4; ++i)
        result.push_back(e.fma(weight, e.load(e.f32(), e.at(own, 4 * i)), so[static_cast<size_t>(i)]));
      result.push_back(e.fma(weight, e.load(e.f32(), e.at(scores, 4)), so[4]));
      return result;
    });
    Values row;
    for (size_t i = 0; i < 4; ++i)
      row.push_back(e.div(sums[i], sums[4]));
    return row;
  }

private:
  Emitter &e;
  Value parts, first, count;
  int64_t width;

  Value at(Value part) { return e.atElement(parts, e.add(first, part), 4 * (width + 2)); }
  Value greatestScore() {
    return e.loop(e.number(0), count, 1, Values{e.floatOf(-INFINITY)}, [&](Value part, const Values &so) {
      return Values{e.max(e.load(e.f32(), e.at(at(part), 4 * width)), so[0])};
    })[0];
  }
};

} // namespace

// A run of four lies in one head, whose width is a multiple of eight.
Values RowEmitter::joinParts(const RowStep &step) {
  int64_t width = step.size, heads = spec.width / width;
  Value own = step.pointers.size() > 3 ? e.load(e.i32(), e.atElement(pointer(step, 3), row, 4)) : row;
  Value position = DeviceRow(e, pointer(step, 1), own).position();
  Value count = e.add(e.div(position, AttentionSpec::kBlock * AttentionSpec::kPartBlocks), 1);
  return loadRuns([&](Value from) {
    Value first = e.mul(e.add(e.mul(own, heads), e.div(from, width)), pointer(step, 2));
    return PartsOfHead(e, pointer(step, 0), first, count, width).numbers(e.rem(from, width));
  });
}

} // namespace lmopt::nvptx
