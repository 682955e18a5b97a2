// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.packed in every layout: numbers, codes for #lm.native and #lm.quantize_rows, and what is said of damaged files.
// Codes are written here bit by bit from the tools' formulas; files of the tools themselves are the fixtures
// packed-gptq, packed-awq and packed-compressed.

#include "dialects/lm/Weights.h"

#include "files/safetensors/Safetensors.h"
#include "mlir/Parser/Parser.h"
#include "test/unit/frontends/TemporaryFolder.h"

#include <gtest/gtest.h>

#include <functional>

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;

namespace {

constexpr int64_t kRows = 8, kColumns = 32, kGroup = 16, kGroups = kColumns / kGroup;

/// Any code, zero point and scale, each depending on all that it may depend on.
int codeOf(int64_t n, int64_t k, int bits) { return static_cast<int>((n * 37 + k * 11 + n * k) % (1 << bits)); }
int zeroOf(int64_t n, int64_t g, int bits) { return static_cast<int>((n * 5 + g * 3 + 1) % (1 << bits)); }
float scaleOf(int64_t n, int64_t g) { return 0.25f + 0.125f * static_cast<float>(n) + static_cast<float>(g); }

using Number = std::function<int(int64_t row, int64_t column)>;

/// Words of numbers as a stream of bits along rows, or along columns.
std::string words(int64_t rows, int64_t columns, int bits, bool alongRows, const Number &number) {
  int64_t high = alongRows ? rows : (rows * bits + 31) / 32, wide = alongRows ? (columns * bits + 31) / 32 : columns;
  std::vector<uint32_t> data(static_cast<size_t>(high * wide));
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      for (int bit = 0; bit < bits; ++bit) {
        int64_t at = (alongRows ? c : r) * bits + bit, word = alongRows ? r * wide + at / 32 : at / 32 * wide + c;
        data[static_cast<size_t>(word)] |= static_cast<uint32_t>(number(r, c) >> bit & 1) << at % 32;
      }
  return std::string(reinterpret_cast<const char *>(data.data()), data.size() * 4);
}

template <class T>
std::string listed(int64_t rows, int64_t columns, const std::function<T(int64_t, int64_t)> &number) {
  std::vector<T> numbers;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      numbers.push_back(number(r, c));
  return std::string(reinterpret_cast<const char *>(numbers.data()), numbers.size() * sizeof(T));
}

struct Layout {
  const char *name;
  int bits;
  bool zeros;
};

struct Packed : ::testing::Test {
  void SetUp() override {
    DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  struct Tensor {
    std::string_view name, type;
    std::vector<int64_t> shape;
    std::string bytes;
  };
  void writeFile(const std::vector<Tensor> &tensors) {
    std::vector<SafetensorsWriter::Tensor> list;
    for (const Tensor &tensor : tensors)
      list.push_back({std::string(tensor.name), tensor.type, tensor.shape});
    Result<SafetensorsWriter> writer = SafetensorsWriter::create(folder / "w.safetensors", list);
    ASSERT_TRUE(writer) << writer.error().message;
    for (const Tensor &tensor : tensors)
      ASSERT_TRUE(writer->append(tensor.bytes.data(), tensor.bytes.size()));
    ASSERT_TRUE(writer->finish());
  }

  /// The tensors c, s and z of a layout, by the table of #lm.packed.
  std::vector<Tensor> tensorsOf(const Layout &layout) {
    const int bits = layout.bits;
    std::string_view name = layout.name;
    static constexpr int64_t kAwqOrder[] = {0, 2, 4, 6, 1, 3, 5, 7};
    auto awq = [&](int64_t n) { return n / 8 * 8 + kAwqOrder[n % 8]; };
    auto f32 = [](int64_t rows, int64_t columns, bool turned) {
      return listed<float>(rows, columns, [=](int64_t r, int64_t c) { return turned ? scaleOf(c, r) : scaleOf(r, c); });
    };
    if (name == "bytes")
      return {{"c",
               "I8",
               {kRows, kColumns},
               listed<int8_t>(kRows, kColumns,
                              [](int64_t n, int64_t k) { return static_cast<int8_t>(codeOf(n, k, 8) - 128); })},
              {"s", "F32", {kRows, kGroups}, f32(kRows, kGroups, false)},
              {"z", "I8", {kRows, kGroups}, listed<int8_t>(kRows, kGroups, [](int64_t n, int64_t g) {
                 return static_cast<int8_t>(zeroOf(n, g, 8) - 128);
               })}};
    if (name == "compressed")
      return {{"c",
               "I32",
               {kRows, kColumns * bits / 32},
               words(kRows, kColumns, bits, true, [=](int64_t n, int64_t k) { return codeOf(n, k, bits); })},
              {"s", "F32", {kRows, kGroups}, f32(kRows, kGroups, false)},
              {"z",
               "I32",
               {(kRows * bits + 31) / 32, kGroups},
               words(kRows, kGroups, bits, false, [=](int64_t n, int64_t g) { return zeroOf(n, g, bits); })}};
    if (name == "awq")
      return {{"c",
               "I32",
               {kColumns, kRows / 8},
               words(kColumns, kRows, 4, true, [=](int64_t k, int64_t n) { return codeOf(awq(n), k, 4); })},
              {"s", "F32", {kGroups, kRows}, f32(kGroups, kRows, true)},
              {"z", "I32", {kGroups, kRows / 8}, words(kGroups, kRows, 4, true, [=](int64_t g, int64_t n) {
                 return zeroOf(awq(n), g, 4);
               })}};
    int less = name == "gptq" ? 1 : 0;
    return {
        {"c",
         "I32",
         {kColumns * bits / 32, kRows},
         words(kColumns, kRows, bits, false, [=](int64_t k, int64_t n) { return codeOf(n, k, bits); })},
        {"o",
         "I32",
         {kColumns},
         listed<int32_t>(1, kColumns, [](int64_t, int64_t k) { return static_cast<int32_t>(k % kGroups); })},
        {"s", "F32", {kGroups, kRows}, f32(kGroups, kRows, true)},
        {"z", "I32", {kGroups, (kRows * bits + 31) / 32}, words(kGroups, kRows, bits, true, [=](int64_t g, int64_t n) {
           return zeroOf(n, g, bits) - less;
         })}};
  }

  static std::string text(const Layout &layout, bool order = false) {
    auto integers = [](const char *key) { return std::string("#lm.integers<\"w.safetensors\", \"") + key + "\">"; };
    return "#lm.packed<" + std::string(layout.name) + ", codes = " + integers("c") +
           ", scales = #lm.safetensors<\"w.safetensors\", \"s\", f32>" +
           (layout.zeros ? ", zeros = " + integers("z") : "") + (order ? ", order = " + integers("o") : "") +
           ", bits = " + std::to_string(layout.bits) + ", group = 16, rows = 8, columns = 32>";
  }

  FailureOr<WeightData> read(const std::string &type, const std::string &value) {
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) { message += diagnostic.str(); });
    message.clear();
    module = parseSourceString<ModuleOp>("lm.param @w : " + type + " = " + value, &context);
    if (!module)
      return failure();
    WeightReader reader(folder.path());
    return reader.read(*module->getOps<ParamOp>().begin());
  }
  void expectError(const std::string &value, const std::string &words) {
    EXPECT_TRUE(failed(read("tensor<8x32xf32>", value)));
    EXPECT_NE(message.find(words), std::string::npos) << message;
  }

  /// -1 + 1 of gptq's zero points is out of range of nothing: zeroOf is 0 for some, which is stored as all bits.
  static float expected(const Layout &layout, int64_t n, int64_t k, int64_t g) {
    int zero = layout.zeros ? zeroOf(n, g, layout.bits) : 1 << (layout.bits - 1);
    return scaleOf(n, g) * static_cast<float>(codeOf(n, k, layout.bits) - zero);
  }

  test::TemporaryFolder folder;
  std::string message;
  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

std::vector<Layout> allLayouts() {
  std::vector<Layout> layouts;
  for (bool zeros : {false, true}) {
    for (int bits : {2, 3, 4, 8}) {
      layouts.push_back({"gptq", bits, zeros});
      layouts.push_back({"gptq_v2", bits, zeros});
      if (bits != 3)
        layouts.push_back({"compressed", bits, zeros});
    }
    layouts.push_back({"awq", 4, zeros});
    layouts.push_back({"bytes", 8, zeros});
  }
  return layouts;
}

TEST_F(Packed, NumbersOfAllLayouts) {
  for (const Layout &layout : allLayouts()) {
    SCOPED_TRACE(text(layout));
    writeFile(tensorsOf(layout));
    FailureOr<WeightData> data = read("tensor<8x32xf32>", text(layout));
    ASSERT_TRUE(succeeded(data)) << message;
    for (int64_t n = 0; n < kRows; ++n)
      for (int64_t k = 0; k < kColumns; ++k)
        ASSERT_EQ(data->f32[size_t(n * kColumns + k)], expected(layout, n, k, k / kGroup)) << n << " " << k;
  }
}

TEST_F(Packed, GroupsInAnotherOrder) {
  Layout layout = {"gptq", 4, true};
  writeFile(tensorsOf(layout));
  FailureOr<WeightData> data = read("tensor<8x32xf32>", text(layout, /*order=*/true));
  ASSERT_TRUE(succeeded(data)) << message;
  for (int64_t n = 0; n < kRows; ++n)
    for (int64_t k = 0; k < kColumns; ++k)
      ASSERT_EQ(data->f32[size_t(n * kColumns + k)], expected(layout, n, k, k % kGroups));
  EXPECT_TRUE(failed(read("!lm.grouped<8x32, bits = 4, group = 16, min>", "#lm.native<" + text(layout, true) + ">")));
  EXPECT_NE(
      message.find("C1: expected codes that can be multiplied as they are, but found codes whose inputs belong to "
                   "groups in another order"),
      std::string::npos)
      << message;
}

// Scales here have few bits, so that f16 holds all products with zero points.
TEST_F(Packed, CodesAreWhatNativeMultiplies) {
  for (const Layout &layout : allLayouts()) {
    if (layout.bits == 8 && layout.zeros)
      continue;
    SCOPED_TRACE(text(layout));
    writeFile(tensorsOf(layout));
    std::string type = std::string("!lm.grouped<8x32, bits = ") + (layout.bits == 8 ? "8" : "4") + ", group = 16" +
                       (layout.zeros ? ", min>" : ">");
    FailureOr<WeightData> data = read(type, "#lm.native<" + text(layout) + ">");
    ASSERT_TRUE(succeeded(data)) << message;
    for (int64_t n = 0; n < kRows; ++n)
      for (int64_t k = 0; k < kColumns; ++k) {
        size_t g = size_t(n * kGroups + k / kGroup);
        float minimum = data->minima.empty() ? 0 : data->minima[g];
        ASSERT_EQ(data->scales[g] * float(data->s8[size_t(n * kColumns + k)]) + minimum,
                  expected(layout, n, k, k / kGroup));
      }
  }
  EXPECT_TRUE(failed(read("tensor<8x32xf32>", "#lm.native<" + text({"bytes", 8, true}) + ">")));
  EXPECT_NE(message.find("but found codes of 8 bits with zero points"), std::string::npos) << message;
}

// Numbers stay the same when groups are cut.
TEST_F(Packed, PartsOfGroups) {
  Layout layout = {"awq", 4, true};
  writeFile(tensorsOf(layout));
  FailureOr<WeightData> whole =
      read("!lm.grouped<8x32, bits = 4, group = 16, min>", "#lm.native<" + text(layout) + ">");
  ASSERT_TRUE(succeeded(whole)) << message;
  FailureOr<WeightData> parts =
      read("!lm.grouped<8x32, bits = 4, group = 8, min>", "#lm.native<" + text(layout) + ", group = 8>");
  ASSERT_TRUE(succeeded(parts)) << message;
  EXPECT_EQ(parts->s8, whole->s8);
  EXPECT_EQ(parts->group, 8);
  ASSERT_EQ(parts->scales.size(), 2 * whole->scales.size());
  for (size_t g = 0; g < parts->scales.size(); ++g) {
    EXPECT_EQ(parts->scales[g], whole->scales[g / 2]);
    EXPECT_EQ(parts->minima[g], whole->minima[g / 2]);
  }
}

// One scale a row: the codes are an int8 matrix, and stay what they are when rows are multiplied.
TEST_F(Packed, RowsOfBytes) {
  std::vector<Tensor> tensors = tensorsOf({"bytes", 8, false});
  tensors[1] = {"s", "F32", {kRows, 1}, listed<float>(kRows, 1, [](int64_t n, int64_t) { return scaleOf(n, 0); })};
  writeFile(tensors);
  std::string packed = text({"bytes", 8, false});
  packed.replace(packed.find("group = 16"), 10, "group = 32");
  for (const char *form : {"#lm.quantize_rows<%>", "#lm.quantize_rows<#lm.scale<%, 2.0>>"}) {
    std::string value = form;
    value.replace(value.find('%'), 1, packed);
    FailureOr<WeightData> data = read("!lm.int8<8x32>", value);
    ASSERT_TRUE(succeeded(data)) << message;
    float factor = value.find("scale<") == value.npos ? 1 : 2;
    for (int64_t n = 0; n < kRows; ++n) {
      EXPECT_EQ(data->scales[size_t(n)], factor * scaleOf(n, 0));
      for (int64_t k = 0; k < kColumns; ++k)
        ASSERT_EQ(data->s8[size_t(n * kColumns + k)], codeOf(n, k, 8) - 128);
    }
  }
  tensors[1] = {"s", "F32", {1}, listed<float>(1, 1, [](int64_t, int64_t) { return 0.5f; })}; // of the whole matrix
  writeFile(tensors);
  FailureOr<WeightData> data = read("!lm.int8<8x32>", "#lm.quantize_rows<" + packed + ">");
  ASSERT_TRUE(succeeded(data)) << message;
  EXPECT_EQ(data->scales, std::vector<float>(8, 0.5f));
}

TEST_F(Packed, DamagedFiles) {
  Layout layout = {"gptq", 4, true};
  std::vector<Tensor> good = tensorsOf(layout), tensors = good;
  tensors[0] = {"c", "I32", {3, 8}, std::string(96, 0)};
  writeFile(tensors);
  expectError(text(layout), "expected tensor 'c' of '");
  EXPECT_NE(message.find("as I32 4x8, but found I32 3x8; import the model again"), std::string::npos) << message;
  tensors = good, tensors[3].name = "zz";
  writeFile(tensors);
  expectError(text(layout), "has no tensor 'z'");
  tensors = good, tensors[2] = {"s", "F32", {1, 8}, std::string(32, 0)};
  writeFile(tensors);
  expectError(text(layout), "expected scales of shape 2x8, but found 1x8");
  tensors = good, tensors[2].bytes.replace(0, 4, std::string("\x00\x00\x80\x7f", 4));
  writeFile(tensors);
  expectError(text(layout), "one of its scales is not finite; the file is damaged");
  tensors = good, tensors[1].bytes[0] = 2;
  writeFile(tensors);
  expectError(text(layout, true), "tensor 'o' puts an input into group 2, but there are 2");
}

} // namespace
