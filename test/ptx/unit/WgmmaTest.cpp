// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// wgmma: layouts of shared memory by descriptor, A from registers, and its rules: fences, groups, accumulators under
// way.
//
// The layouts are written here by their definition (an atom of 8 rows, 16-byte chunk c of row r at c xor f(r)), and the
// interpreter's are found in it. One product of 64 x 16 over 32 bytes of k, the second 32 bytes of a 128-byte row if
// the swizzle has one.
#include "test/ptx/machine/Float.h"
#include "test/ptx/unit/TestKernel.h"

#include <random>

using namespace lmopt::ptx;

namespace {
constexpr unsigned kColumns = 16;

struct Layout {
  unsigned code, width; // of the descriptor; bytes of a row
};
constexpr Layout kLayouts[] = {{0, 16}, {1, 128}, {2, 64}, {3, 32}};

/// Where byte `k` of `row` lies. Rows are of 2 * `width` bytes without swizzle, else of `width`.
unsigned offsetOf(const Layout &layout, unsigned row, unsigned k) {
  if (layout.code == 0) // chunks of 8 rows x 16 bytes: [row / 8][k / 16]
    return row / 8 * 256 + k / 16 * 128 + row % 8 * 16 + k % 16;
  unsigned rowsPerLine = 128 / layout.width, chunk = k / 16 ^ (row % 8 / rowsPerLine);
  return row / 8 * 8 * layout.width + row % 8 * layout.width + chunk * 16 + k % 16;
}

uint64_t descriptorBits(const Layout &layout) {
  uint64_t leading = 128 >> 4, stride = (layout.code ? 8 * layout.width : 256) >> 4;
  return leading << 16 | stride << 32 | uint64_t(layout.code) << 62;
}

struct Data {
  std::vector<uint8_t> a, b; // [row][32]
  std::vector<uint32_t> imageA, imageB, fragmentsA, sums;
};

std::vector<uint32_t> image(const std::vector<uint8_t> &rows, const Layout &layout, unsigned firstByte) {
  std::vector<uint8_t> bytes(8192);
  for (unsigned i = 0; i < rows.size(); ++i)
    bytes[offsetOf(layout, i / 32, firstByte + i % 32)] = rows[i];
  std::vector<uint32_t> words(bytes.size() / 4);
  std::memcpy(words.data(), bytes.data(), bytes.size());
  return words;
}

/// Second 32 bytes of a row, if rows have them.
unsigned firstByte(const Layout &layout) { return layout.width >= 64 ? 32 : 0; }

Data makeData(const Layout &layout, bool isFloat) {
  std::mt19937 random(layout.code);
  Data data;
  data.a.resize(64 * 32);
  data.b.resize(kColumns * 32);
  auto fill = [&](std::vector<uint8_t> &bytes) {
    for (size_t i = 0; i < bytes.size(); i += 2) {
      uint16_t bits = isFloat ? floatToBfloat(static_cast<float>(random() % 21) - 10) : static_cast<uint16_t>(random());
      std::memcpy(&bytes[i], &bits, 2);
    }
  };
  fill(data.a);
  fill(data.b);
  data.imageA = image(data.a, layout, firstByte(layout));
  data.imageB = image(data.b, layout, firstByte(layout));
  for (unsigned thread = 0; thread < 128; ++thread)
    for (unsigned q = 0; q < 4; ++q) {
      unsigned lane = thread % 32, row = 16 * (thread / 32) + lane / 4 + 8 * (q & 1), k = 16 * (q / 2) + 4 * (lane % 4);
      uint32_t word;
      std::memcpy(&word, &data.a[row * 32 + k], 4);
      data.fragmentsA.push_back(word);
    }
  return data;
}

/// s8 x u8, or bf16: row of A times row of B.
uint32_t expectedAt(const Data &data, bool isFloat, unsigned row, unsigned column) {
  int sum = 0;
  float real = 0;
  for (unsigned k = 0; k < 32; ++k)
    sum += static_cast<int8_t>(data.a[row * 32 + k]) * data.b[column * 32 + k];
  for (unsigned k = 0; k < 32; k += 2)
    real += bfloatToFloat(static_cast<uint16_t>(data.a[row * 32 + k] | data.a[row * 32 + k + 1] << 8)) *
            bfloatToFloat(static_cast<uint16_t>(data.b[column * 32 + k] | data.b[column * 32 + k + 1] << 8));
  return isFloat ? bitsAs<uint32_t>(real) : static_cast<uint32_t>(sum);
}

std::string list(const std::string &prefix, unsigned first, unsigned count) {
  std::string text = "{";
  for (unsigned i = 0; i < count; ++i)
    text += (i ? "," : "") + prefix + std::to_string(first + i);
  return text + "}";
}

/// 128 threads copy the images of A and B to shared memory (B at 8192), multiply twice and store 8 words each: the
/// second product adds to the first.
std::string productText(const Layout &layout, bool isFloat, bool inRegisters) {
  std::string sums = list(isFloat ? "%f" : "%r", 16, 8),
              type = isFloat ? "m64n16k16.f32.bf16.bf16" : "m64n16k32.s32.s8.u8";
  std::string a = inRegisters ? list("%r", 8, 4) : "%rd10", scales = !isFloat      ? ""
                                                                     : inRegisters ? ", 1, 1, 0"
                                                                                   : ", 1, 1, 0, 0";
  std::string product = "wgmma.mma_async.sync.aligned." + type + " " + sums + ", " + a + ", %rd11, ";
  std::string body = R"(
mov.u32 %r1, smem; mov.u32 %r2, %r0;
COPY: mul.wide.u32 %rd4, %r2, 4; add.u64 %rd5, %rd0, %rd4; ld.global.u32 %r3, [%rd5]; mad.lo.u32 %r4, %r2, 4, %r1; st.shared.u32 [%r4], %r3;
add.u64 %rd5, %rd1, %rd4; ld.global.u32 %r3, [%rd5]; st.shared.u32 [%r4+8192], %r3;
add.u32 %r2, %r2, 128; setp.lt.u32 %p1, %r2, 2048; @%p1 bra COPY;
mul.wide.u32 %rd4, %r0, 16; add.u64 %rd4, %rd2, %rd4; ld.global.v4.u32 {%r8,%r9,%r10,%r11}, [%rd4];
fence.proxy.async;
bar.sync 0;
)";
  body += "shr.u32 %r5, %r1, 4; cvt.u64.u32 %rd9, %r5; add.u64 %rd10, %rd9, " +
          std::to_string(static_cast<int64_t>(descriptorBits(layout) + firstByte(layout) / 16)) +
          ";\nadd.u64 %rd11, %rd10, 512;\n";
  body += "setp.ne.u32 %p2, %r0, %r0; setp.eq.u32 %p3, %r0, %r0;\nwgmma.fence.sync.aligned;\n" + product + "%p2" +
          scales + ";\n" + product + "%p3" + scales +
          ";\nwgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;\n";
  body += "mul.wide.u32 %rd4, %r0, 32; add.u64 %rd4, %rd3, %rd4;\n";
  for (unsigned i = 0; i < 8; ++i)
    body += "st.global.b32 [%rd4+" + std::to_string(4 * i) + "], " + (isFloat ? "%f" : "%r") + std::to_string(16 + i) +
            ";\n";
  return kernelText(body, 4);
}

struct Outcome {
  std::string error;
  std::vector<uint32_t> out;
};

Outcome run(Data &data, const std::string &text, const DeviceOptions &options) {
  Device device(options);
  Buffer<uint32_t> a(device, data.imageA), b(device, data.imageB), fragments(device, data.fragmentsA),
      out(device, 128 * 8, false);
  Arguments arguments;
  arguments << a << b << fragments << out;
  std::string error = launchError(device, text, shapeOf(1, 128, 16384), arguments);
  return {error, out.values()};
}

std::string replaced(std::string body, const std::string &from, const std::string &to) {
  size_t at = body.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return body.replace(at, from.size(), to);
}
} // namespace

TEST(PtxWgmma, EveryLayoutPlainAndStrict) {
  for (const Layout &layout : kLayouts)
    for (bool isFloat : {false, true})
      for (bool inRegisters : {false, true})
        for (const DeviceOptions &options : {DeviceOptions{}, strict(1), strict(2)}) {
          SCOPED_TRACE(testing::Message()
                       << "swizzle " << layout.code << " float " << isFloat << " registers " << inRegisters);
          Data data = makeData(layout, isFloat);
          Outcome outcome = run(data, productText(layout, isFloat, inRegisters), options);
          ASSERT_EQ(outcome.error, "");
          for (unsigned thread = 0; thread < 128; ++thread)
            for (unsigned i = 0; i < 8; ++i) {
              unsigned lane = thread % 32, row = 16 * (thread / 32) + lane / 4 + 8 * (i % 4 / 2);
              uint32_t once = expectedAt(data, isFloat, row, 8 * (i / 4) + 2 * (lane % 4) + i % 2);
              uint32_t twice = isFloat ? bitsAs<uint32_t>(2 * bitsAs<float>(once)) : 2 * once;
              ASSERT_EQ(outcome.out[thread * 8 + i], twice) << thread << " " << i;
            }
        }
}

TEST(PtxWgmma, ItsRulesAreChecked) {
  Layout layout = kLayouts[1];
  Data data = makeData(layout, false);
  std::string text = productText(layout, false, true);
  struct Fault {
    const char *from, *to, *message;
  };
  for (const Fault &fault : {
           Fault{"fence.proxy.async;", "", "without fence.proxy.async"},
           Fault{"wgmma.fence.sync.aligned;", "", "no wgmma.fence before the first"},
           Fault{"wgmma.fence.sync.aligned;", "wgmma.fence.sync.aligned; add.u32 %r8, %r8, 1;",
                 "written after the last wgmma.fence"},
           Fault{"wgmma.wait_group.sync.aligned 0;", "", "has no value"},
           Fault{"wgmma.wait_group.sync.aligned 0;", "wgmma.wait_group.sync.aligned 1;", "has no value"},
           Fault{"wgmma.commit_group.sync.aligned;", "", "has no value"},
           Fault{"wgmma.commit_group.sync.aligned;", "wgmma.commit_group.sync.aligned; add.u32 %r9, %r9, 1;",
                 "a register of A was written while"},
           Fault{"setp.ne.u32 %p2, %r0, %r0;", "setp.eq.u32 %p2, %r0, %r0;", "accumulator %r16 has no value"},
           Fault{"setp.ne.u32 %p2, %r0, %r0;", "and.b32 %r7, %r0, 31; setp.ne.u32 %p2, %r7, 0;", "lanes disagree"},
           Fault{"bar.sync 0;", "", ""},
           Fault{"add.u64 %rd11, %rd10, 512;", "add.u64 %rd11, %rd10, 1024;", "outside of the block"},
           Fault{"add.u64 %rd11, %rd10, 512;", "add.u64 %rd11, %rd10, 562949953421824;", "base offsets"},
       })
    for (const DeviceOptions &options : {DeviceOptions{}, strict(1)}) {
      Outcome outcome = run(data, replaced(text, fault.from, fault.to), options);
      EXPECT_NE(outcome.error, "") << fault.from;
      EXPECT_NE(outcome.error.find(fault.message), std::string::npos) << fault.from << ": " << outcome.error;
    }
}

TEST(PtxWgmma, WrongOperandsChangeTheNumbers) {
  Layout layout = kLayouts[1];
  Data data = makeData(layout, false);
  std::string text = productText(layout, false, false);
  std::vector<uint32_t> right = run(data, text, {}).out;
  Outcome sign = run(data, replaced(replaced(text, "s32.s8.u8", "s32.s8.s8"), "s32.s8.u8", "s32.s8.s8"), {});
  EXPECT_EQ(sign.error, "");
  EXPECT_NE(sign.out, right);
  // A descriptor that says another swizzle than the data have.
  std::string bits = std::to_string(static_cast<int64_t>(descriptorBits(layout) + 2));
  std::string other =
      std::to_string(static_cast<int64_t>((descriptorBits(layout) & ~(uint64_t(3) << 62)) + 2 + (uint64_t(2) << 62)));
  Outcome swizzle = run(data, replaced(text, bits, other), {});
  EXPECT_EQ(swizzle.error, "");
  EXPECT_NE(swizzle.out, right);
}

TEST(PtxWgmma, StrictModeReadsWhenItIsWaitedFor) {
  // A is overwritten between issue and wait: with the rules off, only strict mode shows other numbers.
  Layout layout = kLayouts[1];
  Data data = makeData(layout, false);
  std::string text = productText(layout, false, false);
  std::string overwritten =
      replaced(text, "wgmma.wait_group.sync.aligned 0;",
               "mad.lo.u32 %r6, %r0, 4, %r1; st.shared.u32 [%r6+32], 0; bar.sync 0;\nwgmma.wait_group.sync.aligned 0;");
  DeviceOptions plain, late = strict(1);
  plain.checks.races = late.checks.races = false;
  std::vector<uint32_t> right = run(data, text, {}).out;
  EXPECT_EQ(run(data, overwritten, plain).out, right);
  EXPECT_NE(run(data, overwritten, late).out, right);
  expectContains(run(data, overwritten, strict(1)).error, "without fence.proxy.async");
}
