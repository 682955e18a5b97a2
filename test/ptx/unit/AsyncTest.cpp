// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// cp.async, bulk copies and mbarriers: what arrives when, plain and strict, and what is an error.
#include "test/ptx/unit/TestKernel.h"

#include <numeric>

using namespace lmopt::ptx;

namespace {
std::vector<DeviceOptions> allModes() { return {DeviceOptions{}, strict(1), strict(2), strict(3)}; }

struct Outcome {
  std::string error;
  std::vector<uint32_t> out;
};

/// 1024 words 0, 1, 2 ... in, 1024 out.
Outcome run(const std::string &body, const LaunchShape &shape, const DeviceOptions &options = {}) {
  Device device(options);
  std::vector<uint32_t> values(1024);
  std::iota(values.begin(), values.end(), 0u);
  Buffer<uint32_t> in(device, values), out(device, 1024, false);
  Arguments arguments;
  arguments << in << out;
  std::string error = launchError(device, kernelText(body, 2), shape, arguments);
  return {error, out.values()};
}

std::string replaced(std::string body, const std::string &from, const std::string &to) {
  size_t at = body.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return body.replace(at, from.size(), to);
}

/// Two stages of 512 bytes each; the second is waited for after the first was used.
constexpr const char *kTwoStages = R"(
mov.u32 %r1, smem; mad.lo.u32 %r2, %r0, 16, %r1; mul.wide.u32 %rd2, %r0, 16; add.u64 %rd3, %rd0, %rd2; add.u64 %rd4, %rd1, %rd2;
cp.async.cg.shared.global [%r2], [%rd3], 16;
cp.async.commit_group;
cp.async.ca.shared.global [%r2+512], [%rd3+512], 16;
cp.async.commit_group;
cp.async.wait_group 1;
ld.shared.v4.u32 {%r4,%r5,%r6,%r7}, [%r2]; st.global.v4.u32 [%rd4], {%r4,%r5,%r6,%r7};
cp.async.wait_group 0;
ld.shared.v4.u32 {%r4,%r5,%r6,%r7}, [%r2+512]; st.global.v4.u32 [%rd4+512], {%r4,%r5,%r6,%r7};)";
} // namespace

TEST(PtxAsync, CopiesArriveWhenTheirGroupIsWaitedFor) {
  for (const DeviceOptions &options : allModes()) {
    Outcome good = run(kTwoStages, shapeOf(1, 32, 1024), options);
    EXPECT_EQ(good.error, "");
    for (uint32_t i = 0; i < 256; ++i)
      ASSERT_EQ(good.out[i], i);
    Outcome early = run(replaced(kTwoStages, "wait_group 1", "wait_group 2"), shapeOf(1, 32, 1024), options);
    expectContains(early.error, "while an asynchronous copy to it is under way");
    expectContains(run(replaced(kTwoStages, "wait_group 0", "wait_group 1"), shapeOf(1, 32, 1024), options).error,
                   "under way");
    EXPECT_EQ(run(replaced(kTwoStages, "wait_group 0", "wait_all"), shapeOf(1, 32, 1024), options).error, "");
  }
}

TEST(PtxAsync, OtherWarpsNeedTheWaitAndTheBarrier) {
  std::string body = R"(
mov.u32 %r1, smem; mad.lo.u32 %r2, %r0, 4, %r1; xor.b32 %r3, %r0, 32; mad.lo.u32 %r3, %r3, 4, %r1;
mul.wide.u32 %rd2, %r0, 4; add.u64 %rd3, %rd0, %rd2; add.u64 %rd4, %rd1, %rd2;
cp.async.ca.shared.global [%r2], [%rd3], 4;
cp.async.wait_all;
bar.sync 0;
ld.shared.u32 %r4, [%r3]; st.global.u32 [%rd4], %r4;)";
  for (const DeviceOptions &options : allModes()) {
    Outcome good = run(body, shapeOf(1, 64, 256), options);
    EXPECT_EQ(good.error, "");
    for (uint32_t i = 0; i < 64; ++i)
      ASSERT_EQ(good.out[i], i ^ 32);
    EXPECT_NE(run(replaced(body, "bar.sync 0;", ""), shapeOf(1, 64, 256), options).error, "");
    expectContains(run(replaced(body, "cp.async.wait_all;", ""), shapeOf(1, 64, 256), options).error, "under way");
  }
}

TEST(PtxAsync, ShortCopiesFillWithZeros) {
  for (const DeviceOptions &options : allModes()) {
    Outcome partial = run(R"(
mov.u32 %r1, smem; mad.lo.u32 %r2, %r0, 16, %r1; mul.wide.u32 %rd2, %r0, 16; add.u64 %rd3, %rd0, %rd2; add.u64 %rd4, %rd1, %rd2;
mul.lo.u32 %r3, %r0, 4;
cp.async.cg.shared.global.L2::128B [%r2], [%rd3], 16, %r3; cp.async.wait_all;
ld.shared.v4.u32 {%r4,%r5,%r6,%r7}, [%r2]; st.global.v4.u32 [%rd4], {%r4,%r5,%r6,%r7};)",
                          shapeOf(1, 4, 64), options);
    EXPECT_EQ(partial.error, "");
    for (uint32_t i = 0; i < 16; ++i)
      EXPECT_EQ(partial.out[i], i % 4 < i / 4 ? i : 0u);
  }
}

TEST(PtxAsync, ChecksBothSidesOfACopy) {
  std::string copy = "mov.u32 %r1, smem; cp.async.cg.shared.global [%r1], [%rd0], 16; cp.async.wait_all;";
  EXPECT_EQ(run(copy, shapeOf(1, 1, 64)).error, "");
  expectContains(run(replaced(copy, "[%rd0]", "[%rd0+4096]"), shapeOf(1, 1, 64)).error, "outside of every allocation");
  expectContains(run(replaced(copy, "[%rd0]", "[%rd1]"), shapeOf(1, 1, 64)).error, "nobody has written");
  expectContains(run(replaced(copy, "[%rd0]", "[%rd0+8]"), shapeOf(1, 1, 64)).error, "multiple of 16");
  expectContains(run(replaced(copy, "[%r1]", "[%r1+64]"), shapeOf(1, 1, 64)).error, "outside of the block's 64 bytes");
  expectContains(run(replaced(copy, "16;", "16, 17;"), shapeOf(1, 1, 64)).error, "copies more bytes");
  expectContains(run(replaced(copy, " cp.async.wait_all;", ""), shapeOf(1, 1, 64)).error,
                 "a warp ends while a cp.async");
}

namespace {
/// A producer warp fills one of two stages of 128 bytes, a consumer warp adds up 8 of them. Words 64, 65 hold mbarriers
/// "full", 66, 67 "empty" (8 bytes each, at smem + 256 + 8 stage, and + 16).
constexpr const char *kPipeline = R"(
mov.u32 %r1, smem; setp.ne.u32 %p1, %r0, 0; @%p1 bra READY;
mbarrier.init.shared::cta.b64 [%r1+256], 1; mbarrier.init.shared::cta.b64 [%r1+264], 1;
mbarrier.init.shared::cta.b64 [%r1+272], 32; mbarrier.init.shared::cta.b64 [%r1+280], 32;
fence.mbarrier_init.release.cluster;
READY:
bar.sync 0;
setp.lt.u32 %p2, %r0, 32; @%p2 bra PRODUCER;
mov.u32 %r10, 0; mov.u32 %r11, 0;
CONSUME:
and.b32 %r12, %r10, 1; shr.u32 %r13, %r10, 1; and.b32 %r13, %r13, 1; mad.lo.u32 %r14, %r12, 8, %r1; mad.lo.u32 %r15, %r12, 128, %r1;
FULL: mbarrier.try_wait.parity.shared::cta.b64 %p3, [%r14+256], %r13; @!%p3 bra FULL;
sub.u32 %r16, %r0, 32; mad.lo.u32 %r16, %r16, 4, %r15; ld.shared.u32 %r17, [%r16]; add.u32 %r11, %r11, %r17;
mbarrier.arrive.shared::cta.b64 _, [%r14+272];
add.u32 %r10, %r10, 1; setp.lt.u32 %p4, %r10, 8; @%p4 bra CONSUME;
sub.u32 %r16, %r0, 32; mul.wide.u32 %rd2, %r16, 4; add.u64 %rd2, %rd1, %rd2; st.global.u32 [%rd2], %r11;
bra DONE;
PRODUCER:
setp.ne.u32 %p5, %r0, 0; @%p5 bra DONE;
mov.u32 %r20, 0;
PRODUCE:
and.b32 %r22, %r20, 1; shr.u32 %r23, %r20, 1; and.b32 %r23, %r23, 1; xor.b32 %r23, %r23, 1; mad.lo.u32 %r24, %r22, 8, %r1;
EMPTY: mbarrier.try_wait.parity.shared::cta.b64 %p6, [%r24+272], %r23; @!%p6 bra EMPTY;
mad.lo.u32 %r25, %r22, 128, %r1; mul.wide.u32 %rd3, %r20, 128; add.u64 %rd3, %rd0, %rd3; add.u32 %r26, %r24, 256;
mbarrier.arrive.expect_tx.shared::cta.b64 %rd4, [%r24+256], 128;
cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r25], [%rd3], 128, [%r26];
add.u32 %r20, %r20, 1; setp.lt.u32 %p7, %r20, 8; @%p7 bra PRODUCE;
DONE:)";
} // namespace

TEST(PtxAsync, BulkCopiesAndMbarriersMakeAPipeline) {
  for (const DeviceOptions &options : allModes()) {
    Outcome good = run(kPipeline, shapeOf(1, 64, 288), options);
    EXPECT_EQ(good.error, "");
    for (uint32_t i = 0; i < 32; ++i)
      ASSERT_EQ(good.out[i], 8 * i + 32 * 28);
  }
}

TEST(PtxAsync, FaultsOfAPipelineAreFound) {
  struct Fault {
    const char *from, *to, *message;
  };
  for (const Fault &fault : {
           Fault{"FULL: mbarrier.try_wait.parity.shared::cta.b64 %p3, [%r14+256], %r13; @!%p3 bra FULL;", "", ""},
           Fault{"EMPTY: mbarrier.try_wait.parity.shared::cta.b64 %p6, [%r24+272], %r23; @!%p6 bra EMPTY;", "", ""},
           Fault{"mbarrier.arrive.shared::cta.b64 _, [%r14+272];", "", "deadlock in k"},
           Fault{"expect_tx.shared::cta.b64 %rd4, [%r24+256], 128;", "expect_tx.shared::cta.b64 %rd4, [%r24+256], 144;",
                 "deadlock in k"},
           Fault{"xor.b32 %r23, %r23, 1;", "", "deadlock in k"},
           Fault{"bar.sync 0;", "", ""},
           Fault{"[%rd3], 128, [%r26]", "[%rd3], 120, [%r26]", "multiples of 16"},
           Fault{"add.u32 %r26, %r24, 256;", "add.u32 %r26, %r24, 384;", "no mbarrier was initialized"},
           Fault{"[%r1+272], 32;", "[%r1+272], 64;", "deadlock in k"},
           Fault{"b64 _, [%r14+272];", "b64 _, [%r14+272], 33;", "more arrivals"},
           Fault{"[%r1+256], 1; mbarrier", "[%r1+257], 1; mbarrier", "multiple of 8"},
       })
    for (const DeviceOptions &options : allModes()) {
      Outcome bad = run(replaced(kPipeline, fault.from, fault.to), shapeOf(1, 64, 288), options);
      EXPECT_NE(bad.error, "") << fault.from << " with seed " << options.strictSeed.value_or(0);
      expectContains(bad.error, fault.message);
    }
}

TEST(PtxAsync, AStateIsWaitedForLikeAParity) {
  Outcome good = run(R"(
mov.u32 %r1, smem; setp.eq.u32 %p1, %r0, 0; @%p1 mbarrier.init.shared.b64 [%r1], 64; bar.sync 0;
mad.lo.u32 %r2, %r0, 4, %r1; st.shared.u32 [%r2+16], %r0;
mbarrier.arrive.shared.b64 %rd2, [%r1];
L: mbarrier.test_wait.shared.b64 %p2, [%r1], %rd2; @!%p2 bra L;
xor.b32 %r3, %r0, 32; mad.lo.u32 %r3, %r3, 4, %r1; ld.shared.u32 %r4, [%r3+16];
mul.wide.u32 %rd3, %r0, 4; add.u64 %rd3, %rd1, %rd3; st.global.u32 [%rd3], %r4;)",
                     shapeOf(1, 64, 512));
  EXPECT_EQ(good.error, "");
  EXPECT_EQ(good.out[5], 37u);
}
