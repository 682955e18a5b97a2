// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a CPU name to what kernels may use; see Target.h. LLVM knows the features of each CPU; we keep those that the
// artifact's ISA mask can name and switch all others off, so that "the mask is satisfied" implies "the code runs".
#include "codegen/cpu/Target.h"

#include "lmopt/abi.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

#include <memory>
#include <tuple>
#include <vector>

namespace lmopt::cpu {

namespace {
// One bit of the mask and the LLVM features that it stands for. The runtime's CPUID check covers the same sets.
struct IsaGroup {
  uint64_t bit;
  std::vector<const char *> features;
};

const std::vector<IsaGroup> &isaGroups() {
  static const std::vector<IsaGroup> groups = {
      {LMOPT_ISA_SSE42, {"sse3", "ssse3", "sse4.1", "sse4.2", "popcnt"}},
      {LMOPT_ISA_AVX, {"avx"}},
      {LMOPT_ISA_AVX2, {"avx2"}},
      {LMOPT_ISA_FMA, {"fma"}},
      {LMOPT_ISA_F16C, {"f16c"}},
      {LMOPT_ISA_BMI2, {"bmi", "bmi2"}},
      {LMOPT_ISA_AVX512F, {"avx512f"}},
      {LMOPT_ISA_AVX512BW, {"avx512bw"}},
      {LMOPT_ISA_AVX512VL, {"avx512vl"}},
      {LMOPT_ISA_AVX512DQ, {"avx512dq"}},
      {LMOPT_ISA_AVX512VNNI, {"avx512vnni"}},
      {LMOPT_ISA_AVX512BF16, {"avx512bf16"}},
      {LMOPT_ISA_AVXVNNI, {"avxvnni"}},
      {LMOPT_ISA_AVX512VBMI, {"avx512vbmi"}},
      {LMOPT_ISA_AVX512VBMI2, {"avx512vbmi2"}},
  };
  return groups;
}

std::unique_ptr<llvm::MCSubtargetInfo> subtarget(const std::string &cpu, const std::string &features,
                                                 std::string &error) {
  static const bool initialized = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    llvm::InitializeNativeTargetAsmParser();
    return true;
  }();
  (void)initialized;
  llvm::Triple triple("x86_64-unknown-linux-gnu");
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  return std::unique_ptr<llvm::MCSubtargetInfo>(target->createMCSubtargetInfo(triple, cpu, features));
}

DotIsa chooseDot(const Spelling &spelling) {
  // 512-bit kernels need the byte and word instructions of AVX-512 too (masks of 64 bytes, vpmovdb).
  if (spelling.has(LMOPT_ISA_AVX512VNNI) && spelling.has(LMOPT_ISA_AVX512BW))
    return DotIsa::Avx512Vnni;
  if (spelling.has(LMOPT_ISA_AVXVNNI))
    return DotIsa::AvxVnni;
  if (spelling.has(LMOPT_ISA_AVX512BW))
    return DotIsa::Avx512Bw;
  return spelling.has(LMOPT_ISA_AVX2) ? DotIsa::Avx2 : DotIsa::Portable;
}

Shape shapeOf(const Spelling &spelling) {
  Shape shape;
  shape.cpu = spelling.cpu;
  shape.fma = spelling.has(LMOPT_ISA_FMA);
  shape.bf16 = spelling.has(LMOPT_ISA_AVX512BF16);
  shape.packs = spelling.has(LMOPT_ISA_AVX512BW);
  shape.words = spelling.dot == DotIsa::Avx2;
  if (spelling.has(LMOPT_ISA_AVX512F) && spelling.has(LMOPT_ISA_AVX512BW) && spelling.has(LMOPT_ISA_AVX512VL)) {
    shape.tileRows = shape.byteTileRows = shape.floatTileRows = 8;
    shape.tilePanels = 3;
  } else if (spelling.has(LMOPT_ISA_AVX2)) {
    shape.floatTileRows = 6;
    shape.byteTileRows = spelling.dot == DotIsa::AvxVnni ? 6 : 4;
  }
  return shape;
}

/// The features of the groups in `isa`.
std::string featuresOf(uint64_t isa) {
  std::string features;
  for (const IsaGroup &group : isaGroups())
    if (isa & group.bit)
      for (const char *feature : group.features)
        features += std::string(features.empty() ? "" : ", ") + feature;
  return features;
}
} // namespace

const char *dotIsaName(DotIsa isa) {
  switch (isa) {
  case DotIsa::Avx512Vnni:
    return "avx512vnni";
  case DotIsa::AvxVnni:
    return "avxvnni";
  case DotIsa::Avx512Bw:
    return "avx512bw";
  case DotIsa::Avx2:
    return "avx2";
  case DotIsa::Portable:
    return "portable";
  }
  return "portable";
}

// The host may lack features that its CPU name implies (virtual machines mask them), so `native` asks CPUID as well.
static std::string hostFeatures() {
  std::string features;
  for (const auto &feature : llvm::sys::getHostCPUFeatures())
    features += (features.empty() ? "" : ",") + std::string(feature.second ? "+" : "-") + feature.first().str();
  return features;
}

// Which instructions the CPU has, of those that the mask can name.
static bool makeSpelling(const std::string &cpu, Spelling &spelling, std::string &error) {
  bool native = cpu.empty() || cpu == "native";
  spelling = Spelling();
  spelling.cpu = native ? llvm::sys::getHostCPUName().str() : cpu;
  // Names are checked against the base CPU first: asked for an unknown one, LLVM itself writes to stderr.
  std::unique_ptr<llvm::MCSubtargetInfo> info = subtarget("x86-64", "", error);
  if (!info) {
    if (error.empty())
      error = "LLVM was built without the x86 target";
    return false;
  }
  if (!info->isCPUStringValid(spelling.cpu)) {
    error = "unknown CPU '" + spelling.cpu +
            "'; expected `native` or a name LLVM knows, such as x86-64-v3, skylake-avx512, "
            "icelake-server, sapphirerapids, alderlake, znver4, znver5";
    return false;
  }
  info = subtarget(spelling.cpu, native ? hostFeatures() : "", error);
  std::string on, off;
  for (const IsaGroup &group : isaGroups()) {
    bool all = true;
    for (const char *feature : group.features)
      all &= info->checkFeatures(std::string("+") + feature);
    if (all)
      spelling.isa |= group.bit;
    for (const char *feature : group.features)
      (all ? on : off) += std::string(all ? ",+" : ",-") + feature;
  }
  // x86-64 as the base, the tracked groups on top: the CPU name only steers scheduling.
  spelling.features = (on + off).substr(1);
  spelling.dot = chooseDot(spelling);
  return true;
}

void giveUp(Spelling &spelling, uint64_t isa) {
  spelling.isa &= ~isa;
  const std::string whole = "," + spelling.features + ","; // a name may begin with another
  for (const IsaGroup &group : isaGroups())
    for (const char *feature : group.features)
      if (size_t at = whole.find(std::string(",+") + feature + ","); (isa & group.bit) && at != std::string::npos)
        spelling.features[at] = '-';
}

DotBf16 Target::dotBf16() const {
  if (!shape.bf16)
    return DotBf16::Widened;
  return spelling.has(LMOPT_ISA_AVX512BF16) ? DotBf16::Avx512Bf16 : DotBf16::InSteps;
}

bool makeTarget(const std::string &cpu, Target &target, std::string &error) {
  if (!makeSpelling(cpu, target.spelling, error))
    return false;
  target.shape = shapeOf(target.spelling);
  return true;
}

bool makeTarget(const std::string &cpu, const std::string &spellFor, Target &target, std::string &error) {
  if (!makeTarget(cpu, target, error))
    return false;
  if (spellFor.empty())
    return true;
  uint64_t own = target.spelling.isa;
  if (!makeSpelling(spellFor, target.spelling, error))
    return false;
  auto refuse = [&](uint64_t isa, const std::string &missing, const char *remedy) {
    error = "the code for '" + target.shape.cpu + "' cannot be spelled for '" + target.spelling.cpu + "', which " +
            missing + " " + featuresOf(isa) + "; " + remedy;
    return false;
  };
  if (uint64_t beyond = target.spelling.isa & ~own)
    return refuse(beyond, "is no lesser CPU: it also has", "name one that has only instructions of the other");
  // A rounding less or a library call would stand for these. (Numbers that are no f16 differ without F16C.)
  if (uint64_t lacking = own & ~target.spelling.isa & (LMOPT_ISA_FMA | LMOPT_ISA_F16C))
    return refuse(lacking, "lacks",
                  "without them its results would be other bits; name one that has them, such as "
                  "x86-64-v3");
  return true;
}

// How much a target asks for: the better spelling of the dot product decides, then the number of instruction sets.
// The mask itself makes the order complete.
static std::tuple<int, int, uint64_t> demand(const Target &target) {
  const Spelling &spelling = target.spelling;
  return {-static_cast<int>(spelling.dot), __builtin_popcountll(spelling.isa), spelling.isa};
}

bool makeTargets(const std::string &cpus, const std::string &spellFor, std::vector<Target> &targets,
                 std::string &error) {
  targets.clear();
  llvm::SmallVector<llvm::StringRef> names;
  llvm::StringRef(cpus).split(names, ',');
  if (names.size() > LMOPT_MAX_VERSIONS) {
    error =
        "expected at most " + std::to_string(LMOPT_MAX_VERSIONS) + " CPUs, but found " + std::to_string(names.size());
    return false;
  }
  if (names.size() > 1 && !spellFor.empty()) {
    error = "code that is spelled for '" + spellFor + "' has one shape, but found " + std::to_string(names.size()) +
            " CPUs in '" + cpus + "'; name one of them";
    return false;
  }
  for (llvm::StringRef name : names) {
    Target target;
    if (names.size() > 1 && name.trim().empty()) {
      error = "a CPU name is missing between the commas of '" + cpus + "'";
      return false;
    }
    if (!makeTarget(name.trim().str(), spellFor, target, error))
      return false;
    for (const Target &other : targets)
      if (other.spelling.isa == target.spelling.isa) {
        error = "'" + other.shape.cpu + "' and '" + target.shape.cpu + "' mean the same instructions; name one of them";
        return false;
      }
    targets.push_back(target);
  }
  llvm::sort(targets, [](const Target &a, const Target &b) { return demand(a) < demand(b); });
  return true;
}

} // namespace lmopt::cpu
