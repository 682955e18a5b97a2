// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A fixture model with statistics of its own cases, for tests of calibration and of passes that use it.
// In: the fixture's name as gtest parameter. Out: a folder that goes with the test, runs of calibration, observed
// models under the interpreter, what MLIR says.
#ifndef LMOPT_TEST_UNIT_MODELS_CALIBRATEDMODEL_H
#define LMOPT_TEST_UNIT_MODELS_CALIBRATEDMODEL_H

#include "passes/observe/Observe.h"
#include "test/unit/models/FixtureModel.h"
#include "tools/calibrate/Calibration.h"

#include <fstream>
#include <map>
#include <tuple>

namespace lmopt::fixture {

/// `Base` is FixtureModel or what is made of it.
template <typename Base>
class Calibrated : public Base {
protected:
  using Base::context;
  using Base::fixture;
  using Base::model;

  void SetUp() override {
    Base::SetUp();
    folder = testing::TempDir() + "/lmopt-calibrated-" + std::to_string(::getpid());
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    for (const Case &one : fixture.cases) {
      sequences.ids.insert(sequences.ids.end(), one.ids.begin(), one.ids.end());
      sequences.lengths.push_back(int64_t(one.ids.size()));
    }
  }
  void TearDown() override {
    std::filesystem::remove_all(folder);
    Base::TearDown();
  }

  lm::LayerSelection allLayers() { return *lm::LayerSelection::create(*model.module, {}, {}); }

  CalibrationSettings settings(const std::string &name, int64_t bytes, int threads = 1) {
    CalibrationSettings result;
    result.output = folder + "/" + name;
    result.baseDirectory = model.baseDirectory;
    result.partBytes = bytes;
    result.threads = threads;
    result.headRows = 10;
    result.blockRows = 7;
    return result;
  }

  /// The file that it writes.
  std::string run(const CalibrationSettings &how) {
    Result<void> done = calibrate(*model.module, allLayers(), sequences, how);
    EXPECT_TRUE(done.ok()) << done.error().message;
    EXPECT_FALSE(std::filesystem::exists(how.output + ".partial"));
    return readBytes(how.output);
  }

  /// The same for tests that want the same of a model: calibrated for the first of them, copied for the others.
  void runOnce(const CalibrationSettings &how) {
    static std::map<std::tuple<std::string, int64_t, int64_t>, std::string> known;
    std::string &bytes = known[{this->GetParam(), how.headRows, how.partBytes}];
    if (bytes.empty())
      bytes = run(how);
    else
      std::ofstream(how.output, std::ios::binary) << bytes;
  }

  /// The results of an observed model for one case, as the interpreter computes them.
  std::vector<lm::RuntimeValue> observe(mlir::ModuleOp observer, const Case &one) {
    lm::WeightReader reader(model.baseDirectory);
    lm::Interpreter::Options options;
    options.length = int64_t(one.ids.size());
    lm::Interpreter interpreter(observer, reader, options);
    std::vector<lm::RuntimeValue> inputs = {lm::makeIds(one.ids), lm::makeLengths({int32_t(one.ids.size())})};
    if (observer.lookupSymbol<mlir::func::FuncOp>("encode").getNumArguments() > 2)
      inputs.push_back(lm::makeIds(std::vector<int32_t>(one.ids.size())));
    mlir::FailureOr<std::vector<lm::RuntimeValue>> results = interpreter.run("encode", inputs);
    return mlir::failed(results) ? std::vector<lm::RuntimeValue>() : *results;
  }

  /// What MLIR reports while `work` runs.
  std::string errorOf(llvm::function_ref<void()> work) {
    std::string text;
    mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) { text += diagnostic.str(); });
    work();
    return text;
  }

  std::string folder;
  Sequences sequences;
};

using CalibratedModel = Calibrated<FixtureModel>;

} // namespace lmopt::fixture

#endif // LMOPT_TEST_UNIT_MODELS_CALIBRATEDMODEL_H
