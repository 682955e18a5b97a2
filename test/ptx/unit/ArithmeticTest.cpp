// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic, bits, comparisons and conversions: one instruction, operands whose results are known from the ISA's
// formulas.
#include "test/ptx/unit/TestKernel.h"

#include <cmath>

using namespace lmopt::ptx;

namespace {
/// Runs `body` on one thread with 64-bit inputs in %rd1 ... and gives what it leaves in %rd10.
uint64_t evaluate(const std::string &body, std::vector<uint64_t> inputs) {
  Device device;
  Buffer<uint64_t> in(device, inputs), out(device, 1, false);
  std::string loads;
  for (size_t i = 0; i < inputs.size(); ++i)
    loads += "ld.global.u64 %rd" + std::to_string(i + 2) + ", [%rd0+" + std::to_string(8 * i) + "];\n";
  Arguments arguments;
  arguments << in << out;
  runKernel(device, kernelText(loads + body + "\nst.global.u64 [%rd1], %rd10;", 2), shapeOf(1, 1), arguments);
  return out[0];
}

/// An instruction of 32-bit operands: "add.s32" -> add.s32 %r10, %r1, %r2 ...
uint32_t evaluate32(const std::string &instruction, std::vector<uint32_t> inputs, const std::string &more = "") {
  std::string body, list = "%r10";
  std::vector<uint64_t> wide(inputs.begin(), inputs.end());
  for (size_t i = 0; i < inputs.size(); ++i) {
    body += "cvt.u32.u64 %r" + std::to_string(i + 1) + ", %rd" + std::to_string(i + 2) + ";\n";
    list += ", %r" + std::to_string(i + 1);
  }
  body += instruction + " " + list + more + ";\ncvt.u64.u32 %rd10, %r10;";
  return static_cast<uint32_t>(evaluate(body, wide));
}

uint64_t evaluate64(const std::string &instruction, std::vector<uint64_t> inputs) {
  std::string list = "%rd10";
  for (size_t i = 0; i < inputs.size(); ++i)
    list += ", %rd" + std::to_string(i + 2);
  return evaluate(instruction + " " + list + ";", inputs);
}

uint32_t bitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return bits;
}

uint32_t evaluateFloat(const std::string &instruction, std::vector<uint32_t> inputs) {
  std::string body, list = "%f10";
  std::vector<uint64_t> wide(inputs.begin(), inputs.end());
  for (size_t i = 0; i < inputs.size(); ++i) {
    body += "cvt.u32.u64 %r1, %rd" + std::to_string(i + 2) + ";\nmov.b32 %f" + std::to_string(i + 1) + ", %r1;\n";
    list += ", %f" + std::to_string(i + 1);
  }
  body += instruction + " " + list + ";\nmov.b32 %r10, %f10;\ncvt.u64.u32 %rd10, %r10;";
  return static_cast<uint32_t>(evaluate(body, wide));
}

/// From and to registers of 16 bits: "cvt.s16.s8" and the like; the whole register of the result is looked at.
uint32_t evaluate16(const std::string &instruction, std::vector<uint32_t> inputs) {
  std::string body, list = "%h10";
  std::vector<uint64_t> wide(inputs.begin(), inputs.end());
  for (size_t i = 0; i < inputs.size(); ++i) {
    body += "cvt.u16.u64 %h" + std::to_string(i + 1) + ", %rd" + std::to_string(i + 2) + ";\n";
    list += ", %h" + std::to_string(i + 1);
  }
  return static_cast<uint32_t>(evaluate(body + instruction + " " + list + ";\ncvt.u64.u16 %rd10, %h10;", wide));
}

bool compareBits(const std::string &comparison, uint64_t a, uint64_t b) {
  return evaluate(comparison + " %p1, %rd2, %rd3;\nselp.b64 %rd10, 1, 0, %p1;", {a, b});
}
bool compareFloats(const std::string &comparison, float a, float b) {
  return evaluate("cvt.u32.u64 %r1, %rd2;\nmov.b32 %f1, %r1;\ncvt.u32.u64 %r2, %rd3;\nmov.b32 %f2, %r2;\nsetp." +
                      comparison + ".f32 %p1, %f1, %f2;\nselp.b64 %rd10, 1, 0, %p1;",
                  {bitsOf(a), bitsOf(b)});
}
constexpr uint64_t kMin64 = uint64_t(1) << 63;
} // namespace

TEST(PtxArithmetic, IntegersWrap) {
  EXPECT_EQ(evaluate32("add.s32", {0x7fffffff, 1}), 0x80000000u);
  EXPECT_EQ(evaluate32("sub.u32", {0, 1}), 0xffffffffu);
  EXPECT_EQ(evaluate32("mul.lo.s32", {0x10001, 0x10001}), 0x20001u);
  EXPECT_EQ(evaluate16("mul.lo.u16", {0xffff, 0xffff}), 1u);
  EXPECT_EQ(evaluate16("add.s16", {0x7fff, 1}), 0x8000u);
  EXPECT_EQ(evaluate64("add.s64", {~uint64_t(0), 1}), 0u);
  EXPECT_EQ(evaluate32("add.sat.s32", {0x7fffffff, 1}), 0x7fffffffu);
  EXPECT_EQ(evaluate32("sub.sat.s32", {0x80000000, 1}), 0x80000000u);
}

TEST(PtxArithmetic, ProductsKeepTheRightHalf) {
  EXPECT_EQ(evaluate32("mul.hi.u32", {0xffffffff, 0xffffffff}), 0xfffffffeu);
  EXPECT_EQ(evaluate32("mul.hi.s32", {0xffffffff, 0xffffffff}), 0u);
  EXPECT_EQ(evaluate16("mul.hi.u16", {0xffff, 0xffff}), 0xfffeu);
  EXPECT_EQ(evaluate16("mul.hi.s16", {0xffff, 2}), 0xffffu);
  EXPECT_EQ(evaluate64("mul.hi.s64", {~uint64_t(0), 2}), ~uint64_t(0));
  EXPECT_EQ(evaluate64("mul.hi.u64", {~uint64_t(0), 2}), 1u);
  EXPECT_EQ(evaluate("cvt.u32.u64 %r1, %rd2;\nmul.wide.s32 %rd10, %r1, %r1;", {0xffffffff}), 1u);
  EXPECT_EQ(evaluate("cvt.u32.u64 %r1, %rd2;\nmul.wide.u32 %rd10, %r1, %r1;", {0xffffffff}), 0xfffffffe00000001u);
  EXPECT_EQ(evaluate("cvt.u32.u64 %r1, %rd2;\nmad.wide.s32 %rd10, %r1, 3, %rd3;", {0xffffffff, 1}), ~uint64_t(0) - 1);
  EXPECT_EQ(evaluate32("mad.lo.s32", {5, 6, 7}), 37u);
  EXPECT_EQ(evaluate32("mad.hi.u32", {0x80000000, 4, 7}), 9u);
}

TEST(PtxArithmetic, DivisionRoundsToZero) {
  EXPECT_EQ(evaluate32("div.s32", {static_cast<uint32_t>(-7), 2}), static_cast<uint32_t>(-3));
  EXPECT_EQ(evaluate32("rem.s32", {static_cast<uint32_t>(-7), 2}), static_cast<uint32_t>(-1));
  EXPECT_EQ(evaluate32("div.u32", {0xfffffff9, 2}), 0x7ffffffcu);
  EXPECT_EQ(evaluate32("div.s32", {0x80000000, 0xffffffff}), 0x80000000u);
  EXPECT_EQ(evaluate32("rem.s32", {0x80000000, 0xffffffff}), 0u);
  EXPECT_EQ(evaluate32("div.u32", {5, 0}), 0xffffffffu);
  EXPECT_EQ(evaluate64("rem.u64", {5, 0}), 5u);
}

TEST(PtxArithmetic, MinMaxAbsNegSad) {
  EXPECT_EQ(evaluate32("min.s32", {0xffffffff, 1}), 0xffffffffu);
  EXPECT_EQ(evaluate32("min.u32", {0xffffffff, 1}), 1u);
  EXPECT_EQ(evaluate32("max.s32", {0xffffffff, 1}), 1u);
  EXPECT_EQ(evaluate32("abs.s32", {0x80000000}), 0x80000000u);
  EXPECT_EQ(evaluate32("neg.s32", {5}), static_cast<uint32_t>(-5));
  EXPECT_EQ(evaluate16("neg.s16", {0x8000}), 0x8000u);
  EXPECT_EQ(evaluate32("sad.u32", {3, 10, 100}), 107u);
  EXPECT_EQ(evaluate32("sad.s32", {static_cast<uint32_t>(-3), 10, 100}), 113u);
}

TEST(PtxArithmetic, ByteDotProducts) {
  // bytes 0xff 0x02 0x80 0x7f against 0x01 0x03 0x02 0xff
  uint32_t a = 0x7f8002ff, b = 0xff020301;
  EXPECT_EQ(static_cast<int32_t>(evaluate32("dp4a.s32.s32", {a, b, 10})), 10 - 1 + 6 - 256 - 127);
  EXPECT_EQ(static_cast<int32_t>(evaluate32("dp4a.s32.u32", {a, b, 10})), 10 - 1 + 6 - 256 + 127 * 255);
  EXPECT_EQ(static_cast<int32_t>(evaluate32("dp4a.u32.s32", {a, b, 10})), 10 + 255 + 6 + 256 - 127);
  EXPECT_EQ(static_cast<int32_t>(evaluate32("dp4a.u32.u32", {a, b, 10})), 10 + 255 + 6 + 256 + 127 * 255);
}

TEST(PtxArithmetic, FloatsRoundOnceAndHaveOneNan) {
  EXPECT_EQ(evaluateFloat("add.rn.f32", {bitsOf(1.0f), bitsOf(0x1p-24f)}), bitsOf(1.0f));
  EXPECT_EQ(evaluateFloat("fma.rn.f32", {bitsOf(0x1.000002p0f), bitsOf(0x1.000002p0f), bitsOf(-1.0f)}),
            bitsOf(std::fma(0x1.000002p0f, 0x1.000002p0f, -1.0f)));
  EXPECT_EQ(evaluateFloat("sub.f32", {0x7f800000, 0x7f800000}), 0x7fffffffu);
  EXPECT_EQ(evaluateFloat("mul.ftz.f32", {bitsOf(0x1p-126f), bitsOf(0.5f)}), 0u);
  EXPECT_EQ(evaluateFloat("mul.rn.f32", {bitsOf(0x1p-126f), bitsOf(0.5f)}), bitsOf(0x1p-127f));
  EXPECT_EQ(evaluateFloat("add.sat.f32", {bitsOf(1.0f), bitsOf(1.0f)}), bitsOf(1.0f));
  EXPECT_EQ(evaluateFloat("min.f32", {0x7fc00000, bitsOf(1.0f)}), bitsOf(1.0f));
  EXPECT_EQ(evaluateFloat("min.NaN.f32", {0x7fc00000, bitsOf(1.0f)}), 0x7fffffffu);
  EXPECT_EQ(evaluateFloat("min.f32", {0x80000000, 0}), 0x80000000u);
  EXPECT_EQ(evaluateFloat("max.f32", {0x80000000, 0}), 0u);
  EXPECT_EQ(evaluateFloat("neg.f32", {0x7fc00001}), 0xffc00001u);
  EXPECT_EQ(evaluateFloat("abs.f32", {0x80000000}), 0u);
  EXPECT_EQ(evaluateFloat("div.rn.f32", {bitsOf(1.0f), bitsOf(3.0f)}), bitsOf(1.0f / 3.0f));
}

TEST(PtxArithmetic, Functions) {
  EXPECT_EQ(evaluateFloat("sqrt.rn.f32", {bitsOf(2.0f)}), bitsOf(std::sqrt(2.0f)));
  EXPECT_EQ(evaluateFloat("sqrt.rn.f32", {bitsOf(-1.0f)}), 0x7fffffffu);
  EXPECT_EQ(evaluateFloat("rcp.rn.f32", {bitsOf(3.0f)}), bitsOf(1.0f / 3.0f));
  EXPECT_EQ(evaluateFloat("rsqrt.approx.f32", {bitsOf(4.0f)}), bitsOf(0.5f));
  EXPECT_EQ(evaluateFloat("ex2.approx.f32", {bitsOf(-3.0f)}), bitsOf(0.125f));
  EXPECT_EQ(evaluateFloat("ex2.approx.ftz.f32", {bitsOf(-127.0f)}), 0u);
  EXPECT_EQ(evaluateFloat("lg2.approx.f32", {bitsOf(8.0f)}), bitsOf(3.0f));
  EXPECT_EQ(evaluateFloat("tanh.approx.f32", {0}), 0u);
  EXPECT_EQ(evaluateFloat("cos.approx.f32", {0}), bitsOf(1.0f));
}

TEST(PtxArithmetic, SixteenBitFloats) {
  EXPECT_EQ(evaluate16("add.f16", {0x3c00, 0x3c00}), 0x4000u);                // 1 + 1
  EXPECT_EQ(evaluate16("mul.f16", {0x7bff, 0x4000}), 0x7c00u);                // 65504 * 2
  EXPECT_EQ(evaluate16("fma.rn.f16", {0x3c03, 0x3c03, 0xbc00}), 0x1e02u);     // (1 + 3e)^2 - 1 = 6e + 9e^2, e = 2^-10
  EXPECT_EQ(evaluate16("add.rn.bf16", {0x3f80, 0x3b80}), 0x3f80u);            // 1 + 2^-8: a tie, to even
  EXPECT_EQ(evaluate16("fma.rn.bf16", {0x3f83, 0x3f83, 0xbf80}), 0x3d42u);    // the same with e = 2^-7
  EXPECT_EQ(evaluate32("mul.bf16x2", {0x40003f80, 0x40404040}), 0x40c04040u); // {1, 2} * {3, 3}
  EXPECT_EQ(evaluate32("add.f16x2", {0x3c004000, 0x3c003c00}), 0x40004200u);
  EXPECT_EQ(evaluate32("neg.bf16x2", {0x3f80bf80}), 0xbf803f80u);
  EXPECT_EQ(evaluate32("max.f16x2", {0x3c00bc00, 0x00004000}), 0x3c004000u);
}

TEST(PtxBits, ShiftsClampTheirAmounts) {
  EXPECT_EQ(evaluate32("shl.b32", {1, 32}), 0u);
  EXPECT_EQ(evaluate32("shl.b32", {1, 31}), 0x80000000u);
  EXPECT_EQ(evaluate32("shr.u32", {0x80000000, 40}), 0u);
  EXPECT_EQ(evaluate32("shr.s32", {0x80000000, 40}), 0xffffffffu);
  EXPECT_EQ(evaluate("shr.s64 %rd10, %rd2, 63;", {kMin64}), ~uint64_t(0));
  EXPECT_EQ(evaluate32("shf.l.wrap.b32", {0x80000001, 0x2, 33}), 0x5u);
  EXPECT_EQ(evaluate32("shf.l.clamp.b32", {0x80000001, 0x2, 33}), 0x80000001u);
  EXPECT_EQ(evaluate32("shf.r.wrap.b32", {0x80000001, 0x3, 33}), 0xc0000000u);
  EXPECT_EQ(evaluate32("shf.r.clamp.b32", {0x80000001, 0x3, 33}), 0x3u);
}

TEST(PtxBits, Fields) {
  EXPECT_EQ(evaluate32("bfe.u32", {0x12345678, 8, 8}), 0x56u);
  EXPECT_EQ(evaluate32("bfe.s32", {0x00008000, 8, 8}), 0xffffff80u);
  EXPECT_EQ(evaluate32("bfe.s32", {0x80000000, 28, 8}), 0xfffffff8u);
  EXPECT_EQ(evaluate32("bfe.u32", {0xffffffff, 40, 8}), 0u);
  EXPECT_EQ(evaluate32("bfe.s32", {0xffffffff, 40, 8}), 0xffffffffu);
  EXPECT_EQ(evaluate32("bfe.s32", {0xffffffff, 0, 0}), 0u);
  EXPECT_EQ(evaluate32("bfi.b32", {0xab, 0x11111111, 8, 8}), 0x1111ab11u);
  EXPECT_EQ(evaluate32("bfi.b32", {0xab, 0x11111111, 8, 0}), 0x11111111u);
  EXPECT_EQ(evaluate32("bfi.b32", {0xffffffff, 0, 28, 32}), 0xf0000000u);
}

TEST(PtxBits, PermuteLookupCount) {
  EXPECT_EQ(evaluate32("prmt.b32", {0x33221100, 0x77665544, 0x7531}), 0x77553311u);
  EXPECT_EQ(evaluate32("prmt.b32", {0x00008000, 0, 0x0009}), 0x000000ffu);
  EXPECT_EQ(evaluate32("lop3.b32", {0xf0f0f0f0, 0xcccccccc, 0xaaaaaaaa}, ", 0x96"),
            0xf0f0f0f0u ^ 0xccccccccu ^ 0xaaaaaaaau);
  EXPECT_EQ(evaluate32("lop3.b32", {0xf0f0f0f0, 0xcccccccc, 0xaaaaaaaa}, ", 0x80"), 0x80808080u);
  EXPECT_EQ(evaluate32("popc.b32", {0xf0f0f0f1}), 17u);
  EXPECT_EQ(evaluate32("clz.b32", {0}), 32u);
  EXPECT_EQ(evaluate32("clz.b32", {0x00010000}), 15u);
  EXPECT_EQ(evaluate32("brev.b32", {1}), 0x80000000u);
  EXPECT_EQ(evaluate32("bfind.s32", {0xffffffff}), 0xffffffffu);
  EXPECT_EQ(evaluate32("bfind.s32", {0xfffffffe}), 0u);
  EXPECT_EQ(evaluate32("bfind.u32", {0x40000000}), 30u);
  EXPECT_EQ(evaluate16("not.b16", {0x00ff}), 0xff00u);
  EXPECT_EQ(evaluate32("cnot.b32", {0}), 1u);
}

TEST(PtxCompare, SignedUnsignedAndNan) {
  float nan = std::nanf("");
  EXPECT_TRUE(compareBits("setp.lt.s64", ~uint64_t(0), 0));
  EXPECT_FALSE(compareBits("setp.lt.u64", ~uint64_t(0), 0));
  EXPECT_TRUE(compareBits("setp.hi.u64", ~uint64_t(0), 0));
  EXPECT_TRUE(compareBits("setp.ne.b64", 1, 0));
  for (const char *ordered : {"eq", "ne", "lt", "le", "gt", "ge", "num"})
    EXPECT_FALSE(compareFloats(ordered, nan, 1)) << ordered;
  for (const char *unordered : {"equ", "neu", "ltu", "leu", "gtu", "geu", "nan"})
    EXPECT_TRUE(compareFloats(unordered, 1, nan)) << unordered;
  EXPECT_TRUE(compareFloats("eq", 0.0f, -0.0f));
  EXPECT_FALSE(compareFloats("neu", 1, 1));
  EXPECT_TRUE(compareFloats("ltu", 1, 2));
  EXPECT_FALSE(compareFloats("nan", 1, 2));
  EXPECT_TRUE(compareFloats("num", 1, 2));
}

TEST(PtxCompare, TwoResultsAndCombination) {
  std::string body =
      "setp.lt.and.u64 %p1|%p2, %rd2, %rd3, %p0;\nselp.b64 %rd10, 1, 0, %p1;\n@%p2 add.u64 %rd10, %rd10, 2;";
  auto with = [&](const char *third, uint64_t a, uint64_t b) {
    return evaluate("setp.ne.u64 %p0, %rd2, " + std::string(third) + ";\n" + body, {a, b});
  };
  EXPECT_EQ(with("9", 1, 2), 1u); // p0 true, less
  EXPECT_EQ(with("9", 3, 2), 2u); // p0 true, not less
  EXPECT_EQ(with("1", 1, 2), 0u); // p0 false: neither
  std::string inverted = "setp.ne.u64 %p0, %rd2, 3;\nsetp.lt.or.u64 %p1, %rd2, %rd3, !%p0;\nselp.b64 %rd10, 1, 0, %p1;";
  EXPECT_EQ(evaluate(inverted, {3, 2}), 1u); // not less, but p0 is false
  EXPECT_EQ(evaluate(inverted, {4, 2}), 0u);
}

TEST(PtxConvert, IntegersExtendAndSaturate) {
  EXPECT_EQ(evaluate("cvt.u32.u64 %r1, %rd2;\ncvt.s64.s32 %rd10, %r1;", {0x80000000}), 0xffffffff80000000u);
  EXPECT_EQ(evaluate("cvt.u32.u64 %r1, %rd2;\ncvt.u64.u32 %rd10, %r1;", {0x80000000}), 0x80000000u);
  EXPECT_EQ(evaluate32("cvt.s32.s8", {0x1ff}), 0xffffffffu);
  EXPECT_EQ(evaluate32("cvt.u32.u8", {0x1ff}), 0xffu);
  EXPECT_EQ(evaluate32("cvt.sat.s8.s32", {300}), 127u);
  EXPECT_EQ(evaluate32("cvt.sat.s8.s32", {static_cast<uint32_t>(-300)}), static_cast<uint32_t>(-128));
  EXPECT_EQ(evaluate32("cvt.sat.u8.s32", {static_cast<uint32_t>(-300)}), 0u);
  EXPECT_EQ(evaluate16("cvt.s16.s8", {0x80}), 0xff80u);
}

TEST(PtxConvert, FloatsToIntegersRoundAndSaturate) {
  auto convert = [](const std::string &instruction, float value) {
    return evaluate("cvt.u32.u64 %r1, %rd2;\nmov.b32 %f1, %r1;\n" + instruction +
                        " %r10, %f1;\ncvt.u64.u32 %rd10, %r10;",
                    {bitsOf(value)});
  };
  EXPECT_EQ(convert("cvt.rni.s32.f32", 2.5f), 2u);
  EXPECT_EQ(convert("cvt.rni.s32.f32", 3.5f), 4u);
  EXPECT_EQ(convert("cvt.rzi.s32.f32", -2.9f), static_cast<uint32_t>(-2));
  EXPECT_EQ(convert("cvt.rmi.s32.f32", -2.1f), static_cast<uint32_t>(-3));
  EXPECT_EQ(convert("cvt.rpi.s32.f32", 2.1f), 3u);
  EXPECT_EQ(convert("cvt.rzi.s32.f32", 3e9f), 0x7fffffffu);
  EXPECT_EQ(convert("cvt.rzi.u32.f32", -3.0f), 0u);
  EXPECT_EQ(convert("cvt.rzi.u32.f32", 3e9f), 3000000000u);
  EXPECT_EQ(convert("cvt.rzi.s32.f32", std::nanf("")), 0u);
  EXPECT_EQ(convert("cvt.rni.sat.u8.f32", 256.0f), 255u);
}

TEST(PtxConvert, FloatsToFloats) {
  auto narrow = [](const std::string &instruction, float value) {
    return evaluate("cvt.u32.u64 %r1, %rd2;\nmov.b32 %f1, %r1;\n" + instruction + " %h1, %f1;\ncvt.u64.u16 %rd10, %h1;",
                    {bitsOf(value)});
  };
  EXPECT_EQ(narrow("cvt.rn.f16.f32", 65519.0f), 0x7bffu);
  EXPECT_EQ(narrow("cvt.rn.f16.f32", 65520.0f), 0x7c00u);
  EXPECT_EQ(narrow("cvt.rz.f16.f32", 65520.0f), 0x7bffu);
  EXPECT_EQ(narrow("cvt.rn.f16.f32", 0x1p-25f), 0u);          // a tie with zero
  EXPECT_EQ(narrow("cvt.rn.f16.f32", 0x1.8p-25f), 1u);        // above it: the smallest
  EXPECT_EQ(narrow("cvt.rn.f16.f32", 0x1.ff8p-15f), 0x03ffu); // the greatest subnormal
  EXPECT_EQ(narrow("cvt.rn.f16.f32", 0x1.ffcp-15f), 0x0400u); // a tie rounds up into the normal ones
  EXPECT_EQ(narrow("cvt.rn.bf16.f32", 0x1.01p0f), 0x3f80u);
  EXPECT_EQ(narrow("cvt.rn.bf16.f32", 0x1.03p0f), 0x3f82u);
  EXPECT_EQ(narrow("cvt.rz.bf16.f32", 0x1.ffp0f), 0x3fffu);
  EXPECT_EQ(narrow("cvt.rn.bf16.f32", std::nanf("")), 0x7fffu);
  EXPECT_EQ(narrow("cvt.rn.f16.f32", -std::nanf("")), 0x7fffu);
  EXPECT_EQ(evaluate("mov.b64 %d1, %rd2;\ncvt.rn.f32.f64 %f1, %d1;\nmov.b32 %r1, %f1;\ncvt.u64.u32 %rd10, %r1;",
                     {0x3ff0000010000000}),
            0x3f800000u); // a tie, to even
  EXPECT_EQ(evaluateFloat("cvt.rni.f32.f32", {bitsOf(-0.4f)}), 0x80000000u);
  EXPECT_EQ(evaluateFloat("cvt.sat.f32.f32", {bitsOf(7.0f)}), bitsOf(1.0f));
}

TEST(PtxConvert, Packs) {
  auto pack = [](const std::string &instruction, float a, float b) {
    return evaluate("cvt.u32.u64 %r1, %rd2;\nmov.b32 %f1, %r1;\ncvt.u32.u64 %r1, %rd3;\nmov.b32 %f2, %r1;\n" +
                        instruction + " %r10, %f1, %f2;\ncvt.u64.u32 %rd10, %r10;",
                    {bitsOf(a), bitsOf(b)});
  };
  EXPECT_EQ(pack("cvt.rn.bf16x2.f32", 1.0f, -2.0f), 0x3f80c000u);
  EXPECT_EQ(pack("cvt.rn.f16x2.f32", 1.0f, -2.0f), 0x3c00c000u);
  EXPECT_EQ(pack("cvt.rn.relu.bf16x2.f32", -1.0f, 2.0f), 0x00004000u);
  EXPECT_EQ(evaluate("mov.b64 {%r1, %r2}, %rd2;\nmov.b64 %rd10, {%r2, %r1};", {0x0000000100000002}),
            0x0000000200000001u);
  EXPECT_EQ(evaluate("mov.b64 {%h1, %h2, %h3, %h4}, %rd2;\nmov.b64 %rd10, {%h4, %h3, %h2, %h1};", {0x1111222233334444}),
            0x4444333322221111u);
  EXPECT_EQ(
      evaluate("mov.b64 {%r1, _}, %rd2;\nmov.b32 {%h1, %h2}, %r1;\nmov.b32 %r2, {%h2, %h1};\ncvt.u64.u32 %rd10, %r2;",
               {0xffffffff12345678}),
      0x56781234u);
}
