// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights in a file beside the artifact (--weights-file): where they are looked for, also through links, and that those
// of another model and damaged ones are refused.
#include "Fixture.h"
#include "test/Reseal.h"

#include <filesystem>

using namespace lmopt::test;
namespace fs = std::filesystem;

namespace {

/// An artifact and its weights in a folder of their own, and another folder for links.
struct SplitWeights : testing::Test {
  SplitWeights() {
    fs::create_directories(directory.path + "/store");
    fs::create_directories(directory.path + "/links");
    model = directory.write("store/split.so", readFile(splitPath));
    weights = directory.write("store/fake.weights", readFile(splitWeightsPath));
  }

  lmopt_status_t open(const std::string &path, uint32_t load = LMOPT_LOAD_MAP, uint32_t verify = 0) {
    lmopt_model_options_t options{};
    options.struct_size = sizeof options;
    options.load = load;
    options.verify = verify;
    lmopt_model_t *opened = nullptr;
    lmopt_status_t status = lmopt_model_open(path.c_str(), &options, &opened, &error);
    if (!status)
      computes(Model(opened));
    return status;
  }

  /// The weights are the right ones, in the right place.
  void computes(const Model &opened) {
    Session session = makeSession(opened, makeTeam(1));
    std::vector<int32_t> tokens = someTokens(10);
    std::vector<float> logits(fakeVocabulary);
    ASSERT_EQ(lmopt_session_prefill(session.get(), tokens.data(), 10, logits.data(), nullptr), LMOPT_OK);
    EXPECT_EQ(logits, fakeLogits(tokens, 10));
  }

  void expectSays(const std::string &part) {
    EXPECT_NE(std::string(error.message).find(part), std::string::npos) << error.message << "\nlacks: " << part;
  }

  TemporaryDirectory directory;
  std::string model, weights;
  lmopt_error_t error{};
};

TEST_F(SplitWeights, lieBesideTheArtifact) {
  for (uint32_t load : {LMOPT_LOAD_MAP, LMOPT_LOAD_POPULATE, LMOPT_LOAD_COPY})
    for (uint32_t verify : {0, 1})
      EXPECT_EQ(open(model, load, verify), LMOPT_OK) << error.message;
  fs::remove(weights);
  EXPECT_EQ(open(model), LMOPT_ERROR_RESOURCE);
  expectSays("fake.weights: No such file");
}

TEST_F(SplitWeights, areNamedByTheArtifact) {
  lmopt_artifact_t *raw = nullptr;
  ASSERT_EQ(lmopt_artifact_open(model.c_str(), &raw, nullptr), LMOPT_OK);
  Artifact artifact(raw);
  lmopt_artifact_info_t info{};
  info.struct_size = sizeof info;
  ASSERT_EQ(lmopt_artifact_get_info(raw, &info, nullptr), LMOPT_OK);
  EXPECT_STREQ(info.weights_file, "fake.weights");
}

TEST_F(SplitWeights, areNeverOutsideTheFolder) {
  std::string bytes = readFile(splitPath);
  size_t at = bytes.rfind("fake.weights");
  ASSERT_NE(at, std::string::npos);
  bytes.replace(at, 12, "../x/weights");
  EXPECT_EQ(open(directory.write("store/way-out.so", resealed(bytes))), LMOPT_ERROR_MALFORMED);
  expectSays("not a plain file name");
}

TEST_F(SplitWeights, areFoundThroughLinks) {
  const std::string links = directory.path + "/links/";
  fs::create_symlink(model, links + "absolute.so");
  fs::create_symlink("../store/split.so", links + "relative.so");
  fs::create_symlink("relative.so", links + "link-to-a-link.so");
  fs::create_directory_symlink("../store", links + "folder");
  fs::create_symlink("split.so", directory.path + "/store/beside.so");
  for (const char *name : {"absolute.so", "relative.so", "link-to-a-link.so", "folder/split.so"})
    EXPECT_EQ(open(links + name), LMOPT_OK) << error.message;
  EXPECT_EQ(open(directory.path + "/store/beside.so"), LMOPT_OK) << error.message;

  fs::path before = fs::current_path();
  fs::current_path(links);
  EXPECT_EQ(open("relative.so"), LMOPT_OK) << error.message;
  EXPECT_EQ(open("folder/split.so"), LMOPT_OK) << error.message;
  fs::current_path(before);
}

TEST_F(SplitWeights, ofTheFileItselfComeFirst) {
  const std::string links = directory.path + "/links/";
  fs::create_symlink(model, links + "model.so");
  std::string other = readFile(weights);
  other[5] ^= 1;
  directory.write("links/fake.weights", other);
  EXPECT_EQ(open(links + "model.so"), LMOPT_OK) << error.message;
}

/// As caches do that keep each file under the name of its contents.
TEST_F(SplitWeights, mayLieBesideTheLink) {
  const std::string links = directory.path + "/links/";
  fs::rename(model, directory.path + "/store/0a1b");
  fs::rename(weights, directory.path + "/store/2c3d");
  fs::create_symlink("../store/0a1b", links + "model.so");
  EXPECT_EQ(open(links + "model.so"), LMOPT_ERROR_RESOURCE);
  expectSays("store/fake.weights: No such file");
  fs::create_symlink("../store/2c3d", links + "fake.weights");
  EXPECT_EQ(open(links + "model.so"), LMOPT_OK) << error.message;
}

TEST_F(SplitWeights, ofAnotherSize) {
  std::string bytes = readFile(weights);
  for (std::string wrong :
       {bytes.substr(1), bytes + "x", bytes.substr(0, 8192), bytes.substr(0, 5), bytes.substr(0, 16)}) {
    directory.write("store/fake.weights", wrong);
    EXPECT_EQ(open(model), LMOPT_ERROR_MALFORMED);
    expectSays("has " + std::to_string(wrong.size()) + " bytes, but");
  }
}

TEST_F(SplitWeights, ofAnotherModelAreRefusedWithoutReadingThem) {
  std::string bytes = readFile(weights);
  lmopt_weights_trailer_t trailer = load<lmopt_weights_trailer_t>(bytes, 8192);
  EXPECT_EQ(trailer.checksum, lmoptp_checksum_of(bytes.data(), 8192));
  trailer.checksum += 1;
  store(bytes, 8192, trailer);
  directory.write("store/fake.weights", bytes);
  EXPECT_EQ(open(model), LMOPT_ERROR_MALFORMED);
  expectSays("fake.weights holds the weights of another model");
  trailer.magic = 0;
  store(bytes, 8192, trailer);
  directory.write("store/fake.weights", bytes);
  EXPECT_EQ(open(model), LMOPT_ERROR_MALFORMED);
  expectSays("its trailer has the magic");
}

TEST_F(SplitWeights, damagedOnesAreFoundWhenAsked) {
  std::string bytes = readFile(weights);
  bytes[4711] ^= 8;
  directory.write("store/fake.weights", bytes);
  for (uint32_t load : {LMOPT_LOAD_MAP, LMOPT_LOAD_POPULATE, LMOPT_LOAD_COPY}) {
    EXPECT_EQ(open(model, load, 1), LMOPT_ERROR_MALFORMED);
    expectSays("its weights in fake.weights are damaged");
  }
  lmopt_artifact_t *raw = nullptr;
  ASSERT_EQ(lmopt_artifact_open(model.c_str(), &raw, nullptr), LMOPT_OK);
  Artifact artifact(raw);
  EXPECT_EQ(lmopt_artifact_verify(raw, &error), LMOPT_ERROR_MALFORMED);
  expectSays("its weights in fake.weights are damaged");
  directory.write("store/fake.weights", readFile(splitWeightsPath));
  EXPECT_EQ(lmopt_artifact_verify(raw, &error), LMOPT_OK) << error.message;
}

} // namespace
