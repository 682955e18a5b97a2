// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// CPU names to instruction sets: the mask, the dot product and the tile of known CPUs; unknown names; and that nothing
// is switched on that the mask cannot name.
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
  int64_t tileRows, tilePanels;
};

TEST(Target, KnownCpus) {
  const uint64_t v3 =
      LMOPT_ISA_SSE42 | LMOPT_ISA_AVX | LMOPT_ISA_AVX2 | LMOPT_ISA_FMA | LMOPT_ISA_F16C | LMOPT_ISA_BMI2;
  const uint64_t v4 = v3 | LMOPT_ISA_AVX512F | LMOPT_ISA_AVX512BW | LMOPT_ISA_AVX512VL | LMOPT_ISA_AVX512DQ;
  const uint64_t vnni = LMOPT_ISA_AVX512VNNI, vexVnni = LMOPT_ISA_AVXVNNI, bf16 = LMOPT_ISA_AVX512BF16;
  const Known cpus[] = {
      {"x86-64", 0, ~uint64_t(0), cpu::DotIsa::Portable, 4, 1},
      {"x86-64-v2", LMOPT_ISA_SSE42, LMOPT_ISA_AVX, cpu::DotIsa::Portable, 4, 1},
      {"x86-64-v3", v3, LMOPT_ISA_AVX512F | vexVnni, cpu::DotIsa::Avx2, 4, 1},
      {"x86-64-v4", v4, vnni | vexVnni, cpu::DotIsa::Avx512Bw, 8, 3},
      {"alderlake", v3 | vexVnni, LMOPT_ISA_AVX512F, cpu::DotIsa::AvxVnni, 4, 1},
      {"skylake-avx512", v4, vnni | vexVnni, cpu::DotIsa::Avx512Bw, 8, 3},
      {"icelake-server", v4 | vnni | LMOPT_ISA_AVX512VBMI, bf16 | vexVnni, cpu::DotIsa::Avx512Vnni, 8, 3},
      {"znver4", v4 | vnni | bf16, vexVnni, cpu::DotIsa::Avx512Vnni, 8, 3},
      {"znver5", v4 | vnni | bf16 | vexVnni, 0, cpu::DotIsa::Avx512Vnni, 8, 3},
  };
  for (const Known &known : cpus) {
    cpu::Target target = make(known.name);
    EXPECT_EQ(target.cpu, known.name);
    EXPECT_EQ(target.isa & known.has, known.has) << known.name;
    EXPECT_EQ(target.isa & known.lacks, 0u) << known.name;
    EXPECT_EQ(target.dot, known.dot) << known.name << " " << cpu::dotIsaName(target.dot);
    EXPECT_EQ(target.tileRows, known.tileRows) << known.name;
    EXPECT_EQ(target.tilePanels, known.tilePanels) << known.name;
    EXPECT_EQ(target.fma, target.has(LMOPT_ISA_FMA)) << known.name;
  }
}

// "The mask is satisfied" must imply "the code runs": a feature is on only when its bit is in the mask.
TEST(Target, FeaturesFollowTheMask) {
  cpu::Target target = make("x86-64-v3");
  for (const char *on : {"+sse4.2", "+avx2", "+fma", "+bmi2", "-avx512f", "-avxvnni", "-avx512vnni"})
    EXPECT_NE(("," + target.features + ",").find(std::string(",") + on + ","), std::string::npos) << on;
  EXPECT_EQ(target.features.find("movbe"), std::string::npos) << "what the mask cannot name stays at the base";
  EXPECT_EQ(make("x86-64").features.find('+'), std::string::npos);
}

// The runtime will run what was made here for here.
TEST(Target, NativeIsWhatTheRuntimeFinds) {
  cpu::Target native = make("native"), empty = make("");
  EXPECT_EQ(native.isa & ~lmopt_cpu_isa(), 0u);
  EXPECT_EQ(native.isa, empty.isa);
  EXPECT_NE(native.cpu, "native");
}

TEST(Target, SeveralComeInTheOrderOfTheirDemands) {
  std::vector<cpu::Target> targets;
  std::string error;
  ASSERT_TRUE(cpu::makeTargets("znver5,x86-64,skylake-avx512,alderlake,x86-64-v3,x86-64-v2", targets, error)) << error;
  std::vector<std::string> names;
  for (const cpu::Target &target : targets)
    names.push_back(target.cpu);
  EXPECT_EQ(names,
            (std::vector<std::string>{"x86-64", "x86-64-v2", "x86-64-v3", "skylake-avx512", "alderlake", "znver5"}));
  EXPECT_FALSE(cpu::makeTargets("x86-64,x86-64-v2,x86-64-v3,x86-64-v4,alderlake,znver4,znver5,icelake-server,haswell",
                                targets, error));
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

TEST(Target, DotNamesDiffer) {
  std::set<std::string> names;
  for (cpu::DotIsa isa :
       {cpu::DotIsa::Avx512Vnni, cpu::DotIsa::AvxVnni, cpu::DotIsa::Avx512Bw, cpu::DotIsa::Avx2, cpu::DotIsa::Portable})
    names.insert(cpu::dotIsaName(isa));
  EXPECT_EQ(names.size(), 5u);
}

} // namespace
