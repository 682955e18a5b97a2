// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Strict mode: the same results for programs that are right, whatever the seed; and wrong ones that only it can see.
#include "test/ptx/unit/TestKernel.h"

#include <set>

using namespace lmopt::ptx;

namespace {
DeviceOptions withoutRaces(std::optional<uint64_t> seed) {
  DeviceOptions options;
  options.strictSeed = seed;
  options.checks.races = false; // what is seen is the number, not the rule
  return options;
}

/// Blocks pass a number round: `rounds` grid barriers between them.
std::string gridBarrier(const std::string &arrive) {
  return R"(
mov.u32 %r1, %ctaid.x; mov.u32 %r2, %nctaid.x; mov.u32 %r3, 0; mov.u32 %r9, 1;
ROUND:
add.u32 %r4, %r1, %r3; mul.wide.u32 %rd2, %r1, 4; add.u64 %rd2, %rd0, %rd2; setp.ne.u32 %p1, %r0, 0;
@!%p1 st.global.u32 [%rd2], %r4;
bar.sync 0;
@%p1 bra WAIT;
)" + arrive +
         R"(
mul.lo.u32 %r5, %r9, %r2;
POLL: ld.acquire.gpu.global.u32 %r6, [%rd1]; setp.lt.u32 %p2, %r6, %r5; @%p2 nanosleep.u32 20; @%p2 bra POLL;
WAIT:
bar.sync 0;
add.u32 %r9, %r9, 1;
add.u32 %r7, %r1, 1; rem.u32 %r7, %r7, %r2; mul.wide.u32 %rd3, %r7, 4; add.u64 %rd3, %rd0, %rd3; ld.global.u32 %r3, [%rd3];
bar.sync 0;
@!%p1 red.release.gpu.global.add.u32 [%rd1], 1;
mul.lo.u32 %r5, %r9, %r2; @%p1 bra WAIT2;
POLL2: ld.acquire.gpu.global.u32 %r6, [%rd1]; setp.lt.u32 %p2, %r6, %r5; @%p2 bra POLL2;
WAIT2:
bar.sync 0;
add.u32 %r9, %r9, 1; setp.lt.u32 %p3, %r9, 20; @%p3 bra ROUND;)";
}

struct Outcome {
  std::string error;
  std::vector<uint32_t> out;
};

Outcome run(const std::string &body, const LaunchShape &shape, const DeviceOptions &options) {
  Device device(options);
  Buffer<uint32_t> data(device, std::vector<uint32_t>(64, 0)), counter(device, std::vector<uint32_t>(1, 0));
  Arguments arguments;
  arguments << data << counter;
  std::string error = launchError(device, kernelText(body, 2), shape, arguments);
  return {error, data.values()};
}
} // namespace

TEST(PtxStrict, AGridBarrierWorksWithEverySeed) {
  std::string body = gridBarrier("red.release.gpu.global.add.u32 [%rd1], 1;");
  Outcome plain = run(body, shapeOf(4, 64, 0, true), {});
  EXPECT_EQ(plain.error, "");
  EXPECT_NE(plain.out[0], 0u);
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Outcome other = run(body, shapeOf(4, 64, 0, true), strict(seed));
    EXPECT_EQ(other.error, "") << seed;
    EXPECT_EQ(other.out, plain.out) << seed;
  }
}

TEST(PtxStrict, StoresAreSeenByOthersOnlyAfterARelease) {
  std::string right = gridBarrier("red.release.gpu.global.add.u32 [%rd1], 1;"),
              wrong = gridBarrier("red.global.add.u32 [%rd1], 1;");
  Outcome plain = run(right, shapeOf(4, 64, 0, true), withoutRaces(std::nullopt));
  // A sequential machine does not notice that the release is missing; the store buffers do.
  EXPECT_EQ(run(wrong, shapeOf(4, 64, 0, true), withoutRaces(std::nullopt)).out, plain.out);
  Outcome strictRun = run(wrong, shapeOf(4, 64, 0, true), withoutRaces(1));
  EXPECT_EQ(strictRun.error, "");
  EXPECT_NE(strictRun.out, plain.out);
  expectContains(run(wrong, shapeOf(4, 64, 0, true), strict(1)).error, "race: ");
}

TEST(PtxStrict, ABlockSeesItsOwnStores) {
  std::string body = R"(
mov.u32 %r1, %ctaid.x; mul.wide.u32 %rd2, %r1, 8; add.u64 %rd2, %rd0, %rd2;
st.global.u32 [%rd2], 0x01020304; st.global.u8 [%rd2+1], 9; ld.global.u32 %r2, [%rd2]; atom.global.add.u32 %r3, [%rd2], 1;
ld.global.u32 %r3, [%rd2]; add.u32 %r2, %r2, %r3; st.global.u32 [%rd2+4], %r2;)";
  for (uint64_t seed : {1, 2, 3}) {
    Outcome good = run(body, shapeOf(4, 1), strict(seed));
    EXPECT_EQ(good.error, "");
    for (unsigned block = 0; block < 4; ++block) {
      EXPECT_EQ(good.out[2 * block], 0x01020905u);
      EXPECT_EQ(good.out[2 * block + 1], 0x01020904u + 0x01020905u);
    }
  }
}

TEST(PtxStrict, BlocksAndWarpsComeInAnyOrder) {
  // Each block takes a ticket: the order in which blocks ran.
  std::string body = "mov.u32 %r1, %ctaid.x; atom.global.add.u32 %r2, [%rd1], 1; mul.wide.u32 %rd2, %r1, 4; add.u64 "
                     "%rd2, %rd0, %rd2;\n"
                     "st.global.u32 [%rd2], %r2;";
  std::set<std::vector<uint32_t>> orders;
  for (uint64_t seed = 1; seed <= 8; ++seed)
    orders.insert(run(body, shapeOf(8, 1), strict(seed)).out);
  EXPECT_GE(orders.size(), 6u);
  std::vector<uint32_t> plain = run(body, shapeOf(8, 1), {}).out;
  for (uint32_t block = 0; block < 8; ++block)
    EXPECT_EQ(plain[block], block);
  std::string warps = "shr.u32 %r1, %r0, 5; and.b32 %r3, %r0, 31; setp.ne.u32 %p1, %r3, 0; @%p1 ret; "
                      "atom.global.add.u32 %r2, [%rd1], 1;\n"
                      "mul.wide.u32 %rd2, %r1, 4; add.u64 %rd2, %rd0, %rd2; st.global.u32 [%rd2], %r2;";
  orders.clear();
  for (uint64_t seed = 1; seed <= 8; ++seed)
    orders.insert(run(warps, shapeOf(1, 256), strict(seed)).out);
  EXPECT_GE(orders.size(), 6u);
}

TEST(PtxStrict, AsynchronousDataAreLate) {
  // Without the rules, the copy that was not waited for shows as the poison of shared memory.
  std::string body =
      "mov.u32 %r1, smem; @!%p0 bra L; L: cp.async.ca.shared.global [%r1], [%rd0], 4; cp.async.commit_group;\n"
      "ld.shared.u32 %r2, [%r1]; st.global.u32 [%rd0+8], %r2; cp.async.wait_all;\n"
      "ld.shared.u32 %r2, [%r1]; st.global.u32 [%rd0+12], %r2;";
  body = "setp.eq.u32 %p0, %r0, 0;\n" + body;
  Outcome early = run(body, shapeOf(1, 1, 16), withoutRaces(std::nullopt)),
          late = run(body, shapeOf(1, 1, 16), withoutRaces(1));
  EXPECT_EQ(early.out[2], 0u);
  EXPECT_EQ(late.out[2], 0xcdcdcdcdu);
  EXPECT_EQ(late.out[3], 0u);
}

TEST(PtxStrict, AMissingBlockIsADeadlockInEveryMode) {
  std::string body = "POLL: ld.acquire.gpu.global.u32 %r6, [%rd1]; setp.lt.u32 %p2, %r6, 1; @%p2 bra POLL;";
  expectContains(run(body, shapeOf(2, 32, 0, true), {}).error, "deadlock in k");
  expectContains(run(body, shapeOf(2, 32, 0, true), strict(5)).error, "deadlock in k");
}
