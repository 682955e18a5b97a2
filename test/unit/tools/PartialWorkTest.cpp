// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Unfinished calibration on disk: it goes on where it was, begins anew when it is of other work or damaged, and leaves
// what others put there.
#include "tools/calibrate/PartialWork.h"

#include "files/AtomicFile.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

using namespace lmopt;
namespace fs = std::filesystem;

namespace {

class PartialWorkFolder : public testing::Test {
protected:
  void SetUp() override {
    folder = testing::TempDir() + "/lmopt-partial-" + std::to_string(::getpid());
    fs::remove_all(folder);
  }
  void TearDown() override { fs::remove_all(folder); }

  PartialWork open(const std::string &identity = "work") {
    Result<PartialWork> work = PartialWork::open(folder + "/w", identity, 2);
    EXPECT_TRUE(work.ok()) << work.error().message;
    return work.take();
  }

  /// The first part, with the rows for the second.
  void finishFirst() {
    PartialWork work = open();
    Result<PartialWork::RowWriter> rows = work.writeRows(1, 2, 1);
    ASSERT_TRUE(rows.ok());
    float numbers[] = {1, 2};
    ASSERT_TRUE(rows->append(numbers, 1).ok());
    ASSERT_TRUE(rows->append(numbers + 1, 1).ok());
    ASSERT_TRUE(rows->finish().ok());
    ASSERT_TRUE(work.finishPart(0, {{{"b", "F32", {1}}, {&number, 4}}}).ok());
  }

  std::string folder;
  float number = 5;
};

TEST_F(PartialWorkFolder, GoesOnWhereItWas) {
  EXPECT_EQ(open().done(), 0u);
  finishFirst();
  PartialWork work = open();
  EXPECT_EQ(work.done(), 1u);
  EXPECT_TRUE(SafetensorsFile::open(work.rowsFile(1)).ok());
}

TEST_F(PartialWorkFolder, JoinsPartsByName) {
  finishFirst();
  PartialWork work = open();
  ASSERT_TRUE(work.finishPart(1, {{{"a", "F32", {1}}, {&number, 4}}}).ok());
  ASSERT_TRUE(work.join(folder + "/all", {{"format", "x"}}).ok());
  Result<SafetensorsFile> all = SafetensorsFile::open(folder + "/all");
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all->tensors().size(), 2u);
  EXPECT_LT(all->findTensor("a")->data.data(), all->findTensor("b")->data.data());
  EXPECT_EQ(all->metadata().front().second, "x");
  ASSERT_TRUE(work.remove().ok());
  EXPECT_FALSE(fs::exists(folder + "/w"));
}

TEST_F(PartialWorkFolder, BeginsAnewForOtherWork) {
  finishFirst();
  EXPECT_EQ(open("other").done(), 0u);
  EXPECT_FALSE(fs::exists(folder + "/w/part-0.safetensors"));
}

TEST_F(PartialWorkFolder, BeginsAnewWhenFilesAreDamaged) {
  for (const char *name : {"part-0.safetensors", "rows-1.safetensors", "state.json"}) {
    finishFirst();
    std::ofstream(folder + "/w/" + name) << "not what it was";
    EXPECT_EQ(open().done(), 0u) << name;
  }
  for (const char *state : {"[]", "{}", R"({"identity": 1, "done": 1})", R"({"identity": "work", "done": -1})",
                            R"({"identity": "work", "done": 3})"}) {
    finishFirst();
    std::ofstream(folder + "/w/state.json") << state;
    EXPECT_EQ(open().done(), 0u) << state;
  }
}

TEST_F(PartialWorkFolder, LeavesWhatOthersPutThere) {
  fs::create_directories(folder + "/w");
  std::ofstream(folder + "/w/thesis.tex") << "years";
  Result<PartialWork> work = PartialWork::open(folder + "/w", "work", 2);
  ASSERT_FALSE(work.ok());
  EXPECT_EQ(work.error().code, kErrorUsage);
  EXPECT_NE(work.error().message.find("thesis.tex"), std::string::npos);
  EXPECT_TRUE(fs::exists(folder + "/w/thesis.tex"));
}

TEST_F(PartialWorkFolder, TellsWhatTheSystemRefuses) {
  fs::create_directories(folder);
  std::ofstream(folder + "/w") << "a file";
  Result<PartialWork> work = PartialWork::open(folder + "/w", "work", 2);
  ASSERT_FALSE(work.ok());
  EXPECT_EQ(work.error().code, kErrorResource);
}

} // namespace
