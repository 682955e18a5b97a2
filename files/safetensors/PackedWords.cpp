// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of PackedWords.h.
#include "files/safetensors/PackedWords.h"

#include <algorithm>
#include <cstring>

using namespace lmopt;

static int64_t wordsOf(int64_t numbers, int bits) { return (numbers * bits + 31) / 32; }

std::vector<int64_t> PackedWords::shape() const {
  if (lines == Lines::Rows)
    return {rows, wordsOf(columns, bits)};
  return {wordsOf(rows, bits), columns};
}

static uint32_t wordAt(const char *words, int64_t index) {
  uint32_t word;
  std::memcpy(&word, words + index * 4, sizeof(word));
  return word;
}

/// Which of the eight numbers of a word AWQ puts in place i.
static int64_t awqPlace(int64_t i) {
  static constexpr int64_t kPlaces[] = {0, 4, 1, 5, 2, 6, 3, 7};
  return i / 8 * 8 + kPlaces[i % 8];
}

namespace {
/// Where number i of a line lies: in a word of the line, and in the next one, if there is a part of it.
struct Place {
  Place(int64_t i, int bits)
      : word(i * bits / 32), shift(static_cast<int>(i * bits % 32)), isSplit(shift + bits > 32) {}
  int64_t word;
  int shift;
  bool isSplit;
};
} // namespace

/// Words of a line lie `step` apart.
static uint32_t numberAt(const char *words, int64_t begin, int64_t step, Place place) {
  uint32_t number = wordAt(words, begin + place.word * step) >> place.shift;
  if (place.isSplit)
    number |= wordAt(words, begin + (place.word + 1) * step) << (32 - place.shift);
  return number;
}

/// Neighbours of a row lie in neighbouring words, at the same place.
static void unpackColumns(const PackedWords &packed, const char *words, uint32_t mask, uint8_t *numbers) {
  for (int64_t r = 0; r < packed.rows; ++r) {
    const Place place(r, packed.bits);
    for (int64_t c = 0; c < packed.columns; ++c)
      *numbers++ = static_cast<uint8_t>(numberAt(words, c, packed.columns, place) & mask);
  }
}

static void unpackRows(const PackedWords &packed, const char *words, uint32_t mask, uint8_t *numbers) {
  std::vector<Place> places;
  for (int64_t c = 0; c < packed.columns; ++c)
    places.emplace_back(packed.interleaved ? awqPlace(c) : c, packed.bits);
  const int64_t width = packed.shape()[1];
  for (int64_t r = 0; r < packed.rows; ++r)
    for (const Place &place : places)
      *numbers++ = static_cast<uint8_t>(numberAt(words, r * width, 1, place) & mask);
}

std::vector<uint8_t> PackedWords::unpack(const char *words) const {
  std::vector<uint8_t> numbers(static_cast<size_t>(rows * columns));
  const uint32_t mask = (1u << bits) - 1;
  (lines == Lines::Columns ? unpackColumns : unpackRows)(*this, words, mask, numbers.data());
  return numbers;
}

std::vector<uint8_t> lmopt::transposed(const std::vector<uint8_t> &numbers, int64_t rows, int64_t columns) {
  std::vector<uint8_t> result(numbers.size());
  constexpr int64_t kBlock = 64; // squares of a cache line a side: each line is read and written once
  for (int64_t r = 0; r < rows; r += kBlock)
    for (int64_t c = 0; c < columns; c += kBlock)
      for (int64_t i = r; i < std::min(rows, r + kBlock); ++i)
        for (int64_t j = c; j < std::min(columns, c + kBlock); ++j)
          result[static_cast<size_t>(j * rows + i)] = numbers[static_cast<size_t>(i * columns + j)];
  return result;
}

//===- Layouts of tools ------------------------------------------------------------------------------------------===//

using Lines = PackedWords::Lines;

bool lmopt::hasInputRows(CodeLayout layout) {
  return layout == CodeLayout::Gptq || layout == CodeLayout::GptqV2 || layout == CodeLayout::Awq;
}

PackedWords lmopt::wordsOfCodes(CodeLayout layout, int64_t outputs, int64_t inputs, int bits) {
  if (layout == CodeLayout::Awq)
    return {inputs, outputs, bits, Lines::Rows, /*interleaved=*/true};
  if (hasInputRows(layout))
    return {inputs, outputs, bits, Lines::Columns};
  return {outputs, inputs, bits, Lines::Rows};
}

PackedWords lmopt::wordsOfZeros(CodeLayout layout, int64_t outputs, int64_t groups, int bits) {
  if (hasInputRows(layout))
    return {groups, outputs, bits, Lines::Rows, /*interleaved=*/layout == CodeLayout::Awq};
  return {outputs, groups, bits, Lines::Columns};
}

std::vector<uint8_t> lmopt::unpackCodes(CodeLayout layout, const PackedWords &words, const char *data) {
  std::vector<uint8_t> numbers = words.unpack(data);
  return hasInputRows(layout) ? transposed(numbers, words.rows, words.columns) : numbers;
}

std::vector<uint8_t> lmopt::unpackZeros(CodeLayout layout, const PackedWords &words, const char *data) {
  std::vector<uint8_t> zeros = unpackCodes(layout, words, data);
  if (layout == CodeLayout::Gptq) // stored less one, modulo the codes there are
    for (uint8_t &zero : zeros)
      zero = static_cast<uint8_t>((zero + 1) & ((1 << words.bits) - 1));
  return zeros;
}

std::vector<uint8_t> lmopt::unsignedBytes(std::string_view data) {
  std::vector<uint8_t> numbers(data.begin(), data.end());
  for (uint8_t &number : numbers)
    number ^= 0x80; // adds 128
  return numbers;
}
