// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of an encoder's segment as a tile; see AttendSegments.h.
#include "codegen/ptx/attention/AttendSegments.h"
#include "codegen/ptx/attention/FloatTile.h"
#include "codegen/ptx/attention/MmaTile.h"

#include "codegen/ptx/Rows.h"

#include "llvm/ADT/bit.h"

using namespace mlir;

namespace lmopt::nvptx {

static_assert(kSegmentRows == FloatTile::kRows && kSegmentTileRows == MmaTile::kRows);

namespace {

/// Each row sees all rows of the segment.
class SegmentSource : public TileSource {
public:
  SegmentSource(const TileContext &tile, Value keys, Value values) : TileSource(tile), keys(keys), values(values) {}

  Value seenByAll() override { return tile.rows; }
  Value lastSeen(Value) override { return e.add(tile.rows, -1); }
  Value queryNumber(Value query, Value, Value column) override {
    return e.load(e.f32(), e.at(query, e.mul(column, 4)));
  }
  /// What has to be rounded on its way comes through registers.
  bool isAsync() override { return tile.places.elementBytes == 4; }

  // Four numbers a turn.
  void copyBlock(bool isKeys, Value block, int64_t to) override {
    int64_t fours = spec.width / 4;
    Value from = e.at(isKeys ? keys : values, e.mul(tile.kvHead(), 4 * spec.width));
    e.loop(tile.thread, e.number(TilePlaces::kBlock * fours), tile.threads, [&](Value i) {
      Value position = e.div(i, fours), four = e.rem(i, fours), row = e.add(block, position);
      Value isThere = e.less(row, tile.rows);
      row = e.add(tile.first, e.select(isThere, row, e.number(0)));
      Value source = e.at(e.atElement(from, row, rowBytes(spec.kvHeads * spec.width, 4)), e.mul(four, 16));
      Value place = e.at(tile.row(to, position), e.mul(four, 4 * tile.places.elementBytes));
      isAsync() ? e.copyAsync(place, source, e.select(isThere, e.number(16), e.number(0)))
                : copyRounded(place, source, isThere);
    });
  }

private:
  Value keys, values;

  void copyRounded(Value place, Value source, Value isThere) {
    Emitter::Values numbers = e.loadFour(e.f32(), source);
    for (Value &number : numbers)
      number = e.select(isThere, number, e.floatOf(0));
    e.storeRun({e.packBf16(numbers[0], numbers[1]), e.packBf16(numbers[2], numbers[3])}, place);
  }
};

template <typename Tile>
std::string define(KernelLibrary &kernels, const AttentionSpec &spec, const char *format) {
  using Kind = ArgumentKind;
  std::string name = std::string("attend_segments_") + format + "_h" + std::to_string(spec.heads) + "_kv" +
                     std::to_string(spec.kvHeads) + "_d" + std::to_string(spec.width) + "_x" +
                     std::to_string(llvm::bit_cast<uint32_t>(spec.scale)) + "_" + kernels.getTarget().chip;
  return kernels.define(name, Tile::shapeOf(spec),
                        {Kind::Memory, Kind::Memory, Kind::Memory, Kind::Memory, Kind::Memory},
                        [=](Emitter &e, ValueRange a) {
                          TileContext tile(e, spec, Tile::placesOf(spec), Tile::kThreads, /*segments=*/a[3]);
                          SegmentSource source(tile, a[1], a[2]);
                          Tile(tile, source, /*queries=*/a[0], /*results=*/a[4]).run();
                        });
}

} // namespace

std::string attendSegmentsKernel(KernelLibrary &kernels, const AttentionSpec &spec) {
  return define<FloatTile>(kernels, spec, "f32");
}

bool canAttendSegmentsTile(const AttentionSpec &spec) { return MmaTile::canDo(spec); }

std::string attendSegmentsTileKernel(KernelLibrary &kernels, const AttentionSpec &spec) {
  return define<MmaTile>(kernels, spec, "bf16");
}

} // namespace lmopt::nvptx
