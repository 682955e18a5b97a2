// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt calibrate`: import, passes, text to sequences of ids, and over to tools/calibrate.
//
// In: a checkpoint or a module, a text. Out: statistics. Tested by test/tools/lmopt/calibrate.sh.
#include "tools/lmopt/CalibrationText.h"
#include "tools/lmopt/CompilerCommands.h"

#include "files/AtomicFile.h"
#include "frontends/Import.h"
#include "passes/AllPasses.h"
#include "passes/pipelines/Recipes.h"
#include "tools/calibrate/Calibration.h"
#include "tools/lmopt/Progress.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

namespace lmopt::driver {

static Result<void> checkOutput(const CalibrateOptions &options) {
  if (options.output == "-")
    return Error{kErrorUsage, "-o -: statistics cannot go to standard output; a file of that name is ./-"};
  return AtomicFile::check(options.output);
}

static constexpr const char *kNoMessage = "calibration failed without a message";

Result<void> calibrateSource(const CalibrateOptions &options, const Context &context) {
  if (Result<void> checked = checkOutput(options); !checked.ok())
    return checked;
  registerAllPasses();
  MLIRContext mlirContext;
  prepareContext(mlirContext, context);
  PassManager manager(&mlirContext);
  std::string fault;
  if (!options.passes.empty() && failed(addPassPipeline(manager, options.passes, fault)))
    return Error{kErrorUsage, "--passes: " + fault};

  ErrorCollector errors(mlirContext, context);
  Progress progress("calibrate", progressStyle(context.quiet));
  progress.update(0, "import");
  Result<ImportedModel> model = importModel(options.source, mlirContext, !options.noHead);
  if (!model.ok())
    return model.error();
  std::vector<std::string> sources = model->sources.all();
  sources.push_back(options.text);
  if (Result<void> refused = refuseToReplace(options.output, sources); !refused.ok())
    return refused;
  if (failed(manager.run(*model->module)))
    return Error{kErrorUsage, errors.message("a pass failed")};
  FailureOr<lm::LayerSelection> selection = lm::LayerSelection::create(*model->module, options.layers, options.skip);
  if (failed(selection))
    return Error{kErrorUsage, errors.message("--layers, --skip")};
  Result<Sequences> sequences = readSequences(*model, {options.source, options.text, options.context, options.tokens});
  if (!sequences.ok())
    return errors.explain(sequences.error(), kNoMessage);

  CalibrationSettings settings;
  settings.output = options.output;
  settings.baseDirectory = model->baseDirectory;
  settings.threads = options.threads;
  settings.partBytes = options.memory << 20;
  settings.headRows = options.headRows;
  settings.blockRows = options.blockRows;
  settings.progress = [&](double fraction, const std::string &detail) { progress.update(fraction, detail); };
  settings.note = [&](const std::string &text) { note(context, text); };
  Result<void> done = calibrate(*model->module, *selection, *sequences, settings);
  return done.ok() ? done : errors.explain(done.error(), kNoMessage);
}

} // namespace lmopt::driver
