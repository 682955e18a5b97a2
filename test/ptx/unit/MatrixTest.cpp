// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fragments of mma.sync, ldmatrix and stmatrix against the formulas of the PTX ISA, which are written here once more,
// by element: "row = groupID for a0..a3, groupID + 8 ...".
#include "test/ptx/machine/Float.h"
#include "test/ptx/unit/TestKernel.h"

#include <random>

using namespace lmopt::ptx;

namespace {
/// Where element `index` of a thread's fragment lies: row and column, as the ISA's section on each shape has it.
struct Element {
  unsigned row, column;
};
Element bytesOfA(unsigned lane, unsigned i) { // m16n8k32, .s8: a0 .. a15
  unsigned group = lane >> 2, thread = lane % 4;
  unsigned row = i < 4 || (i >= 8 && i < 12) ? group : group + 8;
  return {row, thread * 4 + (i & 3) + (i >= 8 ? 16 : 0)};
}
Element bytesOfB(unsigned lane, unsigned i) { // b0 .. b7: row is k, column is n
  return {(lane % 4) * 4 + (i & 3) + (i >= 4 ? 16 : 0), lane >> 2};
}
Element bytesOfA16(unsigned lane, unsigned i) { // m16n8k16, .s8: a0 .. a7
  return {(lane >> 2) + (i < 4 ? 0 : 8), (lane % 4) * 4 + (i & 3)};
}
Element bytesOfB16(unsigned lane, unsigned i) { return {(lane % 4) * 4 + i, lane >> 2}; }
Element halvesOfA(unsigned lane, unsigned i) { // m16n8k16, .f16/.bf16: a0 .. a7
  unsigned group = lane >> 2, thread = lane % 4;
  unsigned row = i < 2 || (i >= 4 && i < 6) ? group : group + 8;
  return {row, thread * 2 + (i & 1) + (i >= 4 ? 8 : 0)};
}
Element halvesOfB(unsigned lane, unsigned i) { return {(lane % 4) * 2 + (i & 1) + (i >= 2 ? 8 : 0), lane >> 2}; }
Element halvesOfA8(unsigned lane, unsigned i) { return {(lane >> 2) + (i < 2 ? 0 : 8), (lane % 4) * 2 + (i & 1)}; }
Element halvesOfB8(unsigned lane, unsigned i) { return {(lane % 4) * 2 + i, lane >> 2}; }
Element wordsOfA(unsigned lane, unsigned i) { // m16n8k8, .tf32: a0 .. a3
  return {(lane >> 2) + (i == 0 || i == 2 ? 0 : 8), lane % 4 + (i >= 2 ? 4 : 0)};
}
Element wordsOfB(unsigned lane, unsigned i) { return {lane % 4 + (i ? 4 : 0), lane >> 2}; }
Element wordsOfA4(unsigned lane, unsigned i) { return {(lane >> 2) + (i ? 8 : 0), lane % 4}; }
Element wordsOfB4(unsigned lane, unsigned) { return {lane % 4, lane >> 2}; }
Element elementOfC(unsigned lane, unsigned i) { return {(lane >> 2) + (i < 2 ? 0 : 8), (lane % 4) * 2 + (i & 1)}; }

struct Case {
  const char *shape, *types;
  unsigned k, elementBytes, elementsA, elementsB;
  Element (*a)(unsigned, unsigned), (*b)(unsigned, unsigned);
  bool isFloat, isSignedA, isSignedB;
};
const Case kCases[] = {
    {"m16n8k32", "s32.s8.s8.s32", 32, 1, 16, 8, bytesOfA, bytesOfB, false, true, true},
    {"m16n8k32", "s32.s8.u8.s32", 32, 1, 16, 8, bytesOfA, bytesOfB, false, true, false},
    {"m16n8k32", "s32.u8.s8.s32", 32, 1, 16, 8, bytesOfA, bytesOfB, false, false, true},
    {"m16n8k32", "s32.u8.u8.s32", 32, 1, 16, 8, bytesOfA, bytesOfB, false, false, false},
    {"m16n8k16", "s32.s8.u8.s32", 16, 1, 8, 4, bytesOfA16, bytesOfB16, false, true, false},
    {"m16n8k16", "f32.bf16.bf16.f32", 16, 2, 8, 4, halvesOfA, halvesOfB, true, true, true},
    {"m16n8k16", "f32.f16.f16.f32", 16, 2, 8, 4, halvesOfA, halvesOfB, true, true, true},
    {"m16n8k8", "f32.bf16.bf16.f32", 8, 2, 4, 2, halvesOfA8, halvesOfB8, true, true, true},
    {"m16n8k8", "f32.tf32.tf32.f32", 8, 4, 4, 2, wordsOfA, wordsOfB, true, true, true},
    {"m16n8k4", "f32.tf32.tf32.f32", 4, 4, 2, 1, wordsOfA4, wordsOfB4, true, true, true},
};

/// Small whole numbers, so that sums of floats are exact in any order.
uint32_t encode(const Case &c, int value) {
  if (!c.isFloat)
    return static_cast<uint8_t>(value);
  auto f = static_cast<float>(value);
  if (c.elementBytes == 4)
    return bitsAs<uint32_t>(f);
  return std::string(c.types).find("bf16") != std::string::npos ? floatToBfloat(f) : floatToHalf(f);
}

void place(std::vector<uint32_t> &fragments, const Case &c, unsigned lane, unsigned registers, unsigned index,
           uint32_t bits) {
  unsigned byte = index * c.elementBytes;
  fragments[lane * registers + byte / 4] |= bits << (byte % 4 * 8);
}

std::string registerList(const std::string &prefix, unsigned first, unsigned count) {
  std::string list = "{";
  for (unsigned i = 0; i < count; ++i)
    list += (i ? "," : "") + prefix + std::to_string(first + i);
  return list + "}";
}

/// Loads of `count` words of this lane into %r<first> ...
std::string loadFragment(const std::string &base, unsigned first, unsigned count) {
  std::string text =
      "mul.wide.u32 %rd10, %r0, " + std::to_string(4 * count) + "; add.u64 %rd10, " + base + ", %rd10;\n";
  for (unsigned i = 0; i < count; ++i)
    text += "ld.global.b32 %r" + std::to_string(first + i) + ", [%rd10+" + std::to_string(4 * i) + "];\n";
  return text;
}

std::string productText(const Case &c, unsigned registersA, unsigned registersB) {
  std::string body =
      loadFragment("%rd0", 8, registersA) + loadFragment("%rd1", 16, registersB) + loadFragment("%rd2", 24, 4);
  std::string sum = c.isFloat ? "%f" : "%r";
  if (c.isFloat)
    for (unsigned i = 0; i < 4; ++i)
      body += "mov.b32 %f" + std::to_string(24 + i) + ", %r" + std::to_string(24 + i) + ";\n";
  body += "mma.sync.aligned." + std::string(c.shape) + ".row.col." + c.types + " " + registerList(sum, 24, 4) + ", " +
          registerList("%r", 8, registersA) + ", " + registerList("%r", 16, registersB) + ", " +
          registerList(sum, 24, 4) + ";\n";
  body += "mul.wide.u32 %rd10, %r0, 16; add.u64 %rd10, %rd3, %rd10;\n";
  for (unsigned i = 0; i < 4; ++i)
    body += "st.global.b32 [%rd10+" + std::to_string(4 * i) + "], " + sum + std::to_string(24 + i) + ";\n";
  return kernelText(body, 4);
}
} // namespace

TEST(PtxMatrix, ProductsOfEveryShapeAndType) {
  for (const Case &c : kCases) {
    SCOPED_TRACE(std::string(c.shape) + " " + c.types);
    std::mt19937 random(7);
    auto draw = [&](bool isSigned) {
      return static_cast<int>(random() % 200) - (isSigned ? 100 : 0) + (isSigned ? 0 : 50);
    };
    int a[16][32], b[32][8], sums[16][8];
    unsigned registersA = c.elementsA * c.elementBytes / 4, registersB = c.elementsB * c.elementBytes / 4;
    for (auto &row : a)
      for (int &value : row)
        value = draw(c.isSignedA);
    for (auto &row : b)
      for (int &value : row)
        value = draw(c.isSignedB);
    std::vector<uint32_t> fragmentsA(32 * registersA), fragmentsB(32 * registersB), fragmentsC(32 * 4);
    for (unsigned lane = 0; lane < 32; ++lane) {
      for (unsigned i = 0; i < c.elementsA; ++i)
        place(fragmentsA, c, lane, registersA, i, encode(c, a[c.a(lane, i).row][c.a(lane, i).column]));
      for (unsigned i = 0; i < c.elementsB; ++i)
        place(fragmentsB, c, lane, registersB, i, encode(c, b[c.b(lane, i).row][c.b(lane, i).column]));
      for (unsigned i = 0; i < 4; ++i)
        fragmentsC[lane * 4 + i] = c.isFloat ? bitsAs<uint32_t>(float(lane)) : lane;
    }
    for (unsigned row = 0; row < 16; ++row)
      for (unsigned column = 0; column < 8; ++column) {
        sums[row][column] = 0;
        for (unsigned k = 0; k < c.k; ++k)
          sums[row][column] += a[row][k] * b[k][column];
      }
    Device device;
    Buffer<uint32_t> bufferA(device, fragmentsA), bufferB(device, fragmentsB), bufferC(device, fragmentsC),
        out(device, 128, false);
    Arguments arguments;
    arguments << bufferA << bufferB << bufferC << out;
    Counters counters = runKernel(device, productText(c, registersA, registersB), shapeOf(1, 32), arguments);
    EXPECT_EQ(counters.matrixInstructions, 1u);
    for (unsigned lane = 0; lane < 32; ++lane)
      for (unsigned i = 0; i < 4; ++i) {
        int sum = sums[elementOfC(lane, i).row][elementOfC(lane, i).column] + static_cast<int>(lane);
        uint32_t bits = c.isFloat ? bitsAs<uint32_t>(static_cast<float>(sum)) : static_cast<uint32_t>(sum);
        ASSERT_EQ(out[lane * 4 + i], bits) << "lane " << lane << " element " << i;
      }
  }
}

TEST(PtxMatrix, SumsSaturateWhereTheyAreAskedTo) {
  for (bool saturate : {false, true}) {
    std::string body = "mov.u32 %r1, 0x7f7f7f7f; mov.u32 %r2, 0x7fffffff;\nmma.sync.aligned.m16n8k16.row.col." +
                       std::string(saturate ? "satfinite." : "") +
                       "s32.s8.s8.s32 {%r4,%r5,%r6,%r7}, {%r1,%r1}, {%r1}, {%r2,%r2,%r2,%r2};\n"
                       "mul.wide.u32 %rd1, %r0, 4; add.u64 %rd1, %rd0, %rd1; st.global.u32 [%rd1], %r4;";
    Device device;
    Buffer<uint32_t> out(device, 32, false);
    Arguments arguments;
    arguments << out;
    runKernel(device, kernelText(body), shapeOf(1, 32), arguments);
    EXPECT_EQ(out[7], saturate ? 0x7fffffffu : 0x7fffffffu + 16 * 127 * 127);
  }
}

namespace {
/// Each row of each matrix holds 100 * matrix + 10 * row + column; rows lie in shared memory in reverse order.
std::vector<uint32_t> loadMatrices(unsigned count, bool transposed) {
  std::vector<uint16_t> rows(count * 64);
  for (unsigned i = 0; i < rows.size(); ++i)
    rows[i] = static_cast<uint16_t>(i / 64 * 100 + i / 8 % 8 * 10 + i % 8);
  std::string body =
      "mul.wide.u32 %rd2, %r0, 16; add.u64 %rd2, %rd0, %rd2; mov.u32 %r1, smem; mul.lo.u32 %r2, %r0, 16;\n"
      "sub.u32 %r3, 496, %r2; add.u32 %r3, %r3, %r1; setp.lt.u32 %p1, %r0, " +
      std::to_string(8 * count) +
      ";\n@%p1 ld.global.v4.u32 {%r8,%r9,%r10,%r11}, [%rd2]; @%p1 st.shared.v4.u32 [%r3], {%r8,%r9,%r10,%r11};\n";
  body += "ldmatrix.sync.aligned.m8n8.x" + std::to_string(count) + (transposed ? ".trans" : "") + ".shared.b16 " +
          registerList("%r", 20, count) + ", [%r3];\nmul.wide.u32 %rd3, %r0, " + std::to_string(4 * count) +
          "; add.u64 %rd3, %rd1, %rd3;\n";
  for (unsigned i = 0; i < count; ++i)
    body += "st.global.u32 [%rd3+" + std::to_string(4 * i) + "], %r" + std::to_string(20 + i) + ";\n";
  Device device;
  Buffer<uint16_t> in(device, rows);
  Buffer<uint32_t> out(device, 32 * count, false);
  Arguments arguments;
  arguments << in << out;
  runKernel(device, kernelText(body, 2), shapeOf(1, 32, 512), arguments);
  return out.values();
}
} // namespace

TEST(PtxMatrix, LoadsMatrices) {
  for (unsigned count : {1u, 2u, 4u})
    for (bool transposed : {false, true}) {
      std::vector<uint32_t> got = loadMatrices(count, transposed);
      for (unsigned lane = 0; lane < 32; ++lane)
        for (unsigned m = 0; m < count; ++m)
          for (unsigned half = 0; half < 2; ++half) {
            unsigned row = lane / 4, column = 2 * (lane % 4) + half;
            unsigned value = m * 100 + (transposed ? column * 10 + row : row * 10 + column);
            ASSERT_EQ(got[lane * count + m] >> (16 * half) & 0xffff, value) << count << transposed << " lane " << lane;
          }
    }
}

TEST(PtxMatrix, StoresAreTheInverseOfLoads) {
  for (const char *trans : {"", ".trans"}) {
    std::string t = trans;
    std::string body =
        "mov.u32 %r1, smem; mad.lo.u32 %r2, %r0, 16, %r1; mul.lo.u32 %r4, %r0, 3; add.u32 %r5, %r0, 0x50000;\n"
        "add.u32 %r6, %r0, 0x70000; mul.lo.u32 %r7, %r0, 0x10003;\n"
        "stmatrix.sync.aligned.m8n8.x4" +
        t +
        ".shared.b16 [%r2], {%r4,%r5,%r6,%r7};\n"
        "ldmatrix.sync.aligned.m8n8.x4" +
        t +
        ".shared.b16 {%r8,%r9,%r10,%r11}, [%r2];\n"
        "mul.wide.u32 %rd1, %r0, 16; add.u64 %rd0, %rd0, %rd1; st.global.v4.u32 [%rd0], {%r8,%r9,%r10,%r11};";
    Device device;
    Buffer<uint32_t> out(device, 128, false);
    Arguments arguments;
    arguments << out;
    runKernel(device, kernelText(body), shapeOf(1, 32, 512), arguments);
    for (uint32_t lane = 0; lane < 32; ++lane) {
      EXPECT_EQ(out[4 * lane], lane * 3) << t;
      EXPECT_EQ(out[4 * lane + 1], lane + 0x50000);
      EXPECT_EQ(out[4 * lane + 2], lane + 0x70000);
      EXPECT_EQ(out[4 * lane + 3], lane * 0x10003);
    }
  }
}

TEST(PtxFloat, AllHalvesSurviveAndNeighboursRoundToThem) {
  for (uint32_t bits = 0; bits < 0x7c00; ++bits) {
    auto half = static_cast<uint16_t>(bits);
    float value = halfToFloat(half);
    ASSERT_EQ(floatToHalf(value), half);
    ASSERT_EQ(floatToHalf(-value), half | 0x8000);
    float next = bits == 0x7bff ? 65536.0f : halfToFloat(static_cast<uint16_t>(bits + 1)), middle = (value + next) / 2;
    ASSERT_EQ(floatToHalf(middle), bits + (bits & 1)) << bits;
    ASSERT_EQ(floatToHalf(std::nextafterf(middle, 0)), half);
    ASSERT_EQ(floatToHalf(std::nextafterf(middle, INFINITY)), bits + 1);
    ASSERT_EQ(floatToHalf(std::nextafterf(next, 0), Rounding::Zero), half);
    ASSERT_EQ(floatToHalf(std::nextafterf(value, INFINITY), Rounding::Up), bits + 1);
  }
  EXPECT_EQ(floatToHalf(INFINITY), 0x7c00);
  EXPECT_EQ(doubleToHalf(1 + 0x1p-11 + 0x1p-40), 0x3c01); // in two roundings it would be a tie
  EXPECT_EQ(fusedForNarrowing(1, 1, 0x1p-30f), std::nextafterf(1.0f, 2));
  EXPECT_EQ(fusedForNarrowing(1, 1, -0x1p-30f), std::nextafterf(1.0f, 0));
  EXPECT_EQ(roundToTf32(1 + 0x1p-11f), bitsAs<uint32_t>(1 + 0x1p-10f));
}
