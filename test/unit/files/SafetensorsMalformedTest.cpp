// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Hundreds of broken safetensors files made from a good one: every token of the header replaced by others, every
// truncation, changed bytes. Each must be read or refused with exit code 3 or 4.
#include "files/safetensors/Safetensors.h"
#include "test/unit/frontends/SafetensorsBytes.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

using namespace lmopt;
using test::safetensorsBytes;

static const std::string kHeader =
    R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
    R"("b":{"dtype":"F16","shape":[4],"data_offsets":[24,32]},"c":{"dtype":"I8","shape":[],"data_offsets":[32,33]}})";

static int readAll(std::string_view bytes) {
  Result<SafetensorsFile> file = SafetensorsFile::parse(bytes, "t");
  if (!file)
    return file.error().code;
  for (const SafetensorsTensor &tensor : file->tensors()) {
    std::vector<float> values(tensor.data.size()); // never fewer than elements
    if (Result<void> decoded = file->decodeRows(tensor, 0, tensor.rows(), values.data()); !decoded)
      return decoded.error().code;
  }
  return 0;
}

/// Begins and ends of the tokens of a JSON text: strings, numbers, and punctuation.
static std::vector<std::pair<size_t, size_t>> tokens(const std::string &text) {
  std::vector<std::pair<size_t, size_t>> result;
  for (size_t i = 0; i < text.size();) {
    size_t end = i + 1;
    if (text[i] == '"')
      end = text.find('"', i + 1) + 1;
    else if (isdigit(text[i]))
      end = text.find_first_not_of("0123456789", i);
    result.emplace_back(i, end);
    i = end;
  }
  return result;
}

TEST(SafetensorsMalformed, EveryTokenReplaced) {
  ASSERT_EQ(readAll(safetensorsBytes(kHeader, std::string(33, 'x'))), 0);
  const char *replacements[] = {"",        "0",           "1",
                                "-1",      "33",          "18446744073709551615",
                                "1e99",    "null",        "true",
                                "[]",      "{}",          "9223372036854775807",
                                "\"\"",    "\"a\"",       "\"F64\"",
                                "\"F32\"", "[[[[",        "18446744073709551616",
                                "}",       "\"\\u0000\"", "4611686018427387904"};
  size_t tried = 0, refused = 0;
  for (auto [begin, end] : tokens(kHeader)) {
    for (const char *replacement : replacements) {
      std::string header = kHeader;
      header.replace(begin, end - begin, replacement);
      int code = readAll(safetensorsBytes(header, std::string(33, 'x')));
      EXPECT_TRUE(code == 0 || code == 3 || code == 4) << header << ": code " << code;
      ++tried;
      refused += code != 0;
    }
  }
  EXPECT_GT(tried, 1000u);
  EXPECT_GT(refused, 900u);
}

TEST(SafetensorsMalformed, EveryTruncation) {
  std::string good = safetensorsBytes(kHeader, std::string(33, 'x'));
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_EQ(readAll(std::string_view(good).substr(0, size)), 3) << "cut at " << size;
}

TEST(SafetensorsMalformed, EveryByteChanged) {
  std::string good = safetensorsBytes(kHeader, std::string(33, 'x'));
  for (size_t i = 0; i < good.size() - 33; ++i) {
    for (unsigned char change : {0xff, 0x80, 0x01}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ change);
      int code = readAll(bad);
      EXPECT_TRUE(code == 0 || code == 3 || code == 4) << "byte " << i << " code " << code;
    }
  }
}

// AddressSanitizer keeps freed memory for a while.
#if __has_feature(address_sanitizer)
static constexpr long kMaxKilobytes = 256 << 10;
#else
static constexpr long kMaxKilobytes = 64 << 10;
#endif

TEST(SafetensorsMalformed, MemoryIsBoundedByTheFile) {
  struct rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  // A shape without end, a nest without end, a name without end.
  std::string shape = R"({"a":{"shape":[1)";
  for (int i = 0; i < 1000000; ++i)
    shape += ",1";
  EXPECT_EQ(readAll(safetensorsBytes(shape, "")), 3);
  EXPECT_EQ(readAll(safetensorsBytes(R"({"a":)" + std::string(4000000, '['), "")), 3);
  EXPECT_EQ(readAll(safetensorsBytes("{\"" + std::string(4000000, 'a'), "")), 3);
  getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, kMaxKilobytes) << "kilobytes";
}
