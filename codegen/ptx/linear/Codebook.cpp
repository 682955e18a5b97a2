// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Codebook.h.
#include "codegen/ptx/linear/Codebook.h"

#include <cstring>

using namespace mlir;

namespace lmopt::nvptx {

using Values = Emitter::Values;

//===--- Packing ---===//

static void setBits(char *at, int64_t bit, int64_t value) {
  at[bit / 8] = static_cast<char>(static_cast<uint8_t>(at[bit / 8]) | value << bit % 8);
}

// Of each of the four words of an operand, as Fragments.cpp has them, four bytes of one output.
void packEntryNumbers(const LinearSpec &spec, const uint8_t *numbers, int64_t tile, int64_t slice, int64_t lane,
                      std::vector<char> &bytes) {
  int64_t place = (tile * spec.slices() + slice) * 32 + lane;
  char *words = bytes.data() + place * 16, *uppers = bytes.data() + spec.upperOffset() + place * 8;
  for (int64_t i = 0; i < 16 * spec.sliceBytes() / 32; ++i) {
    int64_t part = i / 16, word = i / 4 % 4, byte = i % 4;
    int64_t output = tile * LinearSpec::kTile + lane / 4 + word % 2 * 8,
            input = slice * spec.sliceBytes() + part * 32 + word / 2 * 16 + lane % 4 * 4 + byte;
    if (output >= spec.outputs || input >= spec.inputs)
      continue;
    int64_t number = numbers[output * spec.inputs + input];
    if (spec.bits == 4)
      setBits(words, 32 * word + 16 * part + 4 * byte, number);
    else
      setBits(words, 32 * word + 16 * (part % 2) + 4 * byte + part / 2 * 2, number & 3);
    if (spec.bits == 3)
      setBits(uppers, 16 * word + 4 * byte + part, number >> 2);
  }
}

//===--- Looking up ---===//

static Value moved(Emitter &e, Value a, int64_t right) {
  return right > 0 ? e.shr(a, right) : right < 0 ? e.shl(a, -right) : a;
}
static Value bitOr(Emitter &e, Value a, Value c) { return arith::OrIOp::create(e.b, e.loc, a, c); }

/// Of 16 entries: both halves, then of each byte the right one.
static Value entriesOfSixteen(Emitter &e, const Values &table, Value nibbles) {
  Value low = e.bitAnd(nibbles, 0x7777);
  Value chosen = bitOr(e, e.bitAnd(e.shr(nibbles, 1), 0x4444), e.number(0x3210));
  return e.pickBytes(e.pickBytes(table[0], table[1], low), e.pickBytes(table[2], table[3], low), chosen);
}

static Value entriesOfWord(Emitter &e, const LinearSpec &spec, const Values &table, const Values &words, size_t word,
                           int64_t part) {
  if (spec.bits == 4)
    return entriesOfSixteen(e, table, moved(e, words[word], 16 * part));
  Value nibbles = e.bitAnd(moved(e, words[word], 16 * (part % 2) + part / 2 * 2), 0x3333);
  if (spec.bits == 3) {
    Value upper = moved(e, words[4 + word / 2], 16 * static_cast<int64_t>(word % 2) + part - 2);
    nibbles = bitOr(e, nibbles, e.bitAnd(upper, 0x4444));
  }
  return e.pickBytes(table[0], table[1], nibbles);
}

Values entriesOf(Emitter &e, const LinearSpec &spec, const Values &table, const Values &words, int64_t part) {
  Values operand;
  for (size_t word = 0; word < 4; ++word)
    operand.push_back(entriesOfWord(e, spec, table, words, word, part));
  return operand;
}

Value entryNumber(Emitter &e, const LinearSpec &spec, Value word, Value upper, Value part, int64_t i) {
  if (spec.bits == 4)
    return e.bitAnd(e.shr(word, e.add(e.mul(part, 16), 4 * i)), 15);
  Value place = e.add(e.mul(e.bitAnd(part, 1), 16), e.mul(e.shr(part, 1), 2));
  Value number = e.bitAnd(e.shr(word, e.add(place, 4 * i)), 3);
  if (spec.bits == 2)
    return number;
  return bitOr(e, number, e.shl(e.bitAnd(e.shr(upper, e.add(part, 4 * i)), 1), 2));
}

} // namespace lmopt::nvptx
