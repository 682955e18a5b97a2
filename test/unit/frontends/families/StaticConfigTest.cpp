// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What static embeddings say of themselves: config.json of model2vec, modules.json of sentence-transformers, and both.
#include "frontends/families/static/StaticConfig.h"
#include "frontends/huggingface/Architecture.h"
#include "frontends/huggingface/Model.h"
#include "test/unit/frontends/Families.h"
#include "test/unit/frontends/StaticFolder.h"

using namespace lmopt;
using nlohmann::json;

static Result<StaticConfig> parse(const char *text) { return test::readAs<StaticConfig>("static", json::parse(text)); }

TEST(StaticConfig, OfModel2Vec) {
  Result<StaticConfig> config = parse(R"({"model_type": "model2vec", "architectures": ["StaticModel"],
    "apply_pca": 256, "sif_coefficient": 1e-4, "hidden_dim": 256, "seq_length": 1000000, "normalize": true})");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->normalize);
  EXPECT_EQ(config->maxTokens, 512);
  EXPECT_TRUE(config->plainText->dropsUnknown);
  EXPECT_FALSE(config->plainText->cutsAsFile);
  EXPECT_FALSE(parse("{}")->normalize);
  EXPECT_EQ(parse(R"({"max_length": 100})")->maxTokens, 100);
}

/// Nothing cuts a text, as in model2vec; a missing field means 512.
TEST(StaticConfig, NoLimit) {
  EXPECT_EQ(parse(R"({"max_length": null})")->maxTokens, 0);
  EXPECT_EQ(parse(R"({"max_length": null})")->maxPositions, 8192);
  EXPECT_EQ(parse(R"({"max_length": 100000})")->maxPositions, 8192);
  EXPECT_EQ(parse(R"({"max_length": 100})")->maxPositions, 100);
}

TEST(StaticConfig, NewerFilesNameNoClass) {
  Result<const Family *> found = detectFamily(json::parse(R"({"normalize": true, "embedding_dtype": "int8"})"), "c");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ((*found)->id, "static");
  EXPECT_EQ(detectFamily(json::parse(R"({"normalize": true})"), "c").error().code, 3);
  EXPECT_EQ(detectFamily(json::parse(R"({"embedding_dtype": "int8", "model_type": "mamba"})"), "c").error().code, 4);
}

TEST(StaticConfig, Refuses) {
  EXPECT_EQ(parse(R"({"magic": 7})").error().code, 4);
  EXPECT_EQ(parse(R"({"max_length": 0})").error().code, 3);
  EXPECT_EQ(parse(R"({"normalize": "yes"})").error().code, 3);
}

namespace {
struct StaticFolders : testing::Test {
  const StaticConfig &open() {
    Result<HuggingFaceModel> opened = HuggingFaceModel::open(folder.path());
    EXPECT_TRUE(opened) << opened.error().message;
    model.emplace(opened.take());
    return static_cast<const StaticConfig &>(*model->config);
  }
  Error error() { return HuggingFaceModel::open(folder.path()).error(); }

  test::StaticFolder folder;
  std::optional<HuggingFaceModel> model;
};
} // namespace

static constexpr char kModule[] = R"({"path": ".", "type": "sentence_transformers.models.StaticEmbedding"})";
static constexpr char kNormalize[] = R"({"path": "n", "type": "sentence_transformers.models.Normalize"})";

TEST_F(StaticFolders, OfSentenceTransformers) {
  folder.write("modules.json", std::string("[") + kModule + "," + kNormalize + "]");
  folder.writeTensors({{"embedding.weight", "F32", {3, 2}, std::string(24, '\0')}});
  const StaticConfig &config = open();
  EXPECT_TRUE(config.normalize);
  EXPECT_EQ(config.maxTokens, 0);
  EXPECT_FALSE(config.plainText->dropsUnknown);
  EXPECT_TRUE(config.plainText->cutsAsFile);
  EXPECT_EQ(config.width, 2);
}

TEST_F(StaticFolders, BothFilesMustAgree) {
  folder.writeTensors({{"embeddings", "F32", {3, 2}, std::string(24, '\0')}});
  folder.write("config.json", R"({"model_type": "model2vec", "normalize": true})");
  folder.write("modules.json", std::string("[") + kModule + "," + kNormalize + "]");
  EXPECT_TRUE(open().plainText->dropsUnknown); // model2vec's own rules
  folder.write("modules.json", std::string("[") + kModule + "]");
  EXPECT_EQ(error().code, 4);
  EXPECT_NE(error().message.find("disagree"), std::string::npos) << error().message;
  folder.write("modules.json", R"([{"path": "", "type": "sentence_transformers.models.Transformer"},
                                   {"path": "p", "type": "sentence_transformers.models.Pooling"}])");
  EXPECT_EQ(error().code, 4);
}

/// The width is known late; a vector that is to be cut is refused all the same.
TEST_F(StaticFolders, CutVectorsAreRefused) {
  folder.write("modules.json", std::string("[") + kModule + "]");
  folder.writeTensors({{"embedding.weight", "F32", {3, 2}, std::string(24, '\0')}});
  folder.write("config_sentence_transformers.json", R"({"truncate_dim": 1})");
  EXPECT_EQ(error().code, 4);
  EXPECT_NE(error().message.find("config_sentence_transformers.json: field 'truncate_dim'"), std::string::npos);
  folder.write("config_sentence_transformers.json", R"({"truncate_dim": 2})");
  open();
}
