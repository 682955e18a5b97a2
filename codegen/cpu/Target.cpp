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

DotIsa chooseDot(const Target &target) {
  // 512-bit kernels need the byte and word instructions of AVX-512 too (masks of 64 bytes, vpmovdb).
  if (target.has(LMOPT_ISA_AVX512VNNI) && target.has(LMOPT_ISA_AVX512BW))
    return DotIsa::Avx512Vnni;
  if (target.has(LMOPT_ISA_AVXVNNI))
    return DotIsa::AvxVnni;
  if (target.has(LMOPT_ISA_AVX512BW))
    return DotIsa::Avx512Bw;
  return target.has(LMOPT_ISA_AVX2) ? DotIsa::Avx2 : DotIsa::Portable;
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

bool makeTarget(const std::string &cpu, Target &target, std::string &error) {
  bool native = cpu.empty() || cpu == "native";
  target = Target();
  target.cpu = native ? llvm::sys::getHostCPUName().str() : cpu;
  // Names are checked against the base CPU first: asked for an unknown one, LLVM itself writes to stderr.
  std::unique_ptr<llvm::MCSubtargetInfo> info = subtarget("x86-64", "", error);
  if (!info) {
    if (error.empty())
      error = "LLVM was built without the x86 target";
    return false;
  }
  if (!info->isCPUStringValid(target.cpu)) {
    error = "unknown CPU '" + target.cpu +
            "'; expected `native` or a name LLVM knows, such as x86-64-v3, skylake-avx512, "
            "icelake-server, sapphirerapids, alderlake, znver4, znver5";
    return false;
  }
  info = subtarget(target.cpu, native ? hostFeatures() : "", error);
  std::string on, off;
  for (const IsaGroup &group : isaGroups()) {
    bool all = true;
    for (const char *feature : group.features)
      all &= info->checkFeatures(std::string("+") + feature);
    if (all)
      target.isa |= group.bit;
    for (const char *feature : group.features)
      (all ? on : off) += std::string(all ? ",+" : ",-") + feature;
  }
  // x86-64 as the base, the tracked groups on top: the CPU name only steers scheduling.
  target.features = (on + off).substr(1);
  target.dot = chooseDot(target);
  target.fma = target.has(LMOPT_ISA_FMA);
  if (target.has(LMOPT_ISA_AVX512F) && target.has(LMOPT_ISA_AVX512BW) && target.has(LMOPT_ISA_AVX512VL)) {
    target.tileRows = 8;
    target.tilePanels = 3;
  }
  return true;
}

// How much a target asks for: the better spelling of the dot product decides, then the number of instruction sets.
// The mask itself makes the order complete.
static std::tuple<int, int, uint64_t> demand(const Target &target) {
  return {-static_cast<int>(target.dot), __builtin_popcountll(target.isa), target.isa};
}

bool makeTargets(const std::string &cpus, std::vector<Target> &targets, std::string &error) {
  targets.clear();
  llvm::SmallVector<llvm::StringRef> names;
  llvm::StringRef(cpus).split(names, ',');
  if (names.size() > LMOPT_MAX_VERSIONS) {
    error =
        "expected at most " + std::to_string(LMOPT_MAX_VERSIONS) + " CPUs, but found " + std::to_string(names.size());
    return false;
  }
  for (llvm::StringRef name : names) {
    Target target;
    if (names.size() > 1 && name.trim().empty()) {
      error = "a CPU name is missing between the commas of '" + cpus + "'";
      return false;
    }
    if (!makeTarget(name.trim().str(), target, error))
      return false;
    for (const Target &other : targets)
      if (other.isa == target.isa) {
        error = "'" + other.cpu + "' and '" + target.cpu + "' mean the same instructions; name one of them";
        return false;
      }
    targets.push_back(target);
  }
  llvm::sort(targets, [](const Target &a, const Target &b) { return demand(a) < demand(b); });
  return true;
}

} // namespace lmopt::cpu
