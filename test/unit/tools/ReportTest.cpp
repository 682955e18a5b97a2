// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The page of a report: well-formed, on its own, without scripts, and with the figures of the JSON.
#include "tools/compress/Report.h"

#include "gtest/gtest.h"

#include <cctype>
#include <vector>

using namespace lmopt;
using Json = nlohmann::ordered_json;

namespace {

Json smallReport() {
  return Json::parse(R"json({
    "lmopt_report": 1, "source": "a <model> & \"more\"", "text": "t.txt", "cpu": "znver3", "target": "size",
    "budget": {"text": "kl=0.02", "metric": "kl", "limit": 0.02, "kept": true},
    "tokens": {"calibration": 4000, "choice": 800, "check": 900},
    "before": {"bytes": 2e6, "flops_per_row": 4e5, "speeds": {"tg64": 10.0}},
    "after": {"bytes": 5e5, "flops_per_row": 3e5, "speeds": {"tg64": 25.0}}, "speed_note": "",
    "quality": {"choice": {"rows": 700, "kl": 0.015, "ppl": 11.0, "ref_ppl": 10.0, "top1": 0.9},
                "check": {"rows": 700, "kl": 0.0171, "ppl": 11.0, "ref_ppl": 10.0, "top1": 0.9}, "loss": 0.0171},
    "choice": {"cost": 5e5, "least_cost": 4.9e5, "sum_of_losses": 0.016},
    "units": [
      {"name": "layers.0.attn", "setting": "int8", "format": "int8", "bytes_before": 1e6, "bytes_after": 2.5e5, "loss": 0.004,
       "flag": "--skip 'layers.0.attn.*'", "options": []},
      {"name": "layers.0.ffn", "setting": "f32", "format": "f32", "bytes_before": 1e6, "bytes_after": 1e6, "loss": 0.0,
       "flag": "--skip 'layers.0.ffn.*'", "options": []}],
    "worst": [{"name": "layers.0.attn", "setting": "int8", "loss": 0.004, "flag": "--skip 'layers.0.attn.*'"}],
    "points": [
      {"name": "f32", "loss": 0.0, "bytes": 2e6, "flops_per_row": 4e5, "seconds": 0.0, "uniform": true, "chosen": false,
       "quality": {"rows": 700, "kl": 0.0, "ppl": 10.0, "ref_ppl": 10.0, "top1": 1.0}},
      {"name": "step 1", "loss": 0.015, "bytes": 5e5, "flops_per_row": 3e5, "seconds": 0.0, "uniform": false, "chosen": true,
       "quality": {"rows": 700, "kl": 0.015, "ppl": 11.0, "ref_ppl": 10.0, "top1": 0.9}}],
    "recipe": {"name": "compressed", "passes": []}})json");
}

/// Every element that opens closes, in order. Void ones are those of HTML, and what ends with "/>".
testing::AssertionResult isWellFormed(const std::string &page) {
  std::vector<std::string> open;
  for (size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at + 1)) {
    size_t end = page.find('>', at);
    if (end == std::string::npos)
      return testing::AssertionFailure() << "a tag has no end: " << page.substr(at, 40);
    std::string tag = page.substr(at + 1, end - at - 1), name;
    bool closes = tag[0] == '/';
    for (size_t i = closes ? 1 : 0; i < tag.size() && std::isalnum(static_cast<unsigned char>(tag[i])); ++i)
      name += tag[i];
    if (tag[0] == '!' || name == "meta" || tag.back() == '/')
      continue;
    if (!closes) {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return testing::AssertionFailure() << "</" << name << "> closes " << (open.empty() ? "nothing" : open.back());
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? testing::AssertionSuccess() : testing::AssertionFailure() << open.back() << " stays open";
}

bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

TEST(ReportTest, ThePageStandsAlone) {
  std::string page = reportPage(smallReport());
  EXPECT_TRUE(isWellFormed(page));
  for (const char *never : {"<script", "http://", "https://", "<link", "src=", "url(", "nan", "inf\""})
    EXPECT_FALSE(contains(page, never)) << never;
  EXPECT_TRUE(contains(page, "prefers-color-scheme: dark"));
}

TEST(ReportTest, TextOfOthersIsNoMarkup) {
  EXPECT_TRUE(contains(reportPage(smallReport()), "a &lt;model&gt; &amp; &quot;more&quot;"));
}

TEST(ReportTest, FiguresAreThere) {
  std::string page = reportPage(smallReport());
  for (const char *figure : {"4.00 &times; smaller", "2.00 MB &rarr; 0.50 MB", "25.0 % less", "2.50 &times; as fast",
                             "kept", "KL 0.0171", "--skip 'layers.0.attn.*'", "layers.0.ffn", "budget"})
    EXPECT_TRUE(contains(page, figure)) << figure;
}

TEST(ReportTest, AMissedBudgetAndUnmeasuredSpeedAreSaid) {
  Json report = smallReport();
  report["budget"]["kept"] = false;
  report["before"]["speeds"] = Json::object();
  report["after"]["speeds"] = Json::object();
  report["speed_note"] = "too short";
  std::string page = reportPage(report);
  EXPECT_TRUE(contains(page, "missed"));
  EXPECT_TRUE(contains(page, "Speed was not measured: too short"));
  EXPECT_FALSE(contains(page, "as fast"));
  EXPECT_TRUE(isWellFormed(page));
}

TEST(ReportTest, EqualCostsAndNoLossHaveAPlot) {
  Json report = smallReport();
  for (Json &point : report["points"]) {
    point["bytes"] = 1e6;
    point["loss"] = 0.0;
  }
  report["worst"] = Json::array();
  std::string page = reportPage(report);
  EXPECT_TRUE(isWellFormed(page));
  EXPECT_FALSE(contains(page, "nan"));
  EXPECT_TRUE(contains(page, "No unit loses anything."));
}

} // namespace
