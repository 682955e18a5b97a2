// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packed weights, element by element, at the places that LinearSpec.h promises; zeros everywhere else; failures that
// end the stream of weights.
#include "codegen/link/PackWeights.h"
#include "codegen/cpu/Cpu.h"
#include "codegen/cpu/linear/LinearModel.h"
#include "files/gguf/Dequantize.h"
#include "test/unit/codegen/PackWeights.h"

#include "mlir/AsmParser/AsmParser.h"

#include <cfloat>
#include <cmath>
#include <cstring>

using namespace lmopt;

namespace {

using test::element, test::signedElement, test::matrixText;
using PackWeights = test::PackWeights;

// Five panels: three whose steps alternate, then two one after another.
TEST_F(PackWeights, PanelsInThrees) {
  cpu::LinearSpec spec{72, 18, cpu::WeightFormat::F32, false, 0};
  EXPECT_EQ(spec.unitOffset(0, 1), 3 * 64);
  EXPECT_EQ(spec.unitOffset(2, 17), (17 * 3 + 2) * 64);
  EXPECT_EQ(spec.unitOffset(3, 0), 3 * 18 * 64);
  EXPECT_EQ(spec.unitOffset(4, 5), (4 * 18 + 5) * 64);
  spec.format = cpu::WeightFormat::S8Rows; // 18 inputs are packed as 32, four to a step
  EXPECT_EQ(spec.unitOffset(1, 7), (7 * 3 + 1) * 64);
  EXPECT_EQ(spec.unitOffset(4, 7), (4 * 8 + 7) * 64);
}

TEST_F(PackWeights, FloatPanels) {
  const cpu::LinearSpec spec = specOf(cpu::WeightFormat::F32, true);
  plan::WeightOp weight = linear("m", spec.format, true);
  std::vector<char> bytes = pack(weight);
  ASSERT_EQ(bytes.size(), 2u * 18 * 64 + 2 * 64);
  for (int64_t n = 0; n < 32; ++n) {
    for (int64_t k = 0; k < 18; ++k)
      ASSERT_EQ(floatAt(bytes, spec.unitOffset(n / 16, k) + n % 16 * 4), n < 20 ? signedElement(n, k) : 0)
          << n << " " << k;
    ASSERT_EQ(floatAt(bytes, spec.biasOffset() + 4 * n), n < 20 ? signedElement(n, 0) : 0);
  }
}

// No less than the norms, and no more than rounding to f32 takes.
TEST_F(PackWeights, Bounds) {
  mlir::FailureOr<lm::WeightData> data = reader.read(param("turned"));
  ASSERT_TRUE(mlir::succeeded(data));
  std::vector<char> bytes = pack(weightOf({"m", "turned"}, "bounds<20, block = 2>"));
  ASSERT_EQ(bytes.size(), 2u * 2 * 64);
  for (int64_t n = 0; n < 20; ++n) {
    double missing = 0, length = 0;
    for (int64_t k = 0; k < 18; ++k) {
      double a = signedElement(n, k - k % 2), b = signedElement(n, k - k % 2 + 1);
      double turned = (k % 2 ? a - b : a + b) / std::sqrt(2.0);
      missing += std::pow(turned - double(data->scales[n]) * data->s8[n * 18 + k], 2);
      length += std::pow(double(signedElement(n, k)), 2);
    }
    EXPECT_GE(floatAt(bytes, 4 * n), std::sqrt(missing)) << n;
    EXPECT_LE(floatAt(bytes, 4 * n), std::sqrt(missing) * 1.000001) << n;
    EXPECT_GE(floatAt(bytes, 128 + 4 * n), std::sqrt(length)) << n;
    EXPECT_LE(floatAt(bytes, 128 + 4 * n), std::sqrt(length) * 1.000001) << n;
    EXPECT_GT(missing, 0) << n;
  }
}

TEST_F(PackWeights, Classes) {
  std::vector<char> bytes = pack(weightOf({}, "classes<#lm.classes<words = [2, 0, 3, 1], sizes = [1, 3]>>"));
  ASSERT_EQ(bytes.size(), 2u * 64);
  std::vector<int32_t> numbers(32);
  std::memcpy(numbers.data(), bytes.data(), bytes.size());
  EXPECT_EQ(std::vector<int32_t>(numbers.begin(), numbers.begin() + 5), (std::vector<int32_t>{2, 0, 3, 1, 0}));
  EXPECT_EQ(std::vector<int32_t>(numbers.begin() + 16, numbers.begin() + 20), (std::vector<int32_t>{0, 1, 4, 0}));
}

// Of three words: 0 on the right of the root, 1 and 2 on the left and right of node 1, which is on its left.
TEST_F(PackWeights, WordTree) {
  std::vector<char> bytes = pack(weightOf({}, "word_tree<#lm.word_tree<left = [4, 1], right = [0, 2]>>"));
  ASSERT_EQ(bytes.size(), 4u * 64);
  auto list = [&](size_t number, size_t count) {
    std::vector<int32_t> numbers(count);
    std::memcpy(numbers.data(), bytes.data() + 64 * number, 4 * count);
    return numbers;
  };
  EXPECT_EQ(list(0, 3), (std::vector<int32_t>{4, 1, 0}));
  EXPECT_EQ(list(1, 3), (std::vector<int32_t>{0, 2, 0}));
  EXPECT_EQ(list(2, 5), (std::vector<int32_t>{0, 1, 3, 5, 0}));
  EXPECT_EQ(list(3, 6), (std::vector<int32_t>{1, 0, 2, 0, 3, 0}));
}

TEST_F(PackWeights, HalfPanels) {
  const cpu::LinearSpec spec = specOf(cpu::WeightFormat::Bf16, true);
  plan::WeightOp weight = linear("halves", spec.format, true);
  mlir::FailureOr<lm::WeightData> data = reader.read(param("halves"));
  ASSERT_TRUE(mlir::succeeded(data));
  std::vector<char> bytes = pack(weight);
  ASSERT_EQ(bytes.size(), 2u * 9 * 64 + 2 * 64);
  for (int64_t n = 0; n < 32; ++n) {
    for (int64_t k = 0; k < 18; ++k) {
      uint16_t half;
      std::memcpy(&half, bytes.data() + spec.unitOffset(n / 16, k / 2) + n % 16 * 4 + k % 2 * 2, 2);
      float wanted = n < 20 ? data->f32[n * 18 + k] : 0;
      uint32_t bits;
      std::memcpy(&bits, &wanted, 4);
      ASSERT_EQ(uint32_t{half} << 16, bits) << n << " " << k;
    }
    ASSERT_EQ(floatAt(bytes, spec.biasOffset() + 4 * n), n < 20 ? signedElement(n, 0) : 0);
  }
}

TEST_F(PackWeights, CodePanels) {
  const cpu::LinearSpec spec = specOf(cpu::WeightFormat::S8Rows, true);
  plan::WeightOp weight = linear("codes", spec.format, true);
  mlir::FailureOr<lm::WeightData> data = reader.read(param("codes"));
  ASSERT_TRUE(mlir::succeeded(data));
  std::vector<char> bytes = pack(weight);
  ASSERT_EQ(int64_t(bytes.size()), spec.bytes());
  ASSERT_EQ(spec.codeBytes(), 2 * 16 * 32) << "18 inputs are packed as 32";
  for (int64_t n = 0; n < 32; ++n) {
    int32_t sum = 0, packed;
    for (int64_t k = 0; k < 32; ++k) {
      int8_t code = n < 20 && k < 18 ? data->s8[n * 18 + k] : 0;
      ASSERT_EQ(static_cast<int8_t>(bytes[spec.unitOffset(n / 16, k / 4) + n % 16 * 4 + k % 4]), code) << n << " " << k;
      sum += code;
    }
    std::memcpy(&packed, bytes.data() + spec.sumOffset() + 4 * n, 4);
    ASSERT_EQ(packed, sum);
    ASSERT_EQ(floatAt(bytes, spec.scaleOffset() + 4 * n), n < 20 ? data->scales[n] : 0);
    ASSERT_EQ(floatAt(bytes, spec.biasOffset() + 4 * n), n < 20 ? signedElement(n, 0) : 0);
  }
}

// Blocks of five panels, of which four alternate; halves of bytes; numbers that only f16 needs care with.
TEST_F(PackWeights, GroupedPanels) {
  const char *text = "lm.param @g : !lm.grouped<72x64, bits = 4, group = 32, min> = #lm.quantize_groups<#lm.scale<%s, "
                     "1.0e-3>, bits = 4, group = 32, min>\nlm.param @e : !lm.grouped<72x64, bits = 8, group = 32> = "
                     "#lm.quantize_groups<%s, bits = 8, group = 32>\n";
  std::string matrix = matrixText(72, 64);
  std::string source = text;
  for (size_t at; (at = source.find("%s")) != std::string::npos;)
    source.replace(at, 2, matrix);
  test::TestModule grouped = test::TestModule::fromText(source);
  for (const char *name : {"g", "e"}) {
    auto param = grouped.get().lookupSymbol<lm::ParamOp>(name);
    mlir::FailureOr<lm::WeightData> data = reader.read(param);
    ASSERT_TRUE(mlir::succeeded(data));
    const cpu::LinearSpec spec = cpu::linearSpec(param.getType(), false);
    ASSERT_EQ(spec.bits, data->groupedBits);
    ASSERT_EQ(spec.hasMin, !data->minima.empty());
    std::string type;
    llvm::raw_string_ostream(type) << param.getType();
    plan::WeightOp weight = test::makeWeight(grouped.get(), {name}, "panels<" + type + ">");
    std::vector<char> bytes = pack(weight);
    int64_t codes = 16 * 32 * data->groupedBits / 8, block = codes + (spec.hasMin ? 64 : 32);
    for (int64_t n = 0; n < 72; ++n)
      for (int64_t k = 0; k < 64; ++k) {
        int64_t panel = n / 16, g = k / 32, inGroup = k % 32;
        const char *at = bytes.data() + block * (panel < 4 ? g * 4 + panel : 8 + g);
        int code = static_cast<uint8_t>(at[inGroup / (data->groupedBits == 8 ? 4 : 8) * 64 + n % 16 * 4 + inGroup % 4]);
        code = data->groupedBits == 8 ? code - 128 : inGroup % 8 < 4 ? code & 15 : code >> 4;
        ASSERT_EQ(code, data->s8[n * 64 + k]) << n << " " << k;
        uint16_t half;
        float decoded;
        std::memcpy(&half, at + codes + n % 16 * 2, 2);
        decodeHalf(reinterpret_cast<const char *>(&half), 1, &decoded);
        ASSERT_EQ(decoded, data->scales[n * 2 + g]);
        if (spec.hasMin) {
          decodeHalf(at + codes + 32 + n % 16 * 2, 1, &decoded);
          ASSERT_EQ(decoded, data->minima[n * 2 + g]);
        }
      }
  }
}

// Codes of five and six bits: the lower four of 32 (16) inputs in fours, then the upper ones of all of them.
TEST_F(PackWeights, GroupedPlanes) {
  struct {
    const char *model, *tensor, *format, *type;
    int64_t together, offset;
  } cases[] = {{"gguf-q5_0", "blk.0.attn_k.weight", "q5_0", "32x64, bits = 5, group = 32", 32, 16},
               {"gguf-k", "blk.0.ffn_up.weight", "q5_k", "256x256, bits = 5, group = 32, min", 32, 0},
               {"gguf-k", "blk.0.attn_v.weight", "q6_k", "64x256, bits = 6, group = 16", 16, 32}};
  for (const auto &c : cases) {
    std::string type = std::string("!lm.grouped<") + c.type + ">";
    test::TestModule module = test::TestModule::fromText("lm.param @g : " + type + " = #lm.native<#lm.gguf<\"" +
                                                         LMOPT_SOURCE_DIR + "/test/models/" + c.model +
                                                         "/model.gguf\", \"" + c.tensor + "\", " + c.format + ">>\n");
    mlir::FailureOr<lm::WeightData> data = reader.read(module.get().lookupSymbol<lm::ParamOp>("g"));
    ASSERT_TRUE(mlir::succeeded(data)) << c.format;
    std::vector<char> bytes = pack(test::makeWeight(module.get(), {"g"}, "panels<" + type + ">"));
    int64_t width = data->columns(), group = data->group, bits = data->groupedBits, panels = data->rows() / 16;
    int64_t block = 16 * group * bits / 8 + (data->minima.empty() ? 32 : 64);
    for (int64_t n = 0; n < data->rows(); ++n)
      for (int64_t k = 0; k < width; ++k) {
        int64_t panel = n / 16, g = k / group, whole = panels / 4 * 4, four = k % c.together / 4;
        int64_t at =
            block * (panel < whole ? panel / 4 * 4 * (width / group) + g * 4 + panel % 4 : panel * (width / group) + g);
        at += k % group / c.together * (c.together * 8 + 64) + n % 16 * 4 + k % 4;
        int low = static_cast<uint8_t>(bytes[at + four / 2 * 64]) >> four % 2 * 4 & 15;
        int high = static_cast<uint8_t>(bytes[at + c.together * 8]) >> four * (bits - 4) & ((1 << (bits - 4)) - 1);
        ASSERT_EQ((low | high << 4) - c.offset, data->s8[n * width + k]) << c.format << ' ' << n << ' ' << k;
      }
  }
}

// Numbers of entries in fours of inputs, from the lowest bits on; of three bits the upper ones in a line of their own.
TEST_F(PackWeights, Codebooks) {
  for (int64_t bits : {2, 3, 4}) {
    std::string format = "entries = " + std::to_string(1 << bits) + ", group = 32";
    test::TestModule module =
        test::TestModule::fromText("lm.param @c : !lm.codebook<20x64, " + format + "> = #lm.quantize_codebook<" +
                                   matrixText(20, 64) + ", " + format + ">\n");
    auto param = module.get().lookupSymbol<lm::ParamOp>("c");
    mlir::FailureOr<lm::WeightData> data = reader.read(param);
    ASSERT_TRUE(mlir::succeeded(data));
    plan::WeightOp weight = test::makeWeight(module.get(), {"c"}, "panels<!lm.codebook<20x64, " + format + ">>");
    std::vector<char> bytes = pack(weight);
    const int64_t codes = 64 * bits, block = codes + 32, low = bits == 3 ? 2 : bits;
    const cpu::LinearSpec spec = cpu::linearSpec(param.getType(), false);
    ASSERT_EQ(spec.tableOffset(), cpu::roundUp(4 * block, 64));
    ASSERT_EQ(int64_t(bytes.size()), spec.tableOffset() + 64);
    for (int64_t i = 0; i < 1 << bits; ++i)
      ASSERT_EQ(static_cast<uint8_t>(bytes[spec.tableOffset() + i]) - 128, data->table[i]);
    for (int64_t n = 0; n < 20; ++n)
      for (int64_t k = 0; k < 64; ++k) {
        const char *at = bytes.data() + block * (n / 16 * 2 + k / 32);
        int64_t four = k % 32 / 4, place = n % 16 * 4 + k % 4;
        int code = static_cast<uint8_t>(at[four * low / 8 * 64 + place]) >> (four * low % 8) & ((1 << low) - 1);
        if (bits == 3)
          code |= (static_cast<uint8_t>(at[2 * 64 + place]) >> four & 1) << 2;
        ASSERT_EQ(code, static_cast<uint8_t>(data->s8[n * 64 + k])) << bits << " bits " << n << " " << k;
        float scale;
        decodeHalf(at + codes + n % 16 * 2, 1, &scale);
        ASSERT_EQ(scale, data->scales[n * 2 + k / 32]);
      }
  }
}

TEST_F(PackWeights, FloatCodebook) {
  test::TestModule module = test::TestModule::fromText("lm.param @c : !lm.codebook<20x18, entries = 256> = "
                                                       "#lm.quantize_codebook<" +
                                                       matrixText(20, 18) + ", entries = 256>\n");
  mlir::FailureOr<lm::WeightData> data = reader.read(module.get().lookupSymbol<lm::ParamOp>("c"));
  ASSERT_TRUE(mlir::succeeded(data));
  std::vector<char> bytes = pack(test::makeWeight(module.get(), {"c"}, "panels<!lm.codebook<20x18, entries = 256>>"));
  const int64_t scales = cpu::roundUp(2 * 18 * 16, 64), table = scales + 2 * 64;
  ASSERT_EQ(int64_t(bytes.size()), table + 1024);
  for (int64_t n = 0; n < 20; ++n) {
    EXPECT_EQ(floatAt(bytes, scales + 4 * n), data->scales[n]);
    for (int64_t k = 0; k < 18; ++k)
      ASSERT_EQ(bytes[(n / 16 * 18 + k) * 16 + n % 16], static_cast<char>(data->s8[n * 18 + k]));
  }
  for (int64_t i = 0; i < 256; ++i)
    EXPECT_EQ(floatAt(bytes, table + 4 * i), data->table[i]);
}

// The same with scales and minima in 8 bits; the units of rows lie behind all blocks.
TEST_F(PackWeights, SmallScales) {
  std::string source =
      "lm.param @g : !lm.grouped<72x64, bits = 4, group = 32, min, scales = 8> = #lm.quantize_groups<" +
      matrixText(72, 64) + ", bits = 4, group = 32, min, scales = 8>\n";
  test::TestModule grouped = test::TestModule::fromText(source);
  auto param = grouped.get().lookupSymbol<lm::ParamOp>("g");
  mlir::FailureOr<lm::WeightData> data = reader.read(param);
  ASSERT_TRUE(mlir::succeeded(data));
  ASSERT_EQ(data->units.size(), 72u);
  plan::WeightOp weight =
      test::makeWeight(grouped.get(), {"g"}, "panels<!lm.grouped<72x64, bits = 4, group = 32, min, scales = 8>>");
  std::vector<char> bytes = pack(weight);
  constexpr int64_t codes = 16 * 32 / 2, block = codes + 32, units = 5 * 2 * block;
  for (int64_t n = 0; n < 72; ++n)
    for (int64_t g = 0; g < 2; ++g) {
      int64_t panel = n / 16;
      const char *at = bytes.data() + block * (panel < 4 ? g * 4 + panel : 8 + g);
      auto byte = [&](int64_t place) { return float(static_cast<uint8_t>(at[codes + place + n % 16])); };
      float scale = data->scales[n * 2 + g];
      ASSERT_EQ(floatAt(bytes, units + 4 * n) * byte(0), scale);
      ASSERT_EQ(-(scale * byte(16)) / 16, data->minima[n * 2 + g]);
      for (int64_t k = 0; k < 32; ++k) {
        int code = static_cast<uint8_t>(at[k / 8 * 64 + n % 16 * 4 + k % 4]);
        ASSERT_EQ(k % 8 < 4 ? code & 15 : code >> 4, data->s8[n * 64 + g * 32 + k]);
      }
    }
}

TEST_F(PackWeights, VectorsAndTablesArePaddedWithZeros) {
  std::vector<char> bytes = pack(weightOf({"v"}, "rows<tensor<20xf32>>"));
  ASSERT_EQ(bytes.size(), 128u);
  for (int64_t i = 0; i < 32; ++i)
    ASSERT_EQ(floatAt(bytes, 4 * i), i < 20 ? signedElement(i, 0) : 0);
  bytes = pack(weightOf({"m"}, "rows<tensor<20x18xf32>>"));
  ASSERT_EQ(bytes.size(), 20u * 128);
  for (int64_t r = 0; r < 20; ++r)
    for (int64_t i = 0; i < 32; ++i)
      ASSERT_EQ(floatAt(bytes, r * 128 + 4 * i), i < 18 ? signedElement(r, i) : 0);
}

lm::RopeAttr ropeOf(mlir::MLIRContext *context, const std::string &scaling) {
  return mlir::cast<lm::RopeAttr>(mlir::parseAttribute(
      "#lm.rope<base = 1.0e4, dims = 12, layout = half, scaling = #lm.rope_scaling<" + scaling + ">>", context));
}

class RopeTables : public PackWeights {
protected:
  plan::WeightOp ropeWeight(lm::RopeAttr rope, int64_t switchPositions) {
    std::string text;
    llvm::raw_string_ostream(text) << "rope<" << rope << ", positions = 200, switch = " << switchPositions << ">";
    return weightOf({}, text);
  }
  // The product of a low and a high turn is the turn of the position, with the attention factor in it once; beyond half
  // the dimensions all is zero.
  static void expectTurns(const std::vector<char> &bytes, int64_t begin, const lm::RopeFrequencies &wanted) {
    for (int64_t position = 0; position < 200; ++position)
      for (int64_t d = 0; d < 16; ++d) {
        auto at = [&](int64_t row) -> double { return floatAt(bytes, begin + row * 64 + 4 * d); };
        int64_t low = position % 64, high = position / 64;
        double cosLow = at(low), sinLow = at(64 + low), cosHigh = at(128 + high), sinHigh = at(132 + high);
        double angle = d < 6 ? position * wanted.frequencies[d] : 0, factor = d < 6 ? wanted.attentionFactor : 0;
        ASSERT_NEAR(cosHigh * cosLow - sinHigh * sinLow, factor * std::cos(angle), 4 * FLT_EPSILON)
            << position << " " << d;
        ASSERT_NEAR(sinHigh * cosLow + cosHigh * sinLow, factor * std::sin(angle), 4 * FLT_EPSILON)
            << position << " " << d;
      }
  }
};

TEST_F(RopeTables, GiveEveryTurn) {
  lm::RopeAttr rope = ropeOf(module.get().getContext(), "yarn, factor = 4.0, original_positions = 64");
  plan::WeightOp weight = ropeWeight(rope, 0);
  ASSERT_EQ(weight.getBytes(), 2 * (64 + 4) * 64);
  lm::RopeFrequencies wanted = lm::computeRopeFrequencies(rope, 200);
  ASSERT_GT(wanted.attentionFactor, 1.1);
  expectTurns(pack(weight), 0, wanted);
}

// The table of sequences up to the switch, then that of longer ones.
TEST_F(RopeTables, OfShortAndLongSequences) {
  std::string scaling = "longrope, factor = 4.0, original_positions = 50, short_factors = [1.0, 1.0, 1.5, 2.0, 2.0, "
                        "2.0], long_factors = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]";
  lm::RopeAttr rope = ropeOf(module.get().getContext(), scaling);
  plan::WeightOp weight = ropeWeight(rope, 50);
  ASSERT_EQ(weight.getBytes(), 2 * 2 * (64 + 4) * 64);
  std::vector<char> bytes = pack(weight);
  expectTurns(bytes, 0, lm::computeRopeFrequencies(rope, 50));
  expectTurns(bytes, weight.getBytes() / 2, lm::computeRopeFrequencies(rope, 51));
}

TEST_F(PackWeights, StreamsInOrder) {
  std::vector<plan::WeightOp> weights;
  std::vector<int64_t> written, offsets;
  for (int i = 0; i < 5; ++i) {
    weights.push_back(linear("codes", cpu::WeightFormat::S8Rows, i % 2, i * 4096));
    offsets.push_back(i * 4096);
  }
  EXPECT_TRUE(mlir::succeeded(link::packWeights(weights, reader, [&](int64_t offset, const std::vector<char> &bytes) {
    EXPECT_EQ(int64_t(bytes.size()), weights[written.size()].getBytes());
    written.push_back(offset);
    return mlir::success();
  })));
  EXPECT_EQ(written, offsets);
}

TEST_F(PackWeights, StopsAtTheFirstFailure) {
  std::vector<plan::WeightOp> weights = {linear("codes", cpu::WeightFormat::S8Rows, false),
                                         linear("missing", cpu::WeightFormat::F32, false),
                                         linear("codes", cpu::WeightFormat::S8Rows, false)};
  int writes = 0;
  std::vector<std::string> messages;
  mlir::ScopedDiagnosticHandler handler(module.get().getContext(), [&](mlir::Diagnostic &diagnostic) {
    messages.push_back(diagnostic.str());
    return mlir::success();
  });
  EXPECT_TRUE(mlir::failed(link::packWeights(weights, reader, [&](int64_t, const std::vector<char> &) {
    ++writes;
    return mlir::success();
  })));
  EXPECT_EQ(writes, 1);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_NE(messages[0].find("no-such-file.safetensors"), std::string::npos) << messages[0];
  EXPECT_EQ(reader.errorCode(), 5);
  // A failure to write ends it as well.
  weights = {linear("codes", cpu::WeightFormat::S8Rows, false), linear("codes", cpu::WeightFormat::S8Rows, false)};
  writes = 0;
  EXPECT_TRUE(mlir::failed(link::packWeights(weights, reader, [&](int64_t, const std::vector<char> &) {
    ++writes;
    return mlir::failure();
  })));
  EXPECT_EQ(writes, 1);
}

} // namespace
