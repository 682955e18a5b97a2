// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tables of levers and formats; see Levers.h.
#include "tools/compress/Levers.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace lmopt {

const std::vector<Lever> &levers() {
  static const std::vector<Lever> table = {
      // Shares are chosen here, unit by unit: the pass is not to share them out anew.
      {"prune-heads",
       "attn",
       "lm-prune-heads",
       "o",
       "ratio",
       {"0.12", "0.25", "0.4"},
       "without # % of the heads",
       {{"budget", "uniform"}}},
      {"prune-ffn",
       "ffn",
       "lm-prune-ffn",
       "down",
       "ratio",
       {"0.125", "0.25", "0.5"},
       "without # % of the neurons",
       {{"budget", "uniform"}}},
      // What a block loses is measured here on the whole model: no limit of its own, and any share may fire.
      {"split-ffn",
       "ffn",
       "lm-split-ffn",
       "down",
       "share",
       {"0.75", "0.5", "0.25"},
       "with # % of its experts",
       {{"most", "1"}, {"limit", "1e30"}},
       /*replacesLinears=*/true},
  };
  return table;
}

const std::vector<Format> &formats() {
  // As the recipes of these names, but fitted to statistics, and 4 bits with scales of 8 bits (docs/quality.md says
  // why).
  static const std::vector<Format> table = {
      {"f32", {}, {}},
      {"bf16", {{"lm-narrow-weights", {}}}, {}},
      {"int8",
       {{"lm-rotate", {{"block", "256"}}}, {"lm-quantize-weights", {{"stats", ""}}}},
       {{"lm-quantize-tables", {{"bits", "8"}}}}},
      {"int4",
       {{"lm-quantize-groups", {{"min", "true"}, {"scales", "8"}, {"stats", ""}}}},
       {{"lm-quantize-tables", {{"bits", "4"}}}}},
  };
  return table;
}

size_t formatIndex(const std::string &name) {
  const std::vector<Format> &table = formats();
  auto found = std::find_if(table.begin(), table.end(), [&](const Format &format) { return format.name == name; });
  return static_cast<size_t>(found - table.begin());
}

bool replacesLinears(const Setting &setting) {
  return setting.lever != kNoLever && levers()[setting.lever].replacesLinears;
}

static void addNames(std::string &list, const std::vector<std::string> &names) {
  for (const std::string &name : names)
    list += (list.empty() ? "" : ",") + name;
}

bool Unit::contains(const std::string &part) const {
  return std::any_of(blocks.begin(), blocks.end(), [&](const std::string &block) {
    return part == block || part.compare(0, block.size() + 1, block + ".") == 0;
  });
}

/// The linears of a unit that a lever's pass is told.
static std::vector<std::string> anchorsOf(const Unit &unit, const Lever &lever) {
  if (lever.anchor.empty())
    return unit.linears;
  std::vector<std::string> anchors;
  for (const std::string &block : unit.blocks)
    anchors.push_back(block + "." + lever.anchor);
  return anchors;
}

static void addLever(Recipe &recipe, size_t lever, size_t strength, const std::vector<Unit> &units,
                     const std::vector<Setting> &settings, const std::string &statistics) {
  const Lever &what = levers()[lever];
  std::string layers;
  for (size_t u = 0; u < units.size(); ++u)
    if (settings[u].lever == lever && settings[u].strength == strength)
      addNames(layers, anchorsOf(units[u], what));
  if (layers.empty())
    return;
  RecipeStep step{what.pass, what.options};
  step.options[what.strengthOption] = what.strengths[strength];
  step.options["layers"] = layers;
  if (!statistics.empty())
    step.options["stats"] = statistics;
  recipe.steps.push_back(std::move(step));
}

/// The linears of a unit whose inputs its lever changes: statistics of the model as it was are not theirs.
static std::vector<std::string> changedBy(const Unit &unit, const Setting &setting) {
  if (setting.lever == kNoLever)
    return {};
  return anchorsOf(unit, levers()[setting.lever]);
}

/// The tables in the format, as a list.
static std::string listOfTables(size_t format, const std::vector<Unit> &units, const std::vector<Setting> &settings) {
  std::string list;
  for (size_t u = 0; u < units.size(); ++u)
    if (settings[u].format == format && units[u].kind == kTableKind)
      addNames(list, units[u].linears);
  return list;
}

/// The linears in the format, as a list: those that statistics fit, or the others.
static std::string listOf(size_t format, bool fitted, const std::vector<Unit> &units,
                          const std::vector<Setting> &settings) {
  std::string list;
  for (size_t u = 0; u < units.size(); ++u) {
    if (settings[u].format != format || units[u].kind == kTableKind || replacesLinears(settings[u]))
      continue;
    std::vector<std::string> changed = changedBy(units[u], settings[u]);
    for (const std::string &linear : units[u].linears)
      if ((std::find(changed.begin(), changed.end(), linear) == changed.end()) == fitted)
        addNames(list, {linear});
  }
  return list;
}

/// The passes of a format for these layers, fitted to `statistics` where it is not empty.
static void addFormat(Recipe &recipe, const std::vector<RecipeStep> &steps, const std::string &layers,
                      const std::string &statistics) {
  if (layers.empty())
    return;
  for (RecipeStep step : steps) {
    if (auto stats = step.options.find("stats"); stats != step.options.end()) {
      if (statistics.empty())
        step.options.erase(stats);
      else
        stats->second = statistics;
    }
    step.options["layers"] = layers;
    recipe.steps.push_back(std::move(step));
  }
}

static void addAll(Recipe &recipe, std::initializer_list<const char *> passes) {
  for (const char *pass : passes)
    recipe.steps.push_back({pass, {}});
}

Recipe makeRecipe(const std::vector<Unit> &units, const std::vector<Setting> &settings, const RecipeSettings &how) {
  Recipe recipe{how.name, {}, ""};
  // What is cut goes first: statistics are of the model as it was imported, and formats come last (techniques 15.11).
  for (size_t lever = 0; lever < levers().size(); ++lever)
    for (size_t strength = 0; strength < levers()[lever].strengths.size(); ++strength)
      addLever(recipe, lever, strength, units, settings, how.statistics);
  addAll(recipe, {"lm-deduplicate-weights", "lm-normalize-rope", "lm-fold-attention-scale"});
  for (size_t format = 0; format < formats().size(); ++format) {
    const Format &form = formats()[format];
    addFormat(recipe, form.steps, listOf(format, true, units, settings), how.statistics);
    addFormat(recipe, form.steps, listOf(format, false, units, settings), "");
    addFormat(recipe, form.tableSteps, listOfTables(format, units, settings), "");
  }
  // These change values that statistics are of, so they come behind what is fitted.
  addAll(recipe, {"lm-fold-key-bias", "lm-fold-value-bias", "lm-fold-token-type"});
  if (how.narrowAttention)
    addAll(recipe, {"lm-narrow-attention"});
  addAll(recipe, {"lm-measure-weights", "verify-lm-optimized"});
  return recipe;
}

std::string describe(const Setting &setting) {
  std::string text = formats()[setting.format].name;
  if (setting.lever == kNoLever)
    return text;
  const Lever &lever = levers()[setting.lever];
  char percent[32];
  std::snprintf(percent, sizeof percent, "%.3g", 100 * std::strtod(lever.strengths[setting.strength].c_str(), nullptr));
  std::string effect = lever.effect;
  return text + ", " + effect.replace(effect.find('#'), 1, percent);
}

} // namespace lmopt
