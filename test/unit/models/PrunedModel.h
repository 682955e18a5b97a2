// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A fixture model of which parts are removed, for tests of the passes that do so. In: the fixture's name as gtest
// parameter, the pass, the linear whose results must stay near. Out: pruned modules, the rows of those results as the
// reference interpreter computes them, what was lost of them.
#ifndef LMOPT_TEST_UNIT_MODELS_PRUNEDMODEL_H
#define LMOPT_TEST_UNIT_MODELS_PRUNEDMODEL_H

#include "test/unit/models/CalibratedModel.h"

#include "dialects/lm/PartNames.h"

namespace lmopt::fixture {

class PrunedModel : public CalibratedModel {
protected:
  PrunedModel(std::string pass, std::string last) : pass(std::move(pass)), last(std::move(last)) {}

  void SetUp() override {
    CalibratedModel::SetUp();
    stats = folder + "/stats";
    runOnce(settings("stats", 1 << 30));
  }

  mlir::LogicalResult prune(mlir::ModuleOp module, const std::string &options) {
    mlir::PassManager manager(&context);
    std::string error;
    EXPECT_TRUE(mlir::succeeded(addPassPipeline(
        manager, pass + "{base=" + model.baseDirectory + " stats=" + stats + " " + options + "}", error)))
        << error;
    return manager.run(module);
  }

  mlir::OwningOpRef<mlir::ModuleOp> pruned(const std::string &options) {
    mlir::OwningOpRef<mlir::ModuleOp> module = model.module->clone();
    EXPECT_TRUE(mlir::succeeded(prune(*module, options)));
    return module;
  }

  static lm::LinearOp linear(mlir::ModuleOp module, llvm::StringRef name) {
    lm::LinearOp found;
    module.walk([&](lm::LinearOp op) {
      if (lm::getPartName(op) == name)
        found = op;
    });
    return found;
  }
  lm::LinearOp lastLinear(mlir::ModuleOp module) const { return linear(module, last); }

  /// Rows of the results of the last linear, over all cases: it becomes what the function returns.
  std::vector<float> blockResults(mlir::ModuleOp module) {
    mlir::OwningOpRef<mlir::ModuleOp> copy = module.clone();
    mlir::func::FuncOp function = *lm::findModelFunction(*copy);
    lm::ObservedValue value{lastLinear(*copy).getResult(), "y", ""};
    mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> observer =
        lm::buildObserver(function, lm::wholeSegment(function), {value}, {}, false);
    std::vector<float> rows;
    for (const Case &one : fixture.cases)
      append(rows, take(observe(**observer, one)));
    return rows;
  }

  /// sqrt(lost / all) of the variance, and the greatest change of a mean as a share of the deviation.
  static std::pair<double, double> loss(const std::vector<float> &before, const std::vector<float> &after,
                                        int64_t width) {
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

  /// What the pass says was lost is what the results lose, and where it refits, their mean stays.
  void expectLosses(const std::vector<std::string> &choices) {
    std::vector<float> before = blockResults(*model.module);
    int64_t width = lastLinear(*model.module).getType().getShape().back();
    for (const std::string &options : choices) {
      mlir::OwningOpRef<mlir::ModuleOp> module = pruned(options);
      auto [error, shift] = loss(before, blockResults(*module), width);
      EXPECT_GT(error, 0) << options;
      // The statistics are of f32 rows of the compiled model, the results of the interpreter's: 1e-5 of each.
      EXPECT_NEAR(error, labelled(*module), 1e-3) << options;
      if (options.find("repair=false") == std::string::npos)
        EXPECT_LT(shift, 1e-3) << options;
    }
  }

  double labelled(mlir::ModuleOp module) {
    lm::LinearOp op = lastLinear(module);
    return lm::lookupParam(op, op.getWeightAttr()).getExactnessAttr().getError()->value;
  }

  std::string errorOf(mlir::ModuleOp module, const std::string &options) {
    return CalibratedModel::errorOf([&] { EXPECT_TRUE(mlir::failed(prune(module, options))); });
  }

  static std::string textOf(mlir::ModuleOp module) {
    std::string text;
    llvm::raw_string_ostream(text) << module;
    return text;
  }

  void expectSameChoice(const std::string &options) { EXPECT_EQ(textOf(*pruned(options)), textOf(*pruned(options))); }

  std::string pass, last, stats;
};

} // namespace lmopt::fixture

#endif // LMOPT_TEST_UNIT_MODELS_PRUNEDMODEL_H
