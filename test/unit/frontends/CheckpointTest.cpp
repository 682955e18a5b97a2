// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights of a Hugging Face directory: one file, shards, and what may be wrong with an index.
#include "frontends/safetensors/Checkpoint.h"
#include "test/unit/frontends/SafetensorsBytes.h"
#include "test/unit/frontends/TemporaryFolder.h"

#include <gtest/gtest.h>

using namespace lmopt;
using test::safetensorsBytes;
using test::TemporaryFolder;

static std::string oneTensor(const std::string &name) {
  return safetensorsBytes("{\"" + name + R"(":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "1234");
}

static void expectIndexError(const std::string &index, const std::string &part) {
  TemporaryFolder folder;
  folder.write("model.safetensors.index.json", index);
  folder.write("one.safetensors", oneTensor("a"));
  Result<Checkpoint> checkpoint = Checkpoint::open(folder.path());
  ASSERT_FALSE(checkpoint) << part;
  EXPECT_EQ(checkpoint.error().code, 3);
  EXPECT_NE(checkpoint.error().message.find(part), std::string::npos) << checkpoint.error().message;
}

TEST(Checkpoint, OneFile) {
  TemporaryFolder folder;
  folder.write("model.safetensors", oneTensor("a"));
  Result<Checkpoint> checkpoint = Checkpoint::open(folder.path());
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_TRUE(checkpoint->find("a"));
  EXPECT_FALSE(checkpoint->find("b"));
  EXPECT_EQ(checkpoint->names(), std::vector<std::string_view>{"a"});
}

TEST(Checkpoint, Shards) {
  TemporaryFolder folder;
  folder.write("one.safetensors", oneTensor("a"));
  folder.write("two.safetensors", oneTensor("b"));
  folder.write("model.safetensors.index.json",
               R"({"metadata":{"total_size":8},"weight_map":{"a":"one.safetensors","b":"two.safetensors"}})");
  Result<Checkpoint> checkpoint = Checkpoint::open(folder.path());
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(checkpoint->files().size(), 2u);
  EXPECT_EQ(checkpoint->find("b").file->path(), folder / "two.safetensors");
  EXPECT_EQ(checkpoint->names(), (std::vector<std::string_view>{"a", "b"}));
  EXPECT_FALSE(checkpoint->find("c"));
}

TEST(Checkpoint, RefusesIndexes) {
  expectIndexError("[]", "expected an object 'weight_map'");
  expectIndexError("{}", "expected an object 'weight_map'");
  expectIndexError(R"({"weight_map":[]})", "expected an object 'weight_map'");
  expectIndexError(R"({"weight_map":{"a":1}})", "expected the name of a file in the same directory");
  expectIndexError(R"({"weight_map":{"a":"../one.safetensors"}})", "tensor 'a': expected the name of a file");
  expectIndexError(R"({"weight_map":{"a":"/etc/passwd"}})", "expected the name of a file");
  expectIndexError(R"({"weight_map":{"a":".."}})", "expected the name of a file");
  expectIndexError(R"({"weight_map":{"a":"two.safetensors"}})", "the shard 'two.safetensors' is missing");
  expectIndexError(R"({"weight_map":{"b":"one.safetensors"}})", "tensor 'b' is not in the shard 'one.safetensors'");
  expectIndexError(R"({"weight_map":{"a":"one.safetensors","a":"one.safetensors"}})", "appears twice");
}

TEST(Checkpoint, RefusesPickles) {
  TemporaryFolder folder;
  EXPECT_EQ(Checkpoint::open(folder.path()).error().message,
            folder.path() + ": expected model.safetensors or model.safetensors.index.json, found neither");
  EXPECT_EQ(Checkpoint::open(folder.path()).error().code, 3);
  folder.write("pytorch_model.bin", "");
  EXPECT_EQ(Checkpoint::open(folder.path()).error().code, 4);
  EXPECT_NE(Checkpoint::open(folder.path()).error().message.find("pickle files can run code"), std::string::npos);
}
