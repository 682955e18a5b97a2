// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A model made as small or as fast as a budget of quality allows.
//
// In: an imported model, three texts, a budget. Out: an artifact that keeps the budget on a text that took no part in
// any choice, and everything that was measured on the way (for the report).
//
//   measure   statistics (calibration text); what each unit loses in each format and under each lever alone, the rest
//             in f32 (choice text); what each unit costs in each format: bytes, or seconds of the generated code
//   choose    the options that cost least within the budget: losses of units add up (Choice.h)
//   tune      the choice is compiled and judged as a whole (choice text); what losses together are more or less than
//             their sum is made up for by another budget for the sum
//   check     the best is judged on the third text; a budget that is missed there is exit code 6, and no artifact
//
// Losses of small independent changes add up to first order: the divergence of a sum of perturbations is the sum of
// their divergences plus products of pairs, whose mean is small when they are independent. That is why tuning needs few
// steps; that it holds is never assumed, the whole is measured. Interrupted work goes on: everything lies in the work
// folder. Source: issue 12, techniques 15; the table and the knapsack are those of bit allocation by measured
// sensitivity. Tested by test/unit/models/CompressTest.cpp and test/tools/lmopt/compress.sh.
#ifndef LMOPT_TOOLS_COMPRESS_COMPRESS_H
#define LMOPT_TOOLS_COMPRESS_COMPRESS_H

#include "tools/compress/Choice.h"
#include "tools/compress/Quality.h"
#include "tools/compress/Workbench.h"

#include <functional>

namespace lmopt {

struct Budget {
  Metric metric = Metric::KullbackLeibler;
  double limit = 0; ///< the greatest loss that is allowed

  /// kl=0.02, ppl=1%, cosine=0.98.
  static Result<Budget> parse(const std::string &text);
  /// "KL 0.0123" in the words of the metric.
  std::string describe(const Quality &quality) const;
};

enum class CompressTarget { Size, Speed };

struct CompressSettings {
  std::vector<Unit> units; ///< findUnits
  Budget budget;
  CompressTarget target = CompressTarget::Size;
  Sequences calibration, choice, check;
  std::string work; ///< folder for unfinished work
  std::string targetCpu;
  int threads = 0;
  const driver::Context *context = nullptr;
  CalibrationSettings measurement; ///< of the statistics
  std::function<void(double, const std::string &)> progress;
};

/// What one unit would be under one setting.
struct MeasuredOption {
  Setting setting;
  double loss = 0; ///< measured alone: of the lever, plus of the format
  double bytes = 0, seconds = 0;
};
struct MeasuredUnit {
  Unit unit;
  std::vector<MeasuredOption> options; ///< the first: f32, uncut

  /// That of the setting; the first, where the setting does not apply to the unit.
  const MeasuredOption &optionOf(const Setting &setting) const;
};

/// A whole model that was compiled and judged.
struct Point {
  std::string name;
  Quality quality; ///< on the choice text
  double bytes = 0, flops = 0, seconds = 0;
  std::vector<Setting> settings;
  bool isUniform = false;
};

/// Tokens or sequences a second, by kind of run (pp512, tg64, 1x128, ...).
using Speeds = std::vector<std::pair<std::string, double>>;

struct CompressResult {
  std::vector<MeasuredUnit> units;
  std::vector<Point> points; ///< the reference first
  size_t chosen = 0;
  Choice choice; ///< of the last step
  Quality check; ///< of the chosen point on the third text
  Speeds speedBefore, speedAfter;
  std::string recipe;    ///< of the chosen point, as JSON
  std::string artifact;  ///< in the work folder
  std::string speedNote; ///< why there are no speeds; empty: there are
};

/// What leaves the linears of a unit makes it smaller and faster, what replaces them only faster.
bool isFor(const Lever &lever, CompressTarget target);
/// What may be done to a unit for that target, among levers().
std::vector<size_t> leversFor(const Unit &unit, CompressTarget target);

/// How many models will be compiled and judged before anything is chosen.
size_t countMeasurements(const std::vector<Unit> &units, CompressTarget target);

/// Statistics and the table of all units: what `lmopt sensitivity` tells. The reference is points[0].
Result<CompressResult> measureSensitivity(ImportedModel &model, const CompressSettings &settings);

/// All of it. Whether the budget is kept on the third text is for the caller to see: `check`.
Result<CompressResult> compress(ImportedModel &model, const CompressSettings &settings);

} // namespace lmopt

#endif // LMOPT_TOOLS_COMPRESS_COMPRESS_H
