// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt compile`: import, optimize by a recipe, and hand over to codegen/Compile.h for the rest.
//
// In: a checkpoint or a module. Out: the artifact, or with --stop-after the module as it is after that stage. What the
// passes decide is told with --verbose. Tested by test/tools/lmopt and test/e2e.
#include "tools/lmopt/CalibratedPasses.h"
#include "tools/lmopt/CompilerCommands.h"

#include "codegen/Compile.h"
#include "files/AtomicFile.h"
#include "frontends/Import.h"
#include "passes/AllPasses.h"
#include "passes/pipelines/Recipes.h"
#include "tools/lmopt/Model.h"
#include "tools/lmopt/Progress.h"
#include "tools/lmopt/ShortListText.h"
#include "tools/lmopt/TextInput.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

#include <nlohmann/json.hpp>

#include <optional>

using namespace mlir;

namespace lmopt::driver {

namespace {
/// What the passes will be, and how the artifact tells it.
struct Plan {
  Recipe recipe;                     // of --recipe
  std::optional<std::string> passes; // of --passes
  bool writtenByUser = true;         // then a pass that fails is the user's mistake

  std::string toJson() const { return passes ? nlohmann::ordered_json{{"pipeline", *passes}}.dump() : recipe.toJson(); }
};
} // namespace

static bool isFile(const std::string &path) { return llvm::sys::fs::is_regular_file(path); }

std::string recipeTable() {
  std::string text = "Recipes:\n";
  for (const Recipe &recipe : shippedRecipes())
    text += "  " + recipe.name + std::string(std::max<size_t>(1, 8 - recipe.name.size()), ' ') + recipe.summary + "\n";
  return text;
}

/// Anything with a dot or a slash is meant to be a file, but never a shipped name: an output may be called `int8`.
static bool namesRecipeFile(const std::string &name) {
  return name == "-" ||
         (!llvm::is_contained(recipeNames(), name) && (isFile(name) || name.find_first_of("./") != std::string::npos));
}

/// A shipped recipe, or the text of a JSON file.
static Result<Plan> choosePlan(const CompileOptions &options) {
  Plan plan;
  plan.passes = options.passes;
  if (options.passes)
    return plan;
  const std::string &name = options.recipe;
  std::string error;
  if (!namesRecipeFile(name)) {
    plan.writtenByUser = false;
    if (failed(parseRecipe(name, plan.recipe, error)))
      return Error{kErrorUsage, "--recipe: " + error};
    return plan;
  }
  Result<std::string> text = readFile(name);
  if (!text.ok())
    return text.error();
  if (text->find_first_not_of(" \t\r\n") == std::string::npos || failed(parseRecipe(*text, plan.recipe, error)))
    return malformed("'" + name + "': " + (error.empty() ? "the file is empty, expected a recipe as JSON" : error));
  return plan;
}

static Result<void> fillManager(PassManager &manager, const Plan &plan) {
  std::string error;
  if (!plan.passes)
    return succeeded(addRecipe(manager, plan.recipe, error)) ? Result<void>() : malformed(error);
  if (plan.passes->empty() || succeeded(addPassPipeline(manager, *plan.passes, error)))
    return {};
  return Error{kErrorUsage, "--passes: " + error};
}

/// Weights of their own lie beside the library, where the links of the output lead.
static Result<std::string> weightsFile(const CompileOptions &options) {
  Result<std::string> library = AtomicFile::resolve(options.output);
  return library.ok() ? Result<std::string>(*library + ".weights") : library.error();
}

/// What this compilation will write: files, in the directories that --dump-stages and --stop-after name.
static std::vector<std::string> outputFiles(const CompileOptions &options) {
  std::vector<std::string> files;
  if (!options.dumpStages.empty())
    for (const char *name :
         {"import.mlir", "optimize.mlir", "plan.mlir", "schedule.mlir", "lower.mlir", "emit.ll", "emit.s"})
      files.push_back(options.dumpStages + "/" + name);
  if (options.stopAfter == "import")
    return files; // writeImportedModel looks for itself: an imported directory may be written onto itself
  if (options.stopAfter == "optimize") {
    for (const char *name : {"model.mlir", "tokenizer.bin", "chat_template.jinja"})
      files.push_back(options.output + "/" + name);
    return files;
  }
  files.push_back(options.output);
  if (!options.calibration.empty())
    files.push_back(options.output + ".stats");
  if (options.weightsFile && options.stopAfter.empty())
    if (Result<std::string> weights = weightsFile(options); weights.ok())
      files.push_back(*weights);
  return files;
}

/// Mistakes about where the output goes, which are told before any work is done.
static Result<void> checkOutputPath(const CompileOptions &options) {
  bool isText = options.stopAfter == "plan" || options.stopAfter == "lower" || options.stopAfter == "emit";
  if (options.output == "-")
    return Error{kErrorUsage, std::string("-o -: ") +
                                  (isText ? "for standard output write /dev/stdout"
                                          : "what is written here cannot go to standard output") +
                                  "; a file of that name is ./-"};
  if (options.stopAfter == "import" || options.stopAfter == "optimize")
    return {};
  if (Result<void> checked = AtomicFile::check(options.output, isText ? OutputKind::Text : OutputKind::File); !checked)
    return checked;
  if (!options.weightsFile || isText)
    return {};
  Result<std::string> weights = weightsFile(options);
  return weights.ok() ? AtomicFile::check(*weights) : weights.error();
}

/// No output may take the place of what the model is made from, of the recipe, or of another output.
static Result<void> checkSources(const CompileOptions &options, const SourceFiles &sources) {
  std::vector<std::string> files = sources.all();
  for (const std::string &read : {options.recipe, options.calibration})
    if (isFile(read))
      files.push_back(read);
  for (const std::string &output : outputFiles(options))
    if (Result<void> refused = refuseToReplace(output, files); !refused)
      return refused;
  return {};
}

static std::string textOf(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream(text) << module;
  return text;
}

/// --dump-stages and --stop-after for a stage that ends with a module; `stop` tells that the work is done. What is left
/// then is a directory as `lmopt import` makes it: tokenizer and chat template stay with the module, and the way goes
/// on from there with `lmopt compile DIRECTORY --passes ''`.
static Result<void> endStage(const char *stage, ImportedModel &model, const CompileOptions &options, bool &stop) {
  stop = options.stopAfter == stage;
  if (!options.dumpStages.empty()) {
    if (std::error_code failed = llvm::sys::fs::create_directories(options.dumpStages))
      return resourceError("cannot create '" + options.dumpStages + "': " + failed.message());
    std::string file = options.dumpStages + "/" + stage + ".mlir";
    if (Result<void> written = writeFileAtomically(file, textOf(*model.module), OutputKind::Text); !written.ok())
      return written;
  }
  return stop ? writeImportedModel(model, options.output) : Result<void>();
}

/// The program that --ptxas means; empty: none.
static Result<std::string> findPtxas(const CompileOptions &options) {
  if (options.target == "cpu") {
    if (!options.ptxas.empty())
      return Error{kErrorUsage, "--ptxas is for GPUs; give --target nvptx, too"};
    return std::string();
  }
  if (options.ptxas == "none")
    return std::string();
  llvm::ErrorOr<std::string> found = llvm::sys::findProgramByName(options.ptxas.empty() ? "ptxas" : options.ptxas);
  if (found)
    return *found;
  if (options.ptxas.empty())
    return std::string();
  return resourceError("--ptxas: cannot find '" + options.ptxas + "': " + found.getError().message());
}

static Result<void> generate(ImportedModel &model, const Plan &plan, const CompileOptions &options, Progress &progress,
                             double begin, ErrorCollector &errors) {
  lmopt::CompileOptions settings;
  settings.target = options.target;
  if (Result<std::string> ptxas = findPtxas(options); ptxas)
    settings.ptxas = *ptxas;
  else
    return ptxas.error();
  if (!options.targetCpu.empty())
    settings.targetCpu = options.targetCpu;
  settings.spellFor = options.spellFor;
  settings.baseDirectory = model.baseDirectory;
  settings.tokenizer = model.tokenizerBlob;
  settings.chatTemplate = model.chatTemplate;
  settings.recipe = plan.toJson();
  settings.splitWeights = options.weightsFile;
  settings.dumpDirectory = options.dumpStages;
  settings.stopAfter = options.stopAfter == "plan"    ? CompileStage::Plan
                       : options.stopAfter == "lower" ? CompileStage::Lower
                       : options.stopAfter == "emit"  ? CompileStage::Emit
                                                      : CompileStage::Link;
  settings.progress = [&](uint64_t done, uint64_t all) {
    progress.update(all ? begin + (1 - begin) * static_cast<double>(done) / static_cast<double>(all) : 1, "weights");
  };
  CompileResult result = compileToArtifact(*model.module, settings, options.output);
  if (result.code == 0)
    return {};
  return Error{result.code,
               result.message.empty() ? errors.message("the compiler failed without a message") : result.message};
}

/// Makes the remarks of the passes diagnostics, which the ErrorCollector shows.
static Result<void> showRemarks(MLIRContext &context) {
  std::string any = ".*";
  remark::RemarkCategories all{any, any, any, any, any};
  if (failed(remark::enableOptimizationRemarks(context, nullptr, std::make_unique<remark::RemarkEmittingPolicyAll>(),
                                               all, /*printAsEmitRemarks=*/true)))
    return Error{kErrorInternal, "cannot enable remarks"};
  return {};
}

/// --calibrate needs a pass that uses what it measures, and recipes that are made for it need the text.
static Result<void> checkCalibration(PassManager &manager, const Plan &plan, const CompileOptions &options) {
  if (!plan.passes && plan.recipe.fitted && options.calibration.empty())
    return Error{kErrorUsage,
                 "--recipe " + plan.recipe.name +
                     " is fitted to a text: add --calibrate TEXT, some hundred kilobytes of what the model "
                     "will read (of an encoder one text a line)"};
  if (options.calibration.empty() || wantsStatistics(manager))
    return {};
  return Error{kErrorUsage, "--calibrate: no pass of this recipe wants statistics that are not named already; those "
                            "that use some have an option 'stats' (docs/passes.md)"};
}

/// Runs the passes, with statistics where --calibrate asks for them; `statistics` gets the names of their files.
static Result<void> optimize(PassManager &manager, ImportedModel &model, const Plan &plan,
                             const CompileOptions &options, const Context &context, Progress &progress,
                             ErrorCollector &errors, std::vector<std::string> &statistics) {
  int code = plan.writtenByUser ? kErrorUsage : kErrorUnsupported;
  if (options.calibration.empty())
    return succeeded(manager.run(*model.module)) ? Result<void>() : Error{code, errors.message("a pass failed")};
  const CalibrateOptions usual; // what `lmopt calibrate` does unless told otherwise
  CalibratedRun run;
  run.text = {options.source, options.calibration, usual.context, usual.tokens};
  run.output = options.output;
  run.measurement.partBytes = usual.memory << 20;
  run.measurement.headRows = usual.headRows;
  run.measurement.blockRows = usual.blockRows;
  run.measurement.progress = [&](double fraction, const std::string &detail) {
    progress.update(0.02 + 0.08 * fraction, "calibrate, " + detail);
  };
  run.measurement.note = [&](const std::string &text) { note(context, text); };
  Result<void> ran = runCalibrated(manager, model, run, statistics);
  if (ran.ok() || !ran.error().message.empty())
    return ran;
  return Error{code, errors.message("a pass failed")};
}

/// A pass knows nothing of the tokenizer.
static Result<void> checkTokenizer(const ImportedModel &model, int64_t vocabulary) {
  if (model.tokenizerBlob.empty() || vocabularyOf(*model.module) == vocabulary)
    return {};
  return Error{kErrorUsage, "the passes leave " + std::to_string(vocabularyOf(*model.module)) + " of " +
                                std::to_string(vocabulary) +
                                " tokens, but the tokenizer has them all; use --shortlist TEXT, which changes both"};
}

/// What was measured is of no use once the weights are packed. A module that is written before needs it.
static void removeStatistics(const std::vector<std::string> &files) {
  for (const std::string &file : files)
    llvm::sys::fs::remove(file);
}

Result<void> compileSource(const CompileOptions &options, const Context &context) {
  if (Result<void> checked = checkOutputPath(options); !checked.ok())
    return checked;
  registerAllPasses();
  Result<Plan> plan = choosePlan(options);
  if (!plan.ok())
    return plan.error();
  MLIRContext mlirContext;
  prepareContext(mlirContext, context);
  PassManager manager(&mlirContext);
  // Mistakes of the user are told before any work is done.
  if (Result<void> filled = fillManager(manager, *plan); !filled.ok())
    return filled;
  if (Result<void> checked = checkCalibration(manager, *plan, options); !checked.ok())
    return checked;

  ErrorCollector errors(mlirContext, context);
  Progress progress("compile", progressStyle(context.quiet));
  progress.update(0, "import");
  Result<ImportedModel> model = importModel(options.source, mlirContext, !options.noHead);
  if (!model.ok())
    return model.error();
  if (Result<void> shortened = applyShortList(*model, options.source, options.shortList, context); !shortened.ok())
    return errors.explain(shortened.error(), "--shortlist failed without a message");
  if (Result<void> checked = checkSources(options, model->sources); !checked.ok())
    return checked;
  bool stop = false;
  if (Result<void> ended = endStage("import", *model, options, stop); !ended.ok() || stop)
    return ended;

  if (context.verbose)
    if (Result<void> shown = showRemarks(mlirContext); !shown.ok())
      return shown;
  progress.update(0.02, "optimize");
  std::vector<std::string> statistics;
  int64_t vocabulary = vocabularyOf(*model->module);
  Result<void> optimized = optimize(manager, *model, *plan, options, context, progress, errors, statistics);
  if (!optimized.ok())
    return optimized;
  if (Result<void> checked = checkTokenizer(*model, vocabulary); !checked.ok())
    return checked;
  if (Result<void> ended = endStage("optimize", *model, options, stop); !ended.ok() || stop)
    return ended;

  progress.update(0.1, "lower");
  Result<void> generated = generate(*model, *plan, options, progress, 0.2, errors);
  if (generated.ok())
    removeStatistics(statistics);
  return generated;
}

} // namespace lmopt::driver
