// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The report as a page: cards, the plot of all models that were tried, a bar for each unit, the units that lose most.
// Inline SVG and CSS only; light and dark by what the reader's system prefers. See Report.h.
#include "tools/compress/Report.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace lmopt {

using Json = nlohmann::ordered_json;

//===--- Text ---===//

static std::string escaped(const std::string &text) {
  std::string result;
  for (char c : text)
    result += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '"' ? "&quot;" : std::string(1, c);
  return result;
}

static std::string number(double value, const char *format = "%.4g") {
  char text[48];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

static std::string megabytes(double bytes) { return number(bytes / 1e6, bytes < 1e8 ? "%.2f" : "%.1f") + " MB"; }

/// <name attributes>content</name>
static std::string element(const std::string &name, const std::string &attributes, const std::string &content) {
  return "<" + name + (attributes.empty() ? "" : " " + attributes) + ">" + content + "</" + name + ">";
}

static std::string attribute(const char *name, double value) {
  return std::string(name) + "=\"" + number(value, "%.1f") + "\" ";
}

static std::string row(const std::vector<std::string> &cells, const char *cell = "td") {
  std::string text;
  for (const std::string &content : cells)
    text += element(cell, "", content);
  return element("tr", "", text) + "\n";
}

//===--- Words ---===//

static std::string lossName(const Json &report) {
  const std::string metric = report["budget"]["metric"];
  return metric == "kl" ? "KL divergence" : metric == "ppl" ? "growth of perplexity" : "1 - mean cosine";
}

static std::string qualityText(const Json &quality) {
  if (quality.contains("mean_cosine"))
    return "mean cosine " + number(quality["mean_cosine"], "%.5f") + ", least " +
           number(quality["least_cosine"], "%.4f");
  double ratio = quality["ppl"].get<double>() / quality["ref_ppl"].get<double>();
  return "KL " + number(quality["kl"]) + ", perplexity &times; " + number(ratio, "%.4f") + ", same best token " +
         number(100 * quality["top1"].get<double>(), "%.1f") + " %";
}

//===--- Cards ---===//

static std::string card(const std::string &title, const std::string &big, const std::string &small) {
  return element("div", "class=\"card\"",
                 element("h3", "", title) + element("p", "class=\"big\"", big) +
                     element("p", "class=\"small\"", small)) +
         "\n";
}

static std::string cards(const Json &report) {
  double before = report["before"]["bytes"], after = report["after"]["bytes"];
  double flopsBefore = report["before"]["flops_per_row"], flopsAfter = report["after"]["flops_per_row"];
  bool kept = report["budget"]["kept"];
  std::string text = card("Budget " + escaped(report["budget"]["text"]), kept ? "kept" : "missed",
                          "on text that nothing was chosen by: " + qualityText(report["quality"]["check"]));
  text += card("Weights", number(before / after, "%.2f") + " &times; smaller",
               megabytes(before) + " &rarr; " + megabytes(after));
  text += card("Products per token", number(100 * (1 - flopsAfter / flopsBefore), "%.1f") + " % less",
               number(flopsBefore / 2e6, "%.3g") + " &rarr; " + number(flopsAfter / 2e6, "%.3g") + " million");
  for (const auto &[phase, speed] : report["after"]["speeds"].items())
    if (report["before"]["speeds"].contains(phase)) {
      double old = report["before"]["speeds"][phase], now = speed;
      text += card(escaped(phase), number(now / old, "%.2f") + " &times; as fast",
                   number(old, "%.1f") + " &rarr; " + number(now, "%.1f") +
                       (phase.find('x') == std::string::npos ? " tokens/s" : " sequences/s"));
    }
  return element("div", "class=\"cards\"", "\n" + text) + "\n";
}

//===--- Plot ---===//

namespace {
/// A linear or logarithmic axis from numbers to pixels.
struct Axis {
  double low, high, from, to;
  double at(double value) const { return from + (value - low) / (high - low) * (to - from); }
};
} // namespace

static constexpr double kWidth = 760, kHeight = 360, kLeft = 76, kRight = 20, kTop = 16, kBottom = 48;
static constexpr double kLeastLoss = 1e-7; ///< what loses nothing is drawn here

static double costOf(const Json &report, const Json &point) {
  return report["target"] == "speed" ? point["seconds"].get<double>() * 1e3 : point["bytes"].get<double>() / 1e6;
}

static double logLoss(double loss) { return std::log10(std::max(loss, kLeastLoss)); }

static std::string line(double x1, double y1, double x2, double y2, const char *style) {
  return "<line " + attribute("x1", x1) + attribute("y1", y1) + attribute("x2", x2) + attribute("y2", y2) + "class=\"" +
         style + "\"/>\n";
}

static std::string label(double x, double y, const std::string &text, const char *style) {
  return element("text", attribute("x", x) + attribute("y", y) + "class=\"" + style + "\"", text) + "\n";
}

static std::string gridLines(const Axis &x, const Axis &y) {
  std::string text;
  for (int power = static_cast<int>(std::ceil(y.low)); power <= std::floor(y.high); ++power) {
    text += line(kLeft, y.at(power), kWidth - kRight, y.at(power), "grid");
    text += label(kLeft - 8, y.at(power) + 4, "1e" + std::to_string(power), "tick end");
  }
  double step = std::pow(10, std::floor(std::log10((x.high - x.low) / 3)));
  while ((x.high - x.low) / step > 8)
    step *= 2;
  for (double tick = std::ceil(x.low / step) * step; tick <= x.high; tick += step) {
    text += line(x.at(tick), kTop, x.at(tick), kHeight - kBottom, "grid");
    text += label(x.at(tick), kHeight - kBottom + 18, number(tick, "%g"), "tick middle");
  }
  return text;
}

static std::string plot(const Json &report) {
  double least = INFINITY, most = 0, low = logLoss(report["budget"]["limit"]) - 1, high = low + 1.5;
  for (const Json &point : report["points"]) {
    least = std::min(least, costOf(report, point));
    most = std::max(most, costOf(report, point));
    low = std::min(low, logLoss(point["loss"]));
    high = std::max(high, logLoss(point["loss"]));
  }
  double room = std::max(1e-9, (most - least) * 0.06 + most * 0.01);
  Axis x{std::max(0.0, least - room), most + room, kLeft, kWidth - kRight};
  Axis y{low - 0.2, high + 0.3, kHeight - kBottom, kTop};
  std::string text = gridLines(x, y);
  double limit = y.at(logLoss(report["budget"]["limit"]));
  text += line(kLeft, limit, kWidth - kRight, limit, "limit");
  text += label(kWidth - kRight - 4, limit - 6, "budget", "tick end");
  for (const Json &point : report["points"]) {
    double px = x.at(costOf(report, point)), py = y.at(logLoss(point["loss"]));
    bool chosen = point["chosen"], uniform = point["uniform"];
    std::string title = element("title", "",
                                escaped(point["name"]) + ": " + number(costOf(report, point)) +
                                    (report["target"] == "speed" ? " ms" : " MB") + ", loss " + number(point["loss"]));
    text += element("circle",
                    attribute("cx", px) + attribute("cy", py) + attribute("r", chosen ? 7 : 5) + "class=\"" +
                        (chosen    ? "chosen"
                         : uniform ? "uniform"
                                   : "tried") +
                        "\"",
                    title) +
            "\n";
    if (chosen || uniform)
      text += label(px + 10, py + 4, escaped(point["name"]), "name");
  }
  text += label((kLeft + kWidth) / 2, kHeight - 8,
                report["target"] == "speed" ? "milliseconds (512 tokens and 64 steps, or a sequence of 128)"
                                            : "megabytes of weights",
                "axis middle");
  text += label(kLeft, kTop - 4, lossName(report), "axis");
  return element("svg",
                 "viewBox=\"0 0 760 360\" role=\"img\" aria-label=\"cost and loss of all models that were tried\"",
                 "\n" + text) +
         "\n";
}

//===--- Units ---===//

static std::string unitRows(const Json &report) {
  double most = 0, worst = 0;
  for (const Json &unit : report["units"]) {
    most = std::max(most, unit["bytes_before"].get<double>());
    worst = std::max(worst, unit["loss"].get<double>());
  }
  constexpr double kRow = 20, kBar = 270, kName = 130, kLossBar = 120;
  double top = 24;
  std::string text = label(kName, 14, "bytes: as they were, and what is left", "tick") +
                     label(kName + kBar + 16, 14, "loss, measured alone", "tick");
  for (const Json &unit : report["units"]) {
    double before = unit["bytes_before"], after = unit["bytes_after"], loss = unit["loss"];
    std::string title = element("title", "",
                                escaped(unit["name"]) + ": " + megabytes(before) + " to " + megabytes(after) + ", " +
                                    escaped(unit["setting"]) + ", loss " + number(loss));
    auto bar = [&](double left, double width, const std::string &style) {
      return element("rect",
                     attribute("x", left) + attribute("y", top + 3) + attribute("width", std::max(1.0, width)) +
                         attribute("height", kRow - 6) + "class=\"" + style + "\"",
                     title);
    };
    text += label(kName - 8, top + 14, escaped(unit["name"]), "tick end");
    text += bar(kName, kBar * before / most, "before") +
            bar(kName, kBar * after / most, "after " + escaped(unit["format"]));
    if (loss > 0)
      text += bar(kName + kBar + 16, kLossBar * loss / worst, "loss");
    text += label(kName + kBar + kLossBar + 26, top + 14, escaped(unit["setting"]), "tick");
    top += kRow;
  }
  return element("svg",
                 "viewBox=\"0 0 760 " + number(top + 4, "%.0f") +
                     "\" role=\"img\" aria-label=\"what became of each unit\"",
                 "\n" + text) +
         "\n";
}

static std::string worstTable(const Json &report) {
  std::string text = row({"unit", "is now", "loss", "spare it with"}, "th");
  for (const Json &unit : report["worst"])
    text += row({escaped(unit["name"]), escaped(unit["setting"]), number(unit["loss"]),
                 element("code", "", escaped(unit["flag"]))});
  return report["worst"].empty() ? element("p", "", "No unit loses anything.") : element("table", "", text);
}

static std::string pointsTable(const Json &report) {
  std::string text = row({"model", "weights", "quality on the text of the choice", ""}, "th");
  for (const Json &point : report["points"])
    text += row({escaped(point["name"]), megabytes(point["bytes"]), qualityText(point["quality"]),
                 point["chosen"] ? "chosen" : ""});
  return element("table", "", text);
}

//===--- Page ---===//

static const char *const kStyle = R"css(
:root { color-scheme: light dark; --ink: #1b2430; --soft: #5c6878; --paper: #fbfbfd; --card: #ffffff; --edge: #dfe4ea;
  --f32: #8b95a3; --bf16: #1a8f86; --int8: #2f6fdb; --int4: #8a4fd0; --codebook: #c2570c; --loss: #d0473f; --good: #1c8a4b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #9aa6b5; --paper: #14181e; --card: #1c222a; --edge: #313a45;
  --f32: #7d8896; --bf16: #3bb8ad; --int8: #6a9df5; --int4: #b287ee; --codebook: #ee9249; --loss: #ee7a72; --good: #4cc07d; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 auto; max-width: 820px; padding: 24px 20px 60px; }
h1 { font-size: 24px; margin: 0; } h2 { font-size: 18px; margin: 36px 0 8px; } h3 { font-size: 13px; margin: 0; color: var(--soft); font-weight: 600; }
p { margin: 4px 0 10px; } .soft, .small { color: var(--soft); } .small { font-size: 13px; margin: 0; } code { font-size: 13px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: 12px; margin: 20px 0; }
.card { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; padding: 12px 16px; }
.big { font-size: 24px; font-weight: 650; margin: 2px 0; }
svg { width: 100%; height: auto; background: var(--card); border: 1px solid var(--edge); border-radius: 10px; }
text { fill: var(--ink); font: 12px system-ui, sans-serif; } .tick { fill: var(--soft); font-size: 11px; } .end { text-anchor: end; } .middle { text-anchor: middle; }
.axis { fill: var(--soft); } .name { font-weight: 600; } .grid { stroke: var(--edge); } .limit { stroke: var(--loss); stroke-dasharray: 6 4; stroke-width: 1.5; }
.uniform { fill: var(--card); stroke: var(--soft); stroke-width: 2; } .tried { fill: var(--int8); opacity: .55; } .chosen { fill: var(--good); }
.before { fill: var(--edge); } .after { fill: var(--f32); } .bf16 { fill: var(--bf16); } .int8 { fill: var(--int8); } .int4 { fill: var(--int4); } .codebook { fill: var(--codebook); }
.loss { fill: var(--loss); opacity: .8; } .key { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin: 0 5px 0 12px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; } th { text-align: left; color: var(--soft); font-weight: 600; }
td, th { padding: 5px 10px 5px 0; border-bottom: 1px solid var(--edge); vertical-align: top; }
)css";

static std::string formatKey() {
  std::string text;
  for (const char *format : {"f32", "bf16", "int8", "int4"})
    text += element("span", std::string("class=\"key\" style=\"background: var(--") + format + ")\"", "") + format;
  return element("p", "class=\"small\"", text);
}

static std::string section(const char *title, const std::string &explanation, const std::string &content) {
  return element("h2", "", title) + "\n" + element("p", "class=\"soft\"", explanation) + "\n" + content + "\n";
}

std::string reportPage(const Json &report) {
  const Json &tokens = report["tokens"];
  std::string body = element("h1", "", "lmopt compress") + "\n";
  body += element("p", "class=\"soft\"",
                  escaped(report["source"]) + " for " + escaped(report["target"]) + ", on " + escaped(report["cpu"]) +
                      ". Text: " + escaped(report["text"]) + ": " + number(tokens["calibration"], "%.0f") +
                      " tokens to calibrate, " + number(tokens["choice"], "%.0f") + " to choose, " +
                      number(tokens["check"], "%.0f") + " to check.") +
          "\n";
  body += cards(report);
  if (!report["speed_note"].get<std::string>().empty())
    body += element("p", "class=\"soft\"", "Speed was not measured: " + escaped(report["speed_note"])) + "\n";
  body += section("Everything that was tried",
                  "Each dot is a model that was compiled and measured on the text of the choice. "
                  "Below the dashed line is within the budget; further left is cheaper.",
                  plot(report));
  body += section("Unit by unit",
                  "What became of each block. Its loss is that of this block alone, all others left in f32.",
                  formatKey() + unitRows(report));
  body += section("What loses most", "Run the command again with one of these options, and the unit stays as it was.",
                  worstTable(report));
  body += section("All models", "In the order in which they were tried.", pointsTable(report));
  body += section("Again",
                  "recipe.json beside this page makes the same model: "
                  "<code>lmopt compile SOURCE --recipe recipe.json --calibrate TEXT -o M.so</code>",
                  "");
  return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
         "content=\"width=device-width, "
         "initial-scale=1\"><title>lmopt compress: " +
         escaped(report["source"]) + "</title><style>" + kStyle + "</style></head><body>\n" + body + "</body></html>\n";
}

} // namespace lmopt
