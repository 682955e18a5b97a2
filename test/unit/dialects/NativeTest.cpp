// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.native of every block format, on files that the Python package gguf wrote: what the codes stand for against the
// decoded tensor, rows that are moved, numbers that are scaled, and scales that f16 does not hold. What is said of
// damaged files is WeightsTest.cpp's.

#include "dialects/lm/Weights.h"

#include "files/gguf/BlockCodes.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;

namespace {

struct Native : ::testing::Test {
  void SetUp() override {
    DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  FailureOr<WeightData> read(const std::string &type, const std::string &value) {
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) { message += diagnostic.str(); });
    message.clear();
    module = parseSourceString<ModuleOp>("lm.param @w : " + type + " = " + value, &context);
    if (!module)
      return failure();
    WeightReader reader("");
    FailureOr<WeightData> data = reader.read(*module->getOps<ParamOp>().begin());
    errorCode = reader.errorCode();
    return data;
  }
  static std::string shapeOf(int64_t rows, int64_t columns) {
    return std::to_string(rows) + "x" + std::to_string(columns);
  }
  static std::string typeOf(const GgufCodes &codes, int64_t rows, int64_t columns) {
    std::string group = ", group = " + std::to_string(codes.group);
    if (codes.entries)
      return "!lm.codebook<" + shapeOf(rows, columns) + ", entries = 16" + group + ">";
    return "!lm.grouped<" + shapeOf(rows, columns) + ", bits = " + std::to_string(codes.bits) + group +
           (codes.hasMin ? ", min>" : ">");
  }
  static std::string sourceOf(const GgufFile &file, const GgufTensor &tensor) {
    return "#lm.gguf<\"" + file.path() + "\", \"" + std::string(tensor.name) + "\", " + std::string(tensor.type->name) +
           ">";
  }

  /// Each number that codes stand for is the decoded one, but for the rounding of its scale and of its minimum.
  static void expectNear(const WeightData &codes, const std::vector<float> &numbers, double rounding) {
    ASSERT_EQ(codes.s8.size(), numbers.size());
    for (size_t i = 0; i < numbers.size(); ++i) {
      size_t group = i / size_t(codes.group);
      double code = codes.table.empty() ? codes.s8[i] : codes.table[size_t(codes.s8[i])];
      double product = codes.scales[group] * code, minimum = codes.minima.empty() ? 0 : codes.minima[group];
      // Decoding itself rounds twice in f32; a rounded number is off by at most `rounding` of the exact one.
      double bound = rounding * 1.001 * (std::fabs(product) + std::fabs(minimum)) + 0x1p-23 * std::fabs(numbers[i]);
      ASSERT_NEAR(product + minimum, numbers[i], bound + 0x1p-23 * std::fabs(minimum)) << i;
    }
  }
  void expectOverflow(const std::string &file, const std::string &tensor, const std::string &text) {
    Result<GgufFile> opened = GgufFile::open(std::string(LMOPT_SOURCE_DIR) + "/test/unit/files/fixtures/" + file);
    ASSERT_TRUE(opened) << opened.error().message;
    const GgufTensor &found = *opened->findTensor(tensor);
    const GgufCodes &codes = *ggufCodes(static_cast<GgufType>(found.type->id));
    EXPECT_TRUE(failed(read(typeOf(codes, 2, 512), "#lm.native<" + sourceOf(*opened, found) + ">"))) << tensor;
    EXPECT_NE(message.find("tensor '" + tensor + "' in format " + tensor + " has a " + text), std::string::npos)
        << message;
    EXPECT_NE(message.find("which f16 does not hold; leave it out of lm-keep-native (option skip)"), std::string::npos);
    EXPECT_EQ(errorCode, kErrorUnsupported);
  }

  std::string message;
  int errorCode = 0;
  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

TEST_F(Native, FormatsAreWhatTheFileHolds) {
  std::set<std::string> seen;
  for (const char *name : {"gguf-q4_0", "gguf-q4_1", "gguf-q5_0", "gguf-q5_1", "gguf-q8_0", "gguf-k", "gguf-blocks"}) {
    Result<GgufFile> file = GgufFile::open(std::string(LMOPT_SOURCE_DIR) + "/test/models/" + name + "/model.gguf");
    ASSERT_TRUE(file) << file.error().message;
    for (const GgufTensor &tensor : file->tensors()) {
      const GgufCodes *codes = ggufCodes(static_cast<GgufType>(tensor.type->id));
      if (!codes)
        continue;
      SCOPED_TRACE(std::string(name) + " " + std::string(tensor.name));
      std::string source = sourceOf(*file, tensor);
      auto numbers = read("tensor<" + shapeOf(tensor.rows(), tensor.columns()) + "xf32>", source);
      auto found = read(typeOf(*codes, tensor.rows(), tensor.columns()), "#lm.native<" + source + ">");
      ASSERT_TRUE(succeeded(numbers) && succeeded(found)) << message;
      bool isExact = int64_t(tensor.type->elements) == codes->group;
      ASSERT_NO_FATAL_FAILURE(expectNear(*found, numbers->f32, isExact ? 0 : 0x1p-11));
      seen.insert(std::string(tensor.type->name));
    }
  }
  EXPECT_EQ(seen.size(), 13u);
}

// Of a fused tensor, of rotary rows and of all numbers, in any order.
TEST_F(Native, RowsAreMovedAndNumbersScaled) {
  Result<GgufFile> file = GgufFile::open(std::string(LMOPT_SOURCE_DIR) + "/test/models/gguf-blocks/model.gguf");
  ASSERT_TRUE(file) << file.error().message;
  for (const char *name : {"blk.0.attn_q.weight", "blk.0.attn_output.weight", "blk.0.ffn_down.weight"}) {
    const GgufTensor &tensor = *file->findTensor(name);
    const GgufCodes &codes = *ggufCodes(static_cast<GgufType>(tensor.type->id));
    std::string blocks = "#lm.take_blocks<" + sourceOf(*file, tensor) + ", size = 32, first = 1, step = 4>";
    std::string source = "#lm.take_rows<#lm.permute_rope<#lm.scale<" + blocks +
                         ", 3.0>, heads = 4, from = interleaved>, kept = [1, 2, 5, 63]>";
    auto numbers = read("tensor<" + shapeOf(4, tensor.columns()) + "xf32>", source);
    auto found = read(typeOf(codes, 4, tensor.columns()), "#lm.native<" + source + ">");
    ASSERT_TRUE(succeeded(numbers) && succeeded(found)) << message;
    expectNear(*found, numbers->f32, 0x1p-11);
  }
  const GgufTensor &tensor = *file->findTensor("blk.0.attn_q.weight");
  std::string odd = "#lm.take_blocks<" + sourceOf(*file, tensor) + ", size = 3, first = 1, step = 4>";
  EXPECT_TRUE(failed(read("!lm.codebook<64x256, entries = 16, group = 32>", "#lm.native<" + odd + ">")));
  EXPECT_NE(message.find("expected rows in groups of 4 blocks of 3, but found 256"), std::string::npos) << message;
}

// Matrices of experts below one another: of one tensor, and of a tensor each.
TEST_F(Native, ExpertsStandBelowOneAnother) {
  const std::string models = std::string(LMOPT_SOURCE_DIR) + "/test/models/gguf/";
  std::string stack = "#lm.gguf<\"" + models + "mixtral-k/model.gguf\", \"blk.0.ffn_gate_exps.weight\", q4_k>";
  std::string one = "#lm.gguf<\"" + models + "mixtral-blocks/model.gguf\", \"blk.0.ffn_gate.0.weight\", q8_0>";
  std::string other = "#lm.gguf<\"" + models + "mixtral-blocks/model.gguf\", \"blk.0.ffn_gate.2.weight\", q8_0>";
  std::string down = "#lm.gguf<\"" + models + "mixtral-blocks/model.gguf\", \"blk.0.ffn_down.0.weight\", q8_0>";
  auto expectBelow = [&](const std::string &source, const std::string &shape, const std::string &form,
                         double rounding) {
    auto numbers = read("tensor<" + shape + "xf32>", source);
    auto found = read("!lm.grouped<" + shape + ", " + form + ">", "#lm.native<" + source + ">");
    ASSERT_TRUE(succeeded(numbers) && succeeded(found)) << message;
    expectNear(*found, numbers->f32, rounding);
  };
  expectBelow("#lm.reshape<" + stack + ", shape = [768, 256]>", "768x256", "bits = 4, group = 32, min", 0x1p-11);
  expectBelow("#lm.take_blocks<#lm.reshape<" + stack + ", shape = [768, 256]>, size = 128, first = 1, step = 2>",
              "384x256", "bits = 4, group = 32, min", 0x1p-11);
  expectBelow("#lm.concat_rows<[" + one + ", " + other + "]>", "64x64", "bits = 8, group = 32", 0);

  auto expectRefused = [&](const std::string &shape, const std::string &form, const std::string &source,
                           const std::string &said) {
    EXPECT_TRUE(failed(read("!lm.grouped<" + shape + ", " + form + ">", "#lm.native<" + source + ">")));
    EXPECT_NE(message.find(said), std::string::npos) << message;
  };
  const std::string four = "bits = 4, group = 32, min", eight = "bits = 8, group = 32";
  expectRefused("1536x128", four, "#lm.reshape<" + stack + ", shape = [1536, 128]>",
                "expected codes whose rows stay whole as 1536x128, but found 3x256x256");
  expectRefused("768x256", four, stack, "expected a matrix, but 'blk.0.ffn_gate_exps.weight' is 3x256x256");
  expectRefused("1x256", four, "#lm.take_rows<" + stack + ", kept = [1]>",
                "expected a matrix, but 'blk.0.ffn_gate_exps.weight' is 3x256x256");
  expectRefused("96x64", eight, "#lm.concat_rows<[" + one + ", " + down + "]>",
                "expected matrices with rows of one width, but found 32x64 and 64x32");
}

// The fixtures of the decoders have scales of any size.
TEST_F(Native, ScalesThatF16DoesNotHold) {
  expectOverflow("types.gguf", "q6_k", "scale of ");
  expectOverflow("types.gguf", "q4_k", "minimum of ");
  expectOverflow("blocks.gguf", "iq4_xs", "scale of ");
  expectOverflow("blocks.gguf", "mxfp4", "scale of ");
}

} // namespace
