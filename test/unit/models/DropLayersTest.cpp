// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm-drop-layers on fixture models: a half that goes is one that adds nothing, bit for bit; attentions are numbered
// anew; compiled, a decoder has no cache for what is gone and computes what the interpreter does, the same bits in
// every way of running it.
#include "test/unit/models/CompiledRuns.h"

#include "dialects/lm/PartNames.h"

using namespace mlir;
using namespace lmopt;

namespace {

class DroppedLayers : public fixture::CompiledRuns {
protected:
  LogicalResult drop(const std::string &options) {
    PassManager manager(&context);
    std::string error;
    EXPECT_TRUE(succeeded(addPassPipeline(manager, "lm-drop-layers{" + options + "}", error))) << error;
    return manager.run(*model.module);
  }

  std::string errorOf(const std::string &options) {
    std::string text;
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) { text += diagnostic.str(); });
    EXPECT_TRUE(failed(drop(options)));
    return text;
  }

  /// The weights of these linears become zeros.
  void silence(std::initializer_list<const char *> linears) {
    model.module->walk([&](lm::LinearOp op) {
      if (!llvm::is_contained(linears, lm::getPartName(op)))
        return;
      ASSERT_FALSE(op.getBiasAttr());
      lm::ParamOp weight = lm::lookupParam(op, op.getWeightAttr());
      weight.setValueAttr(DenseElementsAttr::get(cast<ShapedType>(weight.getType()), 0.0F));
    });
  }

  std::vector<float> meaning() {
    std::vector<float> numbers;
    for (const fixture::Case &one : fixture.cases)
      fixture::append(numbers, chosen(one, interpret(one)));
    return numbers;
  }

  std::vector<int64_t> layerNumbers() {
    std::vector<int64_t> numbers;
    model.module->walk([&](lm::AttentionOp op) { numbers.push_back(int64_t(op.getLayer())); });
    return numbers;
  }

  void expectCompiled() {
    ASSERT_NO_FATAL_FAILURE(compile("f32"));
    std::vector<float> whole = all(1, {1000});
    expectClose(whole, meaning());
    expectSameBitsAlways(whole);
  }
};

using DroppedDecoder = DroppedLayers;

TEST_P(DroppedDecoder, AHalfThatGoesAddsNothing) {
  OwningOpRef<ModuleOp> source = model.module->clone();
  silence({"layers.1.attn.o", "layers.1.ffn.down"});
  std::vector<float> silent = meaning();
  std::swap(source, model.module);
  EXPECT_NE(meaning(), silent);
  ASSERT_TRUE(succeeded(drop("layers=layers.1.*")));
  EXPECT_EQ(meaning(), silent);
}

TEST_P(DroppedDecoder, HalvesGoAlone) {
  for (auto [linear, attentions] : {std::pair("layers.0.ffn.down", 2), {"layers.0.attn.o", 1}}) {
    OwningOpRef<ModuleOp> source = model.module->clone();
    size_t before = layerNumbers().size();
    silence({linear});
    std::vector<float> silent = meaning();
    std::swap(source, model.module);
    OwningOpRef<ModuleOp> kept = model.module->clone();
    ASSERT_TRUE(succeeded(drop(std::string("layers=") + linear)));
    EXPECT_EQ(meaning(), silent) << linear;
    EXPECT_EQ(layerNumbers().size(), before - (attentions == 1)) << linear;
    std::swap(kept, model.module);
  }
}

TEST_P(DroppedDecoder, Compiled) {
  ASSERT_TRUE(succeeded(drop("layers=layers.0.*")));
  std::vector<int64_t> numbers = layerNumbers();
  for (size_t i = 0; i < numbers.size(); ++i)
    EXPECT_EQ(numbers[i], int64_t(i));
  expectCompiled();
}

TEST_P(DroppedDecoder, NeighboursGoTogether) {
  ASSERT_TRUE(succeeded(drop("layers=layers.0.ffn.down,layers.1.attn.o")));
  expectCompiled();
}

INSTANTIATE_TEST_SUITE_P(Models, DroppedDecoder, testing::Values("llama-tied", "llama-sharded"),
                         fixture::parameterName);

class DroppedEncoder : public DroppedLayers {};

// What a layer's norm gave goes with it: the pooling reads the layer before.
TEST_P(DroppedEncoder, TheNormGoesWithItsHalf) {
  ASSERT_TRUE(succeeded(drop("layers=layers.1.*")));
  lm::PoolOp pool;
  model.module->walk([&](lm::PoolOp op) { pool = op; });
  EXPECT_EQ(lm::getPartName(pool.getInput().getDefiningOp()), "layers.0.ffn_norm");
  EXPECT_EQ(layerNumbers(), std::vector<int64_t>{0});
  EXPECT_FALSE(model.module->lookupSymbol("layers.1.ffn_norm.weight"));
  expectCompiled();
}

TEST_P(DroppedEncoder, Refuses) {
  EXPECT_NE(errorOf("skip=layers.0.*").find("option 'layers' is missing"), std::string::npos);
  EXPECT_NE(errorOf("layers=layer.*").find("matches none"), std::string::npos);
  EXPECT_NE(errorOf("layers=layers.*.attn.q").find("names no linear whose results are added"), std::string::npos);
  EXPECT_NE(errorOf("layers=layers.*.attn.o").find("all 2 attentions would go"), std::string::npos);
  EXPECT_EQ(layerNumbers(), (std::vector<int64_t>{0, 1}));
}

INSTANTIATE_TEST_SUITE_P(Models, DroppedEncoder, testing::Values("bert-mean", "distilbert-mean"),
                         fixture::parameterName);

} // namespace
