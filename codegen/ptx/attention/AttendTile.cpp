// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of a prompt as a tile over their sequence's cache; see AttendTile.h.
#include "codegen/ptx/attention/AttendTile.h"
#include "codegen/ptx/attention/CacheAccess.h"
#include "codegen/ptx/attention/TileEmitter.h"

#include "llvm/ADT/bit.h"

using namespace mlir;

namespace lmopt::nvptx {

static_assert(kTileRows == TileEmitter::kRows);

namespace {

class CacheTile : public TileEmitter {
public:
  CacheTile(Emitter &e, const AttentionSpec &spec, ValueRange a)
      : TileEmitter(e, spec, /*segments=*/a[3], /*queries=*/a[0], /*results=*/a[4], /*isAsync=*/true), a(a) {}

private:
  ValueRange a;
  Value cache, rope, start, end; ///< position of the block's first row, and behind its last

  void begin() override {
    DeviceRow row(e, a[2], first);
    cache = row.cache(), rope = row.rope(), start = e.add(row.position(), tile);
    end = e.add(start, e.min(e.number(kRows), e.sub(rows, tile)));
  }
  Value seenByAll() override { return end; }
  Value lastSeen(Value number) override { return e.add(start, number); }
  Value queryNumber(Value query, Value row, Value column) override {
    Value angles = anglesAt(e, spec, a[1], e.add(start, e.sub(row, tile)), rope);
    return turned(e, spec, query, column, angles);
  }
  void copyBlock(bool isKeys, Value block, int64_t to) override {
    int64_t chunks = spec.width / 8;
    LayerCache layer(e, spec, cache, a[5], a[6]);
    Value number = e.shr(block, 6), from = isKeys ? layer.keys(number, kvHead()) : layer.values(number, kvHead());
    e.loop(thread, e.number(kBlock * chunks), kThreads, [&](Value i) {
      Value position = e.div(i, chunks), offset = e.mul(e.rem(i, chunks), 16);
      e.copyAsync(e.at(place(to, position, places.stride), offset), e.at(from, e.mul(i, 16)),
                  e.select(e.less(e.add(block, position), end), e.number(16), e.number(0)));
    });
  }
};

} // namespace

bool canAttendTile(const AttentionSpec &spec) { return spec.format == CacheFormat::Bf16 && TileEmitter::canDo(spec); }

std::string attendTileKernel(KernelLibrary &kernels, const AttentionSpec &spec) {
  using Kind = ArgumentKind;
  std::string name = "attend_tile_" + cacheName(spec) + "_h" + std::to_string(spec.heads) + turnName(spec) + "_x" +
                     std::to_string(llvm::bit_cast<uint32_t>(spec.scale)) + "_" + kernels.getTarget().chip;
  return kernels.define(
      name, TileEmitter::shapeOf(spec),
      {Kind::Memory, Kind::Constant, Kind::Memory, Kind::Memory, Kind::Memory, Kind::Number, Kind::Number},
      [&](Emitter &e, ValueRange a) { CacheTile(e, spec, a).run(); });
}

} // namespace lmopt::nvptx
