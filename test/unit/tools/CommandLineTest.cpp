// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Suggestions for misspelt words. The rest of the command line is tested as a user meets it, in test/tools/lmopt.
#include "tools/lmopt/CommandLine.h"

#include <gtest/gtest.h>

using namespace lmopt::driver;

static const std::vector<std::string> names = {"--threads", "--recipe", "--text", "-t", "--temp"};

TEST(CommandLine, NearestFindsSlips) {
  EXPECT_EQ(nearest("--thraeds", names), "--threads");
  EXPECT_EQ(nearest("--recipes", names), "--recipe");
  EXPECT_EQ(nearest("--tempp", names), "--temp");
}

TEST(CommandLine, NearestDoesNotGuessWildly) {
  EXPECT_EQ(nearest("--output-directory", names), "");
  EXPECT_EQ(nearest("", names), "");
  EXPECT_EQ(nearest("x", {}), "");
  EXPECT_EQ(nearest("-x", names), "");
}
