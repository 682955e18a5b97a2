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
  PartsOfHead(Emitter &e, Value parts, Value first, Value begin, Value end, int64_t width)
      : e(e), parts(parts), first(first), begin(begin), end(end), width(width) {}

  /// As CPUs join blocks (codegen/cpu/attention/AttentionTile.cpp): sums so far and a part's count by how their
  /// greatest scores compare with the greater of both.
  Values numbers(Value place) {
    Values start(6, e.floatOf(0));
    start[kGreatest] = e.floatOf(-1e30F); // finite, as on CPUs
    Values sums = e.loop(begin, end, 1, start, [&](Value part, const Values &so) {
      Value from = at(part), behind = e.at(from, 4 * width), own = e.load(e.f32(), behind);
      Value greatest = e.max(own, so[kGreatest]), correction = power(so[kGreatest], greatest);
      Value share = power(own, greatest);
      Values result;
      for (int64_t i = 0; i <= 4; ++i) { // four numbers, and the sum of weights
        Value number = e.load(e.f32(), i < 4 ? e.at(e.at(from, e.mul(place, 4)), 4 * i) : e.at(behind, 4));
        result.push_back(e.fma(correction, so[static_cast<size_t>(i)], e.mul(share, number)));
      }
      result.push_back(greatest);
      return result;
    });
    Value inverse = e.div(e.floatOf(1), sums[4]);
    sums.resize(4);
    for (Value &number : sums)
      number = e.mul(number, inverse);
    return sums;
  }

private:
  static constexpr size_t kGreatest = 5;
  Emitter &e;
  Value parts, first, begin, end;
  int64_t width;

  Value at(Value part) { return e.atElement(parts, e.add(first, part), 4 * (width + 2)); }
  Value power(Value a, Value c) { return functions::exp2(e, e.sub(a, c), false); }
};

} // namespace

// A run of four lies in one head, whose width is a multiple of eight.
Values RowEmitter::joinParts(const RowStep &step) {
  int64_t width = step.size, heads = spec.width / width;
  Value own = step.pointers.size() > 3 ? e.load(e.i32(), e.atElement(pointer(step, 3), row, 4)) : row;
  Value position = DeviceRow(e, pointer(step, 1), own).position();
  constexpr int64_t kPart = AttentionSpec::kBlock * AttentionSpec::kPartBlocks;
  Value begin = e.number(0), end = e.add(e.div(position, kPart), 1);
  if (step.window) // parts before it were not made
    begin = e.div(e.max(e.add(position, 1 - step.window), begin), kPart);
  return loadRuns([&](Value from) {
    Value first = e.mul(e.add(e.mul(own, heads), e.div(from, width)), pointer(step, 2));
    return PartsOfHead(e, pointer(step, 0), first, begin, end, width).numbers(e.rem(from, width));
  });
}

} // namespace lmopt::nvptx
