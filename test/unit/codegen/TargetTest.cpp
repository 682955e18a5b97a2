// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// CPU names to instruction sets: the mask, the dot product and the tile of known CPUs; unknown names; that nothing is
// switched on that the mask cannot name; and the shape of one CPU in the instructions of another.
#include "codegen/cpu/Target.h"
#include "lmopt/abi.h"
#include "lmopt/lmopt.h"

#include "gtest/gtest.h"

using namespace lmopt;

namespace {

cpu::Target make(const std::string &name) {
  cpu::Target target;
  std::string error;
  EXPECT_TRUE(cpu::makeTarget(name, target, error)) << error;
  return target;
}

struct Known {
  const char *name;
  uint64_t has, lacks;
  cpu::DotIsa dot;
  int64_t tileRows, byteTileRows, floatTileRows, tilePanels;
};

TEST(Target, KnownCpus) {
  const uint64_t v3 =
      LMOPT_ISA_SSE42 | LMOPT_ISA_AVX | LMOPT_ISA_AVX2 | LMOPT_ISA_FMA | LMOPT_ISA_F16C | LMOPT_ISA_BMI2;
  const uint64_t v4 = v3 | LMOPT_ISA_AVX512F | LMOPT_ISA_AVX512BW | LMOPT_ISA_AVX512VL | LMOPT_ISA_AVX512DQ;
  const uint64_t vnni = LMOPT_ISA_AVX512VNNI, vexVnni = LMOPT_ISA_AVXVNNI, bf16 = LMOPT_ISA_AVX512BF16;
  const Known cpus[] = {
      {"x86-64", 0, ~uint64_t(0), cpu::DotIsa::Portable, 4, 4, 4, 1},
      {"x86-64-v2", LMOPT_ISA_SSE42, LMOPT_ISA_AVX, cpu::DotIsa::Portable, 4, 4, 4, 1},
      {"x86-64-v3", v3, LMOPT_ISA_AVX512F | vexVnni, cpu::DotIsa::Avx2, 4, 4, 6, 1},
      {"x86-64-v4", v4, vnni | vexVnni, cpu::DotIsa::Avx512Bw, 8, 8, 8, 3},
      {"alderlake", v3 | vexVnni, LMOPT_ISA_AVX512F, cpu::DotIsa::AvxVnni, 4, 6, 6, 1},
      {"skylake-avx512", v4, vnni | vexVnni, cpu::DotIsa::Avx512Bw, 8, 8, 8, 3},
      {"icelake-server", v4 | vnni | LMOPT_ISA_AVX512VBMI | LMOPT_ISA_AVX512VBMI2, bf16 | vexVnni,
       cpu::DotIsa::Avx512Vnni, 8, 8, 8, 3},
      {"znver4", v4 | vnni | bf16, vexVnni, cpu::DotIsa::Avx512Vnni, 8, 8, 8, 3},
      {"znver5", v4 | vnni | bf16 | vexVnni, 0, cpu::DotIsa::Avx512Vnni, 8, 8, 8, 3},
  };
  for (const Known &known : cpus) {
    cpu::Target target = make(known.name);
    const cpu::Spelling &spelling = target.spelling;
    EXPECT_EQ(target.shape.cpu, known.name);
    EXPECT_EQ(spelling.cpu, known.name);
    EXPECT_EQ(spelling.isa & known.has, known.has) << known.name;
    EXPECT_EQ(spelling.isa & known.lacks, 0u) << known.name;
    EXPECT_EQ(spelling.dot, known.dot) << known.name << " " << cpu::dotIsaName(spelling.dot);
    EXPECT_EQ(target.shape.tileRows, known.tileRows) << known.name;
    EXPECT_EQ(target.shape.byteTileRows, known.byteTileRows) << known.name;
    EXPECT_EQ(target.shape.words, known.dot == cpu::DotIsa::Avx2) << known.name;
    EXPECT_EQ(target.shape.floatTileRows, known.floatTileRows) << known.name;
    EXPECT_EQ(target.shape.tilePanels, known.tilePanels) << known.name;
    EXPECT_EQ(target.shape.fma, spelling.has(LMOPT_ISA_FMA)) << known.name;
    EXPECT_EQ(target.shape.bf16, spelling.has(LMOPT_ISA_AVX512BF16)) << known.name;
    EXPECT_EQ(target.shape.packs, spelling.has(LMOPT_ISA_AVX512BW)) << known.name;
  }
}

// What no kernel of a model uses is not asked of a CPU: a prefix of a name is another feature.
TEST(Target, GivesUpWhatNothingUses) {
  cpu::Target target = make("icelake-server"), before = target;
  cpu::giveUp(target.spelling, LMOPT_ISA_AVX512VBMI2);
  EXPECT_EQ(target.spelling.isa, before.spelling.isa & ~uint64_t(LMOPT_ISA_AVX512VBMI2));
  EXPECT_NE(target.spelling.features.find("-avx512vbmi2"), std::string::npos);
  EXPECT_NE(target.spelling.features.find("+avx512vbmi,"), std::string::npos);
  cpu::giveUp(target.spelling, LMOPT_ISA_AVX512VBMI);
  EXPECT_NE(target.spelling.features.find("-avx512vbmi,"), std::string::npos);
  EXPECT_TRUE(target.native());
}

// "The mask is satisfied" must imply "the code runs": a feature is on only when its bit is in the mask.
TEST(Target, FeaturesFollowTheMask) {
  cpu::Target target = make("x86-64-v3");
  for (const char *on : {"+sse4.2", "+avx2", "+fma", "+bmi2", "-avx512f", "-avxvnni", "-avx512vnni"})
    EXPECT_NE(("," + target.spelling.features + ",").find(std::string(",") + on + ","), std::string::npos) << on;
  EXPECT_EQ(target.spelling.features.find("movbe"), std::string::npos) << "what the mask cannot name stays at the base";
  EXPECT_EQ(make("x86-64").spelling.features.find('+'), std::string::npos);
}

// The runtime will run what was made here for here.
TEST(Target, NativeIsWhatTheRuntimeFinds) {
  cpu::Target native = make("native"), empty = make("");
  EXPECT_EQ(native.spelling.isa & ~lmopt_cpu_isa(), 0u);
  EXPECT_EQ(native.spelling.isa, empty.spelling.isa);
  EXPECT_NE(native.shape.cpu, "native");
}

TEST(Target, SeveralComeInTheOrderOfTheirDemands) {
  std::vector<cpu::Target> targets;
  std::string error;
  ASSERT_TRUE(cpu::makeTargets("znver5,x86-64,skylake-avx512,alderlake,x86-64-v3,x86-64-v2", "", targets, error))
      << error;
  std::vector<std::string> names;
  for (const cpu::Target &target : targets)
    names.push_back(target.shape.cpu);
  EXPECT_EQ(names,
            (std::vector<std::string>{"x86-64", "x86-64-v2", "x86-64-v3", "skylake-avx512", "alderlake", "znver5"}));
  EXPECT_FALSE(cpu::makeTargets("x86-64,x86-64-v2,x86-64-v3,x86-64-v4,alderlake,znver4,znver5,icelake-server,haswell",
                                "", targets, error));
  EXPECT_NE(error.find("at most 8 CPUs"), std::string::npos) << error;
}

TEST(Target, UnknownNameIsRefusedWithNamesThatWork) {
  cpu::Target target;
  std::string error;
  EXPECT_FALSE(cpu::makeTarget("pentium9", target, error));
  EXPECT_NE(error.find("unknown CPU 'pentium9'"), std::string::npos) << error;
  for (const char *name :
       {"native", "x86-64-v3", "skylake-avx512", "icelake-server", "sapphirerapids", "alderlake", "znver4", "znver5"}) {
    EXPECT_NE(error.find(name), std::string::npos) << error;
    make(name);
  }
}

TEST(Target, ShapeOfOneCpuInTheInstructionsOfAnother) {
  cpu::Target own = make("znver5"), target;
  std::string error;
  ASSERT_TRUE(cpu::makeTarget("znver5", "x86-64-v3", target, error)) << error;
  EXPECT_FALSE(target.native());
  EXPECT_EQ(target.shape.cpu, "znver5");
  EXPECT_EQ(target.shape.tileRows, own.shape.tileRows);
  EXPECT_EQ(target.shape.tilePanels, own.shape.tilePanels);
  EXPECT_TRUE(target.shape.fma && target.shape.bf16 && target.shape.packs);
  EXPECT_EQ(target.spelling.cpu, "x86-64-v3");
  EXPECT_EQ(target.spelling.features, make("x86-64-v3").spelling.features);
  EXPECT_EQ(target.spelling.isa, make("x86-64-v3").spelling.isa);
  EXPECT_EQ(target.spelling.dot, cpu::DotIsa::Avx2);
  ASSERT_TRUE(cpu::makeTarget("znver5", "znver5", target, error)) << error;
  EXPECT_TRUE(target.native());
}

// What decides the bits of a bf16 product is the shape.
TEST(Target, Bf16IsSpelledOutWhereItsInstructionIsMissing) {
  auto spelled = [](const char *cpu, const char *spelling) {
    cpu::Target target;
    std::string error;
    EXPECT_TRUE(cpu::makeTarget(cpu, spelling, target, error)) << error;
    return target.dotBf16();
  };
  EXPECT_EQ(spelled("znver4", ""), cpu::DotBf16::Avx512Bf16);
  EXPECT_EQ(spelled("znver5", "znver4"), cpu::DotBf16::Avx512Bf16);
  EXPECT_EQ(spelled("znver4", "skylake-avx512"), cpu::DotBf16::InSteps);
  EXPECT_EQ(spelled("icelake-server", "x86-64-v3"), cpu::DotBf16::Widened);
}

TEST(Target, SpellingsThatDoNotFitAreRefusedByName) {
  const struct {
    const char *cpus, *spelling, *message;
  } cases[] = {{"x86-64-v3", "znver5",
                "'x86-64-v3' cannot be spelled for 'znver5', which is no lesser CPU: it also has "
                "avx512f, avx512bw, "},
               {"alderlake", "icelake-server", "it also has avx512f"},
               {"icelake-server", "x86-64-v2", "'x86-64-v2', which lacks fma, f16c; without them"},
               {"ivybridge", "sandybridge", "which lacks f16c; without"},
               {"znver5", "pentium9", "unknown CPU 'pentium9'"},
               {"pentium9", "x86-64", "unknown CPU 'pentium9'"},
               {"znver5,x86-64-v3", "x86-64-v3", "has one shape, but found 2 CPUs in 'znver5,x86-64-v3'"}};
  for (const auto &one : cases) {
    std::vector<cpu::Target> targets;
    std::string error;
    EXPECT_FALSE(cpu::makeTargets(one.cpus, one.spelling, targets, error)) << one.cpus;
    EXPECT_NE(error.find(one.message), std::string::npos) << error;
  }
}

TEST(Target, DotNamesDiffer) {
  std::set<std::string> names;
  for (cpu::DotIsa isa :
       {cpu::DotIsa::Avx512Vnni, cpu::DotIsa::AvxVnni, cpu::DotIsa::Avx512Bw, cpu::DotIsa::Avx2, cpu::DotIsa::Portable})
    names.insert(cpu::dotIsaName(isa));
  EXPECT_EQ(names.size(), 5u);
}

} // namespace
