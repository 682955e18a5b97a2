// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loads and stores of every state space, what they count, and the errors of wrong ones.
#include "test/ptx/unit/TestKernel.h"

using namespace lmopt::ptx;

TEST(PtxMemory, LoadsExtendByTheirType) {
  Device device;
  Buffer<uint64_t> in(device, std::vector<uint64_t>{0xfedcba9876543280}), out(device, 8, false);
  Arguments arguments;
  arguments << in << out;
  runKernel(device,
            kernelText(R"(
ld.global.s8 %r1, [%rd0];      cvt.u64.u32 %rd2, %r1; st.global.u64 [%rd1], %rd2;
ld.global.u8 %r1, [%rd0];      cvt.u64.u32 %rd2, %r1; st.global.u64 [%rd1+8], %rd2;
ld.global.s8 %h1, [%rd0];      cvt.u64.u16 %rd2, %h1; st.global.u64 [%rd1+16], %rd2;
ld.global.s32 %rd2, [%rd0+4];  st.global.u64 [%rd1+24], %rd2;
ld.global.u32 %rd2, [%rd0+4];  st.global.u64 [%rd1+32], %rd2;
ld.global.s16 %rd2, [%rd0+6];  st.global.u64 [%rd1+40], %rd2;
mov.b64 %rd2, -1; st.global.u64 [%rd1+48], %rd2; ld.global.u16 %r1, [%rd0+2]; st.global.u8 [%rd1+48], %r1;
ld.global.v2.b32 {%r1, %r2}, [%rd0]; st.global.v2.b32 [%rd1+56], {%r2, %r1};)",
                       2),
            shapeOf(1, 1), arguments);
  EXPECT_EQ(out.values(), (std::vector<uint64_t>{0xffffff80, 0x80, 0xff80, 0xfffffffffedcba98, 0xfedcba98,
                                                 0xfffffffffffffedc, 0xffffffffffffff54, 0x76543280fedcba98}));
}

TEST(PtxMemory, EveryStateSpace) {
  Device device;
  Buffer<uint32_t> out(device, 6 * 32, false);
  Arguments arguments;
  arguments << out;
  runKernel(device,
            kernelText(R"(
.local .align 8 .b8 frame[16];
.shared .align 4 .u32 cell[32];
mad.lo.u32 %r1, %r0, 4, 0; cvt.u64.u32 %rd1, %r1; add.u64 %rd0, %rd0, %rd1;
mov.u32 %r2, cell; add.u32 %r2, %r2, %r1;
st.shared.u32 [%r2], %r0; ld.shared.u32 %r3, [%r2]; st.global.u32 [%rd0], %r3;
mov.u64 %rd2, cell; cvta.shared.u64 %rd2, %rd2; add.u64 %rd2, %rd2, %rd1; ld.u32 %r3, [%rd2]; st.global.u32 [%rd0+128], %r3;
mov.u64 %rd3, frame; cvta.local.u64 %rd3, %rd3; st.local.u32 [frame+4], %r0; ld.u32 %r3, [%rd3+4]; st.u32 [%rd0+256], %r3;
ld.const.u32 %r3, [c+4]; st.global.u32 [%rd0+384], %r3;
mov.u64 %rd4, g; ld.global.u32 %r3, [%rd4]; st.global.u32 [%rd0+512], %r3;
mov.b64 %rd5, p0; cvta.param.u64 %rd5, %rd5; ld.u64 %rd6, [%rd5]; setp.ne.u64 %p1, %rd6, 0; selp.u32 %r3, 6, 7, %p1;
st.global.u32 [%rd0+640], %r3;)",
                       1, ".const .u32 c[2] = {4, 5};\n.global .u32 g = 77;"),
            shapeOf(1, 32), arguments);
  for (uint32_t lane = 0; lane < 32; ++lane)
    for (auto [row, value] :
         std::vector<std::pair<uint32_t, uint32_t>>{{0, lane}, {1, lane}, {2, lane}, {3, 5}, {4, 77}, {5, 6}})
      EXPECT_EQ(out[row * 32 + lane], value) << row << " " << lane;
}

TEST(PtxMemory, SpecialRegistersDescribeTheLaunch) {
  Device device;
  Buffer<uint32_t> out(device, 12 * 8, false);
  Arguments arguments;
  arguments << out;
  LaunchShape shape;
  shape.grid = {2, 1, 1};
  shape.block = {3, 2, 2};
  shape.dynamicShared = 48;
  runKernel(device, kernelText(R"(
mov.u32 %r1, %tid.y; mov.u32 %r2, %tid.z; mov.u32 %r3, %ntid.x; mov.u32 %r4, %ntid.y;
mad.lo.u32 %r5, %r2, %r4, %r1; mad.lo.u32 %r5, %r5, %r3, %r0;
mov.u32 %r6, %ctaid.x; mov.u32 %r7, %laneid; mov.u32 %r8, %nctaid.x; mov.u32 %r9, %lanemask_lt; mov.u32 %r10, %dynamic_smem_size;
setp.ne.u32 %p1, %r6, 1; @%p1 ret;
mul.lo.u32 %r11, %r5, 32; cvt.u64.u32 %rd1, %r11; add.u64 %rd0, %rd0, %rd1;
st.global.v4.u32 [%rd0], {%r0, %r1, %r2, %r7}; st.global.v4.u32 [%rd0+16], {%r8, %r9, %r10, %r6};)"),
            shape, arguments);
  uint32_t thread = 7; // (1, 0, 1)
  std::vector<uint32_t> row(out.data() + thread * 8, out.data() + thread * 8 + 8);
  EXPECT_EQ(row, (std::vector<uint32_t>{1, 0, 1, 7, 2, 0x7f, 48, 1}));
}

static std::string errorOf(const std::string &body, DeviceOptions options = {}, uint32_t threads = 32,
                           uint32_t shared = 256) {
  Device device(options);
  Buffer<uint32_t> in(device, std::vector<uint32_t>(64, 1)), fresh(device, 64, false);
  Arguments arguments;
  arguments << in << fresh;
  return launchError(device, kernelText(body, 2), shapeOf(1, threads, shared), arguments);
}

TEST(PtxMemory, ReportsAddressesOutsideWithTheirPlace) {
  std::string message = errorOf("ld.global.u32 %r1, [%rd0+256];");
  expectContains(message, "is outside of every allocation");
  expectContains(message, "k, line ");
  expectContains(message, "ld.global.u32, block (0, 0, 0), warp 0, lane 0");
  expectContains(errorOf("mul.wide.u32 %rd2, %r0, 16; add.u64 %rd2, %rd0, %rd2; ld.global.u32 %r1, [%rd2];"),
                 "lane 16");
  expectContains(errorOf("ld.global.u32 %r1, [%rd0+-4];"), "outside of every allocation");
  expectContains(errorOf("mov.u32 %r1, 1028; ld.shared.u32 %r2, [%r1+256];"), "outside of the block's 256 bytes");
  expectContains(errorOf("mov.u32 %r1, 0; st.shared.u32 [%r1], %r0;"), "which begin at 0x400");
  expectContains(errorOf(".local .b8 frame[16]; st.local.u32 [frame+16], %r0;"), "outside of the thread's 16 bytes");
  expectContains(errorOf("ld.param.u64 %rd2, [p1+8];"), "outside of the kernel's parameters");
  expectContains(errorOf("mov.b64 %rd2, 0; ld.u32 %r1, [%rd2];"), "outside of every allocation");
}

TEST(PtxMemory, ReportsAddressesOfWrongAlignment) {
  expectContains(errorOf("ld.global.u32 %r1, [%rd0+2];"), "is no multiple of 4");
  expectContains(errorOf("ld.global.v4.u32 {%r1,%r2,%r3,%r4}, [%rd0+8];"), "is no multiple of 16");
  expectContains(errorOf("st.shared.u32 [smem+2], %r0;"), "is no multiple of 4");
  DeviceOptions options;
  options.checks.alignment = false;
  EXPECT_EQ(errorOf("ld.global.u32 %r1, [%rd0+2];", options), "");
}

TEST(PtxMemory, ReportsWhatHasNoValue) {
  expectContains(errorOf("add.u32 %r1, %r2, 1;"), "register %r2 has no value");
  expectContains(errorOf("setp.eq.u32 %p1, %r0, 3; @%p1 mov.u32 %r1, 0; add.u32 %r2, %r1, 1;"), "lane 0: register %r1");
  expectContains(errorOf("@%p1 mov.u32 %r1, 0;"), "register %p1 has no value");
  expectContains(errorOf("ld.global.u32 %r1, [%rd1+8];"), "device memory that nobody has written, at byte 8");
  expectContains(errorOf("ld.shared.u32 %r1, [smem];"), "shared memory that nobody has written");
  expectContains(errorOf(".local .b8 frame[16]; ld.local.u32 %r1, [frame];"), "local memory that nobody has written");
  EXPECT_EQ(errorOf("st.global.u32 [%rd1+8], %r0; ld.global.u32 %r1, [%rd1+8];"), "");
  EXPECT_EQ(errorOf("// implicit-def: %r2\nadd.u32 %r1, %r2, 1;"), "");
  DeviceOptions options;
  options.checks.uninitialized = false;
  EXPECT_EQ(errorOf("ld.shared.u32 %r1, [smem]; ld.global.u32 %r2, [%rd1]; add.u32 %r3, %r4, 1;", options), "");
}

TEST(PtxMemory, ReportsReadOnlyLoadsOfWhatTheLaunchWrites) {
  expectContains(errorOf("st.global.u32 [%rd1], %r0; ld.global.nc.u32 %r1, [%rd1];", {}, 1),
                 "ld.global.nc of memory that this launch has written");
  EXPECT_EQ(errorOf("st.global.u32 [%rd1], %r0; ld.global.nc.u32 %r1, [%rd0];", {}, 1), "");
  EXPECT_EQ(errorOf("st.global.u32 [%rd1], %r0; ld.global.u32 %r1, [%rd1];", {}, 1), "");
  DeviceOptions options;
  options.checks.readOnly = false;
  EXPECT_EQ(errorOf("st.global.u32 [%rd1], %r0; ld.global.nc.u32 %r1, [%rd1];", options, 1), "");
}

TEST(PtxMemory, ConstantMemoryIsNotWritten) {
  Device device;
  Arguments arguments;
  arguments << uint64_t(0);
  expectContains(launchError(device, kernelText("mov.u64 %rd1, c; st.global.u32 [%rd1], %r0;", 1, ".const .u32 c = 4;"),
                             shapeOf(1, 1), arguments),
                 "write to constant memory");
}

TEST(PtxMemory, CountsSectorsAndBankConflicts) {
  Device device;
  Buffer<uint32_t> in(device, std::vector<uint32_t>(32 * 32, 1));
  Arguments arguments;
  arguments << in;
  auto count = [&](const std::string &body) {
    return runKernel(device, kernelText(body), shapeOf(1, 32, 4096), arguments);
  };
  auto address = [](unsigned stride) {
    return "mul.wide.u32 %rd1, %r0, " + std::to_string(stride) + "; add.u64 %rd1, %rd0, %rd1;\n";
  };
  Counters dense = count(address(16) + "ld.global.v4.u32 {%r1,%r2,%r3,%r4}, [%rd1];");
  EXPECT_EQ(dense.globalLoadSectors, 16u);
  EXPECT_EQ(dense.globalLoadRequests, 1u);
  EXPECT_EQ(dense.globalLoadBytes, 512u);
  EXPECT_EQ(count(address(128) + "ld.global.u32 %r1, [%rd1];").globalLoadSectors, 32u);
  EXPECT_EQ(count(address(0) + "ld.global.u32 %r1, [%rd1];").globalLoadSectors, 1u);
  EXPECT_EQ(count(address(4) + "st.global.u32 [%rd1], %r0;").globalStoreSectors, 4u);

  auto shared = [](unsigned stride, const char *store) {
    return "mov.u32 %r1, smem; mad.lo.u32 %r2, %r0, " + std::to_string(stride) + ", %r1; " + store;
  };
  auto ratio = [&](unsigned stride, const char *store) {
    Counters counters = count(shared(stride, store));
    return std::pair(counters.sharedWavefronts, counters.sharedIdealWavefronts);
  };
  using Pair = std::pair<uint64_t, uint64_t>;
  EXPECT_EQ(ratio(4, "st.shared.u32 [%r2], %r0;"), Pair(1, 1));
  EXPECT_EQ(ratio(8, "st.shared.u32 [%r2], %r0;"), Pair(2, 1));
  EXPECT_EQ(ratio(128, "st.shared.u32 [%r2], %r0;"), Pair(32, 1));
  EXPECT_EQ(ratio(16, "st.shared.v4.u32 [%r2], {%r0,%r0,%r0,%r0};"), Pair(4, 4));
  EXPECT_EQ(ratio(64, "st.shared.v4.u32 [%r2], {%r0,%r0,%r0,%r0};"), Pair(16, 4));
}

TEST(PtxMemory, CountsInstructionsByOpcode) {
  Device device;
  Arguments arguments;
  arguments << uint64_t(0);
  Counters counters =
      runKernel(device, kernelText("setp.lt.u32 %p1, %r0, 8; @%p1 add.u32 %r1, %r0, 1; add.u32 %r2, %r0, 2;"),
                shapeOf(2, 64), arguments);
  EXPECT_EQ(counters.opcodes["add.u32"].warps, 8u);
  EXPECT_EQ(counters.opcodes["add.u32"].lanes, 2u * (8 + 64));
  EXPECT_EQ(counters.opcodes["setp.lt.u32"].lanes, 128u);
  EXPECT_EQ(counters.warpInstructions, 4u * 6);
  EXPECT_EQ(counters.laneInstructions, 128u * 5 + 16);
}
