// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which architectures a text names, and what is refused.
#include "codegen/ptx/Target.h"

#include <gtest/gtest.h>

using namespace lmopt::nvptx;

namespace {

std::string chipsOf(const std::string &text) {
  std::vector<Target> targets;
  std::string error, chips;
  if (!makeTargets(text, targets, error))
    return "refused: " + error;
  for (const Target &target : targets)
    chips += target.chip + target.features() + " ";
  return chips;
}

TEST(PtxTarget, WhatATextNames) {
  EXPECT_EQ(chipsOf("nvptx"), "sm_80+ptx71 sm_90a+ptx84 ");
  EXPECT_EQ(chipsOf("nvptx:sm_90a"), "sm_90a+ptx84 ");
  EXPECT_EQ(chipsOf("nvptx:sm_90a,sm_80"), "sm_90a+ptx84 sm_80+ptx71 ");
}

TEST(PtxTarget, WhatIsRefused) {
  for (const char *text : {"", "cuda", "nvptx64", "nvptx:", "nvptx:sm_90", "nvptx:sm_80,", "nvptx:sm_80,sm_80"})
    EXPECT_EQ(chipsOf(text).rfind("refused: '" + std::string(text) + "': ", 0), 0u) << chipsOf(text);
  EXPECT_NE(chipsOf("nvptx:sm_75").find("'sm_75' is no architecture"), std::string::npos);
}

} // namespace
