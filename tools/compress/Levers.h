// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What can be done to a model, and how a choice becomes a recipe.
//
// A unit is a part of a model that is treated alike: the attention of a layer, its feed-forward block, the head, a
// table of embeddings that no head shares; or such blocks of several neighbouring layers. Each gets one format for its
// weights, and may be cut by one lever: a structural pass with a strength. In: units, settings. Out: a recipe (passes
// with lists of layers) that anyone can run with `lmopt compile --recipe R.json --calibrate TEXT`. Whoever adds a
// technique adds a line to the tables in Levers.cpp. Tested by test/unit/models/CompressTest.cpp.
#ifndef LMOPT_TOOLS_COMPRESS_LEVERS_H
#define LMOPT_TOOLS_COMPRESS_LEVERS_H

#include "passes/pipelines/Recipes.h"

#include <map>
#include <string>
#include <vector>

namespace lmopt {

struct Unit {
  std::string name;                 ///< layers.3.ffn; of several layers: layers.3-5.ffn
  std::string kind;                 ///< ffn: the last part of the name
  std::vector<std::string> linears; ///< layers.3.ffn.gate, ...: their names; of a table that of its embedding
  std::vector<std::string> blocks;  ///< layers.3.ffn, ...: what it is made of

  /// Whether the part of a model is one of its blocks, or in one.
  bool contains(const std::string &part) const;
};

/// The kind of a unit that is a table of embeddings.
inline constexpr const char *kTableKind = "table";

/// A structural pass with its strengths, in the order of how much goes.
struct Lever {
  std::string name;                   ///< prune-ffn
  std::string kind;                   ///< of the units that it works on
  std::string pass;                   ///< lm-prune-ffn
  std::string anchor;                 ///< the linear of a block that the pass is told: "down"; empty: all of them
  std::string strengthOption;         ///< ratio
  std::vector<std::string> strengths; ///< as the option takes them
  std::string effect;                 ///< for people; # stands for the percentage: "without # % of the neurons"
  std::map<std::string, std::string> options; ///< always given
  /// The unit's linears become something else, which no format applies to: it stays f32. Nothing gets smaller by that,
  /// so it is a lever of speed, and how long it takes is measured (of others it is the share of the bytes).
  bool replacesLinears = false;
};
const std::vector<Lever> &levers();

/// A form of the weights, by the passes that make it; each gets the list of layers, and statistics where it has that
/// option.
struct Format {
  std::string name;                   ///< int8
  std::vector<RecipeStep> steps;      ///< of linears
  std::vector<RecipeStep> tableSteps; ///< of tables; none: the format is no option for them
};
const std::vector<Format> &formats();
size_t formatIndex(const std::string &name);

inline constexpr size_t kNoLever = SIZE_MAX;

/// What is done to one unit.
struct Setting {
  size_t lever = kNoLever;
  size_t strength = 0;
  size_t format = 0; ///< 0: f32

  bool operator==(const Setting &other) const {
    return lever == other.lever && strength == other.strength && format == other.format;
  }
};

/// Whether its lever leaves no linears in the unit.
bool replacesLinears(const Setting &setting);

struct RecipeSettings {
  std::string name;
  std::string statistics;       ///< of passes that use some; empty: the recipe leaves them to --calibrate
  bool narrowAttention = false; ///< keys and values in bf16
};

/// The recipe in which each unit has its setting.
Recipe makeRecipe(const std::vector<Unit> &units, const std::vector<Setting> &settings, const RecipeSettings &how);

/// "int4, 25 % of the neurons".
std::string describe(const Setting &setting);

} // namespace lmopt

#endif // LMOPT_TOOLS_COMPRESS_LEVERS_H
