// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The GGUF reader: files of the reference implementation, files made here, and each of its messages.
#include "files/gguf/Gguf.h"
#include "test/unit/frontends/GgufBytes.h"

#include <gtest/gtest.h>

using namespace lmopt;
using test::GgufBytes;

static std::string fixture(const std::string &name) {
  return std::string(LMOPT_SOURCE_DIR) + "/test/unit/files/fixtures/" + name;
}

static void expectError(const GgufBytes &file, size_t data, int code, const std::string &part, size_t alignment = 32) {
  std::string bytes = file.finish(data, alignment);
  Result<GgufFile> parsed = GgufFile::parse(bytes, "t.gguf");
  ASSERT_FALSE(parsed) << part;
  EXPECT_EQ(parsed.error().code, code) << parsed.error().message;
  EXPECT_NE(parsed.error().message.find("t.gguf: "), std::string::npos) << parsed.error().message;
  EXPECT_NE(parsed.error().message.find(part), std::string::npos) << parsed.error().message;
}

TEST(GgufParser, ReadsAllMetadataTypesOfTheReferenceWriter) {
  Result<GgufFile> file = GgufFile::open(fixture("types.gguf"));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->version(), 3u);
  EXPECT_EQ(file->find("value.u8")->asUnsigned(), 255u);
  EXPECT_EQ(file->find("value.i8")->asSigned(), -128);
  EXPECT_EQ(file->find("value.u16")->asUnsigned(), 65535u);
  EXPECT_EQ(file->find("value.i16")->asSigned(), -32768);
  EXPECT_EQ(file->find("value.u32")->asUnsigned(), 4294967295u);
  EXPECT_EQ(file->find("value.i32")->asSigned(), -2147483648ll);
  EXPECT_EQ(file->find("value.f32")->asDouble(), 1.5);
  EXPECT_EQ(file->find("value.bool")->asBool(), true);
  EXPECT_EQ(file->find("value.string")->asString(), "gr\xc3\xbc\xc3\x9f"
                                                    "e");
  EXPECT_EQ(file->find("value.u64")->asUnsigned(), UINT64_MAX);
  EXPECT_EQ(file->find("value.u64")->asSigned(), std::nullopt);
  EXPECT_EQ(file->find("value.i64")->asSigned(), INT64_MIN);
  EXPECT_EQ(file->find("value.i64")->asUnsigned(), std::nullopt);
  EXPECT_EQ(file->find("value.f64")->asDouble(), 0.1);
  EXPECT_EQ(*file->find("array.strings")->asStrings(), (std::vector<std::string_view>{"a", "", "ccc"}));
  EXPECT_EQ(*file->find("array.integers")->asIntegers(), (std::vector<int64_t>{1, -2, 3}));
  EXPECT_EQ(*file->find("array.floats")->asDoubles(), (std::vector<double>{0.5, -0.25}));
  EXPECT_EQ(file->find("absent"), nullptr);
  ASSERT_EQ(file->tensors().size(), 11u);
  EXPECT_EQ(file->findTensor("q4_k")->shape, (std::vector<int64_t>{2, 512}));
  EXPECT_EQ(file->findTensor("absent"), nullptr);
}

TEST(GgufParser, ReadsNestedArrays) {
  GgufBytes file(0, 1);
  file.key("nested", 9).u32("", 9).u64("", 2); // two arrays
  file.u32("", 8).u64("", 2).string("", "x").string("", "yy");
  file.u32("", 4).u64("", 1).u32("", 7);
  std::string bytes = file.finish(0);
  Result<GgufFile> parsed = GgufFile::parse(bytes, "t.gguf");
  ASSERT_TRUE(parsed) << parsed.error().message;
  std::vector<GgufValue> inner;
  parsed->find("nested")->forEach([&](const GgufValue &value) { inner.push_back(value); });
  ASSERT_EQ(inner.size(), 2u);
  EXPECT_EQ(*inner[0].asStrings(), (std::vector<std::string_view>{"x", "yy"}));
  EXPECT_EQ(*inner[1].asIntegers(), (std::vector<int64_t>{7}));
  EXPECT_EQ(inner[0].asIntegers(), std::nullopt);
}

TEST(GgufParser, ReadsVersion2AndOtherAlignments) {
  GgufBytes file(2, 1, 2);
  file.keyU32("general.alignment", 64).tensor("a", {3}, 0, 0).tensor("b", {2, 2}, 0, 64);
  std::string bytes = file.finish(64 + 16, 64);
  Result<GgufFile> parsed = GgufFile::parse(bytes, "t.gguf");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->findTensor("b")->data.data() - bytes.data(), 256 + 64 - 64);
}

TEST(GgufParser, DecodesRanges) {
  GgufBytes file(1, 0);
  file.tensor("m", {2, 3}, 0, 0);
  std::string bytes = file.finish(24);
  float values[6] = {1, 2, 3, 4, 5, 6};
  std::memcpy(bytes.data() + bytes.size() - 24, values, 24);
  Result<GgufFile> parsed = GgufFile::parse(bytes, "t.gguf");
  ASSERT_TRUE(parsed);
  float out[4];
  ASSERT_TRUE(parsed->decodeRows(*parsed->findTensor("m"), 1, 2, out));
  EXPECT_EQ(out[0], 3);
  EXPECT_EQ(out[3], 6);
  EXPECT_EQ(parsed->decodeRows(*parsed->findTensor("m"), 2, 2, out).error().code, 1);
  EXPECT_EQ(parsed->decodeRows(*parsed->findTensor("m"), -1, 1, out).error().code, 1);
}

TEST(GgufParser, TypedAccessSaysWhatIsWrong) {
  GgufBytes file(0, 2);
  file.keyString("text", "abc").key("negative", 5).u32("", static_cast<uint32_t>(-3));
  std::string bytes = file.finish(0);
  Result<GgufFile> parsed = GgufFile::parse(bytes, "t.gguf");
  ASSERT_TRUE(parsed);
  EXPECT_FALSE(parsed->findUnsigned("absent")->has_value());
  EXPECT_EQ(parsed->findUnsigned("negative").error().message,
            "t.gguf: metadata key 'negative': expected a non-negative integer, found i32 -3");
  EXPECT_EQ(parsed->findDouble("text").error().message, "t.gguf: metadata key 'text': expected a number, found string");
  EXPECT_EQ(parsed->findBool("text").error().message, "t.gguf: metadata key 'text': expected a bool, found string");
  EXPECT_EQ(parsed->findString("negative").error().code, 3);
}

TEST(GgufParser, RefusesHeaders) {
  std::string bytes = "GGML0000";
  EXPECT_EQ(GgufFile::parse(bytes, "t").error().message, "t: expected the magic 'GGUF', found 'GGML' (at byte 0)");
  EXPECT_EQ(GgufFile::parse("", "t").error().code, 3);
  EXPECT_EQ(GgufFile::parse("GGUF", "t").error().message, "t: the file ends inside the header (at byte 4)");
  expectError(GgufBytes(0, 0, 1), 0, 4, "GGUF version 1 is not supported");
  expectError(GgufBytes(0, 0, 0x03000000), 0, 4, "big endian");
  expectError(GgufBytes(0, 0, 7), 0, 3, "expected GGUF version 2 or 3, found 7");
  expectError(GgufBytes(UINT64_MAX, 0), 0, 3, "promises 18446744073709551615 tensors");
  expectError(GgufBytes(0, UINT64_MAX), 0, 3, "promises 18446744073709551615 metadata keys");
  expectError(GgufBytes(0, 65537), 4 << 20, 3, "at most 65536 keys");
}

TEST(GgufParser, RefusesKeys) {
  expectError(GgufBytes(0, 1).u64("", 0).u32("", 4).u32("", 0), 16, 3, "a metadata key has an empty name");
  expectError(GgufBytes(0, 1).u64("", 65536), 70000, 3, "length 65536, at most 65535 bytes are accepted");
  expectError(GgufBytes(0, 1).u64("", 900).raw("abc"), 40, 3, "has length 900, but only");
  expectError(GgufBytes(0, 1).key("k", 13), 16, 3, "unknown type of metadata value: 13");
  expectError(GgufBytes(0, 1).key("k", 7).raw("\2"), 16, 3, "expected a bool (0 or 1), found 2");
  expectError(GgufBytes(0, 1).key("k", 8).u64("", (16 << 20) + 1), 17 << 20, 3, "at most 16777216 bytes");
  expectError(GgufBytes(0, 1).key("k", 9).u32("", 4).u64("", 1000), 16, 3, "an array promises 1000 elements");
  expectError(GgufBytes(0, 1).key("k", 9).u32("", 99).u64("", 1), 16, 3, "unknown type of array elements: 99");
  expectError(GgufBytes(0, 2).keyU32("k", 1).keyU32("k", 2), 0, 3, "metadata key 'k' appears twice");
  GgufBytes deep(0, 1);
  deep.key("k", 9);
  for (int i = 0; i < 5; ++i)
    deep.u32("", 9).u64("", 1);
  expectError(deep, 64, 3, "arrays are nested deeper than 4");
}

TEST(GgufParser, NamesTheKeyAndKeepsItsTextHarmless) {
  expectError(GgufBytes(0, 1).key("evil\x1b[2J", 13), 16, 3, "key 'evil\\x1b[2J'");
}

TEST(GgufParser, RefusesTensors) {
  auto one = [](const std::vector<uint64_t> &shape, uint32_t type, uint64_t offset) {
    return GgufBytes(1, 0).tensor("t", shape, type, offset);
  };
  expectError(one({}, 0, 0), 64, 3, "expected 1 to 4 dimensions, found 0");
  expectError(one({1, 1, 1, 1, 1}, 0, 0), 64, 3, "expected 1 to 4 dimensions, found 5");
  expectError(one({4, 0}, 0, 0), 64, 3, "dimension 1 has the impossible size 0");
  expectError(one({1ull << 33, 1ull << 33}, 0, 0), 64, 3, "impossible size");
  expectError(one({UINT64_MAX}, 0, 0), 64, 3, "impossible size");
  expectError(one({32}, 4, 0), 64, 4, "tensor 't' has type 4, which lmopt does not know; supported are f32, f16");
  expectError(one({32}, 0xffffffff, 0), 64, 3, "impossible type 4294967295");
  expectError(one({33}, 2, 0), 64, 3, "type q4_0 needs a multiple of 32");
  expectError(one({1ull << 40}, 0, 0), 64, 3, "needs 4398046511104 bytes, the whole file has");
  expectError(one({4}, 0, 16), 64, 3, "begins at offset 16, expected a multiple of the alignment 32");
  expectError(one({8}, 0, 64), 64, 3, "needs 32 bytes at offset 64, the file has 64 bytes of tensor data");
  expectError(one({8}, 0, UINT64_MAX - 31), 64, 3, "the file has 64 bytes of tensor data");
  expectError(GgufBytes(1, 0).string("", "").u32("", 1), 64, 3, "a tensor has an empty name");
  expectError(GgufBytes(2, 0).tensor("t", {4}, 0, 0).tensor("t", {4}, 0, 32), 64, 3, "tensor 't' appears twice");
  expectError(GgufBytes(2, 0).tensor("a", {12}, 0, 0).tensor("b", {4}, 0, 32), 64, 3, "tensors 'a' and 'b' overlap");
  expectError(GgufBytes(2, 0).tensor("a", {4}, 0, 0).tensor("b", {4}, 0, 0), 64, 3, "overlap");
}

TEST(GgufParser, RefusesAlignments) {
  for (uint32_t bad : {0u, 3u, 48u, 131072u})
    expectError(GgufBytes(0, 1).keyU32("general.alignment", bad), 0, 3, "expected a power of two up to 65536");
  expectError(GgufBytes(0, 1).keyString("general.alignment", "x"), 0, 3, "expected a non-negative integer");
}

TEST(GgufParser, KnownTypesAreNotAllDecodable) {
  GgufBytes file(1, 0);
  file.tensor("t", {256}, 16, 0); // iq2_xxs
  std::string bytes = file.finish(66);
  Result<GgufFile> parsed = GgufFile::parse(bytes, "t.gguf");
  ASSERT_TRUE(parsed) << parsed.error().message;
  float out[256];
  Result<void> decoded = parsed->decodeRows(parsed->tensors()[0], 0, 1, out);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, 4);
  EXPECT_EQ(decoded.error().message,
            "t.gguf: tensor 't' has type iq2_xxs, which lmopt does not decode; supported are "
            "f32, f16, q4_0, q4_1, q5_0, q5_1, q8_0, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs, "
            "bf16, mxfp4");
}

TEST(GgufParser, SystemErrorsAreResourceErrors) {
  EXPECT_EQ(GgufFile::open("/nonexistent/x.gguf").error().message,
            "/nonexistent/x.gguf: cannot be opened: No such file or directory");
  EXPECT_EQ(GgufFile::open("/nonexistent/x.gguf").error().code, 5);
  EXPECT_EQ(GgufFile::open("/").error().code, 5);
  EXPECT_EQ(GgufFile::open("/dev/null").error().code, 5);
}
