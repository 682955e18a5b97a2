// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checkpoints of the UltraFastBERT family: the layouts they come in, and what their tensors say that are no weights.
#include "frontends/families/ultrafastbert/UltraFastBertConfig.h"
#include "frontends/huggingface/Model.h"
#include "test/unit/frontends/CrammedCheckpoint.h"

using namespace lmopt;
using test::bytesOf;
using test::CrammedCheckpoint;

static constexpr char kTable[] = "embedding.word_embedding.weight";
static constexpr char kFactor[] = "layers.0.attn.self_attention.norm_factor";

namespace {
struct UltraFastBertTensors : testing::Test {
  Result<HuggingFaceModel> open(const CrammedCheckpoint &checkpoint) {
    checkpoint.write(folder);
    return HuggingFaceModel::open(folder.path());
  }
  std::string message(const CrammedCheckpoint &checkpoint, int code) {
    Result<HuggingFaceModel> model = open(checkpoint);
    if (model)
      return "accepted";
    EXPECT_EQ(model.error().code, code) << model.error().message;
    return model.error().message;
  }
  double scaleOf(const CrammedCheckpoint &checkpoint) {
    Result<HuggingFaceModel> model = open(checkpoint);
    EXPECT_TRUE(model) << model.error().message;
    return model ? static_cast<const UltraFastBertConfig &>(*model->config).attentionScales.at(0) : 0;
  }
  std::string file() { return folder / "model.safetensors"; }

  test::TemporaryFolder folder;
};
} // namespace

TEST_F(UltraFastBertTensors, BareLayout) {
  Result<HuggingFaceModel> model = open(test::crammedWithNeurons());
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->prefix, "");
  EXPECT_EQ(model->tensorName("embed.weight"), kTable);
}

TEST_F(UltraFastBertTensors, LayoutOfPretraining) {
  CrammedCheckpoint checkpoint = test::crammedWithNeurons();
  checkpoint.putBehindPrefix();
  checkpoint.tensors["decoder.weight"] = {{5, 4}};
  Result<HuggingFaceModel> model = open(checkpoint);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->prefix, "encoder.");
  EXPECT_EQ(model->tensorName("embed.weight"), std::string("encoder.") + kTable);
  EXPECT_EQ(model->tensorName("layers.0.attn.o.weight"), "encoder.layers.0.attn.dense.weight");
  EXPECT_TRUE(model->mayRemain("decoder.weight"));
  EXPECT_TRUE(model->mayRemain(std::string("encoder.") + kFactor));
  EXPECT_FALSE(model->mayRemain("encoder.layers.0.attn.dense.bias"));
}

TEST_F(UltraFastBertTensors, TableOfTheDecoderAlone) {
  CrammedCheckpoint checkpoint = test::crammedWithNeurons();
  checkpoint.putBehindPrefix();
  checkpoint.tensors.erase(std::string("encoder.") + kTable);
  checkpoint.tensors["decoder.weight"] = {{5, 4}};
  Result<HuggingFaceModel> model = open(checkpoint);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->prefix, "encoder.");
  EXPECT_EQ(model->tensorName("embed.weight"), "decoder.weight");
}

TEST_F(UltraFastBertTensors, TablesThatDiffer) {
  CrammedCheckpoint checkpoint = test::crammedWithNeurons();
  checkpoint.putBehindPrefix();
  std::string numbers(5 * 4 * sizeof(float), '\0');
  numbers.replace(0, sizeof(float), bytesOf(1.0f));
  checkpoint.tensors["decoder.weight"] = {{5, 4}, "F32", numbers};
  EXPECT_EQ(message(checkpoint, kErrorUnsupported),
            file() + ": tensor 'decoder.weight': differs from 'encoder.embedding.word_embedding.weight', but the class "
                     "has one table for both; remove the one that is not the model's");
}

TEST_F(UltraFastBertTensors, FactorOfAttention) {
  CrammedCheckpoint checkpoint = test::crammedWithNeurons();
  EXPECT_EQ(scaleOf(checkpoint), 0.5);
  checkpoint.tensors[kFactor] = {{1}, "F16", std::string("\x00\x34", 2)};
  EXPECT_EQ(scaleOf(checkpoint), 0.25);
  checkpoint.tensors.erase(kFactor);
  EXPECT_DOUBLE_EQ(scaleOf(checkpoint), 1 / std::sqrt(2.0));
  for (float odd : {0.0f, -0.5f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    checkpoint.tensors[kFactor] = {{}, "F32", bytesOf(odd)};
    EXPECT_NE(message(checkpoint, kErrorMalformed).find("expected a positive factor of attention"), std::string::npos);
  }
  checkpoint.tensors[kFactor] = {{2}};
  EXPECT_NE(message(checkpoint, kErrorMalformed).find("expected one number"), std::string::npos);
  checkpoint.tensors[kFactor] = {{}, "I64"};
  EXPECT_NE(message(checkpoint, kErrorMalformed).find("of F32, F16 or BF16"), std::string::npos);
}

TEST_F(UltraFastBertTensors, DepthOfTheTree) {
  CrammedCheckpoint checkpoint = test::crammedWithLeaves();
  EXPECT_TRUE(open(checkpoint));
  checkpoint.arch()["intermed_depth"] = 2;
  EXPECT_EQ(message(checkpoint, kErrorMalformed),
            file() +
                ": tensor 'layers.0.ffn.depth': config.json says that intermed_depth is 2, but the tree has depth 1");
  checkpoint.tensors["layers.0.ffn.depth"] = {{2}, "I64"};
  EXPECT_NE(message(checkpoint, kErrorMalformed).find("expected one number of I64"), std::string::npos);
  checkpoint.tensors["layers.0.ffn.depth"] = {{}, "F32", bytesOf(2.0f)};
  EXPECT_NE(message(checkpoint, kErrorMalformed).find("expected one number of I64"), std::string::npos);
}

TEST_F(UltraFastBertTensors, TheOtherKindOfTree) {
  CrammedCheckpoint neurons = test::crammedWithNeurons(), leaves = test::crammedWithLeaves();
  std::swap(neurons.config, leaves.config);
  EXPECT_EQ(message(neurons, kErrorMalformed), file() +
                                                   ": tensor 'layers.0.ffn.linear_in.weight': belongs to a tree of "
                                                   "intermed_type 'fff', but config.json says 'fastfeedforward'");
  EXPECT_EQ(message(leaves, kErrorMalformed), file() + ": tensor 'layers.0.ffn.node_weights': belongs to a tree of "
                                                       "intermed_type 'fastfeedforward', but config.json says 'fff'");
}
