// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of a prompt as a tile over their sequence's cache; see AttendTile.h.
#include "codegen/ptx/attention/AttendTile.h"
#include "codegen/ptx/attention/CacheAccess.h"
#include "codegen/ptx/attention/FloatTile.h"
#include "codegen/ptx/attention/MmaTile.h"

#include "llvm/ADT/bit.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

/// Each row sees the positions up to its own.
class CacheSource : public TileSource {
public:
  CacheSource(const TileContext &tile, ValueRange a) : TileSource(tile), a(a) {}

  void begin() override {
    DeviceRow row(e, a[2], tile.first);
    cache = row.cache(), rope = row.rope(), start = e.add(row.position(), tile.tile);
    end = e.add(start, e.min(e.number(tile.places.rows), e.sub(tile.rows, tile.tile)));
  }
  Value seenByAll() override { return end; }
  Value ownPosition(Value number) override { return e.add(start, number); }
  Value lastSeen(Value number) override { return ownPosition(number); }
  Value firstSeen(Value number) override { return windowBegin(e, spec, lastSeen(number)); }
  Value queryNumber(Value query, Value row, Value column) override {
    Value angles = anglesAt(e, spec, a[1], e.add(start, e.sub(row, tile.tile)), rope);
    return turned(e, spec, query, column, angles);
  }
  /// What has to be unpacked on its way comes through registers.
  bool isAsync() override { return tile.places.elementBytes == spec.elementBytes(); }
  bool isHalves() override { return spec.format == CacheFormat::Bf16; }

  // 16 bytes a turn, or a word; beyond what is seen zeros.
  void copyBlock(bool isKeys, Value block) override {
    int64_t bytes = isAsync() ? 16 : 4, width = widthOf(isKeys), pieces = width * spec.elementBytes() / bytes;
    LayerCache layer(e, spec, cache, a[5], a[6]);
    Value number = e.shr(block, 6);
    Value from = isKeys ? layer.keys(number, tile.kvHead()) : layer.values(number, tile.kvHead());
    e.loop(tile.thread, e.number(TilePlaces::kBlock * pieces), tile.threads, [&](Value i) {
      Value position = e.div(i, pieces), piece = e.rem(i, pieces);
      Value isThere = e.less(e.add(block, position), end);
      int64_t pieceBytes = bytes * tile.places.elementBytes / spec.elementBytes();
      Value place = e.at(tile.blockRow(isKeys, position), e.mul(piece, pieceBytes));
      if (isAsync())
        return e.copyAsync(place, e.at(from, e.mul(i, 16)), e.select(isThere, e.number(16), e.number(0)));
      copyUnpacked(width, place, from, e.select(isThere, position, e.number(0)), piece, isThere);
    });
  }

private:
  ValueRange a;
  Value cache, rope, start, end; ///< position of the block's first row, and behind its last

  void copyUnpacked(int64_t width, Value place, Value from, Value position, Value piece, Value isThere) {
    Value row = e.at(from, e.mul(position, width * spec.elementBytes())), scale;
    if (spec.isCodes())
      scale = e.load(e.f32(), e.at(e.at(from, TilePlaces::kBlock * width), e.mul(position, 4)));
    Emitter::Values numbers = cacheNumbers(e, spec, e.load(e.i32(), e.at(row, e.mul(piece, 4))));
    for (Value &number : numbers)
      number = e.select(isThere, scale ? e.mul(number, scale) : number, e.floatOf(0));
    e.storeRun(numbers, place);
  }
};

template <typename Tile>
std::string define(KernelLibrary &kernels, const AttentionSpec &spec) {
  using Kind = ArgumentKind;
  std::string name = "attend_tile_" + cacheName(spec) + headsName(spec) + maskName(spec) + turnName(spec) + "_x" +
                     std::to_string(llvm::bit_cast<uint32_t>(spec.scale)) + "_" + kernels.getTarget().chip;
  SmallVector<Kind> kinds = {Kind::Memory, Kind::Constant, Kind::Memory, Kind::Memory,
                             Kind::Memory, Kind::Number,   Kind::Number};
  if (spec.isBiased())
    kinds.push_back(Kind::Constant);
  return kernels.define(name, Tile::shapeOf(spec), kinds, [=](Emitter &e, ValueRange a) {
    TileContext tile(e, spec, Tile::placesOf(spec), Tile::kThreads, /*segments=*/a[3]);
    tile.bias = spec.isBiased() ? a.back() : Value();
    CacheSource source(tile, a);
    Tile(tile, source, /*queries=*/a[0], /*results=*/a[4]).run();
  });
}

} // namespace

static bool isOnTensorCores(const AttentionSpec &spec) {
  return spec.format == CacheFormat::Bf16 && MmaTile::canDo(spec);
}

int64_t tileRows(const AttentionSpec &spec) { return isOnTensorCores(spec) ? MmaTile::kRows : FloatTile::kRows; }

std::string attendTileKernel(KernelLibrary &kernels, const AttentionSpec &spec) {
  return isOnTensorCores(spec) ? define<MmaTile>(kernels, spec) : define<FloatTile>(kernels, spec);
}

} // namespace lmopt::nvptx
