// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// generation_config.json: absent, harmless, told, refused, damaged. Single settings are in VariantsTest.cpp.
#include "frontends/huggingface/Generation.h"
#include "test/unit/frontends/TemporaryFolder.h"

#include <gtest/gtest.h>

using namespace lmopt;
using test::TemporaryFolder;

TEST(Generation, IsReadAsAWhole) {
  TemporaryFolder folder;
  Warnings warnings;
  const nlohmann::json config = {{"min_length", 0}, {"bos_token_id", 1}};
  EXPECT_TRUE(checkGenerationConfig(folder.path(), config, warnings));
  folder.write("generation_config.json", R"({"temperature": 0.7, "eos_token_id": [1, 2], "max_length": 4096})");
  EXPECT_TRUE(checkGenerationConfig(folder.path(), config, warnings));
  EXPECT_TRUE(warnings.empty());
  folder.write("generation_config.json", R"({"repetition_penalty": 1.1, "num_beams": 4})");
  EXPECT_TRUE(checkGenerationConfig(folder.path(), config, warnings));
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_EQ(warnings[1],
            folder / "generation_config.json" +
                ": field 'repetition_penalty' is '1.1': transformers makes tokens that were there less probable, also "
                "without sampling; lmopt run does not");
  folder.write("generation_config.json", R"({"suppress_tokens": [7]})");
  EXPECT_EQ(checkGenerationConfig(folder.path(), config, warnings).error().message,
            folder / "generation_config.json" +
                ": field 'suppress_tokens': only [] is supported, found '[7]': tokens that may not follow, or not yet; "
                "remove it if you decode without it");
  EXPECT_EQ(checkGenerationConfig(folder.path(), config, warnings).error().code, 4);
  folder.write("generation_config.json", "{");
  EXPECT_EQ(checkGenerationConfig(folder.path(), config, warnings).error().code, 3);
}

TEST(Generation, OfConfigCountsWhereItsOwnFileIsMissing) {
  TemporaryFolder folder;
  Warnings warnings;
  const nlohmann::json config = {{"suppress_tokens", {7}}, {"temperature", 0.5}, {"hidden_size", 8}};
  EXPECT_EQ(checkGenerationConfig(folder.path(), config, warnings).error().code, 4);
  EXPECT_TRUE(checkGenerationConfig(folder.path(), {{"num_beams", 2}}, warnings));
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0].substr(0, warnings[0].find(" is")), folder / "config.json" + ": field 'num_beams'");
  folder.write("generation_config.json", "{}");
  EXPECT_TRUE(checkGenerationConfig(folder.path(), config, warnings));
  EXPECT_EQ(warnings.size(), 1u);
}
