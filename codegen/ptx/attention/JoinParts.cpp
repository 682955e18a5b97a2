// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parts of attention become rows, in the order of positions; see AttendRows.h.
#include "codegen/ptx/attention/AttendRows.h"
#include "codegen/ptx/attention/CacheAccess.h"

#include "codegen/Functions.h"
#include "codegen/ptx/Rows.h"

using namespace mlir;

namespace lmopt::nvptx {

using Values = Emitter::Values;

static void joinParts(Emitter &e, const AttentionSpec &spec, ValueRange a) {
  constexpr int64_t partPositions = AttentionSpec::kBlock * AttentionSpec::kPartBlocks;
  Value row = e.block(), mostParts = a[3];
  Value count = e.add(e.div(DeviceRow(e, a[1], row).position(), partPositions), 1);
  int64_t width = spec.valueWidth();
  e.loop(e.thread(), e.number(spec.heads * width), AttentionSpec::kThreads, [&](Value i) {
    Value first = e.mul(e.add(e.mul(row, spec.heads), e.div(i, width)), mostParts);
    auto at = [&](Value part) { return e.atElement(a[0], e.add(first, part), 4 * spec.partFloats()); };
    Value greatest = e.loop(e.number(0), count, 1, Values{e.floatOf(-INFINITY)}, [&](Value part, const Values &so) {
      return Values{e.max(e.load(e.f32(), e.at(at(part), 4 * width)), so[0])};
    })[0];
    Values sums = e.loop(e.number(0), count, 1, Values(2, e.floatOf(0)), [&](Value part, const Values &so) {
      Value from = at(part), scores = e.at(from, 4 * width);
      Value weight = functions::exp2(e, e.sub(e.load(e.f32(), scores), greatest), false);
      Value number = e.load(e.f32(), e.at(from, e.mul(e.rem(i, width), 4)));
      return Values{e.fma(weight, number, so[0]), e.fma(weight, e.load(e.f32(), e.at(scores, 4)), so[1])};
    });
    e.store(e.div(sums[0], sums[1]), e.at(e.atElement(a[2], row, rowBytes(spec.heads * width, 4)), e.mul(i, 4)));
  });
}

std::string joinPartsKernel(KernelLibrary &kernels, const AttentionSpec &spec) {
  using Kind = ArgumentKind;
  std::string name = "join_parts_h" + std::to_string(spec.heads) + "_d" + std::to_string(spec.valueWidth()) + "_" +
                     kernels.getTarget().chip;
  return kernels.define(name, {AttentionSpec::kThreads}, {Kind::Memory, Kind::Memory, Kind::Memory, Kind::Number},
                        [=](Emitter &e, ValueRange a) { joinParts(e, spec, a); });
}

} // namespace lmopt::nvptx
