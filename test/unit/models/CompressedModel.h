// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A fixture model with statistics of its own cases, and what a pass that uses them makes of it.
// In: the fixture's name as gtest parameter, a pass with options. Out: the module after it, rows that a linear computes
// in it, what they lose.
#ifndef LMOPT_TEST_UNIT_MODELS_COMPRESSEDMODEL_H
#define LMOPT_TEST_UNIT_MODELS_COMPRESSEDMODEL_H

#include "test/unit/models/CalibratedModel.h"

#include "dialects/lm/PartNames.h"

namespace lmopt::fixture {

class CompressedModel : public CalibratedModel {
protected:
  void SetUp() override {
    CalibratedModel::SetUp();
    stats = folder + "/stats";
    runOnce(settings("stats", 1 << 30));
  }

  mlir::LogicalResult compress(mlir::ModuleOp module, const std::string &pass, const std::string &options) {
    mlir::PassManager manager(&context);
    std::string error;
    EXPECT_TRUE(mlir::succeeded(addPassPipeline(
        manager, pass + "{base=" + model.baseDirectory + " stats=" + stats + " " + options + "}", error)))
        << error;
    return manager.run(module);
  }

  mlir::OwningOpRef<mlir::ModuleOp> compressed(const std::string &pass, const std::string &options) {
    mlir::OwningOpRef<mlir::ModuleOp> module = model.module->clone();
    EXPECT_TRUE(mlir::succeeded(compress(*module, pass, options)));
    return module;
  }

  std::string refusalOf(const std::string &pass, const std::string &options) {
    mlir::OwningOpRef<mlir::ModuleOp> module = model.module->clone();
    return errorOf([&] { EXPECT_TRUE(mlir::failed(compress(*module, pass, options))); });
  }

  static std::string textOf(mlir::ModuleOp module) {
    std::string text;
    llvm::raw_string_ostream(text) << module;
    return text;
  }

  static lm::LinearOp linearOf(mlir::ModuleOp module, llvm::StringRef part) {
    lm::LinearOp found;
    module.walk([&](lm::LinearOp op) {
      if (lm::getPartName(op) == part)
        found = op;
    });
    return found;
  }

  /// Rows of the results of a linear, over all cases: it becomes what the function returns.
  std::vector<float> rowsOf(mlir::ModuleOp module, llvm::StringRef part) {
    mlir::OwningOpRef<mlir::ModuleOp> copy = module.clone();
    mlir::func::FuncOp function = *lm::findModelFunction(*copy);
    lm::ObservedValue value{linearOf(*copy, part).getResult(), "y", ""};
    mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> observer =
        lm::buildObserver(function, lm::wholeSegment(function), {value}, {}, false);
    std::vector<float> rows;
    for (const Case &one : fixture.cases)
      append(rows, take(observe(**observer, one)));
    return rows;
  }

  /// Of rows before and after: sqrt(lost / all), lost with their mean and all without, and the greatest change of a
  /// mean as a share of the deviation.
  static std::pair<double, double> loss(const std::vector<float> &before, const std::vector<float> &after,
                                        size_t width) {
    double lost = 0, all = 0, shift = 0;
    double tokens = double(before.size()) / double(width);
    for (size_t i = 0; i < width; ++i) {
      double mean = 0, meanDelta = 0, variance = 0;
      for (size_t t = i; t < before.size(); t += width) {
        double delta = double(before[t]) - after[t];
        mean += before[t] / tokens;
        meanDelta += delta / tokens;
        lost += delta * delta;
      }
      for (size_t t = i; t < before.size(); t += width)
        variance += (before[t] - mean) * (before[t] - mean);
      all += variance;
      shift = std::max(shift, std::abs(meanDelta) / std::sqrt(variance / tokens));
    }
    return {std::sqrt(lost / all), shift};
  }

  /// The error that the weight of a linear is labelled with.
  static double labelled(mlir::ModuleOp module, llvm::StringRef part) {
    lm::LinearOp linear = linearOf(module, part);
    return lm::lookupParam(linear, linear.getWeightAttr()).getExactnessAttr().getError()->value;
  }

  std::string stats;
};

} // namespace lmopt::fixture

#endif // LMOPT_TEST_UNIT_MODELS_COMPRESSEDMODEL_H
