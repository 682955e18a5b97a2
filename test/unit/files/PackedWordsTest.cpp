// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers of a few bits in words, by hand and against a packer that is written the other way round: bit by bit.
#include "files/safetensors/PackedWords.h"

#include <cstring>
#include <gtest/gtest.h>
#include <string>

using namespace lmopt;

using Lines = PackedWords::Lines;

namespace {
/// Random numbers, and the words that hold them.
struct Packed {
  explicit Packed(const PackedWords &words) {
    std::vector<int64_t> shape = words.shape();
    std::vector<uint32_t> data(static_cast<size_t>(shape[0] * shape[1]));
    uint32_t state = 1;
    for (int64_t r = 0; r < words.rows; ++r)
      for (int64_t c = 0; c < words.columns; ++c) {
        state = state * 1664525 + 1013904223;
        numbers.push_back(static_cast<uint8_t>(state >> 24 & ((1u << words.bits) - 1)));
        bool isRow = words.lines == Lines::Rows;
        for (int bit = 0; bit < words.bits; ++bit) {
          int64_t at = (isRow ? c : r) * words.bits + bit;
          int64_t word = isRow ? r * shape[1] + at / 32 : at / 32 * shape[1] + c;
          data[static_cast<size_t>(word)] |= static_cast<uint32_t>(numbers.back() >> bit & 1) << at % 32;
        }
      }
    bytes.assign(reinterpret_cast<const char *>(data.data()), data.size() * 4);
  }
  std::vector<uint8_t> numbers;
  std::string bytes;
};
} // namespace

// With 3 bits some numbers lie in two words; sizes that no word divides leave bits over.
TEST(PackedWords, StreamsOfBits) {
  for (int bits : {2, 3, 4, 8})
    for (Lines lines : {Lines::Rows, Lines::Columns})
      for (int64_t size : {1, 10, 11, 32, 45}) {
        PackedWords words{size, 2 * size + 1, bits, lines};
        Packed packed(words);
        EXPECT_EQ(words.unpack(packed.bytes.data()), packed.numbers) << bits << " bits, " << size;
      }
}

// Eight numbers of a word as AWQ's kernels want them: those of even places first.
TEST(PackedWords, Interleaved) {
  PackedWords words{1, 8, 4, Lines::Rows, true};
  uint32_t word = 0x75316420;
  char bytes[4];
  std::memcpy(bytes, &word, 4);
  EXPECT_EQ(words.unpack(bytes), (std::vector<uint8_t>{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(PackedWords, Transposed) {
  std::vector<uint8_t> numbers(70 * 3);
  for (size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = static_cast<uint8_t>(i);
  std::vector<uint8_t> turned = transposed(numbers, 70, 3);
  EXPECT_EQ(turned[1 * 70 + 69], numbers[69 * 3 + 1]);
  EXPECT_EQ(transposed(turned, 3, 70), numbers);
}

// GPTQ stores zero points less one: 15 stands for 0, as its kernels mask the sum.
TEST(PackedWords, ZeroPointsOfGptq) {
  PackedWords words = wordsOfZeros(CodeLayout::Gptq, /*outputs=*/8, /*groups=*/1, 4);
  uint32_t word = 0xf6543210;
  char bytes[4];
  std::memcpy(bytes, &word, 4);
  EXPECT_EQ(unpackZeros(CodeLayout::Gptq, words, bytes), (std::vector<uint8_t>{1, 2, 3, 4, 5, 6, 7, 0}));
  EXPECT_EQ(unpackZeros(CodeLayout::GptqV2, words, bytes), (std::vector<uint8_t>{0, 1, 2, 3, 4, 5, 6, 15}));
}

TEST(PackedWords, BytesAreSigned) {
  EXPECT_EQ(unsignedBytes(std::string("\x80\xff\x00\x7f", 4)), (std::vector<uint8_t>{0, 127, 128, 255}));
}
