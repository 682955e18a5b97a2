// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Choosing, tuning, checking; see Compress.h.
#include "tools/compress/Compress.h"

#include "tools/compress/Measurer.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"

#include <cmath>

using namespace mlir;

namespace lmopt {

//===--- Budget ---===//

static std::string digits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

Result<Budget> Budget::parse(const std::string &text) {
  auto [name, number] = StringRef(text).split('=');
  bool percent = number.consume_back("%");
  double value = 0;
  bool good = !number.empty() && !number.getAsDouble(value) && std::isfinite(value) && percent == (name == "ppl");
  if (good && name == "kl" && value > 0)
    return Budget{Metric::KullbackLeibler, value};
  if (good && name == "ppl" && value > 0)
    return Budget{Metric::Perplexity, value / 100};
  if (good && name == "cosine" && value > 0 && value < 1)
    return Budget{Metric::Cosine, 1 - value};
  return Error{kErrorUsage, "--budget " + text +
                                ": expected kl=0.02 or ppl=1% (decoders; greater than 0), or cosine=0.98 "
                                "(encoders; between 0 and 1)"};
}

std::string Budget::describe(const Quality &quality) const {
  switch (metric) {
  case Metric::KullbackLeibler:
    return "KL " + digits(quality.divergence) + " (at most " + digits(limit) + ")";
  case Metric::Perplexity:
    return "perplexity " + digits(100 * quality.loss(metric)) + " % above the model's (at most " + digits(100 * limit) +
           " %)";
  case Metric::Cosine:
    return "mean cosine " + digits(quality.meanCosine) + " (at least " + digits(1 - limit) + ")";
  }
  return "";
}

const MeasuredOption &MeasuredUnit::optionOf(const Setting &setting) const {
  auto found = llvm::find_if(options, [&](const MeasuredOption &option) { return option.setting == setting; });
  return found == options.end() ? options.front() : *found;
}

//===--- Tuning ---===//

namespace {

/// The candidate is to stay this far below the limit on the text it is tuned on: on another text it will lose a little
/// more or less.
constexpr double kMargin = 0.93;
/// Close enough to the limit that another step is not worth its time.
constexpr double kClose = 0.85;
constexpr int kMostSteps = 6;

class Tuner {
public:
  Tuner(const CompressSettings &settings, Measurer &measurer, CompressResult &result)
      : settings(settings), measurer(measurer), result(result), target(kMargin * settings.budget.limit) {}

  Result<void> run() {
    considerUniform();
    // Perplexity grows by about e^KL, when the text is one that the model would write.
    double sum = settings.budget.metric == Metric::Perplexity ? std::log1p(target) : target;
    for (int round = 0; round < 3 * kMostSteps && steps < kMostSteps; ++round) {
      std::optional<Choice> choice = choose(weighed(), sum);
      if (!choice) // f32 loses nothing
        return Error{kErrorInternal, "no choice of options fits into any budget"};
      Result<double> loss = tryOut(settingsOf(*choice));
      if (!loss)
        return loss.error();
      if (*loss <= target)
        result.choice = *choice;
      if (*loss <= target && *loss >= kClose * settings.budget.limit)
        break;
      sum = nextSum(sum, *loss);
    }
    return {};
  }

private:
  const CompressSettings &settings;
  Measurer &measurer;
  CompressResult &result;
  double target;
  double kept = 0, missed = INFINITY; ///< sums that turned out to keep the budget, and to miss it
  bool found = false;
  int steps = 0;

  /// What the sum of losses should be, when with `sum` the whole loses `loss`: in proportion, but between what is known
  /// to be too little and too much.
  double nextSum(double sum, double loss) {
    (loss <= target ? kept : missed) = sum;
    double factor = loss > 0 ? target / loss : 4;
    double next = sum * std::min(4.0, std::max(0.25, factor));
    if (next > kept && next < missed)
      return next;
    return std::isinf(missed) ? 2 * kept : std::sqrt(std::max(kept, missed / 16) * missed);
  }

  double costOf(const MeasuredOption &option) const {
    return settings.target == CompressTarget::Speed ? option.seconds : option.bytes;
  }

  std::vector<std::vector<WeightedOption>> weighed() const {
    std::vector<std::vector<WeightedOption>> units;
    for (const MeasuredUnit &unit : result.units) {
      units.emplace_back();
      for (const MeasuredOption &option : unit.options)
        units.back().push_back({costOf(option), option.loss});
    }
    return units;
  }

  std::vector<Setting> settingsOf(const Choice &choice) const {
    std::vector<Setting> chosen;
    for (size_t unit = 0; unit < result.units.size(); ++unit)
      chosen.push_back(result.units[unit].options[choice.options[unit]].setting);
    return chosen;
  }

  /// The point of these settings, if there is one.
  const Point *findTried(const std::vector<Setting> &chosen) const {
    auto found = llvm::find_if(result.points, [&](const Point &point) { return point.settings == chosen; });
    return found == result.points.end() ? nullptr : &*found;
  }

  /// By the table, for points of all kinds to be compared by one measure.
  double predictedCost(const std::vector<Setting> &chosen) const {
    double cost = 0;
    for (size_t unit = 0; unit < chosen.size(); ++unit)
      cost += costOf(result.units[unit].optionOf(chosen[unit]));
    return cost;
  }

  /// The cheapest so far that keeps the budget.
  void consider(size_t point) {
    if (result.points[point].quality.loss(settings.budget.metric) > target)
      return;
    if (found && predictedCost(result.points[point].settings) >= predictedCost(result.points[result.chosen].settings))
      return;
    found = true;
    result.chosen = point;
  }
  void considerUniform() {
    for (size_t point = 0; point < result.points.size(); ++point)
      consider(point);
  }

  Result<double> tryOut(const std::vector<Setting> &chosen) {
    if (const Point *tried = findTried(chosen))
      return tried->quality.loss(settings.budget.metric);
    std::string name = "step " + std::to_string(++steps);
    measurer.tell("tune, " + name);
    Result<Measurer::Built> built = measurer.build(name, chosen, "candidate.so", isRounded(chosen));
    if (!built)
      return built.error();
    Point &point = built->point;
    for (size_t unit = 0; unit < chosen.size(); ++unit)
      point.seconds += result.units[unit].optionOf(chosen[unit]).seconds;
    result.points.push_back(std::move(point));
    consider(result.points.size() - 1);
    return result.points.back().quality.loss(settings.budget.metric);
  }

public:
  static bool isRounded(const std::vector<Setting> &chosen) {
    return llvm::any_of(chosen, [](const Setting &setting) { return setting.format != 0; });
  }
};

} // namespace

//===--- Whole ---===//

/// The chosen one once more, on the text that nothing was chosen by.
static Result<void> check(const CompressSettings &settings, Measurer &measurer, CompressResult &result) {
  Point &chosen = result.points[result.chosen];
  bool narrow = Tuner::isRounded(chosen.settings);
  measurer.tell("check");
  Result<Measurer::Built> built = measurer.build(chosen.name, chosen.settings, "candidate.so", narrow);
  if (!built)
    return built.error();
  Result<Judge> judge =
      Judge::create(measurer.path("reference.so"), settings.check, *settings.context, settings.threads);
  if (!judge)
    return judge.error();
  Result<Quality> quality = judge->judge(measurer.path("candidate.so"));
  if (!quality)
    return quality.error();
  result.check = *quality;
  result.artifact = measurer.path("candidate.so");
  result.recipe = measurer.toldRecipe(chosen.settings, narrow);
  return {};
}

/// A model that is too short for the usual runs has no speeds; the report says why.
static void timeBoth(Measurer &measurer, CompressResult &result) {
  measurer.tell("time");
  for (auto [file, speeds] : {std::pair{"reference.so", &result.speedBefore}, {"candidate.so", &result.speedAfter}}) {
    Result<Speeds> timed = measurer.timeWhole(measurer.path(file));
    if (timed)
      *speeds = timed.take();
    else
      result.speedNote = timed.error().message;
  }
}

Result<CompressResult> measureSensitivity(ImportedModel &model, const CompressSettings &settings) {
  Result<Measurer> measurer = Measurer::create(model, settings);
  if (!measurer)
    return measurer.error();
  CompressResult result;
  if (Result<void> measured = measurer->measure(result); !measured)
    return measured.error();
  return result;
}

Result<CompressResult> compress(ImportedModel &model, const CompressSettings &settings) {
  Result<Measurer> measurer = Measurer::create(model, settings);
  if (!measurer)
    return measurer.error();
  CompressResult result;
  if (Result<void> measured = measurer->measure(result); !measured)
    return measured.error();
  if (Result<void> tuned = Tuner(settings, *measurer, result).run(); !tuned)
    return tuned.error();
  if (Result<void> checked = check(settings, *measurer, result); !checked)
    return checked.error();
  timeBoth(*measurer, result);
  return result;
}

} // namespace lmopt
