// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The safetensors reader and writer: a file of the reference implementation, round trips, each rule with its message.
#include "files/safetensors/Safetensors.h"
#include "test/unit/frontends/SafetensorsBytes.h"
#include "test/unit/frontends/TemporaryFolder.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

using namespace lmopt;
using test::safetensorsBytes;
using test::TemporaryFolder;

static const std::string kFixtures = std::string(LMOPT_SOURCE_DIR) + "/test/unit/files/fixtures/";

static void expectError(const std::string &bytes, int code, const std::string &part) {
  Result<SafetensorsFile> parsed = SafetensorsFile::parse(bytes, "t");
  ASSERT_FALSE(parsed) << part;
  EXPECT_EQ(parsed.error().code, code) << parsed.error().message;
  EXPECT_EQ(parsed.error().message.rfind("t: ", 0), 0u) << parsed.error().message;
  EXPECT_NE(parsed.error().message.find(part), std::string::npos) << parsed.error().message;
}

static std::vector<float> decode(const SafetensorsFile &file, const std::string &name) {
  const SafetensorsTensor *tensor = file.findTensor(name);
  std::vector<float> values(tensor->rows() * tensor->columns());
  EXPECT_TRUE(file.decodeRows(*tensor, 0, tensor->rows(), values.data()));
  return values;
}

TEST(Safetensors, ReadsTheReferenceWriter) {
  Result<SafetensorsFile> file = SafetensorsFile::open(kFixtures + "types.safetensors");
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_EQ(file->tensors().size(), 4u);
  EXPECT_EQ(file->findTensor("matrix")->shape, (std::vector<int64_t>{3, 4}));
  EXPECT_EQ(file->findTensor("absent"), nullptr);
  ASSERT_EQ(file->metadata().size(), 1u);
  EXPECT_EQ(file->metadata()[0].second, "by make_fixtures.py");
  std::vector<float> found;
  for (const char *name : {"matrix", "half", "brain", "codes"})
    for (float value : decode(*file, name))
      found.push_back(value);
  std::ifstream stream(kFixtures + "types.safetensors.expected.f32", std::ios::binary);
  std::string expected((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  ASSERT_EQ(expected.size(), found.size() * sizeof(float));
  EXPECT_EQ(std::memcmp(expected.data(), found.data(), expected.size()), 0);
}

TEST(Safetensors, WritesWhatItReads) {
  TemporaryFolder folder;
  Result<SafetensorsWriter> writer = SafetensorsWriter::create(
      folder / "f", {{"b", "F32", {2, 3}}, {"a", "I8", {3}}, {"scalar", "F32", {}}, {"none", "F32", {0, 7}}},
      {{"key", "value \"quoted\""}});
  ASSERT_TRUE(writer) << writer.error().message;
  float matrix[6] = {1, 2, 3, 4, 5, 6}, scalar = 42;
  int8_t codes[3] = {-128, 0, 127};
  ASSERT_TRUE(writer->append(matrix, 8)); // in pieces
  ASSERT_TRUE(writer->append(matrix + 2, 16));
  ASSERT_TRUE(writer->append(codes, 3));
  EXPECT_FALSE(fileExists(folder / "f"));
  ASSERT_TRUE(writer->append(&scalar, 4));
  ASSERT_TRUE(writer->finish());

  Result<SafetensorsFile> file = SafetensorsFile::open(folder / "f");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(decode(*file, "b"), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(decode(*file, "a"), (std::vector<float>{-128, 0, 127}));
  EXPECT_EQ(decode(*file, "scalar"), (std::vector<float>{42}));
  EXPECT_EQ(file->findTensor("none")->shape, (std::vector<int64_t>{0, 7}));
  EXPECT_EQ(file->metadata()[0].second, "value \"quoted\"");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(file->findTensor("b")->data.data()) % 64, 0u);
  float row[3];
  ASSERT_TRUE(file->decodeRows(*file->findTensor("b"), 1, 1, row));
  EXPECT_EQ(row[0], 4);
  EXPECT_EQ(file->decodeRows(*file->findTensor("b"), 1, 2, row).error().code, 1);
}

TEST(Safetensors, WriterKeepsItsPromise) {
  TemporaryFolder folder;
  float one = 1;
  {
    Result<SafetensorsWriter> writer = SafetensorsWriter::create(folder / "f", {{"a", "F32", {2}}});
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->append(&one, 4));
    EXPECT_EQ(writer->finish().error().message, folder / "f" + ": 4 bytes of data are missing");
    ASSERT_TRUE(writer->append(&one, 4));
    EXPECT_EQ(writer->append(&one, 4).error().message, folder / "f" + ": more data than the header promises");
  }
  EXPECT_TRUE(folder.list().empty());
  EXPECT_EQ(SafetensorsWriter::create(folder / "f", {{"a", "F33", {2}}}).error().code, 1);
  EXPECT_EQ(SafetensorsWriter::create(folder / "f", {{"a", "F32", {-1}}}).error().code, 1);
  EXPECT_EQ(SafetensorsWriter::create(folder / "f", {{"a", "F32", {1}}, {"a", "F32", {1}}}).error().code, 1);
  EXPECT_EQ(SafetensorsWriter::create("/nonexistent/f", {}).error().code, 5);
  EXPECT_TRUE(folder.list().empty());
}

TEST(Safetensors, RefusesFrames) {
  expectError("", 3, "the file has 0 bytes, a safetensors file has at least 8");
  expectError(std::string("\x10\0\0\0\0\0\0\0{}", 10), 3, "the header has length 16, but only 2 bytes follow");
  expectError(std::string(8, '\xff'), 3, "at most 100000000 is accepted");
  expectError(std::string(8, '\0'), 3, "expected a header that begins with '{', found ''");
  expectError(safetensorsBytes(" {}", ""), 3, "expected a header that begins with '{', found ' '");
  expectError(safetensorsBytes("{", ""), 3, "not valid JSON");
  expectError(safetensorsBytes("{} {}", ""), 3, "not valid JSON");
  expectError(safetensorsBytes("{}", "x"), 3, "1 bytes after the last tensor");
  EXPECT_TRUE(SafetensorsFile::parse(safetensorsBytes("{}   ", ""), "t"));
}

TEST(Safetensors, RefusesHeaders) {
  auto with = [](const std::string &fields) { return safetensorsBytes("{\"a\":{" + fields + "}}", "12345678"); };
  const std::string good = R"("dtype":"F32","shape":[2],"data_offsets":[0,8])";
  EXPECT_TRUE(SafetensorsFile::parse(with(good), "t"));
  expectError(with(R"("dtype":"F32","shape":[2])"), 3, "tensor 'a': dtype, shape or data_offsets is missing");
  expectError(with(good + R"(,"shape":[2])"), 3, "tensor 'a': key 'shape' appears twice");
  expectError(with(good + R"(,"extra":1)"), 3, "expected the keys dtype, shape and data_offsets, found 'extra'");
  expectError(with(R"("dtype":"F4","shape":[2],"data_offsets":[0,8])"), 4,
              "tensor 'a': dtype 'F4' is not supported; lmopt reads F32, F16, BF16 and I8");
  expectError(with(R"("dtype":5)"), 3, "tensor 'a': found the number 5 where it does not belong");
  expectError(with(R"("dtype":["F32"])"), 3, "found an array where it does not belong");
  expectError(with(R"("shape":-1)"), 3, "found the negative number -1");
  expectError(with(R"("shape":[-1])"), 3, "found the negative number -1");
  expectError(with(R"("shape":[1.5])"), 3, "found the number '1.5'");
  expectError(with(R"("shape":[[1]])"), 3, "found an array");
  expectError(with(R"("shape":[true])"), 3, "found a bool");
  expectError(with(R"("shape":null)"), 3, "found null");
  expectError(with(R"("shape":{})"), 3, "found an object");
  expectError(with(R"("shape":["x"])"), 3, "found the string 'x'");
  expectError(with(R"("shape":[1,1,1,1,1,1,1,1,1])"), 3, "more than 8 dimensions");
  expectError(with(R"("shape":[9223372036854775808])"), 3, "the size 9223372036854775808 is impossible");
  expectError(with(R"("data_offsets":[1,2,3])"), 3, "data_offsets has more than 2 numbers");
  expectError(with(R"("data_offsets":[1])"), 3, "data_offsets has 1 numbers, expected 2");
  expectError(safetensorsBytes("{\"a\":5}", ""), 3, "tensor 'a': found the number 5");
  expectError(safetensorsBytes("{\"a\":[]}", ""), 3, "found an array");
  expectError(safetensorsBytes(R"({"__metadata__":{"k":1}})", ""), 3, "__metadata__: found the number 1");
  expectError(safetensorsBytes(R"({"__metadata__":{"k":{}}})", ""), 3, "__metadata__: found an object");
  expectError(safetensorsBytes(R"({"__metadata__":{"k":"1","k":"2"}})", ""), 3, "key 'k' appears twice");
  expectError(safetensorsBytes(R"({"__metadata__":{},"__metadata__":{}})", ""), 3, "'__metadata__' appears twice");
  expectError(safetensorsBytes("{\"a\":{" + good + "},\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[8,8]}}",
                               "12345678"),
              3, "tensor 'a' appears twice");
}

TEST(Safetensors, RefusesPlaces) {
  auto two = [](const std::string &first, const std::string &second) {
    return safetensorsBytes(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":)" + first +
                                R"(},"b":{"dtype":"F32","shape":[1],"data_offsets":)" + second + "}}",
                            "12345678");
  };
  EXPECT_TRUE(SafetensorsFile::parse(two("[0,4]", "[4,8]"), "t"));
  EXPECT_TRUE(SafetensorsFile::parse(two("[4,8]", "[0,4]"), "t"));
  expectError(two("[0,4]", "[0,4]"), 3, "expected to begin at 4 (no hole, no overlap)");
  expectError(two("[0,4]", "[3,7]"), 3, "expected to begin at 4 (no hole, no overlap)");
  expectError(two("[0,4]", "[5,9]"), 3, "expected to begin at 4 (no hole, no overlap)");
  expectError(two("[0,4]", "[4,9]"), 3, "need 4 bytes, the header gives it 5");
  expectError(two("[0,4]", "[4,2]"), 3, "begin at 4 and end at 2");
  auto one = [](const std::string &shape, const std::string &offsets) {
    return safetensorsBytes(R"({"a":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}", "1234");
  };
  expectError(one("[2]", "[0,8]"), 3, "its data end at 8, the file has 4 bytes of data (is it truncated?)");
  expectError(one("[4611686018427387905]", "[0,4]"), 3, "need impossibly many bytes");
  expectError(one("[4294967296,4294967296]", "[0,4]"), 3, "need impossibly many bytes");
  expectError(one("[1]", "[0,18446744073709551615]"), 3, "the header gives it 18446744073709551615");
  expectError(one("[1]", "[4,8]"), 3, "expected to begin at 0");
}

TEST(Safetensors, SomeTypesAreOnlyKnown) {
  Result<SafetensorsFile> file = SafetensorsFile::open(kFixtures + "absent");
  EXPECT_EQ(file.error().code, 5);
  std::string bytes = safetensorsBytes(R"({"ids":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}})", "12345678");
  file = SafetensorsFile::parse(bytes, "t");
  ASSERT_TRUE(file);
  float out;
  EXPECT_EQ(file->decodeRows(file->tensors()[0], 0, 1, &out).error().message,
            "t: tensor 'ids' has dtype I64, which lmopt does not decode; supported are F32, F16, BF16 and I8");
}
