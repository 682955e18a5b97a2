// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lm-prune-ffn on fixture models, whose results the reference interpreter computes: what the pass says it lost is what
// the results of a block lose over the text of the statistics; the mean stays; no method beats least squares; a neuron
// that another stands for costs nothing; what cannot be pruned, or must not, stays or is refused.
#include "test/unit/models/CalibratedModel.h"

#include "passes/prune-ffn/PruneFfn.h"

#include "dialects/lm/Lm.h"
#include "dialects/lm/PartNames.h"

using namespace mlir;
using namespace lmopt;

namespace {

class PrunedFixtures : public fixture::CalibratedModel {
protected:
  void SetUp() override {
    CalibratedModel::SetUp();
    stats = folder + "/stats";
    run(settings("stats", 1 << 30));
  }

  LogicalResult prune(ModuleOp module, const std::string &options) {
    PassManager manager(&context);
    std::string error;
    EXPECT_TRUE(succeeded(addPassPipeline(
        manager, "lm-prune-ffn{base=" + model.baseDirectory + " stats=" + stats + " " + options + "}", error)))
        << error;
    return manager.run(module);
  }

  OwningOpRef<ModuleOp> pruned(const std::string &options) {
    OwningOpRef<ModuleOp> module = model.module->clone();
    EXPECT_TRUE(succeeded(prune(*module, options)));
    return module;
  }

  static lm::LinearOp down(ModuleOp module) {
    lm::LinearOp found;
    module.walk([&](lm::LinearOp op) {
      if (lm::getPartName(op) == "layers.0.ffn.down")
        found = op;
    });
    return found;
  }

  /// Rows of the results of the first block's last linear, over all cases: it becomes what the function returns.
  std::vector<float> blockResults(ModuleOp module) {
    OwningOpRef<ModuleOp> copy = module.clone();
    func::FuncOp function = *lm::findModelFunction(*copy);
    lm::ObservedValue value{down(*copy).getResult(), "y", ""};
    FailureOr<OwningOpRef<ModuleOp>> observer =
        lm::buildObserver(function, lm::wholeSegment(function), {value}, {}, false);
    std::vector<float> rows;
    for (const fixture::Case &one : fixture.cases)
      fixture::append(rows, take(observe(**observer, one)));
    return rows;
  }

  /// sqrt(lost / all) of the variance, and the greatest change of a mean as a share of the deviation.
  std::pair<double, double> loss(const std::vector<float> &before, const std::vector<float> &after, int64_t width) {
    double lost = 0, all = 0, shift = 0;
    auto tokens = double(before.size()) / double(width);
    for (int64_t i = 0; i < width; ++i) {
      double mean = 0, meanDelta = 0;
      for (size_t t = size_t(i); t < before.size(); t += size_t(width)) {
        mean += before[t] / tokens;
        meanDelta += (double(before[t]) - after[t]) / tokens;
      }
      double variance = 0;
      for (size_t t = size_t(i); t < before.size(); t += size_t(width)) {
        variance += (before[t] - mean) * (before[t] - mean);
        double delta = double(before[t]) - after[t] - meanDelta;
        lost += delta * delta;
      }
      all += variance;
      shift = std::max(shift, std::abs(meanDelta) / std::sqrt(variance / tokens));
    }
    return {std::sqrt(lost / all), shift};
  }

  double labelled(ModuleOp module) {
    return lm::lookupParam(down(module), down(module).getWeightAttr()).getExactnessAttr().getError()->value;
  }

  std::string errorOf(ModuleOp module, const std::string &options) {
    return CalibratedModel::errorOf([&] { EXPECT_TRUE(failed(prune(module, options))); });
  }

  std::string stats;
};

TEST_P(PrunedFixtures, LosesWhatItSays) {
  std::vector<float> before = blockResults(*model.module);
  int64_t width = down(*model.module).getType().getShape().back();
  for (const char *options :
       {"ratio=0.5 multiple=1", "ratio=0.5 multiple=1 method=energy", "ratio=0.25 multiple=1 method=magnitude",
        "ratio=0.5 multiple=1 method=random", "ratio=0.5 multiple=1 repair=false"}) {
    OwningOpRef<ModuleOp> module = pruned(options);
    auto [error, shift] = loss(before, blockResults(*module), width);
    // The statistics are of f32 rows of the compiled model, the results of the interpreter's: 1e-5 of each.
    EXPECT_NEAR(error, labelled(*module), 1e-3) << options;
    if (!StringRef(options).contains("repair=false"))
      EXPECT_LT(shift, 1e-3) << options;
  }
}

TEST_P(PrunedFixtures, NothingBeatsLeastSquares) {
  double best = labelled(*pruned("ratio=0.5 multiple=1 damping=1e-9"));
  for (const char *other : {"method=energy", "method=magnitude", "method=random", "repair=false"})
    EXPECT_LT(best, labelled(*pruned(std::string("ratio=0.5 multiple=1 damping=1e-9 ") + other))) << other;
}

TEST_P(PrunedFixtures, IsNarrowerAndRuns) {
  int64_t neurons = down(*model.module).getInput().getType().getShape().back();
  OwningOpRef<ModuleOp> module = pruned("ratio=0.25 multiple=8");
  int64_t kept = down(*module).getInput().getType().getShape().back();
  EXPECT_EQ(kept, (int64_t(std::ceil(double(neurons) * 0.75)) + 7) / 8 * 8);
  EXPECT_EQ(blockResults(*module).size(), blockResults(*model.module).size());
}

TEST_P(PrunedFixtures, KeepsWhatRoundsUp) {
  std::string before, after;
  llvm::raw_string_ostream(before) << *model.module;
  llvm::raw_string_ostream(after) << *pruned("ratio=0.5 multiple=100000");
  EXPECT_EQ(before, after);
}

TEST_P(PrunedFixtures, KeepsSharedWeights) {
  OwningOpRef<ModuleOp> module = model.module->clone();
  lm::LinearOp last = down(*module);
  auto before = last.getInput().getDefiningOp()->getOperand(0).getDefiningOp<lm::LinearOp>();
  // Another reader of the same matrix: a copy of the linear whose result nobody reads.
  OpBuilder builder(before);
  builder.clone(*before);
  ASSERT_TRUE(succeeded(prune(*module, "ratio=0.5 multiple=1")));
  EXPECT_EQ(last.getInput().getType(), down(*model.module).getInput().getType());
}

TEST_P(PrunedFixtures, RefusesStatisticsFromBeforeIt) {
  OwningOpRef<ModuleOp> module = pruned("ratio=0.25 multiple=8");
  EXPECT_NE(errorOf(*module, "ratio=0.25 multiple=8").find("computed otherwise"), std::string::npos);
}

TEST_P(PrunedFixtures, SameChoiceEachTime) {
  for (const char *method : {"obs", "random"}) {
    std::string options = std::string("ratio=0.5 multiple=1 method=") + method, first, second;
    llvm::raw_string_ostream(first) << *pruned(options);
    llvm::raw_string_ostream(second) << *pruned(options);
    EXPECT_EQ(first, second);
  }
}

TEST_P(PrunedFixtures, BadOptions) {
  OwningOpRef<ModuleOp> module = model.module->clone();
  EXPECT_NE(errorOf(*module, "ratio=1.5").find("'ratio' must be between 0 and 1, found 1.5"), std::string::npos);
  EXPECT_NE(errorOf(*module, "ratio=0").find("'ratio'"), std::string::npos);
  EXPECT_NE(errorOf(*module, "damping=0").find("'damping' must be positive"), std::string::npos);
  EXPECT_NE(errorOf(*module, "multiple=0").find("'multiple' must be at least 1"), std::string::npos);
  EXPECT_NE(errorOf(*module, "method=guess").find("'method' must be obs, energy, magnitude or random, found 'guess'"),
            std::string::npos);
  EXPECT_NE(errorOf(*module, "layers=layer.*").find("matches none"), std::string::npos);
  stats = folder + "/missing";
  EXPECT_NE(errorOf(*module, "").find("missing"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Models, PrunedFixtures, testing::Values("llama-gqa-9-3", "gguf-q4_1", "bert-mean"),
                         fixture::parameterName);

} // namespace
