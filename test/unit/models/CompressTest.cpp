// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parts of compression on fixture models: units, recipes of settings, what an artifact weighs, and judging.
#include "tools/compress/Compress.h"
#include "test/unit/models/CalibratedModel.h"
#include "tools/compress/Units.h"

using namespace lmopt;
using namespace lmopt::fixture;

namespace {

class CompressTest : public CalibratedModel {
protected:
  std::vector<Unit> units() { return findUnits(*model.module, allLayersAndTables()); }
  lm::LayerSelection allLayersAndTables() {
    return *lm::LayerSelection::create(*model.module, {}, {}, lm::Selectable::Linears | lm::Selectable::Tables);
  }
  driver::Context quiet{/*quiet=*/true};

  std::string build(const std::vector<Setting> &settings, const std::string &name, Footprint *footprint = nullptr) {
    Workbench bench(model, units(), "");
    Recipe recipe = makeRecipe(units(), settings, {name, "", false});
    Result<Footprint> built = bench.build(recipe, recipe.toJson(), folder + "/" + name);
    EXPECT_TRUE(built.ok()) << built.error().message;
    if (built.ok() && footprint)
      *footprint = *built;
    return folder + "/" + name;
  }
};

TEST_P(CompressTest, UnitsAreBlocks) {
  std::vector<std::string> names;
  for (const Unit &unit : units()) {
    names.push_back(unit.name);
    EXPECT_FALSE(unit.linears.empty());
    for (const std::string &linear : unit.linears)
      EXPECT_EQ(linear.compare(0, unit.name.size(), unit.name), 0) << linear;
  }
  ASSERT_GE(names.size(), 4u);
  EXPECT_EQ(names[0], "layers.0.attn");
  EXPECT_EQ(names[1], "layers.0.ffn");
  EXPECT_EQ(units()[0].kind, "attn");
  std::vector<std::string> skip = {"layers.0.*"}; // outlives the selection, whose patterns point into it
  auto without = lm::LayerSelection::create(*model.module, {}, skip);
  EXPECT_EQ(findUnits(*model.module, *without).front().name, "layers.1.attn");
}

TEST_P(CompressTest, ATableIsAUnitWhereNoHeadSharesIt) {
  std::vector<Unit> all = units();
  EXPECT_EQ(all.back().kind == kTableKind, std::string(GetParam()) == "bert-mean");
  if (all.back().kind != kTableKind)
    return;
  std::vector<Setting> settings(all.size());
  Footprint whole, eight, four;
  build(settings, "f32.so", &whole);
  settings.back().format = formatIndex("int8");
  build(settings, "table8.so", &eight);
  settings.back().format = formatIndex("int4");
  build(settings, "table4.so", &four);
  const std::string &table = all.back().name;
  EXPECT_LT(eight.bytesOf(table), 0.4 * whole.bytesOf(table)); // a quarter, and scales
  EXPECT_EQ(four.bytesOf(table), whole.bytesOf(table));        // groups of 32 do not divide its width, 48
  EXPECT_EQ(eight.bytes - eight.bytesOf(table), whole.bytes - whole.bytesOf(table));
}

TEST_P(CompressTest, LayersMayBeDecidedAboutTogether) {
  std::vector<Unit> together = findUnits(*model.module, allLayersAndTables(), 2);
  EXPECT_EQ(together[0].name, "layers.0-1.attn");
  EXPECT_EQ(together[1].name, "layers.0-1.ffn");
  EXPECT_EQ(together[1].kind, "ffn");
  EXPECT_EQ(together[1].blocks, (std::vector<std::string>{"layers.0.ffn", "layers.1.ffn"}));
  EXPECT_TRUE(together[1].contains("layers.1.ffn.down"));
  EXPECT_FALSE(together[1].contains("layers.10.ffn.down"));
  size_t linears = 0, alone = 0;
  for (const Unit &unit : together)
    linears += unit.linears.size();
  for (const Unit &unit : units())
    alone += unit.linears.size();
  EXPECT_EQ(linears, alone);
}

TEST_P(CompressTest, EachUnitHasItsFormat) {
  std::vector<Unit> blocks = units();
  std::vector<Setting> settings(blocks.size());
  Footprint plain, mixed;
  std::string reference = build(settings, "f32.so", &plain);
  settings[1].format = formatIndex("int8");
  std::string artifact = build(settings, "mixed.so", &mixed);
  for (size_t i = 0; i < blocks.size(); ++i) {
    const std::string &name = blocks[i].name;
    if (i == 1)
      EXPECT_LT(mixed.bytesOf(name), 0.5 * plain.bytesOf(name)) << name;
    else
      EXPECT_EQ(mixed.bytesOf(name), plain.bytesOf(name)) << name;
    EXPECT_EQ(mixed.flopsOf(name), plain.flopsOf(name)) << name;
  }
  EXPECT_NEAR(plain.bytes - mixed.bytes, plain.bytesOf(blocks[1].name) - mixed.bytesOf(blocks[1].name), 4096);

  Result<Judge> judge = Judge::create(reference, sequences, quiet, 1);
  ASSERT_TRUE(judge.ok()) << judge.error().message;
  Result<Quality> same = judge->judge(reference), other = judge->judge(artifact);
  ASSERT_TRUE(same.ok() && other.ok());
  Metric metric = fixture.decoder ? Metric::KullbackLeibler : Metric::Cosine;
  // The same artifact gives the same bits: sum r log(r / r) = 0; a cosine of a vector to itself is 1 up to two
  // roundings.
  EXPECT_NEAR(same->loss(metric), 0, 1e-15);
  EXPECT_GT(other->loss(metric), 1e-8);
  EXPECT_GT(same->rows, 0);
}

TEST_P(CompressTest, AShortTextCannotJudge) {
  if (!fixture.decoder)
    return;
  std::vector<Setting> settings(units().size());
  Sequences one;
  one.ids = {1};
  one.lengths = {1};
  Result<Judge> judge = Judge::create(build(settings, "f32.so"), one, quiet, 1);
  ASSERT_FALSE(judge.ok());
  EXPECT_EQ(judge.error().message, "the text is too short to judge models by");
}

INSTANTIATE_TEST_SUITE_P(Fixtures, CompressTest, testing::Values("llama-tied", "bert-mean"), [](const auto &name) {
  return std::string(name.param).replace(name.param.find('-'), 1, "_");
});

TEST(BudgetTest, WhatItTakes) {
  EXPECT_EQ(Budget::parse("kl=0.02")->limit, 0.02);
  EXPECT_EQ(Budget::parse("ppl=1%")->limit, 0.01);
  EXPECT_NEAR(Budget::parse("cosine=0.98")->limit, 0.02, 1e-15);
  for (const char *bad : {"", "kl", "kl=", "kl=0", "kl=-1", "kl=1%", "ppl=1", "ppl=0%", "cosine=1", "cosine=0",
                          "cosine=98%", "kl=nan", "kl=inf", "loss=1", "kl=0.1x"})
    EXPECT_FALSE(Budget::parse(bad).ok()) << bad;
}

TEST(LeversTest, ASettingIsARecipe) {
  registerAllPasses();
  std::vector<Unit> units = {{"layers.0.ffn", "ffn", {"layers.0.ffn.up", "layers.0.ffn.down"}, {"layers.0.ffn"}},
                             {"head", "head", {"head"}, {"head"}}};
  for (size_t lever = 0; lever < levers().size(); ++lever)
    for (size_t format = 0; format < formats().size(); ++format) {
      std::vector<Setting> settings = {{lever, 0, format}, {kNoLever, 0, formatIndex("int8")}};
      Recipe recipe = makeRecipe(units, settings, {"x", "a file", true});
      mlir::OpPassManager manager(mlir::ModuleOp::getOperationName());
      std::string error;
      EXPECT_TRUE(mlir::succeeded(addRecipe(manager, recipe, error))) << error;
      // As a text it is the same recipe.
      Recipe again;
      EXPECT_TRUE(mlir::succeeded(parseRecipe(recipe.toJson(), again, error))) << error;
      EXPECT_EQ(again.toJson(), recipe.toJson());
    }
  EXPECT_EQ(describe({0, 1, formatIndex("int8")}), "int8, without 25 % of the heads");
  EXPECT_EQ(describe({1, 0, formatIndex("f32")}), "f32, without 12.5 % of the neurons");
  EXPECT_EQ(describe({2, 0, formatIndex("f32")}), "f32, with 75 % of its experts");
}

TEST(LeversTest, ExpertsAreForSpeed) {
  Unit ffn = {"layers.0.ffn", "ffn", {"layers.0.ffn.up", "layers.0.ffn.down"}, {"layers.0.ffn"}};
  auto namesFor = [&](CompressTarget target) {
    std::vector<std::string> names;
    for (size_t lever : leversFor(ffn, target))
      names.push_back(levers()[lever].name);
    return names;
  };
  EXPECT_EQ(namesFor(CompressTarget::Size), std::vector<std::string>({"prune-ffn"}));
  EXPECT_EQ(namesFor(CompressTarget::Speed), std::vector<std::string>({"prune-ffn", "split-ffn"}));
  // 3 formats beside f32 for the unit, all 4 for the model; 3 strengths a lever.
  EXPECT_EQ(countMeasurements({ffn}, CompressTarget::Size), 4u + 3 + 3);
  EXPECT_EQ(countMeasurements({ffn}, CompressTarget::Speed), 4u + 3 + 6);
  // No format is told of linears that are gone.
  Recipe recipe = makeRecipe({ffn}, {{2, 0, formatIndex("int8")}}, {"x", "", false});
  for (const RecipeStep &step : recipe.steps)
    EXPECT_TRUE(step.pass == "lm-split-ffn" || !step.options.count("layers")) << step.pass;
}

} // namespace
