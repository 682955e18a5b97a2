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
      {"prune-ffn", "ffn", "lm-prune-ffn", "down", "ratio", {"0.125", "0.25", "0.5"}, "of the neurons"},
  };
  return table;
}

const std::vector<Format> &formats() {
  // The same passes with the same options as the recipes of these names (docs/quality.md says why these).
  static const std::vector<Format> table = {
      {"f32", {}},
      {"bf16", {{"lm-narrow-weights", {}}}},
      {"int8", {{"lm-rotate", {{"block", "256"}}}, {"lm-quantize-weights", {}}}},
      {"int4", {{"lm-quantize-groups", {{"min", "true"}}}}},
  };
  return table;
}

size_t formatIndex(const std::string &name) {
  const std::vector<Format> &table = formats();
  auto found = std::find_if(table.begin(), table.end(), [&](const Format &format) { return format.name == name; });
  return static_cast<size_t>(found - table.begin());
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
  RecipeStep step{what.pass, {{what.strengthOption, what.strengths[strength]}, {"layers", layers}}};
  if (!statistics.empty())
    step.options["stats"] = statistics;
  recipe.steps.push_back(std::move(step));
}

static void addFormat(Recipe &recipe, size_t format, const std::vector<Unit> &units,
                      const std::vector<Setting> &settings) {
  std::string layers;
  for (size_t u = 0; u < units.size(); ++u)
    if (settings[u].format == format)
      addNames(layers, units[u].linears);
  if (layers.empty())
    return;
  for (RecipeStep step : formats()[format].steps) {
    step.options["layers"] = layers;
    recipe.steps.push_back(std::move(step));
  }
}

Recipe makeRecipe(const std::vector<Unit> &units, const std::vector<Setting> &settings, const RecipeSettings &how) {
  Recipe recipe{how.name, {}, ""};
  // What is cut goes first: statistics are of the model as it was imported, and formats come last (techniques 15.11).
  for (size_t lever = 0; lever < levers().size(); ++lever)
    for (size_t strength = 0; strength < levers()[lever].strengths.size(); ++strength)
      addLever(recipe, lever, strength, units, settings, how.statistics);
  for (const char *folding : {"lm-deduplicate-weights", "lm-normalize-rope", "lm-fold-attention-scale",
                              "lm-fold-key-bias", "lm-fold-value-bias", "lm-fold-token-type"})
    recipe.steps.push_back({folding, {}});
  for (size_t format = 0; format < formats().size(); ++format)
    addFormat(recipe, format, units, settings);
  if (how.narrowAttention)
    recipe.steps.push_back({"lm-narrow-attention", {}});
  recipe.steps.push_back({"lm-measure-weights", {}});
  recipe.steps.push_back({"verify-lm-optimized", {}});
  return recipe;
}

std::string describe(const Setting &setting) {
  std::string text = formats()[setting.format].name;
  if (setting.lever == kNoLever)
    return text;
  const Lever &lever = levers()[setting.lever];
  char percent[32];
  std::snprintf(percent, sizeof percent, "%.3g", 100 * std::strtod(lever.strengths[setting.strength].c_str(), nullptr));
  return text + ", without " + percent + " % " + lever.effect;
}

} // namespace lmopt
