// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Measuring; see Measurer.h.
#include "tools/compress/Measurer.h"

#include "passes/analysis/ObservedValues.h"
#include "tools/lmopt/BenchMeasure.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/FileSystem.h"

using namespace mlir;

namespace lmopt {

using nlohmann::json;

//===--- Figures on disk ---===//

json toJson(const Quality &quality) {
  return {{"rows", quality.rows},
          {"kl", quality.divergence},
          {"ppl", quality.perplexity},
          {"ref_ppl", quality.referencePerplexity},
          {"top1", quality.sameTop},
          {"mean_cosine", quality.meanCosine},
          {"least_cosine", quality.leastCosine}};
}

Quality qualityFromJson(const json &stored) {
  Quality quality;
  quality.rows = stored.value("rows", int64_t{0});
  quality.divergence = stored.value("kl", 0.0);
  quality.perplexity = stored.value("ppl", 0.0);
  quality.referencePerplexity = stored.value("ref_ppl", 0.0);
  quality.sameTop = stored.value("top1", 0.0);
  quality.meanCosine = stored.value("mean_cosine", 0.0);
  quality.leastCosine = stored.value("least_cosine", 0.0);
  return quality;
}

/// What the figures depend on.
static std::string identityOf(ModuleOp module, const CompressSettings &settings) {
  json units = json::object();
  for (const Unit &unit : settings.units)
    units[unit.name] = unit.linears;
  json identity = {{"version", 4},
                   {"units", units},
                   {"model", lm::sourceFingerprint(module)},
                   {"calibration", settings.calibration.fingerprint()},
                   {"choice", settings.choice.fingerprint()},
                   {"target", settings.target == CompressTarget::Speed ? "speed" : "size"},
                   {"cpu", settings.targetCpu},
                   {"threads", settings.threads}};
  return identity.dump();
}

/// Losses of small changes add up in these; perplexity does not, where one change makes good what another did.
static Metric tableMetric(Metric metric) { return metric == Metric::Cosine ? metric : Metric::KullbackLeibler; }

//===--- Plan ---===//

/// The formats beside f32 that a unit may have.
static size_t countRoundings(const Unit &unit) {
  if (unit.kind != kTableKind)
    return formats().size() - 1;
  return static_cast<size_t>(
      llvm::count_if(formats(), [](const Format &format) { return !format.tableSteps.empty(); }));
}

bool isFor(const Lever &lever, CompressTarget target) {
  return !lever.replacesLinears || target == CompressTarget::Speed;
}

std::vector<size_t> leversFor(const Unit &unit, CompressTarget target) {
  std::vector<size_t> found;
  for (size_t lever = 0; lever < levers().size(); ++lever)
    if (levers()[lever].kind == unit.kind && isFor(levers()[lever], target))
      found.push_back(lever);
  return found;
}

size_t countMeasurements(const std::vector<Unit> &units, CompressTarget target) {
  size_t count = formats().size();
  for (const Unit &unit : units) {
    count += countRoundings(unit);
    for (size_t lever : leversFor(unit, target))
      count += levers()[lever].strengths.size();
  }
  return count;
}

Measurer::Measurer(ImportedModel &model, const CompressSettings &settings, Table table)
    : model(model), settings(settings), bench(model, settings.units, settings.targetCpu), table(std::move(table)),
      planned(countMeasurements(settings.units, settings.target)) {}

Result<Measurer> Measurer::create(ImportedModel &model, const CompressSettings &settings) {
  if (std::error_code failed = llvm::sys::fs::create_directories(settings.work))
    return resourceError("cannot create '" + settings.work + "': " + failed.message());
  Measurer measurer(model, settings, Table::open(settings.work + "/table.json", identityOf(*model.module, settings)));
  if (measurer.bench.units().empty())
    return unsupported("no linear of the model could be compressed");
  return measurer;
}

void Measurer::tell(const std::string &detail) {
  // Statistics are worth some ten measurements, tuning another ten.
  double all = static_cast<double>(planned) + 20;
  if (settings.progress)
    settings.progress(std::min(0.99, (static_cast<double>(measured) + 10) / all), detail);
}

Result<void> Measurer::measure(CompressResult &result) {
  for (auto step : {&Measurer::measureReference, &Measurer::measureFormats, &Measurer::measureUnits})
    if (Result<void> done = (this->*step)(result); !done)
      return done;
  return {};
}

//===--- Statistics, reference ---===//

Result<void> Measurer::measureStatistics() {
  FailureOr<lm::LayerSelection> all = lm::LayerSelection::create(*model.module, {}, {});
  if (failed(all))
    return unsupported("");
  CalibrationSettings how = settings.measurement;
  how.output = path("statistics");
  how.baseDirectory = model.baseDirectory;
  how.threads = settings.threads;
  how.progress = [&](double fraction, const std::string &detail) {
    if (settings.progress)
      settings.progress(10 * fraction / (static_cast<double>(planned) + 20), "calibrate, " + detail);
  };
  return calibrate(*model.module, *all, settings.calibration, how);
}

Result<void> Measurer::measureReference(CompressResult &result) {
  if (Result<void> done = measureStatistics(); !done)
    return done;
  tell("f32");
  std::vector<Setting> plain(bench.units().size());
  Recipe recipe = makeRecipe(bench.units(), plain, {"f32", "", false});
  Result<Footprint> footprint = bench.build(recipe, recipe.toJson(), path("reference.so"));
  if (!footprint)
    return footprint.error();
  Result<Judge> made = Judge::create(path("reference.so"), settings.choice, *settings.context, settings.threads);
  if (!made)
    return made.error();
  judge.emplace(made.take());
  for (const Unit &unit : bench.units())
    result.units.push_back({unit, {}});
  return {};
}

//===--- All units in one format ---===//

Result<Measurer::Built> Measurer::build(const std::string &name, const std::vector<Setting> &chosen,
                                        const std::string &file, bool narrowAttention) {
  Recipe recipe = makeRecipe(bench.units(), chosen, {name, path("statistics"), narrowAttention});
  Result<Footprint> footprint = bench.build(recipe, toldRecipe(chosen, narrowAttention), path(file));
  if (!footprint)
    return footprint.error();
  Result<Quality> quality = judge->judge(path(file));
  if (!quality)
    return quality.error();
  return Built{{name, *quality, footprint->bytes, footprint->flops, 0, chosen, false}, footprint.take()};
}

std::string Measurer::toldRecipe(const std::vector<Setting> &chosen, bool narrowAttention) const {
  return makeRecipe(bench.units(), chosen, {"compressed", "", narrowAttention}).toJson();
}

Result<Measurer::Uniform> Measurer::uniform(size_t format) {
  const std::string &name = formats()[format].name;
  std::vector<Setting> all(bench.units().size());
  for (Setting &setting : all)
    setting.format = format;
  auto measureIt = [&]() -> Result<json> {
    Result<Built> built = build(name, all, "uniform.so", /*narrowAttention=*/format != 0);
    if (!built)
      return built.error();
    json stored = {{"quality", toJson(built->point.quality)},
                   {"bytes", built->point.bytes},
                   {"flops", built->point.flops},
                   {"unit_bytes", built->footprint.unitBytes},
                   {"seconds", std::map<std::string, double>()}};
    if (settings.target == CompressTarget::Speed) {
      Result<std::map<std::string, double>> seconds = timeUnits(path("uniform.so"));
      if (!seconds)
        return seconds.error();
      stored["seconds"] = *seconds;
    }
    llvm::sys::fs::remove(path("uniform.so"));
    return stored;
  };
  Result<json> stored = table.get("all in " + name, measureIt);
  if (!stored)
    return stored.error();
  Uniform one;
  one.bytes = (*stored)["unit_bytes"].get<std::map<std::string, double>>();
  one.seconds = (*stored)["seconds"].get<std::map<std::string, double>>();
  one.point = {name, qualityFromJson((*stored)["quality"]), (*stored)["bytes"], (*stored)["flops"], 0, all, true};
  for (const auto &[unit, seconds] : one.seconds)
    one.point.seconds += seconds;
  return one;
}

Result<void> Measurer::measureFormats(CompressResult &result) {
  for (size_t format = 0; format < formats().size(); ++format) {
    tell("all in " + formats()[format].name);
    Result<Uniform> one = uniform(format);
    if (!one)
      return one.error();
    result.points.push_back(one->point);
    uniforms.push_back(one.take());
    ++measured;
  }
  return {};
}

//===--- One unit ---===//

Result<Measurer::Cell> Measurer::cell(size_t unit, const Setting &setting) {
  const std::string &name = bench.units()[unit].name;
  tell(name + ": " + describe(setting));
  auto measureIt = [&]() -> Result<json> {
    std::vector<Setting> one(bench.units().size());
    one[unit] = setting;
    Result<Built> built = build("cell", one, "cell.so", /*narrowAttention=*/false);
    if (!built)
      return built.error();
    json stored = {{"quality", toJson(built->point.quality)}, {"bytes", built->footprint.bytesOf(name)}};
    if (!replacesLinears(setting))
      return stored;
    Result<std::map<std::string, double>> seconds = timeUnits(path("cell.so"));
    if (!seconds)
      return seconds.error();
    stored["seconds"] = (*seconds)[name];
    return stored;
  };
  Result<json> stored = table.get(name + ": " + describe(setting), measureIt);
  ++measured;
  if (!stored)
    return stored.error();
  double loss = qualityFromJson((*stored)["quality"]).loss(tableMetric(settings.budget.metric));
  auto shareOf = [&](const char *figure, double whole) { return whole > 0 ? stored->value(figure, whole) / whole : 1; };
  double bytes = shareOf("bytes", uniforms[0].bytes[name]);
  return Cell{std::max(0.0, loss), bytes,
              stored->contains("seconds") ? shareOf("seconds", uniforms[0].seconds[name]) : bytes};
}

/// A format whose passes leave the unit alone (its widths do not fit) is none for it.
bool Measurer::appliesTo(size_t format, size_t unit) {
  const std::string &name = bench.units()[unit].name;
  return uniforms[format].bytes[name] < uniforms[0].bytes[name];
}

Result<void> Measurer::measureUnit(size_t unit, MeasuredUnit &measuredUnit) {
  // How it can be cut, uncut first.
  std::vector<std::pair<Setting, Cell>> cuts = {{Setting{}, Cell{}}};
  for (size_t lever : leversFor(bench.units()[unit], settings.target))
    for (size_t strength = 0; strength < levers()[lever].strengths.size(); ++strength) {
      Result<Cell> one = cell(unit, {lever, strength, 0});
      if (!one)
        return one.error();
      if (one->share != 1) // else the pass has left it alone
        cuts.push_back({{lever, strength, 0}, *one});
    }
  for (size_t format = 0; format < formats().size(); ++format) {
    Cell rounded;
    if (format != 0 && !appliesTo(format, unit))
      continue;
    if (format != 0) {
      Result<Cell> one = cell(unit, {kNoLever, 0, format});
      if (!one)
        return one.error();
      rounded = *one;
    }
    const std::string &name = bench.units()[unit].name;
    double bytes = uniforms[format].bytes[name], seconds = uniforms[format].seconds[name];
    for (const auto &[setting, cut] : cuts) {
      if (format != 0 && replacesLinears(setting))
        continue;
      measuredUnit.options.push_back({{setting.lever, setting.strength, format},
                                      cut.loss + rounded.loss,
                                      bytes * cut.share,
                                      seconds * cut.timeShare});
    }
  }
  return {};
}

Result<void> Measurer::measureUnits(CompressResult &result) {
  for (size_t unit = 0; unit < result.units.size(); ++unit)
    if (Result<void> done = measureUnit(unit, result.units[unit]); !done)
      return done;
  llvm::sys::fs::remove(path("cell.so"));
  return {};
}

//===--- Time ---===//

static Result<std::vector<driver::StepTime>> timeSteps(const std::string &artifact, const CompressSettings &settings) {
  Result<driver::Model> model = driver::openModel(artifact);
  if (!model)
    return model.error();
  driver::BenchOptions options;
  options.place.threads = settings.threads;
  options.repeats = 3;
  return driver::benchSteps(*model, options, *settings.context);
}

/// What counts as the speed of a model: a prompt of 512 tokens and 64 steps; of an encoder one sequence of 128.
static double timesCounted(const std::string &phase) {
  return phase == "pp512" || phase == "1x128" ? 1 : phase == "tg64" ? driver::kBenchSteps : 0;
}

Result<std::map<std::string, double>> Measurer::timeUnits(const std::string &artifact) const {
  Result<std::vector<driver::StepTime>> times = timeSteps(artifact, settings);
  if (!times)
    return times.error();
  std::map<std::string, double> seconds;
  for (const driver::StepTime &time : *times) {
    std::string owner;
    for (const Unit &unit : bench.units())
      if (unit.contains(time.name))
        owner = unit.name;
    seconds[owner] += time.seconds * timesCounted(time.phase);
  }
  return seconds;
}

Result<Speeds> Measurer::timeWhole(const std::string &artifact) const {
  Result<std::vector<driver::StepTime>> times = timeSteps(artifact, settings);
  if (!times)
    return times.error();
  Speeds speeds;
  for (const driver::StepTime &time : *times) {
    if (speeds.empty() || speeds.back().first != time.phase)
      speeds.push_back({time.phase, 0});
    speeds.back().second += time.seconds;
  }
  for (auto &[phase, seconds] : speeds) {
    double work = phase == "pp512" ? 512 : 1;
    for (const driver::EncoderCase &shape : driver::kEncoderCases)
      if (phase == shape.key)
        work = static_cast<double>(shape.batch);
    seconds = work / seconds;
  }
  return speeds;
}

} // namespace lmopt
