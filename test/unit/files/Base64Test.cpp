// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// decodeBase64: the vectors of RFC 4648 and what is none.
#include "files/Base64.h"

#include "gtest/gtest.h"

using namespace lmopt;

TEST(Base64, VectorsOfTheStandard) {
  const std::pair<const char *, const char *> vectors[] = {{"", ""},
                                                           {"Zg==", "f"},
                                                           {"Zm8=", "fo"},
                                                           {"Zm9v", "foo"},
                                                           {"Zm9vYg==", "foob"},
                                                           {"Zm9vYmE=", "fooba"},
                                                           {"Zm9vYmFy", "foobar"}};
  for (const auto &[text, bytes] : vectors)
    EXPECT_EQ(decodeBase64(text), bytes);
  EXPECT_EQ(decodeBase64("Zm9vYg"), "foob"); // padding may be missing
  EXPECT_EQ(decodeBase64("+/+/"), "\xFB\xFF\xBF");
}

TEST(Base64, WhatIsNone) {
  EXPECT_EQ(decodeBase64("Zm9*"), std::nullopt);
  EXPECT_EQ(decodeBase64("Z"), std::nullopt);
  EXPECT_EQ(decodeBase64("Zm9v YmFy"), std::nullopt);
}
