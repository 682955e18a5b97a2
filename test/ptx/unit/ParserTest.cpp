// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the parser and the decoder take and, above all, what they refuse: every message names the line.
#include "test/ptx/unit/TestKernel.h"

#include <random>

using namespace lmopt::ptx;

static std::string parseError(const std::string &text) {
  auto module = parseModule(text);
  if (module.ok())
    return "";
  EXPECT_EQ(module.error().code, 3);
  return module.error().message;
}

static void expectRefused(const std::string &body, const std::string &part) {
  std::string message = parseError(kernelText(body));
  EXPECT_NE(message.find(part), std::string::npos)
      << body << "\n  gives '" << message << "', which does not hold " << part;
  EXPECT_NE(message.find("line "), std::string::npos) << message;
}

TEST(PtxParser, RefusesUnknownInstructionsTypesAndModifiers) {
  expectRefused("frobnicate.u32 %r1, %r2;", "unknown instruction");
  expectRefused("add.u33 %r1, %r2, %r3;", "no support for .u33");
  expectRefused("add.u8 %h1, %h2, %h3;", "no support for .u8");
  expectRefused("add.cc.u32 %r1, %r2, %r3;", "no support for .cc");
  expectRefused("add.u32.x %r1, %r2, %r3;", "unknown modifier .x");
  expectRefused("mul.u32 %r1, %r2, %r3;", "unknown modifier .u32");
  expectRefused("add.rz.f32 %f1, %f2, %f3;", "no support for .rz");
  expectRefused("fma.f32 %f1, %f2, %f3, %f4;", "only rounding to nearest");
  expectRefused("min.ftz.u32 %r1, %r2, %r3;", "a modifier of floats");
  expectRefused("setp.lt.b32 %p1, %r1, %r2;", "no such comparison");
  expectRefused("setp.ltu.s32 %p1, %r1, %r2;", "no such comparison");
  expectRefused("cvt.s32.f32 %r1, %f1;", "a rounding to an integer is missing");
  expectRefused("cvt.f16.f32 %h1, %f1;", "a rounding is missing");
  expectRefused("cvt.rn.s64.s32 %rd1, %r1;", "where there is nothing to round");
  expectRefused("ld.global.nc.relaxed.u32 %r1, [%rd0];", "no support for .relaxed");
  expectRefused("ld.shared.nc.u32 %r1, [%r2];", ".nc is for weak loads");
  expectRefused("ld.release.gpu.global.u32 %r1, [%rd0];", "not one of this instruction");
  expectRefused("st.const.u32 [%rd0], %r1;", "no stores to this state space");
  expectRefused("red.global.exch.b32 [%rd0], %r1;", "red has no such operation");
  expectRefused("atom.global.add.b32 %r1, [%rd0], %r2;", "no such operation for this type");
  expectRefused("call foo;", "unknown instruction");
  expectRefused("bar.red.popc.u32 %r1, 0, %p1;", "unknown modifier .red");
  expectRefused("barrier.cluster.arrive;", "clusters are not supported");
  expectRefused("fence.proxy.tensormap;", "unknown modifier .tensormap");
  expectRefused("createpolicy.range.L2::evict_last.b64 %rd1, [%rd0], 1, 2;", "only fractional");
}

TEST(PtxParser, RefusesWrongMatrixInstructions) {
  std::string mma = "mma.sync.aligned.", regs = " {%r1,%r2,%r3,%r4}, {%r5,%r6,%r7,%r8}, {%r9,%r10}, {%r1,%r2,%r3,%r4};";
  expectRefused(mma + "m16n8k64.row.col.s32.s8.s8.s32" + regs, "no support for shape .m16n8k64");
  expectRefused(mma + "m16n8k32.row.row.s32.s8.s8.s32" + regs, "unknown modifier .row");
  expectRefused(mma + "m16n8k16.row.col.satfinite.f32.bf16.bf16.f32" + regs, ".satfinite is for integers");
  expectRefused(mma + "m16n8k32.row.col.f32.s8.s8.f32" + regs, "no such combination");
  expectRefused(
      mma + "m16n8k16.row.col.f32.bf16.f16.f32 {%f1,%f2,%f3,%f4}, {%r5,%r6,%r7,%r8}, {%r9,%r10}, {%f1,%f2,%f3,%f4};",
      "no such combination");
  expectRefused(mma + "m16n8k16.row.col.s32.s8.s8.s32" + regs, "expected 2 elements");
  expectRefused("ldmatrix.sync.aligned.m8n16.x1.shared.b16 {%r1}, [%r2];", "unknown modifier .m8n16");
  expectRefused("ldmatrix.sync.aligned.m8n8.x3.shared.b16 {%r1,%r2,%r3}, [%r2];", "unknown modifier .x3");
  expectRefused("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%r1,%r2,%r3}, [%r2];", "expected 2 elements");
  expectRefused("cp.async.cg.shared.global [%r1], [%rd0], 8;", "with .cg of 16");
  expectRefused("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%r1], [%rd0], [%r2];",
                "bulk copies from global");
  expectRefused("wgmma.mma_async.sync.aligned.m64n12k32.s32.s8.s8 {%r1,%r2,%r3,%r4,%r5,%r6}, %rd0, %rd1, %p1;",
                "unknown shape .m64n12k32");
  expectRefused("wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f1,%f2,%f3,%f4}, %rd0, %rd1, %p1, 1, 1, 0, 2;",
                "expected a number from 0 to 1");
  expectRefused("wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f1,%f2,%f3,%f4}, %rd0, %rd1, %p1, -1, 1, 0, 0;",
                "negated operands");
}

TEST(PtxParser, RefusesWrongOperands) {
  expectRefused("add.u32 %r1, %r2;", "an operand is missing");
  expectRefused("add.u32 %r1, %r2, %r3, %r4;", "too many operands");
  expectRefused("add.u32 %r1, %r2, %rd1;", "no operand of type .u32");
  expectRefused("add.u32 %rd1, %r2, %r3;", "expected a register of type .u32");
  expectRefused("add.u32 5, %r2, %r3;", "expected a register of type .u32");
  expectRefused("add.f32 %f1, %f2, 1;", "an integer where .f32");
  expectRefused("add.f32 %f1, %f2, 0d3FF0000000000000;", "an f64 number where .f32");
  expectRefused("add.u32 %r1, %r99, %r3;", "unknown register '%r99'");
  expectRefused("mov.u32 %r1, %frob;", "unknown register '%frob'");
  expectRefused("mov.u32 %r1, nothing;", "unknown name 'nothing'");
  expectRefused("mov.u32 %r1, %p1;", "no operand of type .u32");
  expectRefused("ld.global.u32 %r1, %rd0;", "expected an address in brackets");
  expectRefused("ld.global.u32 %r1, [%r2];", "a 32-bit address");
  expectRefused("ld.global.u32 %r1, [%f2];", "an address is a register");
  expectRefused("ld.global.u32 %r1, [smem];", "no variable of the state space");
  expectRefused("ld.global.u64 %r1, [%rd0];", "expected a register for .u64");
  expectRefused("ld.global.v4.u32 {%r1, %r2}, [%rd0];", "expected 4 elements");
  expectRefused("@%r1 mov.u32 %r1, 0;", "the guard is no predicate");
  expectRefused("lop3.b32 %r1, %r2, %r3, %r4, 256;", "expected a number from 0 to 255");
  expectRefused("mov.b32 {%r1, %r2}, %r3;", "expected a register of type .b16");
  expectRefused("shfl.sync.idx.b32 %r1|%r2, %r3, 0, 31, -1;", "expected a register of type .pred");
  expectRefused("clock.u32 %clock;", "unknown instruction");
  expectRefused("mov.u32 %r1, %globaltimer;", "has another size");
  expectRefused("setmaxnreg.inc.sync.aligned.u32 33;", "multiple of 8");
}

TEST(PtxParser, RefusesBrokenTexts) {
  EXPECT_NE(parseError("").find("expected '.version'"), std::string::npos);
  EXPECT_NE(parseError(".version 8.0").find("expected '.target'"), std::string::npos);
  std::string head = ".version 8.0\n.target sm_80\n.address_size 64\n";
  for (auto [text, part] : std::vector<std::pair<std::string, std::string>>{
           {".address_size 32", "expected a directive"},
           {".entry", "the name of a kernel"},
           {".entry k", "expected an attribute"},
           {".entry k() {", "expected a statement"},
           {".entry k() { ret }", "expected an operand"},
           {".entry k() { ret; ", "expected a statement"},
           {".entry k() { bra nowhere; }", "stands nowhere"},
           {".entry k() { a: ret; a: ret; }", "stands twice"},
           {".entry k() { { a: ret; } bra a; }", "stands nowhere"},
           {".entry k() { .reg .b32 %r<99999999>; }", "a number of registers"},
           {".entry k() { .reg .b31 %r<9>; }", "no type for registers"},
           {".entry k() { .frob; }", "unknown directive"},
           {".entry k() { /* }", "a comment without end"},
           {".entry k() { .pragma \"x }", "a string without end"},
           {".entry k() { ret; } .entry k() { ret; }", "defined twice"},
           {".func f() { ret; }", "device functions"},
           {".global .u32 x[99999999999];", "a size"},
           {".global .u32 x[99999999][99999999];", "a variable of more than 1 GiB"},
           {".global .u32 x = {1, 2};", "more initial values"},
           {".global .u32 x = y;", "plain numbers"},
           {".extern .global .u32 x;", "is defined elsewhere"},
           {".global .align 3 .u32 x;", "a power of two"},
           {".global .u32 x = 99999999999999999999;", "more than 64 bits"},
           {".global .f32 x = 0f3F80;", "a malformed number"},
           {".global .f32 x = 0f3F8000000;", "8 hexadecimal digits"},
           {"\x01", "a character that PTX does not have"},
           {".entry k(.param .u64 a, .param .align 4 .b8 b[40000]) { ret; }", "32764 bytes"},
           {".entry k() .reqnctapercluster 2, 1, 1 { ret; }", "clusters"},
       })
    EXPECT_NE(parseError(head + text).find(part), std::string::npos) << text << ": " << parseError(head + text);
}

TEST(PtxParser, EveryPrefixOfATextIsRefusedOrParsed) {
  std::string text =
      kernelText("{\n.reg .pred %q;\nL1: mbarrier.try_wait.parity.shared.b64 %q, [smem+8], 0;\n@%q bra L2;\n"
                 "bra.uni L1;\nL2:\n}\nst.global.v2.f32 [%rd0+-8], {%f1, 0f3F800000};");
  EXPECT_EQ(parseError(text), "");
  for (size_t length = 0; length < text.size(); ++length)
    (void)parseModule(text.substr(0, length)); // must end, however
}

TEST(PtxParser, ChangedBytesEndInAMessageOrAModule) {
  std::string text =
      kernelText("shfl.sync.bfly.b32 %r1|%p1, %r0, 1, 31, -1;\n@!%p1 add.u32 %r1, %r1, 0x10;\n"
                 "mma.sync.aligned.m16n8k32.row.col.s32.s8.u8.s32 {%r1,%r2,%r3,%r4}, {%r1,%r2,%r3,%r4}, {%r5,%r6}, "
                 "{%r1,%r2,%r3,%r4};\nst.global.u32 [%rd0], %r1;");
  std::mt19937 random(1);
  int refused = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string changed = text;
    for (int n = 0; n < 3; ++n)
      changed[random() % changed.size()] = static_cast<char>(random() % 128);
    refused += !parseModule(changed).ok();
  }
  EXPECT_GT(refused, 1000);
}

TEST(PtxParser, TakesWhatCompilersWrite) {
  auto module = parseOrFail(R"(
//
// Generated by LLVM NVPTX Back-End
//
.version 8.3
.target sm_90a, texmode_independent
.address_size 64
.extern .shared .align 16 .b8 global_smem[];
.global .align 4 .b8 table[8] = {1, 2, 3, 4, 0, 0, 0, 255};
.visible .const .align 4 .f32 half = 0f3F000000;
.func (.param .b32 r) __unused (.param .b32 a);
.visible .entry kernel(
	.param .u64 .ptr .global .align 16 kernel_param_0,
	.param .align 8 .b8 kernel_param_1[24]
)
.reqntid 128, 1, 1
.minnctapersm 2
{
	.reg .pred 	%p<2>;
	.reg .b32 	%r<5>;
	.reg .b64 	%rd<5>;
	.loc	1 14 0                          // a.py:14:0
$L__func_begin0:
	ld.param.b64 	%rd1, [kernel_param_0];
	// begin inline asm
	{ .reg .b32 t; mov.u32 t, %ctaid.x; mov.u32 %r1, t; }
	// end inline asm
	cvta.to.global.u64 %rd2, %rd1;
	mov.b64 %rd3, kernel_param_1;
	cvta.param.u64 %rd4, %rd3;
	.pragma "nounroll";
	ld.param.b32 %r2, [kernel_param_1+8];
	// implicit-def: %r3
	@%p1 bra 	$L__BB0_1;
	bra.uni 	$L__BB0_1;
$L__BB0_1:
	ret;
$L__tmp0:
}
	.file	1 "a.py"
	.section	.debug_abbrev
	{
.b8 1
.b8 17
	}
	.section	.debug_macinfo	{	}
)");
  ASSERT_TRUE(module);
  auto facts = findKernel(*module, "kernel");
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->parameterOffsets, (std::vector<uint32_t>{0, 8}));
  EXPECT_EQ(facts->parameterSizes, (std::vector<uint32_t>{8, 24}));
  EXPECT_EQ(facts->mostThreads, 128u);
  EXPECT_FALSE(findKernel(*module, "other"));
  auto table = findGlobal(*module, "table");
  ASSERT_TRUE(table);
  EXPECT_EQ(reinterpret_cast<const uint8_t *>(table->first)[7], 255);
}

TEST(PtxParser, LabelsAndRegistersHaveTheScopeOfTheirBraces) {
  Device device;
  Buffer<uint32_t> out(device, 1, false);
  Arguments arguments;
  arguments << out;
  // The inner AGAIN is another label than the outer one, and DONE stands after the scope that uses it.
  runKernel(device, kernelText(R"(
mov.u32 %r1, 0;
AGAIN:
{ .reg .u32 %r1; .reg .pred %q;
  mov.u32 %r1, 0;
AGAIN: add.u32 %r1, %r1, 1;
  setp.lt.u32 %q, %r1, 5;
  @%q bra AGAIN;
  mov.u32 %r2, %r1; }
add.u32 %r1, %r1, %r2;
setp.ge.u32 %p1, %r1, 20;
{ @%p1 bra DONE; bra AGAIN; }
DONE:
st.global.u32 [%rd0], %r1;)"),
            shapeOf(1, 1), arguments);
  EXPECT_EQ(out[0], 20u);
}
