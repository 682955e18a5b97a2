// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pass after pass, with measurements between; see CalibratedPasses.h.
#include "tools/lmopt/CalibratedPasses.h"

#include "passes/analysis/Statistics.h"
#include "passes/pipelines/MissingStatistics.h"
#include "passes/pipelines/Recipes.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"

using namespace mlir;

namespace lmopt::driver {

/// Somebody's file of that name stays.
static Result<void> refuseForeign(const std::string &path) {
  if (!llvm::sys::fs::exists(path))
    return {};
  Result<SafetensorsFile> file = SafetensorsFile::open(path);
  if (file.ok() && file->findMetadata("format") == std::string_view(lm::kStatisticsFormat))
    return {};
  return Error{kErrorUsage, "'" + path +
                                "' is in the way: statistics of --calibrate are kept there until the model is "
                                "compiled, and what is there now is something else; move it away"};
}

/// Options of passes have no spelling for these.
static Result<void> refuseQuotes(const std::string &path) {
  if (path.find_first_of("'\"{}\\") == std::string::npos)
    return {};
  return Error{kErrorUsage, "'" + path +
                                "': with --calibrate the output's name must be without quotes, braces and "
                                "backslashes"};
}

static Error said() { return Error{kErrorUsage, ""}; }

namespace {
class Runner {
public:
  Runner(ImportedModel &model, const CalibratedRun &how, std::vector<std::string> &files)
      : model(model), how(how), files(files) {}

  Result<void> run(std::string pass) {
    if (lacksStatistics(pass)) {
      if (Result<void> measured = measureIfChanged(); !measured)
        return measured;
      pass = withStatistics(pass, files.back());
    }
    PassManager manager(model.module->getContext());
    std::string error;
    if (failed(addPassPipeline(manager, pass, error)))
      return Error{kErrorInternal, error};
    return failed(manager.run(*model.module)) ? said() : Result<void>();
  }

private:
  ImportedModel &model;
  const CalibratedRun &how;
  std::vector<std::string> &files;
  std::vector<std::string> measured; ///< fingerprints of the values in files.back()

  Result<void> measureIfChanged() {
    FailureOr<lm::LayerSelection> all = lm::LayerSelection::create(*model.module, {}, {});
    if (failed(all))
      return said();
    std::vector<std::string> now;
    for (const lm::ObservedValue &value : lm::findObservedValues(*model.module, *all))
      now.push_back(value.name + " " + value.fingerprint);
    if (!files.empty() && now == measured)
      return {};
    measured = std::move(now);
    return measure(*all);
  }

  Result<void> measure(const lm::LayerSelection &all) {
    Result<Sequences> sequences = readSequences(model, how.text);
    if (!sequences)
      return sequences.error();
    CalibrationSettings settings = how.measurement;
    settings.baseDirectory = model.baseDirectory;
    settings.output = how.output + (files.empty() ? "" : "." + std::to_string(files.size() + 1)) + ".stats";
    if (Result<void> refused = refuseQuotes(settings.output); !refused)
      return refused;
    if (Result<void> refused = refuseForeign(settings.output); !refused)
      return refused;
    if (Result<void> done = calibrate(*model.module, all, *sequences, settings); !done)
      return done;
    files.push_back(settings.output);
    return {};
  }
};
} // namespace

Result<void> runCalibrated(OpPassManager &passes, ImportedModel &model, const CalibratedRun &how,
                           std::vector<std::string> &files) {
  Runner runner(model, how, files);
  for (std::string &pass : passTexts(passes))
    if (Result<void> ran = runner.run(std::move(pass)); !ran)
      return ran;
  return {};
}

bool wantsStatistics(OpPassManager &passes) {
  std::vector<std::string> texts = passTexts(passes);
  return llvm::any_of(texts, [](const std::string &pass) { return lacksStatistics(pass); });
}

} // namespace lmopt::driver
