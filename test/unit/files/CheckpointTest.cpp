// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights of a Hugging Face directory: one file, shards, and what may be wrong with an index.
#include "files/safetensors/Checkpoint.h"
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

TEST(Checkpoint, PartsInOtherFolders) {
  TemporaryFolder folder;
  folder.write("model.safetensors", oneTensor("a"));
  folder.write("2_Dense/model.safetensors", oneTensor("a"));
  Result<Checkpoint> checkpoint = Checkpoint::open(folder.path());
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  ASSERT_TRUE(checkpoint->addFolder(folder / "2_Dense", "2_Dense/"));
  EXPECT_EQ(checkpoint->names(), (std::vector<std::string_view>{"2_Dense/a", "a"}));
  EXPECT_EQ(checkpoint->find("2_Dense/a").file->path(), folder / "2_Dense/model.safetensors");
  EXPECT_EQ(checkpoint->find("2_Dense/a").tensor->name, "a");
  EXPECT_EQ(checkpoint->find("a").file->path(), folder / "model.safetensors");
  EXPECT_EQ(checkpoint->addFolder(folder / "2_Dense", "2_Dense/").error().code, 3); // twice
  EXPECT_EQ(checkpoint->addFolder(folder / "3_Dense", "3_Dense/").error().code, 3); // not there
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
  expectIndexError(R"({"weight_map":{"a":""}})", "expected the name of a file");
  expectIndexError(R"({"weight_map":{}})", "weight_map names no tensor");
}

TEST(Checkpoint, ReadsAllTensorsOfTheShards) {
  TemporaryFolder folder;
  folder.write("one.safetensors", safetensorsBytes(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                                                   R"("x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                                                   "12345678"));
  folder.write("sub/two.safetensors", oneTensor("b"));
  folder.write("model.safetensors.index.json",
               R"({"weight_map":{"a":"./one.safetensors","b":"sub//two.safetensors","a":"one.safetensors"}})");
  Result<Checkpoint> checkpoint = Checkpoint::open(folder.path());
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(checkpoint->files().size(), 2u);
  EXPECT_EQ(checkpoint->names(), (std::vector<std::string_view>{"a", "b", "x"}));
  folder.write("sub/two.safetensors", oneTensor("x"));
  folder.write("model.safetensors.index.json", R"({"weight_map":{"a":"one.safetensors","x":"sub/two.safetensors"}})");
  EXPECT_EQ(Checkpoint::open(folder.path()).error().message,
            folder / "sub/two.safetensors" + ": tensor 'x' stands in " + (folder / "one.safetensors") +
                " too, and nothing says which one counts");
}

TEST(Checkpoint, OneFileCountsBeforeAnIndex) {
  TemporaryFolder folder;
  folder.write("model.safetensors", oneTensor("a"));
  folder.write("model.safetensors.index.json", R"({"weight_map":{"b":"absent.safetensors"}})");
  folder.write("model.fp16.safetensors", "");
  EXPECT_EQ(Checkpoint::open(folder.path())->names(), std::vector<std::string_view>{"a"});
}

TEST(Checkpoint, OtherFormsOfWeightsAreNamed) {
  for (const char *name : {"pytorch_model-00001-of-00002.bin", "pytorch_model.bin.index.json", "consolidated.00.pth",
                           "consolidated.safetensors", "tf_model.h5", "flax_model.msgpack", "adapter_model.safetensors",
                           "model.fp16.safetensors", "model.safetensors.index.fp16.json", "smol.gguf"}) {
    TemporaryFolder folder;
    folder.write(name, "");
    folder.write("vocab.txt", "");
    Error error = Checkpoint::open(folder.path()).error();
    EXPECT_EQ(error.code, 4);
    EXPECT_NE(error.message.find(std::string("the weights are in ") + name + ", which lmopt does not read"),
              std::string::npos)
        << error.message;
  }
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
