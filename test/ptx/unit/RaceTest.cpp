// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Races between warps and between blocks: each pattern with its synchronization, which is clean, and without.
#include "test/ptx/unit/TestKernel.h"

using namespace lmopt::ptx;

namespace {
std::string errorOf(const std::string &body, const LaunchShape &shape, DeviceOptions options = {}) {
  Device device(options);
  Buffer<uint32_t> data(device, std::vector<uint32_t>(1024, 0)), flag(device, std::vector<uint32_t>(64, 0));
  Arguments arguments;
  arguments << data << flag;
  return launchError(device, kernelText(body, 2), shape, arguments);
}

/// `body` with `line` left out.
std::string without(std::string body, const std::string &line) {
  size_t at = body.find(line);
  EXPECT_NE(at, std::string::npos) << line;
  return body.erase(at, line.size());
}

constexpr const char *kNeighbour = R"(
mov.u32 %r1, smem; mad.lo.u32 %r2, %r0, 4, %r1;
st.shared.u32 [%r2], %r0;
bar.sync 0;
xor.b32 %r3, %r0, 32; mad.lo.u32 %r3, %r3, 4, %r1; ld.shared.u32 %r4, [%r3];
barrier.sync.aligned 0;
st.shared.u32 [%r2], %r4;)";
} // namespace

TEST(PtxRace, BetweenWarpsThroughSharedMemory) {
  EXPECT_EQ(errorOf(kNeighbour, shapeOf(2, 64, 256)), "");
  std::string first = errorOf(without(kNeighbour, "bar.sync 0;"), shapeOf(1, 64, 256));
  EXPECT_TRUE(first.find("nobody has written") != std::string::npos || first.find("race") != std::string::npos)
      << first;
  expectContains(errorOf(without(kNeighbour, "barrier.sync.aligned 0;"), shapeOf(1, 64, 256)),
                 "race: read of shared memory that another warp has written");
  DeviceOptions off;
  off.checks.races = false;
  EXPECT_EQ(errorOf(without(kNeighbour, "barrier.sync.aligned 0;"), shapeOf(1, 64, 256), off), "");
}

TEST(PtxRace, WriteAfterWrite) {
  expectContains(errorOf("st.shared.u32 [smem], %r0;", shapeOf(1, 64, 256)),
                 "race: write to shared memory that another warp has written");
  EXPECT_EQ(errorOf("st.shared.u32 [smem], %r0;", shapeOf(1, 32, 256)), ""); // lanes of one warp
  EXPECT_EQ(errorOf("atom.shared.add.u32 %r1, [smem], 1;", shapeOf(1, 64, 256),
                    [] {
                      DeviceOptions options;
                      options.checks.uninitialized = false;
                      return options;
                    }()),
            "");
}

TEST(PtxRace, BytesAreToldApart) {
  // Warp w writes byte w of the same word.
  EXPECT_EQ(errorOf("mov.u32 %r1, smem; shr.u32 %r2, %r0, 5; add.u32 %r1, %r1, %r2; st.shared.u8 [%r1], %r0;",
                    shapeOf(1, 128, 256)),
            "");
}

constexpr const char *kNamed = R"(
setp.lt.u32 %p1, %r0, 32;
@!%p1 bra CONSUMER;
st.shared.u32 [smem], 5;
bar.arrive 3, 64;
bra DONE;
CONSUMER:
bar.sync 3, 64;
ld.shared.u32 %r2, [smem];
DONE:)";

TEST(PtxRace, NamedBarriersOrderThoseWhoTakePart) {
  EXPECT_EQ(errorOf(kNamed, shapeOf(1, 64, 256)), "");
  expectContains(errorOf(without(without(kNamed, "bar.arrive 3, 64;"), "bar.sync 3, 64;"), shapeOf(1, 64, 256)),
                 "race: read");
  expectContains(errorOf(without(kNamed, "bar.arrive 3, 64;"), shapeOf(1, 64, 256)), "deadlock in k");
}

TEST(PtxRace, BetweenWarpsThroughGlobalMemory) {
  std::string body =
      "mul.wide.u32 %rd2, %r0, 4; add.u64 %rd2, %rd0, %rd2; st.global.u32 [%rd2], %r0;\nbar.sync 0;\n"
      "xor.b32 %r1, %r0, 32; mul.wide.u32 %rd2, %r1, 4; add.u64 %rd2, %rd0, %rd2; ld.global.u32 %r2, [%rd2];";
  EXPECT_EQ(errorOf(body, shapeOf(1, 64)), "");
  expectContains(errorOf(without(body, "bar.sync 0;"), shapeOf(1, 64)), "race: ");
  expectContains(errorOf(body, shapeOf(2, 64)), "race: "); // the same addresses in both blocks
}

TEST(PtxRace, BlocksOfANormalLaunchAreNotOrdered) {
  expectContains(errorOf("st.global.u32 [%rd0], %r0;", shapeOf(2, 1)), "race: ");
  expectContains(errorOf("mov.u32 %r1, %ctaid.x; setp.eq.u32 %p1, %r1, 0; @%p1 st.global.u32 [%rd0], 1; @!%p1 "
                         "ld.global.u32 %r2, [%rd0];",
                         shapeOf(2, 1)),
                 "race: access");
  expectContains(errorOf("mov.u32 %r1, %ctaid.x; setp.eq.u32 %p1, %r1, 1; @%p1 st.global.u32 [%rd0], 1; @!%p1 "
                         "ld.global.u32 %r2, [%rd0];",
                         shapeOf(2, 1)),
                 "race: write to global memory that another warp has read");
  EXPECT_EQ(errorOf("red.global.add.u32 [%rd0], 1;", shapeOf(4, 64)), "");
  expectContains(errorOf("red.global.add.u32 [%rd0], 1; ld.global.u32 %r1, [%rd0];", shapeOf(2, 32)), "race: ");
}

/// Block 0 writes and publishes, the others wait for it.
static std::string message(const std::string &publish, const std::string &poll) {
  return R"(
mov.u32 %r1, %ctaid.x; setp.ne.u32 %p1, %r1, 0; @%p1 bra READER;
st.global.u32 [%rd0], 42;
bar.sync 0;
)" + publish +
         R"(
bra DONE;
READER:
)" + poll +
         R"(
setp.eq.u32 %p3, %r2, 0; @%p3 bra READER;
bar.sync 0;
ld.global.u32 %r3, [%rd0];
DONE:)";
}

TEST(PtxRace, ReleaseAndAcquireOrderBlocks) {
  LaunchShape shape = shapeOf(3, 1, 0, true);
  std::string release = "red.release.gpu.global.add.u32 [%rd1], 1;", acquire = "ld.acquire.gpu.global.u32 %r2, [%rd1];";
  EXPECT_EQ(errorOf(message(release, acquire), shape), "");
  EXPECT_EQ(errorOf(message("st.release.gpu.global.u32 [%rd1], 1;", acquire), shape), "");
  EXPECT_EQ(errorOf(message("membar.gl; st.relaxed.gpu.global.u32 [%rd1], 1;", acquire), shape), "");
  EXPECT_EQ(errorOf(message("fence.acq_rel.gpu; red.global.add.u32 [%rd1], 1;",
                            "ld.volatile.global.u32 %r2, [%rd1]; fence.acq_rel.gpu;"),
                    shape),
            "");
  EXPECT_EQ(errorOf(message(release, "atom.acq_rel.gpu.global.add.u32 %r2, [%rd1], 0;"), shape), "");
  // each half of the handshake taken away
  expectContains(errorOf(message("red.global.add.u32 [%rd1], 1;", acquire), shape), "race: access");
  expectContains(errorOf(message(release, "ld.relaxed.gpu.global.u32 %r2, [%rd1];"), shape), "race: access");
  expectContains(errorOf(message("red.release.cta.global.add.u32 [%rd1], 1;", acquire), shape), "race: access");
  expectContains(errorOf(message("st.relaxed.gpu.global.u32 [%rd1], 1; membar.gl;", acquire), shape), "race: access");
  expectContains(errorOf(message("st.global.u32 [%rd1], 1;", acquire), shape), "race: access");
  expectContains(errorOf(message(release, "ld.global.u32 %r2, [%rd1];"), shape), "race: ");
}

TEST(PtxRace, AReleaseCoversOtherWarpsOnlyBehindABarrier) {
  std::string body = R"(
mov.u32 %r1, %ctaid.x; setp.ne.u32 %p1, %r1, 0; setp.ne.u32 %p2, %r0, 0; @%p1 bra READER;
mul.wide.u32 %rd2, %r0, 4; add.u64 %rd2, %rd0, %rd2; st.global.u32 [%rd2], 42;
bar.sync 0;
@!%p2 red.release.gpu.global.add.u32 [%rd1], 1;
bra DONE;
READER:
@%p2 bra WAIT;
POLL: ld.acquire.gpu.global.u32 %r2, [%rd1]; setp.eq.u32 %p3, %r2, 0; @%p3 bra POLL;
WAIT: bar.sync 1;
ld.global.u32 %r3, [%rd0+128];
DONE:)";
  EXPECT_EQ(errorOf(body, shapeOf(2, 64, 0, true)), "");
  expectContains(errorOf(without(body, "bar.sync 0;"), shapeOf(2, 64, 0, true)), "race: access");
  // In the reader's block, who has not acquired must wait for who has.
  expectContains(errorOf(without(body, "bar.sync 1;"), shapeOf(2, 64, 0, true)), "race: ");
}

TEST(PtxRace, SharedMemoryOfTheNextBlockHasNoPast) {
  EXPECT_EQ(
      errorOf("mov.u32 %r1, smem; mad.lo.u32 %r1, %r0, 4, %r1; st.shared.u32 [%r1], %r0; ld.shared.u32 %r2, [%r1];",
              shapeOf(50, 64, 256)),
      "");
  std::string body =
      "mov.u32 %r1, %ctaid.x; setp.eq.u32 %p1, %r1, 0; @%p1 st.shared.u32 [smem], 1; @!%p1 ld.shared.u32 %r2, [smem];";
  expectContains(errorOf(body, shapeOf(2, 1, 256)), "shared memory that nobody has written");
}
