// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of an encoder's segment as a tile; see AttendSegments.h. Keys and values are rounded on their way to shared
// memory.
#include "codegen/ptx/attention/AttendSegments.h"
#include "codegen/ptx/attention/TileEmitter.h"

#include "codegen/ptx/Rows.h"

#include "llvm/ADT/bit.h"

using namespace mlir;

namespace lmopt::nvptx {

static_assert(kSegmentTileRows == TileEmitter::kRows);

namespace {

class SegmentTile : public TileEmitter {
public:
  SegmentTile(Emitter &e, const AttentionSpec &spec, ValueRange a)
      : TileEmitter(e, spec, /*segments=*/a[3], /*queries=*/a[0], /*results=*/a[4], /*isAsync=*/false), keys(a[1]),
        values(a[2]) {}

private:
  Value keys, values;

  Value seenByAll() override { return rows; }
  Value lastSeen(Value) override { return e.add(rows, -1); }
  Value queryNumber(Value query, Value, Value column) override {
    return e.load(e.f32(), e.at(query, e.mul(column, 4)));
  }
  // Four numbers a turn; beyond the segment zeros.
  void copyBlock(bool isKeys, Value block, int64_t to) override {
    int64_t fours = spec.width / 4;
    Value from = e.at(isKeys ? keys : values, e.mul(kvHead(), 4 * spec.width));
    e.loop(thread, e.number(kBlock * fours), kThreads, [&](Value i) {
      Value position = e.div(i, fours), four = e.rem(i, fours), row = e.add(block, position);
      Value isThere = e.less(row, rows);
      row = e.add(first, e.select(isThere, row, e.number(0)));
      Values numbers =
          e.loadFour(e.f32(), e.at(e.atElement(from, row, rowBytes(spec.kvHeads * spec.width, 4)), e.mul(four, 16)));
      for (Value &number : numbers)
        number = e.select(isThere, number, e.floatOf(0));
      e.storeRun({e.packBf16(numbers[0], numbers[1]), e.packBf16(numbers[2], numbers[3])},
                 e.at(place(to, position, places.stride), e.mul(four, 8)));
    });
  }
};

} // namespace

bool canAttendSegmentsTile(const AttentionSpec &spec) { return TileEmitter::canDo(spec); }

std::string attendSegmentsTileKernel(KernelLibrary &kernels, const AttentionSpec &spec) {
  using Kind = ArgumentKind;
  std::string name = "attend_segments_bf16_h" + std::to_string(spec.heads) + "_kv" + std::to_string(spec.kvHeads) +
                     "_d" + std::to_string(spec.width) + "_x" + std::to_string(llvm::bit_cast<uint32_t>(spec.scale)) +
                     "_" + kernels.getTarget().chip;
  return kernels.define(name, TileEmitter::shapeOf(spec),
                        {Kind::Memory, Kind::Memory, Kind::Memory, Kind::Memory, Kind::Memory},
                        [&](Emitter &e, ValueRange a) { SegmentTile(e, spec, a).run(); });
}

} // namespace lmopt::nvptx
