// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading weights from files: shapes, formats and int8 codes that agree with the param, and the errors when they do
// not. The arithmetic of derived weights is tested in test/dialects/lm/interpret/weights.mlir.

#include "dialects/lm/Weights.h"

#include "frontends/safetensors/Safetensors.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
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

TEST_F(Weights, GroupedCodes) {
  auto data = read("!lm.int8<2x4, group = 2> = #lm.safetensors<\"w.safetensors\", \"grouped\", i8>");
  ASSERT_TRUE(succeeded(data)) << message;
  EXPECT_EQ(data->scales, (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(data->group, 2);
}

TEST_F(Weights, Errors) {
  auto leaf = [](const std::string &key, const std::string &format) {
    return "#lm.safetensors<\"w.safetensors\", \"" + key + "\", " + format + ">";
  };
  expectError("tensor<3x2xf32> = " + leaf("matrix", "f32"), "expected 'tensor<3x2xf32>', but the source holds f32 2x3");
  expectError("tensor<2x3xf32> = " + leaf("absent", "f32"), "has no tensor 'absent'");
  expectError("tensor<2x3xf32> = " + leaf("matrix", "bf16"), "in format bf16, but found f32");
  expectError("tensor<1xf32> = " + leaf("scalar", "f32"), "expected a tensor of rank 1 to 4 with positive sizes");
  expectError("!lm.int8<2x4, group = 4> = " + leaf("codes", "i8"), "but the source holds int8 2x4");
  expectError("!lm.int8<2x4> = " + leaf("lonely", "i8"), "has no tensor 'lonely.scale'");
  expectError("!lm.int8<2x4> = " + leaf("odd", "i8"), "expected codes of shape OUTxIN and scales of shape OUT");
  expectError("!lm.int8<1x2> = " + leaf("bad", "i8"), "contains -128");
  expectError("tensor<2xf32> = #lm.gguf<\"absent.gguf\", \"k\", f32>", "absent.gguf", kErrorResource);
  expectError("tensor<2xf32> = #lm.gguf<\"w.safetensors\", \"k\", f32>", "w.safetensors");
}

TEST_F(Weights, ShapesThatOnlyTheFileKnows) {
  const std::string matrix = "#lm.safetensors<\"w.safetensors\", \"matrix\", f32>";
  const std::string scalar = "#lm.safetensors<\"w.safetensors\", \"scalar\", f32>";
  expectError("tensor<3xf32> = #lm.row<" + matrix + ", 2>", "row 2 does not exist in a matrix of 2 rows");
  expectError("tensor<3x2xf32> = #lm.sum<" + matrix + ", dense<1.0> : tensor<3x2xf32>>", "but found 2x3 and 3x2");
  expectError("tensor<2x3xf32> = #lm.scale_columns<" + matrix + ", dense<1.0> : tensor<2xf32>>",
              "expected a vector of 3 numbers");
  expectError("tensor<2xf32> = #lm.matvec_add<" + matrix + ", dense<1.0> : tensor<2xf32>>",
              "expected a vector of 3 numbers");
  expectError("tensor<2x3xf32> = #lm.add_to_rows<" + matrix + ", " + matrix + ">", "expected an f32 vector");
  expectError("tensor<2x3xf32> = #lm.rotate_columns<" + matrix + ", block = 2>", "does not divide the 3 columns");
  expectError("tensor<2x3xf32> = #lm.permute_rope<" + matrix + ", heads = 2, from = half>", "cannot permute 1 rotary");
  expectError("tensor<2x3xf32> = #lm.permute_rope<" + matrix + ", heads = 3, from = half>", "3 heads");
  expectError("!lm.int8<2x4, group = 2> = #lm.quantize_rows<" + matrix + ", group = 2>", "does not divide the 3");
  expectError("tensor<3xf32> = #lm.row<" + scalar + ", 0>", "but 'scalar' of ");
}

} // namespace
