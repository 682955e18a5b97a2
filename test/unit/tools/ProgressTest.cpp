// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the progress display says, state by state. No clock: the elapsed time is an argument.
#include "tools/lmopt/Progress.h"

#include <gtest/gtest.h>

using namespace lmopt::driver;

TEST(Progress, LineSaysTaskShareDetailAndTimeLeft) {
  EXPECT_EQ(progressText(ProgressStyle::Lines, "compile", 0.25, "optimize", 10), "compile  25% optimize, 30 s left");
}

TEST(Progress, BarIsFilledByTheShare) {
  EXPECT_EQ(progressText(ProgressStyle::Bar, "eval", 0.5, "", 1),
            "eval  50% [###############               ], 1 s left");
}

TEST(Progress, NoEstimateBeforeThereIsOne) {
  EXPECT_EQ(progressText(ProgressStyle::Lines, "import", 0, "a", 100), "import   0% a");
  EXPECT_EQ(progressText(ProgressStyle::Lines, "import", 0.5, "a", 0.01), "import  50% a");
}

TEST(Progress, SharesOutsideTheRangeAreClamped) {
  EXPECT_EQ(progressText(ProgressStyle::Lines, "x", 1.5, "", 0), "x 100%");
  EXPECT_EQ(progressText(ProgressStyle::Lines, "x", -1, "", 0), "x   0%");
  EXPECT_EQ(progressText(ProgressStyle::Lines, "x", 0.0 / 0.0, "", 0), "x   0%");
}

TEST(Progress, SilentWritesNothingAndBarIsCleared) {
  std::FILE *file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  {
    Progress silent("x", ProgressStyle::Silent, file);
    silent.update(0.5, "a");
  }
  EXPECT_EQ(std::ftell(file), 0);
  {
    Progress bar("x", ProgressStyle::Bar, file);
    bar.update(0.5, "a");
  }
  std::rewind(file);
  char text[200] = {};
  size_t size = std::fread(text, 1, sizeof text - 1, file);
  std::fclose(file);
  std::string written(text, size);
  EXPECT_EQ(written.rfind("\rx  50% [", 0), 0u) << written;
  ASSERT_GE(written.size(), 4u);
  EXPECT_EQ(written.substr(written.size() - 4), "\r\x1b[K");
}

TEST(Progress, AFileGetsLinesAndQuietGetsNothing) {
  std::FILE *file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(progressStyle(false, file), ProgressStyle::Lines);
  EXPECT_EQ(progressStyle(true, file), ProgressStyle::Silent);
  std::fclose(file);
}
