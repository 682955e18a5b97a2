// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The NVIDIA GPUs that code is generated for.
//
// An artifact holds PTX for one architecture or several. Text for sm_80 runs on everything from 8.0 on (the driver
// translates it); text for sm_90a uses wgmma and bulk copies and runs on 9.0 alone. The PTX version is the lowest that
// knows what the kernels use, because an old driver refuses a newer one; LLVM ends the process when it is too low for
// an intrinsic, so test/unit/codegen/ptx/ResourcesTest.cpp emits each kernel for each architecture. 7.0 is CUDA 11.0;
// 8.4, for wgmma of s8 times u8, 12.4 (drivers from 550 on). Source: ptx.md 1.2; ptxas.
// Tested by test/unit/codegen/ptx/TargetTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_TARGET_H
#define LMOPT_CODEGEN_PTX_TARGET_H

#include <string>
#include <vector>

namespace lmopt::nvptx {

struct Target {
  std::string chip;   ///< as LLVM and ptxas name it: sm_80, sm_90a
  int ptxVersion = 0; ///< 70 is PTX 7.0

  /// Products of four warps, bulk copies, mbarriers (Hopper.h).
  bool hasWgmma() const { return chip == "sm_90a"; }
  /// 80 of sm_80, 90 of sm_90a.
  int capability() const { return std::stoi(chip.substr(3)); }
  /// Whether its code runs on no other.
  bool isExact() const { return chip.back() == 'a'; }
  /// "+ptx70", what LLVM is told beside the chip.
  std::string features() const { return "+ptx" + std::to_string(ptxVersion); }
};

/// The architectures of `nvptx` (all) or `nvptx:sm_80,sm_90a` (those, in that order, each once); false and a message
/// with the names that there are.
bool makeTargets(const std::string &text, std::vector<Target> &targets, std::string &error);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_TARGET_H
