// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of an encoder's segment as a tile; see AttendSegments.h.
#include "codegen/ptx/attention/AttendSegments.h"
#include "codegen/ptx/attention/FloatTile.h"
#include "codegen/ptx/attention/MmaTile.h"
#include "codegen/ptx/attention/ProjectRows.h"

#include "codegen/ptx/Rows.h"

#include "llvm/ADT/bit.h"

using namespace mlir;

namespace lmopt::nvptx {

static_assert(kSegmentRows == FloatTile::kRows && kSegmentTileRows == MmaTile::kRows);

namespace {

/// Each row sees all rows of the segment, those near it, or what became of them (ProjectRows.h).
class SegmentSource : public TileSource {
public:
  SegmentSource(const TileContext &tile, ValueRange a)
      : TileSource(tile), keys(a[1]), values(a[2]), angles(spec.rotary ? a[5] : Value()),
        table(spec.rotary ? a[6] : Value()) {}

  void begin() override {
    seen = tile.rows, first = tile.first;
    if (spec.projectedRows) {
      seen = projectedRows(e, spec, tile.rows);
      first = firstProjectedRow(e, spec, tile.first, e.blockZ());
    }
    if (spec.rotary)
      rope = DeviceRow(e, table, tile.first).rope();
  }
  Value seenByAll() override { return seen; }
  Value ownPosition(Value number) override { return e.add(tile.tile, number); }
  Value lastSeen(Value number) override {
    Value last = e.add(seen, -1);
    return spec.window ? e.min(e.add(ownPosition(number), spec.window), last) : last;
  }
  Value firstSeen(Value number) override {
    return spec.window ? e.max(e.add(ownPosition(number), -spec.window), e.number(0)) : Value();
  }
  Value queryNumber(Value query, Value row, Value column) override {
    return turned(e, spec, query, column, anglesAt(e, spec, angles, row, rope));
  }
  /// What has to be rounded or turned on its way comes through registers.
  bool isAsync() override { return tile.places.elementBytes == 4 && !spec.rotary; }

  // Four numbers a turn.
  void copyBlock(bool isKeys, Value block) override {
    int64_t width = widthOf(isKeys), fours = width / 4;
    Value from = e.at(isKeys ? keys : values, e.mul(tile.kvHead(), 4 * width));
    e.loop(tile.thread, e.number(TilePlaces::kBlock * fours), tile.threads, [&](Value i) {
      Value position = e.div(i, fours), four = e.rem(i, fours), row = e.add(block, position);
      Value isThere = e.less(row, seen);
      row = e.select(isThere, row, e.number(0));
      Value head = e.atElement(from, e.add(first, row), rowBytes(spec.kvHeads * width, 4));
      Value place = e.at(tile.blockRow(isKeys, position), e.mul(four, 4 * tile.places.elementBytes));
      if (isAsync())
        return e.copyAsync(place, e.at(head, e.mul(four, 16)), e.select(isThere, e.number(16), e.number(0)));
      store(place, isKeys ? turnedFour(head, row, four) : e.loadFour(e.f32(), e.at(head, e.mul(four, 16))), isThere);
    });
  }

private:
  Value keys, values, angles, table;
  Value rope = {}, seen = {}, first = {}; ///< rows that are seen, and the first of them in `keys`

  Emitter::Values turnedFour(Value head, Value row, Value four) {
    if (!spec.rotary)
      return e.loadFour(e.f32(), e.at(head, e.mul(four, 16)));
    Value at = anglesAt(e, spec, angles, row, rope);
    Emitter::Values numbers;
    for (int64_t i = 0; i < 4; ++i)
      numbers.push_back(turned(e, spec, head, e.add(e.mul(four, 4), i), at));
    return numbers;
  }
  void store(Value place, Emitter::Values numbers, Value isThere) {
    for (Value &number : numbers)
      number = e.select(isThere, number, e.floatOf(0));
    if (tile.places.elementBytes == 4)
      return e.storeFour(numbers, place);
    e.storeRun({e.packBf16(numbers[0], numbers[1]), e.packBf16(numbers[2], numbers[3])}, place);
  }
};

std::string nameOf(const AttentionSpec &spec, const char *format, const Target &target) {
  std::string name = std::string("attend_segments_") + format + headsName(spec) + "_kv" + std::to_string(spec.kvHeads) +
                     "_d" + widthsName(spec) + "_x" + std::to_string(llvm::bit_cast<uint32_t>(spec.scale));
  if (spec.rotary)
    name += turnName(spec);
  return name + maskName(spec) + projectionName(spec) + "_" + target.chip;
}

template <typename Tile>
std::string define(KernelLibrary &kernels, const AttentionSpec &spec, const char *format) {
  using Kind = ArgumentKind;
  SmallVector<Kind> arguments(5, Kind::Memory);
  if (spec.rotary)
    arguments.append({Kind::Constant, Kind::Memory});
  if (spec.isBiased())
    arguments.push_back(Kind::Constant);
  return kernels.define(nameOf(spec, format, kernels.getTarget()), Tile::shapeOf(spec), arguments,
                        [=](Emitter &e, ValueRange a) {
                          TileContext tile(e, spec, Tile::placesOf(spec), Tile::kThreads, /*segments=*/a[3]);
                          tile.bias = spec.isBiased() ? a.back() : Value();
                          SegmentSource source(tile, a);
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
