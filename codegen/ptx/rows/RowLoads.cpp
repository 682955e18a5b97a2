// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the numbers of a row come from: rows of floats, by their own number, one of a list or a position, and rows of
// a table that lies as weights of a product (tied embeddings; Fragments.h). See RowEmitter.h. Tested by
// test/unit/codegen/ptx/RowLoadsTest.cpp.
#include "codegen/ptx/linear/Codebook.h"
#include "codegen/ptx/rows/RowEmitter.h"

#include "lmopt/abi.h"

#include <cstddef>

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;

/// A row of a table of fragments: numbers from a place on, which is a multiple of four.
class FragmentsRow {
public:
  FragmentsRow(Emitter &e, const LinearSpec &table, Value weights, Value number)
      : e(e), table(table), weights(weights), number(number), inTile(e.bitAnd(number, LinearSpec::kTile - 1)),
        tile(e.atElement(weights, e.div(number, LinearSpec::kTile), table.slices() * LinearSpec::kSlice)) {}

  Values numbers(Value place) {
    switch (table.format) {
    case WeightFormat::F32:
      return floats(place);
    case WeightFormat::Bf16:
      return halves(place);
    case WeightFormat::S8Rows:
      return codes(place);
    case WeightFormat::Grouped:
      return grouped(place);
    case WeightFormat::Codebook:
      return entries(place);
    case WeightFormat::Blocks: // only matrices of products are stored so
      break;
    }
    return {};
  }

private:
  Emitter &e;
  const LinearSpec &table;
  Value weights, number, inTile, tile;

  // Lane 4 k + q of a slice of eight inputs: outputs 4 q to 4 q + 3.
  Values floats(Value place) {
    Value slice = e.mul(e.div(place, 8), LinearSpec::kSlice), input = e.mul(e.bitAnd(place, 7), 64);
    Value from = e.at(tile, e.add(e.add(slice, input), e.mul(inTile, 4)));
    Values result;
    for (int64_t i = 0; i < 4; ++i)
      result.push_back(e.load(e.f32(), e.at(from, 64 * i)));
    return result;
  }
  /// Four bytes of the row, which begin at a multiple of four: part (byte / 16) of lane 4 g + byte / 4 of its slice.
  Value word(Value byte) { return e.load(e.i32(), e.at(tile, e.mul(wordPlace(byte), 4))); }
  /// Of that word among those of the tile.
  Value wordPlace(Value byte) {
    Value slice = e.mul(e.shr(byte, 5), LinearSpec::kSlice / 4), inSlice = e.bitAnd(byte, 31);
    Value lane = e.add(e.mul(e.bitAnd(inTile, 7), 4), e.shr(e.bitAnd(inSlice, 15), 2));
    Value part = e.add(e.mul(e.shr(inSlice, 4), 2), e.shr(inTile, 3));
    return e.add(slice, e.add(e.mul(lane, 4), part));
  }
  Values halves(Value place) {
    Values result;
    for (int64_t pair = 0; pair < 2; ++pair) {
      Value bits = word(e.add(e.mul(place, 2), 4 * pair));
      result.push_back(e.bitcast(e.shl(bits, 16), e.f32()));
      result.push_back(e.bitcast(e.bitAnd(bits, static_cast<int32_t>(0xffff0000U)), e.f32()));
    }
    return result;
  }
  Values codes(Value place) {
    Value bits = word(place), scale = e.load(e.f32(), e.at(weights, e.add(e.mul(number, 4), table.scaleOffset())));
    Values result;
    for (Value code : bytes(bits))
      result.push_back(e.mul(e.toFloat(code), scale));
    return result;
  }

  // Four numbers lie in one group: groups are multiples of 32.
  Values grouped(Value place) {
    Value group = e.div(place, table.group);
    Value at = e.at(e.atElement(e.at(weights, table.scaleOffset()), e.div(number, LinearSpec::kTile),
                                table.groups() * table.scaleBytes()),
                    e.mul(group, e.number(table.scaleBytes())));
    Value scale = table.smallScales ? e.mul(unit(), byteAt(at)) : halfAt(at);
    Value minimum = table.hasMin ? minimumAt(e.at(at, table.minOffset()), scale) : Value();
    Values result;
    for (Value code : table.codebook ? integers(place) : table.bits == 4 ? nibbles(place) : bytes(word(place)))
      result.push_back(e.mul(e.toFloat(code), scale));
    for (Value &x : result)
      x = table.hasMin ? e.add(x, minimum) : x;
    return result;
  }
  // Of a slice of 32 inputs: lane 4 k + q has inputs k, k + 8, ... of outputs 4 q to 4 q + 3.
  Values entries(Value place) {
    Value scale = e.load(e.f32(), e.at(weights, e.add(e.mul(number, 4), table.scaleOffset())));
    Value byte = e.add(e.mul(e.shr(e.bitAnd(place, 31), 3), 4), e.bitAnd(inTile, 3));
    Values result;
    for (int64_t i = 0; i < 4; ++i) {
      Value lane = e.add(e.mul(e.add(e.bitAnd(place, 7), i), 4), e.shr(inTile, 2));
      Value at = e.at(tile, e.add(e.mul(e.shr(place, 5), LinearSpec::kSlice), e.add(e.mul(lane, 16), byte)));
      Value entry = e.load(e.b.getI8Type(), at, 1);
      entry = e.mul(arith::ExtUIOp::create(e.b, e.loc, e.i32(), entry), 4);
      result.push_back(e.mul(e.load(e.f32(), e.at(e.at(weights, table.tableOffset()), entry)), scale));
    }
    return result;
  }
  /// Of numbers of three bits: half a word for each of the tile's words.
  Value upperBits(Value byte) {
    Value ofTile = e.atElement(e.at(weights, table.upperOffset()), e.div(number, LinearSpec::kTile),
                               table.slices() * LinearSpec::kSlice / 2);
    Value half = e.load(e.b.getI16Type(), e.at(ofTile, e.mul(wordPlace(byte), 2)), 2);
    return arith::ExtUIOp::create(e.b, e.loc, e.i32(), half);
  }
  /// Entries of a codebook of integers.
  Values integers(Value place) {
    int64_t ofSlice = table.sliceBytes();
    Value slice = e.div(place, ofSlice), inSlice = e.rem(place, ofSlice), part = e.shr(inSlice, 5);
    Value byte = e.add(e.mul(slice, 32), e.bitAnd(inSlice, 31)), bits = word(byte), upper = bits;
    if (table.bits == 3)
      upper = upperBits(byte);
    Values result;
    for (int64_t i = 0; i < 4; ++i) {
      Value entry = entryNumber(e, table, bits, upper, part, i);
      Value at = e.at(e.at(weights, table.tableOffset()), entry);
      result.push_back(arith::ExtSIOp::create(e.b, e.loc, e.i32(), e.load(e.b.getI8Type(), at, 1)));
    }
    return result;
  }
  /// Signed.
  Values bytes(Value bits) {
    Values result;
    for (int64_t i = 0; i < 4; ++i)
      result.push_back(e.shrSigned(e.shl(bits, 24 - 8 * i), e.number(24)));
    return result;
  }
  // Of a slice of 64 inputs the first 32 are the low halves of bytes.
  Values nibbles(Value place) {
    Value byte = e.add(e.mul(e.shr(place, 6), 32), e.bitAnd(place, 31));
    Value isLow = e.equal(e.bitAnd(place, 32), e.number(0)), bits = word(byte);
    bits = e.select(isLow, e.shl(bits, 4), bits);
    Values result;
    for (Value code : bytes(e.bitAnd(bits, static_cast<int32_t>(0xf0f0f0f0U))))
      result.push_back(table.hasMin ? e.bitAnd(e.shr(code, 4), 15) : e.shrSigned(code, e.number(4)));
    return result;
  }
  Value halfAt(Value at) { return e.fromHalf(e.load(e.b.getI16Type(), e.at(at, e.mul(inTile, 2)), 2)); }
  Value byteAt(Value at) {
    Value code = e.load(e.b.getI8Type(), e.at(at, inTile), 1);
    return e.toFloat(arith::ExtUIOp::create(e.b, e.loc, e.i32(), code));
  }
  Value unit() { return e.load(e.f32(), e.at(e.at(weights, table.unitOffset()), e.mul(number, 4))); }
  Value minimumAt(Value at, Value scale) {
    return table.smallScales ? e.mul(scale, e.mul(byteAt(at), e.floatOf(-0.0625F))) : halfAt(at);
  }
};

} // namespace

// What lies beyond the row's padding is zero.
Values RowEmitter::loadRuns(llvm::function_ref<Values(Value)> numbers) {
  Values result;
  for (int64_t turn = 0; turn < turns(); ++turn) {
    auto body = [&] { return numbers(firstOf(turn)); };
    Value isThere = e.less(firstOf(turn), e.number(padded()));
    llvm::append_range(result, isWhole(turn, padded()) ? body() : e.ifThen(isThere, Values(kRun, e.floatOf(0)), body));
  }
  return result;
}

Values RowEmitter::load(Value from) {
  return loadRuns([&](Value place) { return e.loadFour(e.f32(), e.at(from, e.mul(place, 4))); });
}

Values RowEmitter::loadNumbered(const RowStep &step) {
  Value number = e.load(e.i32(), e.atElement(pointer(step, 1), row, 4));
  return load(e.atElement(pointer(step, 0), number, spec.floatBytes()));
}

Values RowEmitter::loadPosition(const RowStep &step) {
  Value own = e.atElement(pointer(step, 1), row, sizeof(lmopt_device_row_t));
  Value position = e.load(e.i32(), e.at(own, offsetof(lmopt_device_row_t, position)));
  return load(e.atElement(pointer(step, 0), position, spec.floatBytes()));
}

Values RowEmitter::loadFragments(const RowStep &step) {
  FragmentsRow from(e, step.table, pointer(step, 0), e.load(e.i32(), e.atElement(pointer(step, 1), row, 4)));
  return loadRuns([&](Value place) { return from.numbers(place); });
}

} // namespace lmopt::nvptx
