// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `lmopt compress` and `lmopt sensitivity`: import, texts, and over to tools/compress.
//
// In: a checkpoint or a module, a text, a budget. Out: the artifact and the report, or a table of what each block
// loses. Exit code 6 when the budget is missed on the last text; then no artifact is written, but the report is.
// Tested by test/tools/lmopt/compress.sh.
#include "tools/lmopt/CompilerCommands.h"

#include "files/AtomicFile.h"
#include "frontends/Import.h"
#include "passes/AllPasses.h"
#include "passes/observe/Observe.h"
#include "tools/compress/Compress.h"
#include "tools/compress/Report.h"
#include "tools/compress/Units.h"
#include "tools/lmopt/CalibrationText.h"
#include "tools/lmopt/Progress.h"
#include "tools/lmopt/TextInput.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/TargetParser/Host.h"

#include <algorithm>
#include <filesystem>

using namespace mlir;
namespace fs = std::filesystem;

namespace lmopt::driver {

//===--- Texts ---===//

/// Sequences [from, to) of all.
static Sequences slice(const Sequences &all, size_t from, size_t to) {
  Sequences part;
  int64_t begin = 0;
  for (size_t i = 0; i < to; begin += all.lengths[i++])
    if (i >= from) {
      part.lengths.push_back(all.lengths[i]);
      part.ids.insert(part.ids.end(), all.ids.begin() + begin, all.ids.begin() + begin + all.lengths[i]);
    }
  return part;
}

/// The text in three, one behind another: no part has seen the others. With a text to check by, in two.
static Result<void> splitText(const ImportedModel &model, const CompressOptions &options, CompressSettings &settings) {
  constexpr int64_t kAll = int64_t{1} << 40;
  Result<Sequences> all = readSequences(model, {options.source, options.text, options.context, kAll});
  if (!all)
    return all.error();
  size_t count = all->lengths.size();
  if (count < 8)
    return Error{kErrorUsage, "'" + options.text + "' makes " + std::to_string(count) +
                                  " sequences, and to calibrate, choose and check takes 8 at least; give more text, or "
                                  "a smaller --ctx"};
  size_t checked = options.checkText.empty() ? std::max<size_t>(1, count * 15 / 100) : 0;
  size_t chosen = std::max<size_t>(1, count * 15 / 100), calibrated = count - checked - chosen;
  settings.calibration = slice(*all, 0, calibrated).thinned(options.tokens);
  settings.choice = slice(*all, calibrated, calibrated + chosen).thinned(options.judgeTokens);
  settings.check = slice(*all, calibrated + chosen, count).thinned(options.judgeTokens * 2);
  if (options.checkText.empty())
    return {};
  Result<Sequences> check = readSequences(model, {options.source, options.checkText, options.context, kAll});
  if (!check)
    return check.error();
  settings.check = check->thinned(options.judgeTokens * 2);
  return {};
}

//===--- Work folder ---===//

/// Names that this program may have put there.
static bool isOurs(const std::string &name) {
  static const char *const names[] = {"table.json",   "statistics", "statistics.partial", "reference.so", "uniform.so",
                                      "candidate.so", "cell.so"};
  return llvm::is_contained(names, name) || StringRef(name).starts_with(".lmopt-");
}

static Result<void> checkWorkFolder(const std::string &folder) {
  std::error_code failed;
  for (const fs::directory_entry &entry : fs::directory_iterator(folder, failed))
    if (!isOurs(entry.path().filename().string()))
      return Error{kErrorUsage, "'" + folder + "' is where unfinished work goes, but holds '" +
                                    entry.path().filename().string() + "'; move that away or choose another folder"};
  return {};
}

namespace {
/// The folder; removed at the end unless it is worth keeping.
struct WorkFolder {
  std::string path;
  bool keep = false;
  WorkFolder() = default;
  WorkFolder(const WorkFolder &) = delete;
  WorkFolder &operator=(const WorkFolder &) = delete;
  ~WorkFolder() {
    std::error_code ignored;
    if (!path.empty() && !keep)
      fs::remove_all(path, ignored);
  }
};

/// What both commands do before they differ.
struct Preparation {
  Preparation(const CompressOptions &options, const Context &context) : options(options), context(context) {
    registerAllPasses();
    prepareContext(mlirContext, context);
    errors.emplace(mlirContext, context);
  }

  Result<void> prepare() {
    Result<ImportedModel> imported = importModel(options.source, mlirContext, !options.noHead);
    if (!imported)
      return imported.error();
    model.emplace(imported.take());
    FailureOr<lm::LayerSelection> selection = lm::LayerSelection::create(
        *model->module, options.layers, options.skip, lm::Selectable::Linears | lm::Selectable::Tables);
    if (failed(selection))
      return Error{kErrorUsage, errors->message("--layers, --skip")};
    settings.units = findUnits(*model->module, *selection, options.layersPerUnit);
    FailureOr<func::FuncOp> function = lm::findModelFunction(*model->module);
    if (failed(function))
      return explain(unsupported(""));
    decoder = lm::isDecoder(*function);
    if (Result<void> split = splitText(*model, options, settings); !split)
      return explain(split.error());
    const CalibrateOptions usual;
    settings.measurement.partBytes = usual.memory << 20;
    settings.measurement.headRows = 0;
    settings.measurement.note = [this](const std::string &text) { note(context, text); };
    settings.context = &context;
    settings.threads = options.threads;
    settings.targetCpu = options.targetCpu;
    return {};
  }

  Error explain(Error error) const { return errors->explain(std::move(error), "a pass failed"); }

  const CompressOptions &options;
  const Context &context;
  MLIRContext mlirContext;
  std::optional<ErrorCollector> errors;
  std::optional<ImportedModel> model;
  CompressSettings settings;
  bool decoder = false;
};
} // namespace

//===--- compress ---===//

static Result<void> checkOutputs(const CompressOptions &options, const ImportedModel &model) {
  std::vector<std::string> sources = model.sources.all();
  sources.push_back(options.text);
  if (!options.checkText.empty())
    sources.push_back(options.checkText);
  std::vector<std::string> outputs = {options.output};
  if (!options.report.empty())
    for (const char *name : {"report.json", "report.html", "recipe.json"})
      outputs.push_back(options.report + "/" + name);
  for (const std::string &output : outputs)
    if (Result<void> refused = refuseToReplace(output, sources); !refused)
      return refused;
  return {};
}

static Result<void> checkKind(const Preparation &preparation, Metric metric) {
  bool forEncoder = metric == Metric::Cosine;
  if (forEncoder != preparation.decoder)
    return {};
  return Error{kErrorUsage, "--budget " + preparation.options.budget + ": '" + preparation.options.source + "' is " +
                                (preparation.decoder ? "a decoder, whose loss is told by kl or ppl"
                                                     : "an encoder, whose loss is told by cosine")};
}

static Result<void> tellPlan(const CompressOptions &options, const CompressSettings &settings) {
  std::string text = "units";
  for (const Unit &unit : settings.units)
    text += "  " + unit.name;
  text += "\nformats";
  for (const Format &format : formats())
    text += "  " + format.name;
  for (const Lever &lever : levers()) {
    if (!isFor(lever, settings.target))
      continue;
    text += "\n" + lever.pass;
    for (const std::string &strength : lever.strengths)
      text += "  " + lever.strengthOption + "=" + strength;
  }
  text += "\ntokens   " + std::to_string(settings.calibration.tokens()) + " to calibrate, " +
          std::to_string(settings.choice.tokens()) + " to choose, " + std::to_string(settings.check.tokens()) +
          " to check\nbudget   " + options.budget + ", target " + options.target +
          "\nmodels to compile and judge: " + std::to_string(countMeasurements(settings.units, settings.target)) +
          ", then some six to tune\n";
  return writeOutput(text);
}

static Result<void> publish(const std::string &artifact, const std::string &output) {
  Result<std::string> target = AtomicFile::resolve(output);
  if (!target)
    return target.error();
  std::error_code failed;
  fs::rename(artifact, *target, failed); // the work folder lies beside it, unless --work says otherwise
  if (!failed)
    return {};
  Result<std::string> bytes = readFile(artifact);
  return bytes ? writeFileAtomically(output, *bytes) : bytes.error();
}

static std::string summary(const CompressResult &result, const Budget &budget) {
  const Point &before = result.points.front(), &after = result.points[result.chosen];
  char text[200];
  std::snprintf(text, sizeof text, "weights  %.2f MB -> %.2f MB (%.2f x)\n", before.bytes / 1e6, after.bytes / 1e6,
                before.bytes / after.bytes);
  std::string all = text;
  for (size_t i = 0; i < std::min(result.speedBefore.size(), result.speedAfter.size()); ++i) {
    std::snprintf(text, sizeof text, "%-7s  %.1f -> %.1f a second (%.2f x)\n", result.speedBefore[i].first.c_str(),
                  result.speedBefore[i].second, result.speedAfter[i].second,
                  result.speedAfter[i].second / result.speedBefore[i].second);
    all += text;
  }
  return all + "quality  " + budget.describe(result.check) + ", on text that took no part\n";
}

/// Mistakes that are told before any work is done.
static Result<Budget> checkOptions(const CompressOptions &options) {
  Result<Budget> budget = Budget::parse(options.budget);
  if (!budget)
    return budget;
  if (options.output == "-")
    return Error{kErrorUsage, "-o -: an artifact cannot go to standard output; a file of that name is ./-"};
  if (options.text == "-" && options.checkText == "-")
    return Error{kErrorUsage, "--text - and --check -: standard input is one text"};
  if (Result<void> checked = AtomicFile::check(options.output); !checked)
    return checked.error();
  return budget;
}

static Result<std::string> workFolder(const CompressOptions &options) {
  if (!options.work.empty())
    return options.work;
  Result<std::string> target = AtomicFile::resolve(options.output);
  return target ? Result<std::string>(*target + ".partial") : target;
}

static Result<void> finish(const Preparation &preparation, const CompressResult &result, WorkFolder &folder) {
  const CompressOptions &options = preparation.options;
  const CompressSettings &settings = preparation.settings;
  ReportOrigin origin{options.source, options.budget, options.text, llvm::sys::getHostCPUName().str()};
  if (!options.report.empty())
    if (Result<void> written = writeReport(makeReport(result, settings, origin), options.report); !written)
      return written;
  if (result.check.loss(settings.budget.metric) > settings.budget.limit)
    return Error{kExitQuality, "the budget is missed on text that took no part in the choice: " +
                                   settings.budget.describe(result.check) +
                                   "; nothing was written. What was measured is kept in '" + folder.path +
                                   "': the same command with a smaller budget takes little time"};
  if (Result<void> published = publish(result.artifact, options.output); !published)
    return published;
  folder.keep = !options.work.empty();
  return writeOutput(summary(result, settings.budget));
}

Result<void> compressSource(const CompressOptions &options, const Context &context) {
  Result<Budget> budget = checkOptions(options);
  if (!budget)
    return budget.error();
  Preparation preparation(options, context);
  if (Result<void> prepared = preparation.prepare(); !prepared)
    return prepared;
  CompressSettings &settings = preparation.settings;
  settings.budget = *budget;
  settings.target = options.target == "speed" ? CompressTarget::Speed : CompressTarget::Size;
  if (settings.target == CompressTarget::Speed) // lm-split-ffn is fitted to them
    settings.measurement.blockRows = CalibrateOptions().blockRows;
  if (Result<void> checked = checkKind(preparation, budget->metric); !checked)
    return checked;
  if (Result<void> checked = checkOutputs(options, *preparation.model); !checked)
    return checked;
  if (options.dryRun)
    return tellPlan(options, settings);
  Result<std::string> work = workFolder(options);
  if (!work)
    return work.error();
  if (Result<void> checked = checkWorkFolder(*work); !checked)
    return checked;
  settings.work = *work;
  WorkFolder folder;
  folder.path = *work;
  folder.keep = true; // until there is nothing left to do
  Progress progress("compress", progressStyle(context.quiet));
  settings.progress = [&](double fraction, const std::string &detail) { progress.update(fraction, detail); };
  Result<CompressResult> result = compress(*preparation.model, settings);
  if (!result)
    return preparation.explain(result.error());
  progress.update(1, "done");
  return finish(preparation, *result, folder);
}

//===--- sensitivity ---===//

static nlohmann::ordered_json sensitivityJson(const CompressResult &result) {
  nlohmann::ordered_json units = nlohmann::ordered_json::array();
  for (const MeasuredUnit &unit : result.units) {
    nlohmann::ordered_json losses = nlohmann::ordered_json::object(), bytes = losses;
    for (const MeasuredOption &option : unit.options) {
      losses[describe(option.setting)] = option.loss;
      bytes[describe(option.setting)] = option.bytes;
    }
    units.push_back({{"name", unit.unit.name}, {"linears", unit.unit.linears}, {"loss", losses}, {"bytes", bytes}});
  }
  return units;
}

/// What is told of a unit: each way alone, not its combinations.
static bool isSimple(const Setting &setting) { return (setting.lever == kNoLever) != (setting.format == 0); }

static double worstLoss(const MeasuredUnit &unit) {
  double worst = 0;
  for (const MeasuredOption &option : unit.options)
    worst = std::max(worst, isSimple(option.setting) ? option.loss : 0);
  return worst;
}

static std::string sensitivityTable(const CompressResult &result) {
  std::vector<std::pair<double, const MeasuredUnit *>> units; // of equal loss in the order of the model
  for (const MeasuredUnit &unit : result.units)
    units.push_back({-worstLoss(unit), &unit});
  std::sort(units.begin(), units.end());
  std::string text;
  for (const auto &[loss, unit] : units) {
    text += unit->unit.name + "\n";
    for (const MeasuredOption &option : unit->options) {
      if (!isSimple(option.setting))
        continue;
      char line[160];
      std::snprintf(line, sizeof line, "    %-36s loss %-10.3g %.3f MB of %.3f\n", describe(option.setting).c_str(),
                    option.loss, option.bytes / 1e6, unit->options.front().bytes / 1e6);
      text += line;
    }
  }
  return text;
}

static Result<std::string> temporaryFolder() {
  llvm::SmallString<128> path;
  if (std::error_code failed = llvm::sys::fs::createUniqueDirectory("lmopt-sensitivity", path))
    return resourceError("cannot make a temporary folder: " + failed.message());
  return path.str().str();
}

Result<void> tellSensitivity(const CompressOptions &options, const Context &context) {
  Preparation preparation(options, context);
  if (Result<void> prepared = preparation.prepare(); !prepared)
    return prepared;
  Result<std::string> work = options.work.empty() ? temporaryFolder() : options.work;
  if (!work)
    return work.error();
  WorkFolder folder;
  folder.path = *work;
  folder.keep = !options.work.empty();
  if (Result<void> checked = checkWorkFolder(*work); !checked)
    return checked;
  CompressSettings &settings = preparation.settings;
  settings.budget.metric = preparation.decoder ? Metric::KullbackLeibler : Metric::Cosine;
  settings.work = *work;
  Progress progress("sensitivity", progressStyle(context.quiet));
  settings.progress = [&](double fraction, const std::string &detail) { progress.update(fraction, detail); };
  Result<CompressResult> result = measureSensitivity(*preparation.model, settings);
  if (!result)
    return preparation.explain(result.error());
  if (options.format == "json")
    return writeOutput(sensitivityJson(*result).dump() + "\n");
  return writeOutput(sensitivityTable(*result));
}

} // namespace lmopt::driver
