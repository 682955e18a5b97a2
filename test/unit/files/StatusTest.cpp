// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tests of files/Status.h.
#include "files/Status.h"

#include <gtest/gtest.h>
#include <memory>

using namespace lmopt;

TEST(Status, HoldsAValue) {
  Result<std::string> result(std::string("text"));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(*result, "text");
  EXPECT_EQ(result->size(), 4u);
}

TEST(Status, HoldsAnErrorWithItsExitCode) {
  Result<std::string> result(malformed("file.gguf: bad magic"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, 3);
  EXPECT_EQ(result.error().message, "file.gguf: bad magic");
  EXPECT_EQ(unsupported("").code, 4);
  EXPECT_EQ(resourceError("").code, 5);
}

TEST(Status, MovesOutWhatCannotBeCopied) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(7));
  std::unique_ptr<int> value = result.take();
  EXPECT_EQ(*value, 7);
}

TEST(Status, ActionsHaveNoValue) {
  EXPECT_TRUE(Result<void>().ok());
  EXPECT_EQ(Result<void>(resourceError("disk full")).error().message, "disk full");
}
