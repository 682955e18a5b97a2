// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Some thousand broken GGUF files, made from a good one: every field set to values at and beyond its limits, every
// truncation, single bytes changed. Each must be read or refused with exit code 3 or 4; memory must stay bounded.
#include "frontends/gguf/Model.h"
#include "test/unit/frontends/GgufBytes.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

using namespace lmopt;
using test::GgufBytes;

/// Reads everything there is to read; returns the exit code.
static int readAll(std::string_view bytes) {
  Result<GgufFile> file = GgufFile::parse(bytes, "t.gguf");
  if (!file)
    return file.error().code;
  for (auto &[key, value] : file->metadata()) {
    (void)value.asStrings();
    (void)value.asIntegers();
  }
  for (const GgufTensor &tensor : file->tensors()) {
    std::vector<float> row(tensor.columns());
    if (Result<void> decoded = file->decodeRows(tensor, tensor.rows() - 1, 1, row.data()); !decoded)
      return decoded.error().code;
  }
  Result<GgufModel> model = GgufModel::read(*file);
  return model ? 0 : model.error().code;
}

static long peakKilobytes() {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

/// Arrays of every shape, strings, and block formats, which the little Llama does not have.
static GgufBytes arraysAndBlocks() {
  GgufBytes file(3, 5);
  file.key("strings", 9).u32("type of strings", 8).u64("count of strings", 3);
  file.string("string", "a").string("string", "").string("string", "ccc");
  file.key("numbers", 9).u32("type of numbers", 4).u64("count of numbers", 2).u32("number", 7).u32("number", 8);
  file.key("flags", 9).u32("type of flags", 7).u64("count of flags", 3).raw(std::string_view("\0\1\1", 3));
  file.key("nested", 9).u32("type of nested", 9).u64("count of nested", 2);
  file.u32("inner type", 8).u64("inner count", 1).string("inner", "x");
  file.u32("inner type", 6).u64("inner count", 1).u32("inner", 0);
  file.keyU32("general.alignment", 64);
  file.tensor("q4_k", {256, 2}, 12, 0).tensor("q8_0", {32, 1, 3}, 8, 320).tensor("iq2_xxs", {256}, 16, 448);
  return file;
}
struct GoodFile {
  GgufBytes file;
  size_t data;
  size_t alignment;
  int code; // of the good file: nobody decodes iq2_xxs
};
static const GoodFile kGoodFiles[] = {{test::tinyLlama(), test::kTinyLlamaData, 32, 0},
                                      {arraysAndBlocks(), 448 + 66, 64, 4}};

TEST(GgufMalformed, TheUnbrokenFilesAreGood) {
  for (const GoodFile &good : kGoodFiles) {
    std::string bytes = good.file.finish(good.data, good.alignment);
    EXPECT_TRUE(GgufFile::parse(bytes, "t.gguf"));
    EXPECT_EQ(readAll(bytes), good.code);
  }
}

TEST(GgufMalformed, EveryFieldWithEveryBadValue) {
  size_t tried = 0, refused = 0;
  for (const GoodFile &goodFile : kGoodFiles) {
    std::string good = goodFile.file.finish(goodFile.data, goodFile.alignment);
    for (const GgufBytes::Field &field : goodFile.file.fields) {
      uint64_t old = 0;
      std::memcpy(&old, good.data() + field.offset, field.size);
      const uint64_t values[] = {0,          1,          2,         old - 1,    old + 1,    old + 32,
                                 old * 2,    255,        256,       65535,      65536,      65537,
                                 1u << 20,   1u << 24,   1u << 31,  0x7fffffff, UINT32_MAX, 1ull << 32,
                                 1ull << 40, 1ull << 60, INT64_MAX, 1ull << 63, UINT64_MAX, UINT64_MAX - 31};
      for (uint64_t value : values) {
        std::string bad = good;
        std::memcpy(bad.data() + field.offset, &value, field.size);
        int code = readAll(bad);
        EXPECT_TRUE(code == 0 || code == 3 || code == 4) << field.what << " = " << value << ": code " << code;
        ++tried;
        refused += code != 0;
      }
    }
  }
  EXPECT_GT(tried, 3000u);
  EXPECT_GT(refused, 2000u);
}

TEST(GgufMalformed, EveryTruncation) {
  for (const GoodFile &goodFile : kGoodFiles) {
    std::string good = goodFile.file.finish(goodFile.data, goodFile.alignment);
    for (size_t size = 0; size < good.size(); ++size)
      EXPECT_EQ(readAll(std::string_view(good).substr(0, size)), 3) << "cut at " << size;
  }
}

TEST(GgufMalformed, EveryByteOfTheHeadChanged) {
  for (const GoodFile &goodFile : kGoodFiles) {
    std::string good = goodFile.file.finish(goodFile.data, goodFile.alignment);
    for (size_t i = 0; i < good.size() - goodFile.data; ++i) {
      for (unsigned char change : {0xff, 0x80, 0x01}) {
        std::string bad = good;
        bad[i] = static_cast<char>(bad[i] ^ change);
        int code = readAll(bad);
        EXPECT_TRUE(code == 0 || code == 3 || code == 4) << "byte " << i << " code " << code;
      }
    }
  }
}

TEST(GgufMalformed, HugePromisesAllocateNothing) {
  long before = peakKilobytes();
  for (uint32_t elementType : {4u, 7u, 8u, 9u, 12u})
    for (uint64_t count : {uint64_t(1) << 24, uint64_t(1) << 40, UINT64_MAX, UINT64_MAX / 8}) {
      GgufBytes file(0, 1);
      file.key("k", 9).u32("", elementType).u64("", count);
      EXPECT_EQ(readAll(file.finish(64)), 3);
    }
  EXPECT_EQ(readAll(GgufBytes(1 << 18, 1 << 16).finish(1000)), 3);
  EXPECT_LT(peakKilobytes() - before, 32 << 10) << "kilobytes";
}
