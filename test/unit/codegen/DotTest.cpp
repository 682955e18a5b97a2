// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every spelling of lmk.lookup gives the bytes of a table, of widths that need one, two and four shuffles or a short
// one. Every spelling of lmk.dot_u8s8 that this CPU can run gives the bits of a plain loop, at the extremes too: 255 *
// -128 four times over would saturate the 16-bit sums of vpmaddubsw, and accumulators wrap modulo 2^32. (These are the
// instructions themselves: where they are missing, nothing can take their place.) And bf16, with and without
// AVX512_BF16: where this CPU lacks it, its steps give the bits that the manual promises; where it has it, the CPU
// does.
#include "test/unit/codegen/KernelHarness.h"

#include "dialects/lmk/Lmk.h"
#include "lmopt/abi.h"

#include "llvm/ADT/bit.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>

using namespace lmopt;
using test::Memory;

namespace {

constexpr int64_t kVectors = 512;

uint64_t neededBits(cpu::DotIsa isa) {
  switch (isa) {
  case cpu::DotIsa::Avx512Vnni:
    return LMOPT_ISA_AVX512VNNI | LMOPT_ISA_AVX512BW;
  case cpu::DotIsa::AvxVnni:
    return LMOPT_ISA_AVXVNNI;
  case cpu::DotIsa::Avx512Bw:
    return LMOPT_ISA_AVX512BW;
  case cpu::DotIsa::Avx2:
    return LMOPT_ISA_AVX2;
  case cpu::DotIsa::Portable:
    return 0;
  }
  return 0;
}

// The CPU name whose instruction sets contain the spelling and nothing much beyond: what users of it will run.
const char *cpuFor(cpu::DotIsa isa) {
  switch (isa) {
  case cpu::DotIsa::Avx512Vnni:
    return "icelake-server";
  case cpu::DotIsa::AvxVnni:
    return "alderlake";
  case cpu::DotIsa::Avx512Bw:
    return "skylake-avx512";
  case cpu::DotIsa::Avx2:
    return "x86-64-v3";
  case cpu::DotIsa::Portable:
    return "x86-64";
  }
  return "x86-64";
}

struct Data {
  Memory sums{kVectors * 64}, u{kVectors * 64}, s{kVectors * 64};
};

Data makeData() {
  Data data;
  test::Random random(7);
  const uint8_t extremesU[] = {0, 1, 127, 128, 255};
  const int8_t extremesS[] = {0, 1, -1, 127, -127, -128};
  for (int64_t i = 0; i < kVectors * 64; ++i) {
    bool extreme = i / 64 % 2 == 0;
    data.u.data()[i] = static_cast<char>(extreme ? extremesU[random.below(5)] : random.below(256));
    data.s.data()[i] = static_cast<char>(extreme ? extremesS[random.below(6)] : random.below(256));
    if (i < 2 * 64) { // the largest sums of either sign
      data.u.data()[i] = static_cast<char>(255);
      data.s.data()[i] = static_cast<char>(i < 64 ? -128 : 127);
    }
  }
  for (int64_t i = 0; i < kVectors * 16; ++i)
    data.sums.ints()[i] = i % 7 == 0 ? INT32_MAX - random.below(100) : i % 11 == 0 ? INT32_MIN : int32_t(random.next());
  return data;
}

int32_t plainDot(const Data &data, int64_t lane) {
  uint32_t sum = data.sums.ints()[lane];
  for (int64_t j = 0; j < 4; ++j)
    sum += static_cast<uint32_t>(static_cast<uint8_t>(data.u.data()[4 * lane + j]) *
                                 static_cast<int8_t>(data.s.data()[4 * lane + j]));
  return static_cast<int32_t>(sum);
}

class Dot : public testing::TestWithParam<cpu::DotIsa> {};

TEST_P(Dot, GivesTheBitsOfAPlainLoop) {
  cpu::DotIsa isa = GetParam();
  test::KernelHarness harness(cpuFor(isa), isa);
  ASSERT_EQ(harness.target().spelling.isa & neededBits(isa), neededBits(isa));
  if (!harness.runsHere())
    GTEST_SKIP() << "this CPU lacks instructions of " << cpuFor(isa);
  int kernel = harness.add(harness.define("dots", 3, 1, [](cpu::Emitter &e, mlir::ValueRange args) {
    e.loop(e.index(0), args[3], 64, [&](mlir::Value offset) {
      mlir::Value sum = e.load(e.ints(), e.at(args[0], offset));
      mlir::Value u = e.load(e.bytes(), e.at(args[1], offset)), s = e.load(e.bytes(), e.at(args[2], offset));
      mlir::Value dot = lmk::DotU8S8Op::create(e.b, e.loc, sum.getType(), sum, u, s);
      e.store(dot, e.at(args[0], offset));
    });
  }));
  harness.build();
  Data data = makeData();
  std::vector<int32_t> wanted;
  for (int64_t i = 0; i < kVectors * 16; ++i)
    wanted.push_back(plainDot(data, i));
  harness.call(kernel, {data.sums, data.u, data.s, kVectors * 64});
  for (int64_t i = 0; i < kVectors * 16; ++i)
    ASSERT_EQ(data.sums.ints()[i], wanted[i]) << "lane " << i;
}

// The same bytes as words: |-32768 * -32768| twice over is 2^31, which wraps.
TEST_P(Dot, MultipliesWords) {
  cpu::DotIsa isa = GetParam();
  test::KernelHarness harness(cpuFor(isa), isa);
  if (!harness.runsHere())
    GTEST_SKIP() << "this CPU lacks instructions of " << cpuFor(isa);
  int kernel = harness.add(harness.define("words", 3, 1, [](cpu::Emitter &e, mlir::ValueRange args) {
    e.loop(e.index(0), args[3], 64, [&](mlir::Value offset) {
      mlir::Value sum = e.load(e.ints(), e.at(args[0], offset));
      mlir::Value a = e.load(e.words(), e.at(args[1], offset)), c = e.load(e.words(), e.at(args[2], offset));
      e.store(lmk::DotS16Op::create(e.b, e.loc, sum.getType(), sum, a, c), e.at(args[0], offset));
    });
  }));
  harness.build();
  Data data = makeData();
  auto word = [](const Memory &memory, int64_t i) {
    int16_t value;
    std::memcpy(&value, memory.data() + 2 * i, 2);
    return static_cast<uint32_t>(static_cast<int32_t>(value));
  };
  for (int64_t i = 0; i < 128; ++i) // the largest sums of two products
    data.u.data()[i] = data.s.data()[i] = static_cast<char>(i % 2 ? 0x80 : 0);
  std::vector<int32_t> wanted;
  for (int64_t i = 0; i < kVectors * 16; ++i)
    wanted.push_back(static_cast<int32_t>(static_cast<uint32_t>(data.sums.ints()[i]) +
                                          word(data.u, 2 * i) * word(data.s, 2 * i) +
                                          word(data.u, 2 * i + 1) * word(data.s, 2 * i + 1)));
  harness.call(kernel, {data.sums, data.u, data.s, kVectors * 64});
  for (int64_t i = 0; i < kVectors * 16; ++i)
    ASSERT_EQ(data.sums.ints()[i], wanted[i]) << "lane " << i;
}

TEST_P(Dot, LooksUpBytes) {
  cpu::DotIsa isa = GetParam();
  test::KernelHarness harness(cpuFor(isa), isa);
  if (!harness.runsHere())
    GTEST_SKIP() << "this CPU lacks instructions of " << cpuFor(isa);
  const int64_t widths[] = {16, 32, 48, 64, 128};
  std::vector<int> kernels;
  for (int64_t width : widths)
    kernels.push_back(harness.add(
        harness.define("lookups" + std::to_string(width), 3, 1, [width](cpu::Emitter &e, mlir::ValueRange args) {
          mlir::Value table = e.load(e.bytes(16), args[0]);
          e.loop(e.index(0), args[3], width, [&](mlir::Value offset) {
            mlir::Value numbers = e.load(e.bytes(width), e.at(args[1], offset));
            e.store(lmk::LookupOp::create(e.b, e.loc, numbers.getType(), table, numbers), e.at(args[2], offset));
          });
        })));
  harness.build();
  constexpr int64_t count = 3 * 128 * 48;
  Memory table(16), numbers(count), found(count);
  test::Random random(9);
  for (int64_t i = 0; i < 16; ++i)
    table.data()[i] = static_cast<char>(random.below(256));
  for (int64_t i = 0; i < count; ++i)
    numbers.data()[i] = static_cast<char>(i < 16 ? i : random.below(16));
  for (int kernel : kernels) {
    std::memset(found.data(), 0x55, count);
    harness.call(kernel, {table, numbers, found, count});
    for (int64_t i = 0; i < count; ++i)
      ASSERT_EQ(found.data()[i], table.data()[int64_t(numbers.data()[i])]) << "byte " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, Dot,
                         testing::Values(cpu::DotIsa::Avx512Vnni, cpu::DotIsa::AvxVnni, cpu::DotIsa::Avx512Bw,
                                         cpu::DotIsa::Avx2, cpu::DotIsa::Portable),
                         [](const auto &info) { return std::string(cpu::dotIsaName(info.param)); });

//===--------------------------------------------------------------------------------------------------------------===//
// bf16
//===--------------------------------------------------------------------------------------------------------------===//

class Bf16 : public testing::TestWithParam<std::string> {};

/// (floats, halves, bytes of the floats)
void emitNarrowing(cpu::Emitter &e, mlir::ValueRange args) {
  e.loop(e.index(0), args[2], 64, [&](mlir::Value offset) {
    e.store(e.toBf16(e.loadFloats(e.at(args[0], offset))), e.at(args[1], e.div(offset, e.index(2))));
  });
}

/// (sums, a, b, bytes of each): sums += a * b
void emitBf16Dots(cpu::Emitter &e, mlir::ValueRange args) {
  auto pairs = mlir::VectorType::get({32}, e.b.getBF16Type());
  e.loop(e.index(0), args[3], 64, [&](mlir::Value offset) {
    mlir::Value sum = e.loadFloats(e.at(args[0], offset));
    mlir::Value a = e.load(pairs, e.at(args[1], offset)), b = e.load(pairs, e.at(args[2], offset));
    e.store(lmk::DotBf16Op::create(e.b, e.loc, sum.getType(), sum, a, b), e.at(args[0], offset));
  });
}

// Conversion is to nearest, ties to even, on every target; products are exact, so only the three-term sum rounds.
TEST_P(Bf16, RoundsToEvenAndSumsExactProducts) {
  test::KernelHarness harness(GetParam());
  if (!harness.runsHere())
    GTEST_SKIP() << "this CPU lacks instructions of " << GetParam();
  int narrow = harness.add(harness.define("narrow", 2, 1, emitNarrowing));
  int dot = harness.add(harness.define("dots", 3, 1, emitBf16Dots));
  harness.build();
  const int64_t count = kVectors * 32;
  Memory floats(4 * count), a(2 * count), b(2 * count), sums(2 * count);
  test::Random random(3);
  for (int64_t i = 0; i < count; ++i) // every third one a tie
    floats.ints()[i] = 0x3f000000 + int32_t(random.below(1 << 24)) / (i % 3 ? 1 : 1 << 15) * (i % 3 ? 1 : 1 << 15);
  harness.call(narrow, {floats, a, 4 * count});
  for (int64_t i = 0; i < count; ++i) {
    uint32_t bits = floats.ints()[i], rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    ASSERT_EQ(reinterpret_cast<uint16_t *>(a.data())[i], rounded) << std::hex << bits;
    floats.floats()[i] = -floats.floats()[count - 1 - i] / 3;
  }
  harness.call(narrow, {floats, b, 4 * count});
  std::vector<double> before, wanted;
  for (int64_t i = 0; i < count / 2; ++i) {
    sums.floats()[i] = random.real();
    double sum = sums.floats()[i], magnitude = std::abs(sum);
    for (int64_t j = 2 * i; j < 2 * i + 2; ++j) {
      double product = double(test::fromBf16(reinterpret_cast<uint16_t *>(a.data())[j])) *
                       test::fromBf16(reinterpret_cast<uint16_t *>(b.data())[j]);
      sum += product;
      magnitude += std::abs(product);
    }
    wanted.push_back(sum);
    before.push_back(magnitude);
  }
  harness.call(dot, {sums, a, b, 2 * count});
  for (int64_t i = 0; i < count / 2; ++i)
    ASSERT_NEAR(sums.floats()[i], wanted[i], 2 * FLT_EPSILON * before[i]) << "lane " << i;
}

INSTANTIATE_TEST_SUITE_P(Cpus, Bf16, testing::ValuesIn(test::distinct({"native", "x86-64", "x86-64-v3", "znver5"})),
                         test::nameOfCpu);

float withoutSubnormal(float x) { return std::abs(x) < FLT_MIN ? std::copysign(0.0f, x) : x; }

// A fused multiply-add that gives zero where the result, rounded to 24 bits of an unbounded exponent, is below 2^-126:
// what is nearer to that than 2^-151 is not. In doubles the sum of these numbers cannot miss that border.
float flushingFma(float a, float c, float sum) {
  a = withoutSubnormal(a);
  c = withoutSubnormal(c);
  sum = withoutSubnormal(sum);
  float result = std::fma(a, c, sum);
  double unbounded = std::fma(double(a), double(c), double(sum)), border = std::ldexp(1, -126) - std::ldexp(1, -151);
  return std::abs(unbounded) < border ? std::copysign(0.0f, result) : result;
}

/// Intel SDM, VDPBF16PS: the upper pair first.
float instruction(float sum, const uint16_t *a, const uint16_t *c) {
  sum = flushingFma(test::fromBf16(a[1]), test::fromBf16(c[1]), sum);
  return flushingFma(test::fromBf16(a[0]), test::fromBf16(c[0]), sum);
}

/// A power of two from 2^low to 2^high, times a number of few or many digits, either sign.
float spread(test::Random &random, int low, int high) {
  float digits = random.below(3) ? 1 + random.below(1 << 20) / float(1 << 20) : 1;
  return std::ldexp(random.below(2) ? digits : -digits, low + int(random.below(high - low + 1)));
}

struct Bf16Data {
  Memory sums{kVectors * 64}, a{kVectors * 64}, c{kVectors * 64};
  uint16_t *pair(const Memory &memory, int64_t lane) const {
    return reinterpret_cast<uint16_t *>(memory.data()) + 2 * lane;
  }
};

// Ordinary numbers, those around the smallest normal one, products that nearly cancel the sum, too large ones.
Bf16Data makeBf16Data() {
  Bf16Data data;
  test::Random random(11);
  const struct {
    int low, high, lowSum, highSum;
  } ranges[] = {
      {-8, 8, -8, 8}, {-66, -60, -128, -122}, {-76, -74, -126, -125}, {-140, -110, -149, -120}, {50, 70, 110, 127}};
  for (int64_t i = 0; i < kVectors * 16; ++i) {
    auto [low, high, lowSum, highSum] = ranges[i % 5];
    for (int64_t j = 0; j < 2; ++j) {
      data.pair(data.a, i)[j] = test::toBf16(spread(random, low, high));
      data.pair(data.c, i)[j] = test::toBf16(spread(random, low, high));
    }
    float product = test::fromBf16(data.pair(data.a, i)[1]) * test::fromBf16(data.pair(data.c, i)[1]);
    data.sums.floats()[i] = i % 4 ? spread(random, lowSum, highSum) : -product * (1 + FLT_EPSILON * random.below(3));
  }
  // Just below the smallest normal number: of two that fused multiply-adds round up to it, one is no subnormal result.
  data.sums.floats()[0] = data.sums.floats()[1] = FLT_MIN;
  for (int64_t i : {0, 1}) {
    data.pair(data.a, i)[0] = data.pair(data.c, i)[0] = 0;
    data.pair(data.a, i)[1] = test::toBf16(std::ldexp(1, -75));
    data.pair(data.c, i)[1] = test::toBf16(-std::ldexp(1, i - 76));
  }
  return data;
}

TEST(Bf16Instruction, SumsAsTheManualSays) {
  test::KernelHarness harness("znver5");
  if (!harness.runsHere())
    GTEST_SKIP() << "this CPU lacks fused multiply-add";
  int dot = harness.add(harness.define("dots", 3, 1, emitBf16Dots));
  harness.build();
  Bf16Data data = makeBf16Data();
  std::vector<float> wanted;
  int64_t flushed = 0;
  for (int64_t i = 0; i < kVectors * 16; ++i) {
    wanted.push_back(instruction(data.sums.floats()[i], data.pair(data.a, i), data.pair(data.c, i)));
    flushed += wanted.back() == 0;
  }
  EXPECT_EQ(wanted[0], FLT_MIN);
  EXPECT_EQ(wanted[1], 0);
  EXPECT_GT(flushed, kVectors) << "of the sums that are subnormal";
  harness.call(dot, {data.sums, data.a, data.c, kVectors * 64});
  for (int64_t i = 0; i < kVectors * 16; ++i) {
    bool none = std::isnan(wanted[i]); // which NaN it is, is not asked
    ASSERT_EQ(std::isnan(data.sums.floats()[i]), none) << "lane " << i;
    ASSERT_EQ(none ? 0 : data.sums.ints()[i], none ? 0 : llvm::bit_cast<int32_t>(wanted[i])) << "lane " << i;
  }
}

/// Intel SDM, VCVTNEPS2BF16, of every kind of number.
TEST(Bf16Instruction, RoundsAsTheManualSays) {
  test::KernelHarness harness("znver5");
  if (!harness.runsHere())
    GTEST_SKIP() << "this CPU lacks fused multiply-add";
  int narrow = harness.add(harness.define("narrow", 2, 1, emitNarrowing));
  harness.build();
  const int64_t count = kVectors * 16;
  Memory floats(4 * count), halves(2 * count);
  test::Random random(13);
  const int32_t special[] = {0, 1, 0x7fffff, 0x800000, 0x7f7fffff, 0x7f800000, 0x7f800001, 0x7fbfffff, 0x7fffffff};
  for (int64_t i = 0; i < count; ++i)
    floats.ints()[i] =
        i < 18 ? special[i / 2] | (i % 2 ? INT32_MIN : 0) : int32_t(random.next()) >> random.below(2) * 8;
  harness.call(narrow, {floats, halves, 4 * count});
  for (int64_t i = 0; i < count; ++i) {
    float x = floats.floats()[i];
    uint32_t bits = floats.ints()[i], wanted = test::toBf16(x);
    if (std::isnan(x))
      wanted = bits >> 16 | 0x40;
    else if (withoutSubnormal(x) == 0)
      wanted = bits >> 16 & 0x8000;
    ASSERT_EQ(reinterpret_cast<uint16_t *>(halves.data())[i], wanted) << std::hex << bits;
  }
}

} // namespace
