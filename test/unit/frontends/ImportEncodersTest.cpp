// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whole imports of encoders that are not built layer by layer: shared layers stand once in a module, tables of static
// embeddings, linears behind the pooling, prompts.
#include "dialects/lm/Lm.h"
#include "frontends/Import.h"
#include "test/unit/frontends/StaticFolder.h"
#include "test/unit/frontends/Variants.h"

#include "mlir/IR/MLIRContext.h"
#include <gtest/gtest.h>

#include <filesystem>

using namespace lmopt;

namespace {
struct ImportEncoders : testing::Test {
  Result<ImportedModel> import(const std::string &path) { return importModel(path, context); }
  /// A copy of a fixture that may be changed.
  void copy(const std::string &fixture) {
    std::filesystem::copy(test::kModels + "/" + fixture, folder.path(),
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
  }
  void expectError(int code, const std::string &part) {
    Result<ImportedModel> model = import(folder.path());
    ASSERT_FALSE(model) << part;
    EXPECT_EQ(model.error().code, code) << model.error().message;
    EXPECT_NE(model.error().message.find(part), std::string::npos) << model.error().message;
  }

  test::StaticFolder folder;
  mlir::MLIRContext context;
};
} // namespace

template <class Op>
static int64_t count(ImportedModel &model) {
  int64_t number = 0;
  model.module->walk([&](Op) { ++number; });
  return number;
}

/// Five layers of six linears each, the linear of the tables; two sets of weights.
TEST_F(ImportEncoders, SharedLayersAreTheSameParams) {
  Result<ImportedModel> model = import(test::kModels + "/albert-mean");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(count<lm::LinearOp>(*model), 5 * 6 + 1);
  EXPECT_EQ(count<lm::ParamOp>(*model), 2 * (6 * 2 + 2 * 2) + 2 + 5);
  auto last = lm::lookupParam(model->module->lookupSymbol("encode"),
                              mlir::FlatSymbolRefAttr::get(&context, "layers.1.ffn.down.weight"));
  EXPECT_TRUE(last);
  EXPECT_FALSE(model->module->lookupSymbol("layers.2.ffn.down.weight"));
}

TEST_F(ImportEncoders, EveryGroupIsNeededAndUsed) {
  copy("albert-mean");
  nlohmann::json config = nlohmann::json::parse(test::readBytes(folder / "config.json"));
  config["num_hidden_groups"] = 3;
  folder.write("config.json", config.dump());
  expectError(3, "albert.encoder.albert_layer_groups.2.albert_layers.0.");
  config["num_hidden_groups"] = 1;
  folder.write("config.json", config.dump());
  expectError(4, "albert.encoder.albert_layer_groups.1.albert_layers.0.");
}

TEST_F(ImportEncoders, StaticEmbeddings) {
  Result<ImportedModel> model = import(test::kModels + "/static-words");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(count<lm::EmbeddingOp>(*model), 1);
  EXPECT_EQ(count<lm::L2NormalizeOp>(*model), 1);
  EXPECT_FALSE(model->tokenizerBlob.empty());
  model = import(test::kModels + "/static-clusters");
  ASSERT_TRUE(model) << model.error().message;
  auto config = model->module->getOperation()->getAttrOfType<mlir::DictionaryAttr>("lm.config");
  EXPECT_EQ(config.getAs<mlir::IntegerAttr>("vocabulary").getInt(), 119);
  EXPECT_EQ(config.getAs<mlir::StringAttr>("empty_text"), "zeros");
}

TEST_F(ImportEncoders, TokensBeyondATableAreRefused) {
  copy("static-words");
  folder.writeTensors({{"embeddings", "F32", {3, 2}, std::string(24, '\0')}});
  expectError(4, "but the embedding has only 3 rows");
}

TEST_F(ImportEncoders, TensorsOfOtherModelsAreRefused) {
  copy("static-words");
  folder.writeTensors({{"embeddings", "F32", {251, 2}, std::string(251 * 8, '\0')}, {"magic", "F32", {1}, "abcd"}});
  expectError(4, "'magic' is not part of this family");
}

TEST_F(ImportEncoders, LinearsBehindTheVector) {
  Result<ImportedModel> model = import(test::kModels + "/static-sentence");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(count<lm::LinearOp>(*model), 2);
  EXPECT_EQ(count<lm::ActivationOp>(*model), 1);
  auto config = model->module->getOperation()->getAttrOfType<mlir::DictionaryAttr>("lm.config");
  auto prompts = config.getAs<mlir::DictionaryAttr>("prompts");
  ASSERT_TRUE(prompts);
  EXPECT_EQ(prompts.getAs<mlir::StringAttr>("query"), "Find: ");
  EXPECT_EQ(config.getAs<mlir::StringAttr>("default_prompt_name"), "query");
  EXPECT_FALSE(config.get("empty_text")); // what the linears make of nothing is not zero
}

TEST_F(ImportEncoders, LinearsMustFitAndBeThere) {
  copy("static-sentence");
  folder.writeTensors({{"linear.weight", "F32", {24, 35}, std::string(24 * 35 * 4, '\0')},
                       {"linear.bias", "F32", {24}, std::string(96, '\0')}},
                      "1_Dense/model.safetensors");
  expectError(3, "the configuration asks for the shape 24x36, found 24x35");
  std::filesystem::remove(folder / "1_Dense/model.safetensors");
  expectError(3, "1_Dense: expected model.safetensors");
  copy("static-sentence");
  folder.writeTensors({{"linear.weight", "F32", {40, 24}, std::string(40 * 24 * 4, '\0')},
                       {"linear.bias", "F32", {40}, std::string(160, '\0')}},
                      "2_Dense/model.safetensors");
  expectError(4, "'2_Dense/linear.bias' is not part of this family");
}
