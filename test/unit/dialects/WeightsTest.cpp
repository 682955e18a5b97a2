// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading weights from files: shapes, formats and codes (int8, and those of GGUF blocks) that agree with the param, and
// the errors when they do not. The arithmetic of derived weights is tested in test/dialects/lm/interpret/weights.mlir.

#include "dialects/lm/Weights.h"

#include "files/gguf/Gguf.h"
#include "files/safetensors/Safetensors.h"
#include "mlir/Parser/Parser.h"
#include "test/unit/frontends/GgufBytes.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <unistd.h>

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;

namespace {

struct Weights : ::testing::Test {
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "lmopt-weights-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory = pattern;
    writeFile();
    writeGguf();
    DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }
  void TearDown() override { std::filesystem::remove_all(directory); }

  void writeFile() {
    const float matrix[] = {1, 2, 3, 4, 5, 6}, scales[] = {0.5f, 2.0f}, groups[] = {1, 2, 3, 4};
    const int8_t codes[] = {1, -2, 3, -127, 5, 127, 0, 8}, bad[] = {1, -128};
    auto writer = SafetensorsWriter::create(directory + "/w.safetensors", {{"bad", "I8", {1, 2}},
                                                                           {"bad.scale", "F32", {1}},
                                                                           {"codes", "I8", {2, 4}},
                                                                           {"codes.scale", "F32", {2}},
                                                                           {"grouped", "I8", {2, 4}},
                                                                           {"grouped.scale", "F32", {2, 2}},
                                                                           {"lonely", "I8", {2, 4}},
                                                                           {"matrix", "F32", {2, 3}},
                                                                           {"odd", "I8", {2, 4}},
                                                                           {"odd.scale", "F32", {3}},
                                                                           {"scalar", "F32", {}}});
    ASSERT_TRUE(writer.ok()) << writer.error().message;
    auto append = [&](const void *data, size_t size) { ASSERT_TRUE(writer->append(data, size).ok()); };
    append(bad, 2), append(scales, 4), append(codes, 8), append(scales, 8), append(codes, 8), append(groups, 16);
    append(codes, 8), append(matrix, 24), append(codes, 8), append(groups, 12), append(scales, 4);
    ASSERT_TRUE(writer->finish().ok());
  }

  /// Blocks of random codes that begin with f16 numbers between 1 and 2, of either sign.
  static std::string randomBlocks(size_t count, size_t bytes, size_t halves) {
    std::mt19937 generator(unsigned(count * bytes));
    std::string data(count * bytes, 0);
    for (char &byte : data)
      byte = char(generator());
    for (size_t block = 0; block < count; ++block)
      for (size_t i = 0; i < halves; ++i)
        setHalf(data, block * bytes + 2 * i, uint16_t(0x3c00 | (generator() & 0x83ff)));
    return data;
  }
  static void setHalf(std::string &data, size_t where, uint16_t bits) {
    std::memcpy(&data[where], &bits, sizeof(bits));
  }

  /// w.gguf: matrices of 4 x 64 in the formats that are kept, and tensors that cannot be used.
  void writeGguf() {
    std::string infinite = randomBlocks(1, 34, 1), nan = randomBlocks(1, 20, 2);
    setHalf(infinite, 0, 0x7c00);
    setHalf(nan, 2, 0x7e00);
    struct Entry {
      const char *name;
      std::vector<uint64_t> shape; // as the file has it: columns first
      GgufType type;
      std::string data;
    };
    const Entry entries[] = {{"q4_0", {64, 4}, GgufType::Q4_0, randomBlocks(8, 18, 1)},
                             {"q4_1", {64, 4}, GgufType::Q4_1, randomBlocks(8, 20, 2)},
                             {"q8_0", {64, 4}, GgufType::Q8_0, randomBlocks(8, 34, 1)},
                             {"infinite", {32, 1}, GgufType::Q8_0, infinite},
                             {"nan", {32, 1}, GgufType::Q4_1, nan},
                             {"vector", {64}, GgufType::Q4_1, randomBlocks(2, 20, 2)},
                             {"cube", {32, 2, 2}, GgufType::Q4_0, randomBlocks(4, 18, 1)}};
    test::GgufBytes file(std::size(entries), 0);
    std::string data;
    for (const Entry &entry : entries) {
      file.tensor(entry.name, entry.shape, static_cast<uint32_t>(entry.type), data.size());
      data += entry.data;
      data.resize((data.size() + 31) / 32 * 32);
    }
    std::ofstream(directory + "/w.gguf", std::ios::binary) << file.finish(0) + data;
  }

  static std::string gguf(const std::string &key, const std::string &format, const std::string &path = "w.gguf") {
    return "#lm.gguf<\"" + path + "\", \"" + key + "\", " + format + ">";
  }
  static std::string grouped(const std::string &format, int64_t rows = 4, int64_t columns = 64) {
    return "!lm.grouped<" + std::to_string(rows) + "x" + std::to_string(columns) +
           ", bits = " + (format == "q8_0" ? "8" : "4") + ", group = 32" + (format == "q4_1" ? ", min>" : ">");
  }
  static std::string native(const std::string &source) { return " = #lm.native<" + source + ">"; }

  /// The numbers that the codes stand for.
  static std::vector<float> decoded(const WeightData &data) {
    std::vector<float> numbers(data.s8.size());
    for (size_t i = 0; i < numbers.size(); ++i) {
      size_t group = i / size_t(data.group);
      numbers[i] = data.scales[group] * float(data.s8[i]) + (data.minima.empty() ? 0 : data.minima[group]);
    }
    return numbers;
  }

  /// The value of `lm.param @w : <text>`; errors are kept in `message`.
  FailureOr<WeightData> read(const std::string &text) {
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) { message += diagnostic.str(); });
    message.clear();
    module = parseSourceString<ModuleOp>("lm.param @w : " + text, &context);
    if (!module)
      return failure();
    WeightReader reader(directory);
    FailureOr<WeightData> data = reader.read(*module->getOps<ParamOp>().begin());
    errorCode = reader.errorCode();
    return data;
  }

  void expectError(const std::string &text, const std::string &expected, int code = kErrorMalformed) {
    EXPECT_TRUE(failed(read(text))) << text;
    EXPECT_NE(message.find(expected), std::string::npos) << "found: " << message;
    EXPECT_EQ(errorCode, code);
  }

  std::string directory, message;
  int errorCode = 0;
  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

TEST_F(Weights, F32) {
  auto data = read("tensor<2x3xf32> = #lm.safetensors<\"w.safetensors\", \"matrix\", f32>");
  ASSERT_TRUE(succeeded(data)) << message;
  EXPECT_EQ(data->shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(data->f32, (std::vector<float>{1, 2, 3, 4, 5, 6}));
}

TEST_F(Weights, Codes) {
  auto data = read("!lm.int8<2x4> = #lm.safetensors<\"w.safetensors\", \"codes\", i8>");
  ASSERT_TRUE(succeeded(data)) << message;
  EXPECT_EQ(data->s8, (std::vector<int8_t>{1, -2, 3, -127, 5, 127, 0, 8}));
  EXPECT_EQ(data->scales, (std::vector<float>{0.5f, 2.0f}));
  EXPECT_EQ(data->group, 0);
}

// Kept as they are and decoded, the tensors of a file hold the same numbers; permuted rows too.
TEST_F(Weights, NativeCodes) {
  for (const std::string format : {"q4_0", "q4_1", "q8_0"})
    for (const std::string order : {"", ", heads = 1, from = interleaved>", ", heads = 2, from = half, dims = 2>"}) {
      std::string source = order.empty() ? gguf(format, format) : "#lm.permute_rope<" + gguf(format, format) + order;
      auto numbers = read("tensor<4x64xf32> = " + source);
      ASSERT_TRUE(succeeded(numbers)) << message;
      auto codes = read(grouped(format) + native(source));
      ASSERT_TRUE(succeeded(codes)) << message;
      EXPECT_EQ(codes->shape, (std::vector<int64_t>{4, 64}));
      EXPECT_TRUE(codes->f32.empty());
      EXPECT_FALSE(codes->isInt8());
      EXPECT_EQ(codes->groupedBits, format == "q8_0" ? 8 : 4);
      EXPECT_EQ(codes->group, 32);
      EXPECT_EQ(codes->scales.size(), 8u);
      EXPECT_EQ(codes->minima.size(), format == "q4_1" ? 8u : 0u);
      EXPECT_EQ(decoded(*codes), numbers->f32) << source;
    }
}

// Rows move with their scales and minima: of the two interleaved pairs (0, 1) and (2, 3), the first numbers come first.
TEST_F(Weights, NativeRowsArePermuted) {
  auto plain = read(grouped("q4_1") + native(gguf("q4_1", "q4_1")));
  ASSERT_TRUE(succeeded(plain)) << message;
  auto permuted =
      read(grouped("q4_1") + native("#lm.permute_rope<" + gguf("q4_1", "q4_1") + ", heads = 1, from = interleaved>"));
  ASSERT_TRUE(succeeded(permuted)) << message;
  for (auto [to, from] : {std::pair{0, 0}, {1, 2}, {2, 1}, {3, 3}}) {
    EXPECT_TRUE(std::equal(&permuted->s8[to * 64], &permuted->s8[to * 64] + 64, &plain->s8[from * 64])) << to;
    for (int group : {0, 1}) {
      EXPECT_EQ(permuted->scales[to * 2 + group], plain->scales[from * 2 + group]);
      EXPECT_EQ(permuted->minima[to * 2 + group], plain->minima[from * 2 + group]);
    }
  }
}

// Rows that are left keep their codes, scales and minima; decoded they are the rows of the decoded tensor.
TEST_F(Weights, NativeRowsAreTaken) {
  for (const std::string format : {"q4_0", "q4_1", "q8_0"}) {
    std::string source = "#lm.take_rows<" + gguf(format, format) + ", kept = [1, 3]>";
    auto numbers = read("tensor<2x64xf32> = " + source), all = read("tensor<4x64xf32> = " + gguf(format, format));
    ASSERT_TRUE(succeeded(numbers) && succeeded(all)) << message;
    auto codes = read(grouped(format, 2) + native(source));
    ASSERT_TRUE(succeeded(codes)) << message;
    EXPECT_EQ(codes->shape, (std::vector<int64_t>{2, 64}));
    EXPECT_EQ(codes->scales.size(), 4u);
    EXPECT_EQ(decoded(*codes), numbers->f32) << source;
    EXPECT_TRUE(std::equal(numbers->f32.begin(), numbers->f32.begin() + 64, all->f32.begin() + 64));
    EXPECT_TRUE(std::equal(numbers->f32.begin() + 64, numbers->f32.end(), all->f32.begin() + 192));
  }
}

// What ggml quantized and lmopt decodes gets its own codes back from quantize_groups (docs/passes.md promises so).
TEST_F(Weights, GroupsOfDecodedBlocksAreTheBlocks) {
  for (const std::string format : {"q4_0", "q4_1", "q8_0"}) {
    const std::string path = std::string(LMOPT_SOURCE_DIR) + "/test/models/gguf-" + format + "/model.gguf";
    auto file = GgufFile::open(path);
    ASSERT_TRUE(file) << file.error().message;
    int compared = 0;
    for (const GgufTensor &tensor : file->tensors()) {
      if (tensor.type != ggufTypeInfo(format) || tensor.shape.size() != 2)
        continue;
      std::string type = grouped(format, tensor.rows(), tensor.columns());
      std::string source = gguf(std::string(tensor.name), format, path);
      auto codes = read(type + native(source));
      ASSERT_TRUE(succeeded(codes)) << message;
      auto again = read(type + " = #lm.quantize_groups<" + source + type.substr(type.find(", bits")));
      ASSERT_TRUE(succeeded(again)) << message;
      EXPECT_EQ(again->s8, codes->s8) << source;
      EXPECT_EQ(again->scales, codes->scales) << source;
      EXPECT_EQ(again->minima, codes->minima) << source;
      EXPECT_EQ(again->groupedBits, codes->groupedBits);
      ++compared;
    }
    EXPECT_GT(compared, 5) << path;
  }
}

TEST_F(Weights, NativeErrors) {
  auto expect = [&](const std::string &type, const std::string &source, const std::string &expected) {
    expectError(type + native(source), expected);
  };
  expect(grouped("q8_0", 1, 32), gguf("infinite", "q8_0"), "tensor 'infinite' of ");
  expect(grouped("q8_0", 1, 32), gguf("infinite", "q8_0"), "holds a scale that is not finite; the file is damaged");
  expect(grouped("q4_1", 1, 32), gguf("nan", "q4_1"), "holds a scale that is not finite; the file is damaged");
  expect(grouped("q4_1", 1, 64), gguf("vector", "q4_1"), "expected a matrix, but 'vector' is 64");
  expect(grouped("q4_0", 4, 32), gguf("cube", "q4_0"), "expected a matrix, but 'cube' is 2x2x32");
  expect(grouped("q4_0"), gguf("q4_1", "q4_0"), "in format q4_0, but found q4_1");
  expect(grouped("q4_0"), gguf("absent", "q4_0"), "has no tensor 'absent'");
  expect(grouped("q4_0", 8, 64), gguf("q4_0", "q4_0"),
         "expected '!lm.grouped<8x64, bits = 4, group = 32>', but the source holds 4-bit grouped 4x64 in groups of 32");
  expect(grouped("q8_0", 4, 32), gguf("q8_0", "q8_0"), "but the source holds 8-bit grouped 4x64 in groups of 32");
  expect(grouped("q4_0"), "#lm.permute_rope<" + gguf("q4_0", "q4_0") + ", heads = 3, from = half>",
         "cannot permute 1 rotary rows in each of 3 heads of a weight with 4 rows");
  expect(grouped("q4_0", 1), "#lm.take_rows<" + gguf("q4_0", "q4_0") + ", kept = [4]>",
         "row 4 is to be kept, but there are 4");
  expectError(grouped("q4_0") + native(gguf("q4_0", "q4_0", "absent.gguf")), "absent.gguf", kErrorResource);
}

TEST_F(Weights, GroupErrorsThatOnlyTheFileKnows) {
  const std::string matrix = "#lm.safetensors<\"w.safetensors\", \"matrix\", f32>";
  expectError("!lm.grouped<2x4, bits = 8, group = 2> = #lm.quantize_groups<" + matrix + ", bits = 8, group = 2>",
              "group 2 does not divide the 3 columns");
  expectError(grouped("q8_0", 1, 64) + " = #lm.quantize_groups<" + gguf("vector", "q4_1") + ", bits = 8, group = 32>",
              "expected an f32 matrix");
  expectError(grouped("q8_0", 1, 32) + " = #lm.quantize_groups<" + gguf("infinite", "q8_0") + ", bits = 8, group = 32>",
              "row 0 holds a number that is not finite");
}

TEST_F(Weights, Errors) {
  auto leaf = [](const std::string &key, const std::string &format) {
    return "#lm.safetensors<\"w.safetensors\", \"" + key + "\", " + format + ">";
  };
  expectError("tensor<3x2xf32> = " + leaf("matrix", "f32"), "expected 'tensor<3x2xf32>', but the source holds f32 2x3");
  expectError("tensor<2x3xf32> = " + leaf("absent", "f32"), "has no tensor 'absent'");
  expectError("tensor<2x3xf32> = " + leaf("matrix", "bf16"), "in format bf16, but found f32");
  expectError("tensor<1xf32> = " + leaf("scalar", "f32"), "expected a tensor of rank 1 to 4 with positive sizes");
  expectError("!lm.int8<4x2> = " + leaf("codes", "i8"), "expected '!lm.int8<4x2>', but the source holds int8 2x4");
  expectError("!lm.int8<2x4> = " + leaf("grouped", "i8"),
              "expected codes of shape OUTxIN and scales of shape OUT, but");
  expectError("!lm.int8<2x4> = " + leaf("lonely", "i8"), "has no tensor 'lonely.scale'");
  expectError("!lm.int8<2x4> = " + leaf("odd", "i8"), "expected codes of shape OUTxIN and scales of shape OUT");
  expectError("!lm.int8<1x2> = " + leaf("bad", "i8"), "contains -128");
  expectError("tensor<2xf32> = #lm.gguf<\"absent.gguf\", \"k\", f32>", "absent.gguf", kErrorResource);
  expectError("tensor<2xf32> = #lm.gguf<\"w.safetensors\", \"k\", f32>", "w.safetensors");
}

// Codes of training: the numbers are those that they stand for, and quantized rows have exactly them, moved and
// multiplied.
TEST_F(Weights, TrainedCodes) {
  const std::string matrix = "#lm.safetensors<\"w.safetensors\", \"matrix\", f32>";
  const std::string trained =
      "#lm.fake_quantize<" + matrix + ", ranges = dense<[[127.0], [6.35]]> : tensor<2x1xf32>, steps = 127>";
  auto numbers = read("tensor<2x3xf32> = " + trained);
  ASSERT_TRUE(succeeded(numbers)) << message;
  const float step = 6.35f / 127;
  EXPECT_EQ(numbers->f32, (std::vector<float>{1, 2, 3, 80 * step, 100 * step, 120 * step}));
  const std::string fit = ", fit = <[<\"w.safetensors\", \"x\">], damping = 0.1>>"; // a file without x: it is not read
  for (const std::string &rest : {std::string(">"), fit}) {
    auto codes = read("!lm.int8<2x3> = #lm.quantize_rows<" + trained + rest);
    ASSERT_TRUE(succeeded(codes)) << message;
    EXPECT_EQ(codes->s8, (std::vector<int8_t>{1, 2, 3, 80, 100, 120}));
    EXPECT_EQ(codes->scales, (std::vector<float>{1, step}));
  }
  const std::string scaled = "#lm.scale_rows<#lm.scale<" + trained + ", 0.5>, dense<[2.0, -4.0]> : tensor<2xf32>>";
  auto moved = read("!lm.int8<1x3> = #lm.quantize_rows<#lm.take_rows<#lm.reorder_rows<" + scaled +
                    ", order = [1, 0]>, kept = [0]>>");
  ASSERT_TRUE(succeeded(moved)) << message;
  EXPECT_EQ(moved->s8, (std::vector<int8_t>{80, 100, 120}));
  EXPECT_EQ(moved->scales, (std::vector<float>{step * 0.5f * -4}));
  auto turned = read("!lm.int8<2x3> = #lm.quantize_rows<#lm.permute_rope<" + trained + ", heads = 1, from = half>>");
  ASSERT_TRUE(succeeded(turned)) << message;
  EXPECT_EQ(turned->scales, (std::vector<float>{1, step}));
}

TEST_F(Weights, TrainedCodesThatCannotBe) {
  const std::string matrix = "#lm.safetensors<\"w.safetensors\", \"matrix\", f32>";
  auto trained = [&](const std::string &ranges) {
    return "tensor<2x3xf32> = #lm.fake_quantize<" + matrix + ", ranges = " + ranges + ">";
  };
  for (const char *bad : {"0.0", "-1.0", "0x7F800000", "0x7FC00000", "1.0e-40"})
    expectError(trained("dense<[1.0, " + std::string(bad) + "]> : tensor<2xf32>"), "range 1 is ");
  expectError(trained("dense<1.0> : tensor<3xf32>"), "expected one range, or one for each of 2 rows, but found 3");
  expectError(trained("#lm.safetensors<\"w.safetensors\", \"matrix\", f32>"), "but found 2x3");
  expectError("tensor<1x2xf32> = #lm.fake_quantize<dense<[[1.0, 0x7F800000]]> : tensor<1x2xf32>, ranges = dense<1.0> : "
              "tensor<1xf32>>",
              "row 0 holds a number that is not finite; the checkpoint is damaged");
}

// The buckets of T5's and MPNet's own numbers, whose table here has the number of each row in it (techniques 16).
TEST_F(Weights, DistanceBuckets) {
  std::string rows = "dense<[";
  for (int bucket = 0; bucket < 32; ++bucket)
    rows += (bucket ? ", [" : "[") + std::to_string(bucket) + ".0]";
  FailureOr<WeightData> data =
      read("tensor<1x257xf32> = #lm.distance_buckets<" + rows + "]> : tensor<32x1xf32>, max = 128>");
  ASSERT_TRUE(succeeded(data)) << message;
  const std::pair<int, int> known[] = {{-128, 15}, {-64, 14}, {-32, 12}, {-16, 10}, {-12, 9}, {-9, 8},
                                       {-8, 8},    {-7, 7},   {-1, 1},   {0, 0},    {1, 17},  {7, 23},
                                       {8, 24},    {16, 26},  {32, 28},  {64, 30},  {128, 31}};
  for (auto [distance, bucket] : known)
    EXPECT_EQ(data->f32[size_t(distance + 128)], float(bucket)) << distance;
}

TEST_F(Weights, ShapesThatOnlyTheFileKnows) {
  const std::string matrix = "#lm.safetensors<\"w.safetensors\", \"matrix\", f32>";
  const std::string scalar = "#lm.safetensors<\"w.safetensors\", \"scalar\", f32>";
  expectError("tensor<3xf32> = #lm.row<" + matrix + ", 2>", "row 2 does not exist in a matrix of 2 rows");
  expectError("tensor<3x2xf32> = #lm.sum<" + matrix + ", dense<1.0> : tensor<3x2xf32>>", "but found 2x3 and 3x2");
  expectError("tensor<2x3xf32> = #lm.scale_columns<" + matrix + ", dense<1.0> : tensor<2xf32>>",
              "expected a vector of 3 numbers");
  expectError("tensor<2x3xf32> = #lm.scale_rows<" + matrix + ", dense<1.0> : tensor<3xf32>>",
              "expected a vector of 2 numbers");
  expectError("!lm.int8<2x3> = #lm.quantize_rows<" + matrix +
                  ", fit = <[<\"w.safetensors\", \"x\">], rotated = 2, damping = 0.1>>",
              "is not of a matrix with 3 columns");
  expectError("!lm.int8<2x3> = #lm.quantize_rows<" + matrix + ", fit = <[<\"w.safetensors\", \"x\">], damping = 0.1>>",
              "x.products");
  expectError("!lm.codebook<2x4, entries = 16, group = 2> = #lm.quantize_codebook<" + matrix +
                  ", entries = 16, group = 2>",
              "group 2 does not divide the 3 columns");
  expectError("!lm.codebook<2x3, entries = 256> = #lm.quantize_codebook<" + matrix +
                  ", entries = 256, fit = <[<\"w.safetensors\", \"x\">], damping = 0.1>>",
              "x.products");
  expectError("!lm.codebook<1x2, entries = 256> = #lm.quantize_codebook<dense<[[1.0, 0x7F800000]]> : tensor<1x2xf32>, "
              "entries = 256>",
              "holds a number that is not finite");
  expectError("!lm.codebook<2x4, entries = 256> = #lm.quantize_codebook<" + matrix + ", entries = 256>",
              "expected '!lm.codebook<2x4, entries = 256>', but the source holds codebook 2x3");
  expectError("tensor<2xf32> = #lm.matvec_add<" + matrix + ", dense<1.0> : tensor<2xf32>>",
              "expected a vector of 3 numbers");
  expectError("tensor<2x3xf32> = #lm.add_to_rows<" + matrix + ", " + matrix + ">", "expected an f32 vector");
  expectError("tensor<1x3xf32> = #lm.drop_rows<" + matrix + ", 2>", "a matrix of 2 rows has nothing left without 2");
  expectError("tensor<3x3xf32> = #lm.reorder_rows<" + matrix + ", order = [2, 0, 1]>",
              "the order is of 3 rows, but there are 2");
  expectError("tensor<2x3xf32> = #lm.transpose<" + matrix + ">",
              "expected 'tensor<2x3xf32>', but the source holds f32 3x2");
  expectError("tensor<3x2xf32> = #lm.transpose<#lm.row<" + matrix + ", 0>>", "expected an f32 matrix");
  expectError("tensor<2x3xf32> = #lm.transpose_each<" + matrix + ">", "expected an f32 tensor of rank 3 as source");
  expectError("tensor<7xf32> = #lm.reshape<" + matrix + ", shape = [7]>",
              "expected as many numbers as 7 has, but found 2x3");
  expectError("tensor<1x3xf32> = #lm.take_blocks<" + matrix + ", size = 1, first = 0, step = 3>",
              "expected rows in groups of 3 blocks of 1, but found 2");
  expectError("tensor<3x11xf32> = #lm.distance_buckets<" + matrix + ", max = 5>", "a table of 2 buckets");
  expectError("tensor<1x2xf32> = #lm.sinusoids<" + matrix + ", rows = 1, columns = 2>", "expected an f32 vector");
  expectError("tensor<1x2xf32> = #lm.sinusoids<#lm.row<" + matrix + ", 0>, rows = 1, columns = 2>",
              "expected a vector of 1 numbers");
  expectError("tensor<2x3xf32> = #lm.rotate_columns<" + matrix + ", block = 2>", "does not divide the 3 columns");
  expectError("tensor<2x3xf32> = #lm.permute_rope<" + matrix + ", heads = 2, from = half>", "cannot permute 1 rotary");
  expectError("tensor<2x3xf32> = #lm.permute_rope<" + matrix + ", heads = 3, from = half>", "3 heads");
  expectError("tensor<3xf32> = #lm.row<" + scalar + ", 0>", "but 'scalar' of ");
}

} // namespace
