// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A fixture decoder whose head lm-factorize-softmax makes anew, for tests of the methods that are approximate. In: the
// fixture's name as gtest parameter. Out: modules, their results and probabilities as the reference interpreter
// computes them.
#ifndef LMOPT_TEST_UNIT_MODELS_FACTORIZEDMODEL_H
#define LMOPT_TEST_UNIT_MODELS_FACTORIZEDMODEL_H

#include "test/unit/models/PrunedModel.h"

namespace lmopt::fixture {

// Logits are f32 numbers of at most some 20: a logarithm of a probability is off by some 2^-20 on either side.
inline constexpr double kRounding = 4 * 0x1p-20;

class FactorizedModel : public PrunedModel {
protected:
  FactorizedModel() : PrunedModel("lm-factorize-softmax", "head") {}

  void SetUp() override {
    CalibratedModel::SetUp();
    CalibrationSettings how = settings("stats", 1 << 30);
    how.headRows = 1000; // of all tokens, in their order
    runOnce(how);
    stats = how.output;
    before = probabilities(*model.module);
  }

  std::string calibrated(const std::string &name, int64_t rows) {
    CalibrationSettings how = settings(name, 1 << 30);
    how.headRows = rows;
    run(how);
    return folder + "/" + name;
  }

  mlir::OwningOpRef<mlir::ModuleOp> divided(const std::string &options) {
    return pruned("method=classes limit=100 " + options);
  }

  static lm::ClassesAttr classesOf(mlir::ModuleOp module) {
    lm::ClassesAttr found;
    module.walk([&](lm::ClassLogitsOp op) { found = op.getClasses(); });
    return found;
  }

  /// Results of the module, by number, for all tokens of all cases: rows of `width` numbers.
  std::vector<std::vector<double>> results(mlir::ModuleOp module, size_t number) {
    std::vector<std::vector<double>> rows;
    lm::WeightReader reader(model.baseDirectory);
    for (const Case &one : fixture.cases) {
      lm::Interpreter::Options options;
      options.length = int64_t(one.ids.size());
      lm::Interpreter interpreter(module, reader, options);
      auto found = interpreter.run("forward", {lm::makeIds(one.ids), lm::reference::Cache()});
      EXPECT_TRUE(succeeded(found));
      const std::vector<float> &numbers = std::get<lm::reference::Tensor>((*found)[number]).f32;
      for (size_t i = 0; i < numbers.size(); i += fixture.width)
        rows.emplace_back(numbers.begin() + i, numbers.begin() + i + fixture.width);
    }
    return rows;
  }

  /// Their logarithms.
  std::vector<std::vector<double>> probabilities(mlir::ModuleOp module) {
    std::vector<std::vector<double>> rows = results(module, 0);
    for (std::vector<double> &row : rows) {
      double sum = 0;
      for (double logit : row)
        sum += std::exp(logit);
      for (double &logit : row)
        logit -= std::log(sum);
    }
    return rows;
  }

  static std::vector<double> byClass(const std::vector<double> &logs, lm::ClassesAttr classes) {
    std::vector<double> sums;
    const int64_t *word = classes.getWords().begin();
    for (int64_t size : classes.getSizes()) {
      double sum = 0;
      for (int64_t i = 0; i < size; ++i)
        sum += std::exp(logs[*word++]);
      sums.push_back(std::log(sum));
    }
    return sums;
  }

  static double divergence(const std::vector<double> &p, const std::vector<double> &q) {
    double sum = 0;
    for (size_t i = 0; i < p.size(); ++i)
      sum += std::exp(p[i]) * (p[i] - q[i]);
    return sum;
  }

  /// The number behind `text` in a message.
  static double numberBehind(const std::string &message, const std::string &text) {
    size_t at = message.find(text);
    EXPECT_NE(at, std::string::npos) << message;
    return at == std::string::npos ? NAN : std::stod(message.substr(at + text.size()));
  }

  std::vector<std::vector<double>> before;
};

} // namespace lmopt::fixture

#endif // LMOPT_TEST_UNIT_MODELS_FACTORIZEDMODEL_H
