// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The report as JSON; see Report.h.
#include "tools/compress/Report.h"

#include "files/AtomicFile.h"
#include "tools/compress/Compress.h"

#include <algorithm>
#include <filesystem>

namespace lmopt {

using Json = nlohmann::ordered_json;

static Json qualityJson(const Quality &quality, Metric metric) {
  if (metric == Metric::Cosine)
    return {{"rows", quality.rows}, {"mean_cosine", quality.meanCosine}, {"least_cosine", quality.leastCosine}};
  return {{"rows", quality.rows},
          {"kl", quality.divergence},
          {"ppl", quality.perplexity},
          {"ref_ppl", quality.referencePerplexity},
          {"top1", quality.sameTop}};
}

static const char *nameOf(Metric metric) {
  return metric == Metric::KullbackLeibler ? "kl" : metric == Metric::Perplexity ? "ppl" : "cosine";
}

static Json speedsJson(const Speeds &speeds) {
  Json json = Json::object();
  for (const auto &[phase, speed] : speeds)
    json[phase] = speed;
  return json;
}

static Json pointJson(const Point &point, Metric metric, bool chosen) {
  return {{"name", point.name},       {"loss", point.quality.loss(metric)},
          {"bytes", point.bytes},     {"flops_per_row", point.flops},
          {"seconds", point.seconds}, {"uniform", point.isUniform},
          {"chosen", chosen},         {"quality", qualityJson(point.quality, metric)}};
}

static Json optionJson(const MeasuredOption &option) {
  return {{"setting", describe(option.setting)},
          {"loss", option.loss},
          {"bytes", option.bytes},
          {"seconds", option.seconds}};
}

/// What keeps the unit as it is.
static std::string sparingFlag(const Unit &unit) {
  std::string flag;
  for (const std::string &block : unit.blocks) {
    bool isLinear = std::find(unit.linears.begin(), unit.linears.end(), block) != unit.linears.end();
    flag += (flag.empty() ? "--skip '" : " --skip '") + block + (isLinear ? "'" : ".*'");
  }
  return flag;
}

static Json unitJson(const MeasuredUnit &unit, const Setting &setting) {
  const MeasuredOption &chosen = unit.optionOf(setting);
  Json json = {{"name", unit.unit.name},
               {"setting", describe(setting)},
               {"format", formats()[setting.format].name},
               {"bytes_before", unit.options.front().bytes},
               {"bytes_after", chosen.bytes},
               {"loss", chosen.loss},
               {"flag", sparingFlag(unit.unit)},
               {"options", Json::array()}};
  for (const MeasuredOption &option : unit.options)
    json["options"].push_back(optionJson(option));
  return json;
}

/// The five units that lose most.
static Json worstOf(const Json &units) {
  std::vector<std::pair<double, size_t>> order; // the greatest loss first, then the order of the model
  for (size_t i = 0; i < units.size(); ++i)
    order.push_back({-units[i]["loss"].get<double>(), i});
  std::sort(order.begin(), order.end());
  Json worst = Json::array();
  for (size_t i = 0; i < std::min<size_t>(5, order.size()) && order[i].first < 0; ++i) {
    const Json &unit = units[order[i].second];
    worst.push_back(
        {{"name", unit["name"]}, {"setting", unit["setting"]}, {"loss", unit["loss"]}, {"flag", unit["flag"]}});
  }
  return worst;
}

static Json sideJson(const Point &point, const Speeds &speeds) {
  return {{"bytes", point.bytes}, {"flops_per_row", point.flops}, {"speeds", speedsJson(speeds)}};
}

Json makeReport(const CompressResult &result, const CompressSettings &settings, const ReportOrigin &origin) {
  Metric metric = settings.budget.metric;
  const Point &chosen = result.points[result.chosen];
  Json report = {{"lmopt_report", 1},
                 {"source", origin.source},
                 {"text", origin.text},
                 {"cpu", origin.cpu},
                 {"target", settings.target == CompressTarget::Speed ? "speed" : "size"}};
  report["budget"] = {{"text", origin.budget},
                      {"metric", nameOf(metric)},
                      {"limit", settings.budget.limit},
                      {"kept", result.check.loss(metric) <= settings.budget.limit}};
  report["tokens"] = {{"calibration", settings.calibration.tokens()},
                      {"choice", settings.choice.tokens()},
                      {"check", settings.check.tokens()}};
  report["before"] = sideJson(result.points.front(), result.speedBefore);
  report["after"] = sideJson(chosen, result.speedAfter);
  report["speed_note"] = result.speedNote;
  report["quality"] = {{"choice", qualityJson(chosen.quality, metric)},
                       {"check", qualityJson(result.check, metric)},
                       {"loss", result.check.loss(metric)}};
  report["choice"] = {
      {"cost", result.choice.cost}, {"least_cost", result.choice.leastCost}, {"sum_of_losses", result.choice.loss}};
  report["units"] = Json::array();
  for (size_t unit = 0; unit < result.units.size(); ++unit)
    report["units"].push_back(unitJson(result.units[unit], chosen.settings[unit]));
  report["worst"] = worstOf(report["units"]);
  report["points"] = Json::array();
  for (size_t point = 0; point < result.points.size(); ++point)
    report["points"].push_back(pointJson(result.points[point], metric, point == result.chosen));
  report["recipe"] = Json::parse(result.recipe);
  return report;
}

Result<void> writeReport(const Json &report, const std::string &directory) {
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  if (failed)
    return resourceError("cannot create '" + directory + "': " + failed.message());
  const std::pair<const char *, std::string> files[] = {{"report.json", report.dump(2) + "\n"},
                                                        {"report.html", reportPage(report)},
                                                        {"recipe.json", report["recipe"].dump(2) + "\n"}};
  for (const auto &[name, text] : files)
    if (Result<void> written = writeFileAtomically(directory + "/" + name, text, OutputKind::Text); !written)
      return written;
  return {};
}

} // namespace lmopt
