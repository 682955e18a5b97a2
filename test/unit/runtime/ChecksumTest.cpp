// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The checksum of an artifact's parts: what lmopt/abi.h says, whatever pieces the bytes come in, and different for
// every kind of accident that a file meets. The values were computed by test/tools/artifact_checksums.py, which was
// written from the words in abi.h alone.
#include "runtime/src/artifact/checksum.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace {

std::string someBytes(size_t size, uint32_t seed = 7) {
  std::string bytes(size, '\0');
  for (char &byte : bytes)
    byte = char((seed = seed * 1664525u + 1013904223u) >> 24);
  return bytes;
}

uint64_t sumOf(const std::string &bytes) { return lmoptp_checksum_of(bytes.data(), bytes.size()); }

TEST(Checksum, values) {
  EXPECT_EQ(sumOf(""), 0x8eb65e1096ac8efeu);
  EXPECT_EQ(sumOf("a"), 0xf7640276047aca4fu);
  EXPECT_EQ(sumOf(std::string(64, '\0')), 0x84688dae2fb55528u);
  EXPECT_EQ(sumOf(someBytes(1000)), 0x092ca394d1d905dbu);
}

TEST(Checksum, anyPieces) {
  std::string bytes = someBytes(1500);
  for (size_t piece : {1, 3, 63, 64, 65, 127, 128, 200, 1499}) {
    lmoptp_checksum_t sum;
    lmoptp_checksum_begin(&sum);
    for (size_t at = 0; at < bytes.size(); at += piece)
      lmoptp_checksum_add(&sum, bytes.data() + at, std::min(piece, bytes.size() - at));
    lmoptp_checksum_add(&sum, bytes.data(), 0);
    EXPECT_EQ(lmoptp_checksum_end(&sum), sumOf(bytes)) << piece;
  }
}

TEST(Checksum, anyAlignment) {
  std::string bytes = someBytes(300);
  for (size_t shift = 0; shift < 9; ++shift) {
    std::string moved = std::string(shift, 'x') + bytes;
    EXPECT_EQ(lmoptp_checksum_of(moved.data() + shift, bytes.size()), sumOf(bytes));
  }
}

TEST(Checksum, everyBitCounts) {
  const std::string bytes = someBytes(500);
  std::set<uint64_t> sums = {sumOf(bytes)};
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string changed = bytes;
    changed[bit / 8] = char(changed[bit / 8] ^ 1 << bit % 8);
    sums.insert(sumOf(changed));
  }
  EXPECT_EQ(sums.size(), bytes.size() * 8 + 1);
}

/// Two flipped bits, among them all pairs in neighbouring words of one lane, where a weaker mix lets them cancel.
TEST(Checksum, twoBitsDoNotCancel) {
  const std::string bytes = someBytes(192);
  const uint64_t sum = sumOf(bytes);
  for (size_t first = 0; first < 64; ++first)
    for (size_t second = 0; second < 128; ++second) {
      std::string changed = bytes;
      changed[first / 8] = char(changed[first / 8] ^ 1 << first % 8);
      size_t place = 64 + second / 64 * 64 + second % 64 / 8; // the same lane, one block or two further
      changed[place] = char(changed[place] ^ 1 << second % 8);
      ASSERT_NE(sumOf(changed), sum) << first << " " << second;
    }
}

TEST(Checksum, accidents) {
  const std::string bytes = someBytes(5 * 4096);
  std::set<uint64_t> sums = {sumOf(bytes)};
  size_t count = 1;
  auto differs = [&](const std::string &changed, const char *what) {
    sums.insert(sumOf(changed));
    EXPECT_EQ(sums.size(), ++count) << what;
  };
  for (size_t cut = 1; cut < bytes.size(); cut = cut * 3 / 2 + 1)
    differs(bytes.substr(0, bytes.size() - cut), "cut off");
  differs(bytes + '\0', "longer by a zero");
  differs(bytes + std::string(64, '\0'), "longer by a block of zeros");
  for (size_t page = 0; page < 5; ++page) {
    std::string changed = bytes;
    std::memset(changed.data() + page * 4096, 0, 4096);
    differs(changed, "a page of zeros");
  }
  for (size_t block : {8, 64, 512, 4096}) {
    std::string changed = bytes;
    std::swap_ranges(changed.begin(), changed.begin() + block, changed.begin() + 2 * block);
    differs(changed, "two blocks in each other's place");
  }
  for (size_t size : {0, 1, 63, 64, 65, 4096, 8192})
    differs(std::string(size, '\0'), "nothing but zeros");
}

} // namespace
