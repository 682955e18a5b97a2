// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recipes: named, ordered lists of passes with options. Some ship with lmopt (shippedRecipes, told by
// `lmopt compile --help`); users write their own as JSON: {"name": "mine", "passes": [{"pass": "lm-rotate", "options":
// {"block": 64}}]}.
//
// In: a name, JSON text, or the text of a pass pipeline. Out: passes added to a manager, and the recipe's own JSON,
// which the artifact stores. Relies on registerAllPasses(). Every error names the recipe, the step, and what is known
// instead. Why these passes in this order: docs/quality.md (measured). Tested by test/unit/passes/RecipesTest.cpp.
#ifndef LMOPT_PASSES_PIPELINES_RECIPES_H
#define LMOPT_PASSES_PIPELINES_RECIPES_H

#include "mlir/Support/LLVM.h"

#include <map>
#include <string>
#include <vector>

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace lmopt {

struct RecipeStep {
  std::string pass;
  std::map<std::string, std::string> options; // values as the pass would read them from a command line
};

struct Recipe {
  std::string name;
  std::vector<RecipeStep> steps;
  std::string summary; // of a shipped recipe: what becomes of the weights, and what for; for people
  bool fitted = false; // of a shipped recipe: without statistics of a text it is not worth its name

  /// The JSON form with every step written out: same recipe, same text.
  std::string toJson() const;
};

/// The recipes that ship with lmopt, in the order to show them: the one table that help texts and documents follow.
const std::vector<Recipe> &shippedRecipes();
/// Their names.
std::vector<std::string> recipeNames();

/// Reads a recipe: a shipped name, or JSON text (which begins with '{'). On failure `error` holds one message.
mlir::LogicalResult parseRecipe(llvm::StringRef nameOrJson, Recipe &recipe, std::string &error);

/// Adds the passes of `recipe` to a manager anchored at the module.
mlir::LogicalResult addRecipe(mlir::OpPassManager &manager, const Recipe &recipe, std::string &error);

/// parseRecipe and addRecipe in one step.
mlir::LogicalResult addRecipe(mlir::OpPassManager &manager, llvm::StringRef nameOrJson, std::string &error);

/// Adds the passes of a textual pipeline, e.g. "lm-rotate{block=32},lm-quantize-weights" (`lmopt compile --passes`).
mlir::LogicalResult addPassPipeline(mlir::OpPassManager &manager, llvm::StringRef pipeline, std::string &error);

/// Registers each shipped recipe as the pass pipeline `lm-recipe-NAME`, so that lmopt-opt can run it.
void registerRecipePipelines();

} // namespace lmopt

#endif // LMOPT_PASSES_PIPELINES_RECIPES_H
