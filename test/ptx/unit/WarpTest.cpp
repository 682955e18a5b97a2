// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Divergence and what lanes of a warp do together: branches, shuffles, votes, reductions, atomics.
#include "test/ptx/unit/TestKernel.h"

#include <numeric>

using namespace lmopt::ptx;

namespace {
/// Each of 32 lanes leaves %r10.
std::vector<uint32_t> lanesOf(const std::string &body, DeviceOptions options = {}) {
  Device device(options);
  Buffer<uint32_t> out(device, 32, false);
  Arguments arguments;
  arguments << out;
  runKernel(device,
            kernelText(body + "\nmul.wide.u32 %rd1, %r0, 4; add.u64 %rd1, %rd0, %rd1; st.global.u32 [%rd1], %r10;"),
            shapeOf(1, 32), arguments);
  return out.values();
}

std::string errorOf(const std::string &body, uint32_t threads = 32) {
  Device device;
  Arguments arguments;
  arguments << uint64_t(0);
  return launchError(device, kernelText(body), shapeOf(1, threads), arguments);
}

template <typename F>
std::vector<uint32_t> expected(F f) {
  std::vector<uint32_t> values;
  for (uint32_t lane = 0; lane < 32; ++lane)
    values.push_back(f(lane));
  return values;
}
} // namespace

TEST(PtxControl, LanesDivergeAndMeetAgain) {
  // Lane l runs the loop l times; below the loop all are together again, which vote.all sees.
  EXPECT_EQ(lanesOf(R"(
mov.u32 %r10, 0; mov.u32 %r1, 0;
LOOP: setp.ge.u32 %p1, %r1, %r0; @%p1 bra DONE;
add.u32 %r10, %r10, %r1; add.u32 %r1, %r1, 1; bra.uni LOOP;
DONE: activemask.b32 %r2; add.u32 %r10, %r10, %r2;)"),
            expected([](uint32_t l) { return l * (l - 1) / 2 - 1; }));
}

TEST(PtxControl, IndexedBranchesSplitTheWarp) {
  std::string body = R"(
rem.u32 %r1, %r0, 3;
TABLE: .branchtargets ZERO, ONE, TWO;
brx.idx %r1, TABLE;
ZERO: mov.u32 %r10, 100; bra.uni DONE;
ONE: mov.u32 %r10, 200; bra.uni DONE;
TWO: mov.u32 %r10, 300;
DONE: activemask.b32 %r2; popc.b32 %r2, %r2; add.u32 %r10, %r10, %r2;)";
  EXPECT_EQ(lanesOf(body), expected([](uint32_t l) { return 100 * (l % 3 + 1) + 32; }));
  expectContains(errorOf("TABLE: .branchtargets A; brx.idx %r0, TABLE; A:"), "lane 1: index 1 is beyond the targets");
}

TEST(PtxControl, SomeLanesReturnEarly) {
  EXPECT_EQ(lanesOf("mov.u32 %r10, 7; setp.gt.u32 %p1, %r0, 99; @%p1 ret; activemask.b32 %r10;"),
            expected([](uint32_t) { return ~0u; }));
}

TEST(PtxControl, LaunchesAreChecked) {
  Device device;
  Arguments arguments;
  arguments << uint64_t(0);
  auto error = [&](const LaunchShape &shape, const char *attribute = "") {
    std::string text = kernelText("");
    text.insert(text.find("\n{"), std::string("\n") + attribute);
    return launchError(device, text, shape, arguments);
  };
  EXPECT_EQ(error(shapeOf(1, 1024)), "");
  expectContains(error(shapeOf(1, 1025)), "more than 1024 threads");
  expectContains(error(shapeOf(0, 32)), "a size of 0");
  expectContains(error(shapeOf(1, 32, 300000)), "more shared memory");
  expectContains(error(shapeOf(1, 64), ".reqntid 32, 1, 1"), ".reqntid");
  expectContains(error(shapeOf(1, 64), ".maxntid 32, 1, 1"), ".maxntid");
  lmopt::Result<Counters> none =
      device.launch(*parseOrFail(kernelText("")), "other", shapeOf(1, 1), arguments.pointers());
  ASSERT_FALSE(none.ok());
  expectContains(none.error().message, "no kernel 'other'");
}

TEST(PtxControl, TrapsAndDeadlocksEndTheLaunch) {
  expectContains(errorOf("setp.eq.u32 %p1, %r0, 5; @%p1 trap;"), "lane 5: the kernel traps");
  expectContains(errorOf("setp.lt.u32 %p1, %r0, 32; @%p1 bra L; bar.sync 0; L: bar.sync 1, 128;", 64), "deadlock in k");
}

TEST(PtxWarp, Shuffles) {
  auto shuffle = [](const std::string &mode, unsigned b, unsigned bound) {
    return lanesOf("shfl.sync." + mode + ".b32 %r10|%p1, %r0, " + std::to_string(b) + ", " + std::to_string(bound) +
                   ", -1;\n@!%p1 add.u32 %r10, %r10, 1000;");
  };
  EXPECT_EQ(shuffle("bfly", 5, 31), expected([](uint32_t l) { return l ^ 5; }));
  EXPECT_EQ(shuffle("down", 3, 31), expected([](uint32_t l) { return l + 3 > 31 ? l + 1000 : l + 3; }));
  EXPECT_EQ(shuffle("up", 3, 0), expected([](uint32_t l) { return l < 3 ? l + 1000 : l - 3; }));
  EXPECT_EQ(shuffle("idx", 9, 31), expected([](uint32_t) { return 9u; }));
  // segments of 8 lanes: mask 0x18
  EXPECT_EQ(shuffle("idx", 2, 0x181f), expected([](uint32_t l) { return (l & 24) + 2; }));
  EXPECT_EQ(shuffle("down", 4, 0x181f), expected([](uint32_t l) { return (l & 7) + 4 > 7 ? l + 1000 : l + 4; }));
  EXPECT_EQ(shuffle("up", 4, 0x1800), expected([](uint32_t l) { return (l & 7) < 4 ? l + 1000 : l - 4; }));
}

TEST(PtxWarp, VotesAndReductions) {
  std::string odd = "and.b32 %r1, %r0, 1; setp.eq.u32 %p1, %r1, 1;\n";
  EXPECT_EQ(lanesOf(odd + "vote.sync.ballot.b32 %r10, %p1, -1;")[3], 0xaaaaaaaau);
  EXPECT_EQ(lanesOf(odd + "vote.sync.ballot.b32 %r10, !%p1, -1;")[3], 0x55555555u);
  auto vote = [&](const std::string &mode, const std::string &predicate) {
    return lanesOf(odd + "setp.eq.u32 %p0, %r1, %r1;\nvote.sync." + mode + ".pred %p2, " + predicate +
                   ", -1;\nselp.u32 %r10, 1, 0, %p2;")[0];
  };
  EXPECT_EQ(vote("all", "%p1"), 0u);
  EXPECT_EQ(vote("all", "%p0"), 1u);
  EXPECT_EQ(vote("any", "%p1"), 1u);
  EXPECT_EQ(vote("any", "!%p0"), 0u);
  EXPECT_EQ(vote("uni", "%p1"), 0u);
  EXPECT_EQ(vote("uni", "!%p0"), 1u);
  auto reduce = [](const std::string &operation) {
    return lanesOf("sub.u32 %r1, %r0, 16; redux.sync." + operation + " %r10, %r1, -1;")[9];
  };
  EXPECT_EQ(reduce("add.s32"), static_cast<uint32_t>(-16));
  EXPECT_EQ(reduce("min.s32"), static_cast<uint32_t>(-16));
  EXPECT_EQ(reduce("min.u32"), 0u);
  EXPECT_EQ(reduce("max.s32"), 15u);
  EXPECT_EQ(reduce("max.u32"), ~0u);
  EXPECT_EQ(reduce("or.b32"), ~0u);
  EXPECT_EQ(reduce("and.b32"), 0u);
  EXPECT_EQ(reduce("xor.b32"), 0u);
  EXPECT_EQ(lanesOf("and.b32 %r1, %r0, 3; match.any.sync.b32 %r10, %r1, -1;")[6], 0x44444444u);
}

TEST(PtxWarp, ElectsOneLane) {
  std::string body = "elect.sync %r1|%p1, -1; selp.u32 %r10, 1, 0, %p1;";
  for (const DeviceOptions &options : {DeviceOptions{}, strict(1)}) {
    std::vector<uint32_t> elected = lanesOf(body, options);
    EXPECT_EQ(std::accumulate(elected.begin(), elected.end(), 0u), 1u);
  }
  EXPECT_EQ(lanesOf(body)[0], 1u);
  EXPECT_EQ(lanesOf(body, strict(1))[31], 1u);
}

TEST(PtxWarp, LanesOfTheMaskMustBeTogether) {
  std::string some = "setp.lt.u32 %p1, %r0, 16; @!%p1 bra L;\n";
  expectContains(errorOf(some + "shfl.sync.bfly.b32 %r1, %r0, 1, 31, -1; L: ret;"),
                 "divergence: a lane of the member mask");
  EXPECT_EQ(errorOf(some + "shfl.sync.bfly.b32 %r1, %r0, 1, 31, 0xffff; L: ret;"), "");
  expectContains(errorOf(some + "shfl.sync.bfly.b32 %r1, %r0, 1, 31, 0xff; L: ret;"),
                 "a lane is here that the member mask does not name");
  expectContains(errorOf(some + "shfl.sync.bfly.b32 %r1, %r0, 16, 31, 0xffff; L: ret;"),
                 "reads lane 16, which is not here");
  expectContains(errorOf("mov.u32 %r1, 1; shl.b32 %r1, %r1, %r0; vote.sync.any.pred %p1, 1, %r1;"),
                 "different member masks");
  expectContains(errorOf(some + "bar.warp.sync -1; L: ret;"), "divergence");
  expectContains(errorOf(some + "bar.sync 0; L: ret;"),
                 "divergence: the lanes of the warp are not together at a barrier");
  expectContains(errorOf(some + "mma.sync.aligned.m16n8k16.row.col.s32.s8.s8.s32 {%r1,%r2,%r3,%r4}, {%r0,%r0}, {%r0}, "
                                "{%r0,%r0,%r0,%r0}; L: ret;"),
                 "divergence: not all lanes of the warp");
}

// Where branches meet may stand before one of them, as in a loop that LLVM has turned: who is there first waits.
TEST(PtxWarp, LanesWaitWhereTheyMeet) {
  for (const char *meeting : {"bar.sync 0;", "bar.warp.sync -1;", "shfl.sync.bfly.b32 %r2, %r0, 1, 31, -1;"}) {
    std::string body = "setp.lt.u32 %p1, %r0, 16; mov.u32 %r10, 1; bra BEGIN;\nMEET: " + std::string(meeting) +
                       " bra END;\nBEGIN: @!%p1 bra MEET; mov.u32 %r10, 2; nanosleep.u32 20; bra MEET;\nEND:";
    for (const DeviceOptions &options : {DeviceOptions{}, strict(1)}) {
      std::vector<uint32_t> found = lanesOf(body, options);
      for (size_t lane = 0; lane < 32; ++lane)
        EXPECT_EQ(found[lane], lane < 16 ? 2u : 1u) << meeting;
    }
  }
}

TEST(PtxAtomic, EveryOperation) {
  Device device;
  auto run = [&](const std::string &operation, uint32_t start, uint32_t operand) {
    Buffer<uint32_t> cell(device, std::vector<uint32_t>{start});
    Arguments arguments;
    arguments << cell;
    Counters counters =
        runKernel(device, kernelText("atom.global." + operation + " %r1, [%rd0], " + std::to_string(operand) + ";"),
                  shapeOf(1, 32), arguments);
    EXPECT_EQ(counters.atomics, 1u);
    return cell[0];
  };
  EXPECT_EQ(run("add.u32", 5, 2), 69u);
  EXPECT_EQ(run("min.s32", 5, 0xffffffff), 0xffffffffu);
  EXPECT_EQ(run("min.u32", 5, 0xffffffff), 5u);
  EXPECT_EQ(run("max.u32", 5, 9), 9u);
  EXPECT_EQ(run("and.b32", 7, 3), 3u);
  EXPECT_EQ(run("or.b32", 8, 3), 11u);
  EXPECT_EQ(run("xor.b32", 8, 3), 8u);
  EXPECT_EQ(run("exch.b32", 8, 3), 3u);
  EXPECT_EQ(run("inc.u32", 0, 9), 2u); // 32 steps modulo 10
  EXPECT_EQ(run("dec.u32", 0, 9), 8u);
}

TEST(PtxAtomic, ReturnsTheOldValueAndCompares) {
  std::vector<uint32_t> old = [] {
    Device device;
    Buffer<uint32_t> cell(device, std::vector<uint32_t>{100}), out(device, 32, false);
    Arguments arguments;
    arguments << cell << out;
    runKernel(
        device,
        kernelText("atom.global.cas.b32 %r1, [%rd0], 100, 7; mul.wide.u32 %rd2, %r0, 4; add.u64 %rd1, %rd1, %rd2;\n"
                   "st.global.u32 [%rd1], %r1;",
                   2),
        shapeOf(1, 32), arguments);
    return out.values();
  }();
  EXPECT_EQ(old, expected([](uint32_t l) { return l == 0 ? 100u : 7u; }));
}

TEST(PtxAtomic, FloatsAndSharedMemory) {
  Device device;
  Buffer<float> out(device, 1, false);
  Arguments arguments;
  arguments << out;
  runKernel(device, kernelText(R"(
setp.eq.u32 %p1, %r0, 0; @%p1 st.shared.f32 [smem], 0f3F800000;
bar.sync 0; red.shared.add.f32 [smem], 0f3F000000; bar.sync 0;
@%p1 ld.shared.f32 %f1, [smem]; @%p1 st.global.f32 [%rd0], %f1;)"),
            shapeOf(1, 64, 16), arguments);
  EXPECT_EQ(out[0], 33.0f);
}
