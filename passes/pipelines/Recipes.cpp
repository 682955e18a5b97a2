// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The shipped recipes, and the reading and writing of recipes as JSON.
// The JSON reader is strict: an unknown key is an error, because a misspelt option that is ignored changes a model.
// Tested by test/unit/passes/RecipesTest.cpp and test/passes/recipes.
#include "passes/pipelines/Recipes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"

using namespace mlir;

namespace lmopt {

/// The exact foldings (docs/passes.md), in an order where each sees what the one before made possible: sharing first,
/// so that a weight used twice is seen as such; layout before scales. Norms are folded by f32 only: with int8 weights
/// the scale of a norm, which differs from channel to channel, would cost accuracy inside W (docs/quality.md).
static std::vector<RecipeStep> foldings() {
  return {{"lm-deduplicate-weights", {}}, {"lm-normalize-rope", {}},  {"lm-fold-attention-scale", {}},
          {"lm-fold-key-bias", {}},       {"lm-fold-value-bias", {}}, {"lm-fold-token-type", {}}};
}

/// Those that touch vectors and tables only.
static std::vector<RecipeStep> foldingsBesideMatrices() {
  return {{"lm-deduplicate-weights", {}},
          {"lm-normalize-rope", {}},
          {"lm-fold-key-bias", {}},
          {"lm-fold-value-bias", {}},
          {"lm-fold-token-type", {}}};
}

/// Those that leave the matrices as the file holds them.
static std::vector<RecipeStep> foldingsAroundMatrices() {
  return {{"lm-deduplicate-weights", {}}, {"lm-normalize-rope", {}}, {"lm-fold-token-type", {}}};
}

static std::vector<RecipeStep> foldingsAnd(std::vector<RecipeStep> more, std::vector<RecipeStep> steps = foldings()) {
  steps.insert(steps.end(), more.begin(), more.end());
  steps.push_back({"verify-lm-optimized", {}}); // the contract of the stage
  return steps;
}

static std::vector<RecipeStep> inEightBits() {
  return {{"lm-rotate", {{"block", "256"}}},
          {"lm-quantize-weights", {}},
          {"lm-quantize-tables", {}},
          {"lm-narrow-attention", {}},
          {"lm-measure-weights", {}}};
}

static std::vector<RecipeStep> inFourBits() {
  return {{"lm-quantize-groups", {{"min", "true"}, {"scales", "8"}}},
          {"lm-quantize-tables", {{"bits", "4"}}},
          {"lm-narrow-attention", {}},
          {"lm-measure-weights", {}}};
}

/// A quarter of the neurons is what repair makes good in encoders; structure goes before formats (techniques 15.11).
static std::vector<RecipeStep> prunedAnd(std::vector<RecipeStep> steps) {
  steps.insert(steps.begin(), {"lm-prune-ffn", {{"ratio", "0.25"}}});
  return steps;
}

const std::vector<Recipe> &shippedRecipes() {
  static const std::vector<Recipe> recipes = {
      {"f32", foldingsAnd({{"lm-fold-norm-affine", {}}}), "weights as they are, in f32: the reference of every report"},
      // Half the bytes and twice the products of f32. What would mix numbers into the matrices is left out, so that a
      // checkpoint in bf16 keeps its weights as they are.
      {"bf16",
       foldingsAnd({{"lm-narrow-weights", {}}, {"lm-narrow-attention", {}}, {"lm-measure-weights", {}}},
                   foldingsBesideMatrices()),
       "weights and activations in bf16: half the memory, next to no loss"},
      // Rotation brings plain rows of int8 to the quality of groups, at the price of the cheapest integer kernel; bf16
      // in attention costs nothing beside it and halves the cache. Blocks of 256 where the width allows it:
      // docs/quality.md.
      {"int8", foldingsAnd(inEightBits()),
       "8 bits, one scale a row, rotated; activations 8 bits a token: the fastest prompts and encoders"},
      // The codes of a quantized file as they are: blocks of GGUF, packed words of GPTQ, AWQ and compressed-tensors.
      {"native", foldingsAnd({{"lm-keep-native", {}}, {"lm-narrow-attention", {}}}, foldingsAroundMatrices()),
       "a quantized checkpoint's own codes as they are (GGUF, GPTQ, AWQ, compressed-tensors): the fastest generation"},
      // Round to nearest in short groups, no rotation: a checkpoint that comes in 4-bit blocks gets its own codes back.
      // What is not inside a layer is the head (and the embedding, when shared), the most sensitive matrix: 8 bits.
      {"int4",
       foldingsAnd({{"lm-quantize-groups", {{"min", "true"}, {"layers", "layers.*"}}},
                    {"lm-quantize-groups", {{"bits", "8"}}},
                    {"lm-quantize-tables", {}},
                    {"lm-narrow-attention", {}},
                    {"lm-measure-weights", {}}}),
       "layers in 4 bits, groups of 32 with minima; the rest in 8 bits: for decoders that come in 16 or 32 bits"},
      // Fitted to a text (GPTQ), 4 bits are enough for the head and for tables of words, too.
      {"small", foldingsAnd(inFourBits()), "all in 4 bits, fitted to a text: a seventh of f32", /*fitted=*/true},
      {"fast", foldingsAnd(prunedAnd(inEightBits())),
       "int8 without a quarter of the feed-forward neurons, fitted to a text: for encoders", /*fitted=*/true},
      {"tiny", foldingsAnd(prunedAnd(inFourBits())),
       "small without a quarter of the feed-forward neurons, fitted to a text: the least bytes", /*fitted=*/true},
  };
  return recipes;
}

std::vector<std::string> recipeNames() {
  std::vector<std::string> names;
  for (const Recipe &recipe : shippedRecipes())
    names.push_back(recipe.name);
  return names;
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

std::string Recipe::toJson() const {
  llvm::json::Array passes;
  for (const RecipeStep &step : steps) {
    llvm::json::Object entry{{"pass", step.pass}};
    if (!step.options.empty()) {
      llvm::json::Object values;
      for (const auto &[key, value] : step.options)
        values[key] = value;
      entry["options"] = std::move(values);
    }
    passes.push_back(std::move(entry));
  }
  llvm::json::Value whole = llvm::json::Object{{"name", name}, {"passes", std::move(passes)}};
  return llvm::formatv("{0}", whole).str();
}

static LogicalResult fail(std::string &error, const Twine &message) {
  error = message.str();
  return failure();
}

/// The first key of `object` that is not in `known`, or an empty string.
static std::string unknownKey(const llvm::json::Object &object, ArrayRef<StringRef> known) {
  for (const auto &entry : object)
    if (!llvm::is_contained(known, StringRef(entry.first)))
      return StringRef(entry.first).str();
  return "";
}

/// Option values as a command line would spell them; nested values have no such spelling.
static LogicalResult readOption(const llvm::json::Value &value, std::string &text) {
  if (std::optional<StringRef> string = value.getAsString()) {
    text = string->str();
    return success(text.find_first_of("\"'{}\\") == std::string::npos);
  }
  if (value.getAsBoolean() || value.getAsNumber()) {
    text = llvm::formatv("{0}", value).str();
    return success();
  }
  return failure();
}

static LogicalResult readStep(const llvm::json::Value &value, const Twine &where, RecipeStep &step,
                              std::string &error) {
  const llvm::json::Object *object = value.getAsObject();
  if (!object)
    return fail(error, where + ": expected an object {\"pass\": NAME, \"options\": {...}}");
  if (std::string key = unknownKey(*object, {"pass", "options"}); !key.empty())
    return fail(error, where + ": unknown key '" + key + "'; known keys: pass, options");
  std::optional<StringRef> pass = object->getString("pass");
  if (!pass)
    return fail(error, where + ": key 'pass' is missing or not a string");
  step.pass = pass->str();
  const llvm::json::Value *options = object->get("options");
  if (!options)
    return success();
  if (!options->getAsObject())
    return fail(error, where + " (" + step.pass + "): 'options' must be an object");
  for (const auto &entry : *options->getAsObject()) {
    StringRef key = entry.first;
    if (failed(readOption(entry.second, step.options[key.str()])))
      return fail(error, where + " (" + step.pass + "): option '" + key +
                             "' must be a number, true, false, or a string without quotes, braces and backslashes");
  }
  return success();
}

static LogicalResult readRecipe(StringRef text, Recipe &recipe, std::string &error) {
  llvm::Expected<llvm::json::Value> parsed = llvm::json::parse(text);
  if (!parsed)
    return fail(error, "recipe is not valid JSON: " + llvm::toString(parsed.takeError()));
  const llvm::json::Object *object = parsed->getAsObject();
  if (!object)
    return fail(error, "recipe: expected a JSON object {\"name\": NAME, \"passes\": [...]}");
  if (std::string key = unknownKey(*object, {"name", "passes"}); !key.empty())
    return fail(error, "recipe: unknown key '" + key + "'; known keys: name, passes");
  std::optional<StringRef> name = object->getString("name");
  const llvm::json::Array *passes = object->getArray("passes");
  if (!name || name->empty())
    return fail(error, "recipe: key 'name' is missing or not a non-empty string");
  if (!passes)
    return fail(error, "recipe '" + *name + "': key 'passes' is missing or not a list");
  recipe = {name->str(), {}, ""};
  for (const auto &[index, value] : llvm::enumerate(*passes)) {
    RecipeStep &step = recipe.steps.emplace_back();
    if (failed(readStep(value, "recipe '" + *name + "', step " + Twine(index + 1), step, error)))
      return failure();
  }
  return success();
}

LogicalResult parseRecipe(StringRef nameOrJson, Recipe &recipe, std::string &error) {
  if (nameOrJson.ltrim().starts_with("{"))
    return readRecipe(nameOrJson, recipe, error);
  for (const Recipe &shipped : shippedRecipes()) {
    if (shipped.name == nameOrJson) {
      recipe = shipped;
      return success();
    }
  }
  return fail(error, "unknown recipe '" + nameOrJson + "'; known: " + llvm::join(recipeNames(), ", ") +
                         ", or the name of a JSON file");
}

//===----------------------------------------------------------------------===//
// To passes
//===----------------------------------------------------------------------===//

/// What MLIR's parser of pipelines says, as one line: a mistake of the text comes with its place, the text itself and a
/// mark below, which say nothing more.
static std::string parserMessage(StringRef said) {
  SmallVector<StringRef> lines;
  std::vector<std::string> kept;
  said.split(lines, '\n', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (size_t i = 0; i < lines.size(); ++i) {
    StringRef line = lines[i];
    if (line.starts_with("MLIR Textual PassPipeline Parser:")) {
      line = line.split("error: ").second;
      i += 2;
    }
    line.consume_front("<Pass-Options-Parser>: ");
    kept.push_back(line.trim().str());
  }
  return llvm::join(kept, "; ");
}

/// One step as MLIR's pipeline text: lm-rotate{block=64 skip='a b'}.
static std::string toPipelineText(const RecipeStep &step) {
  std::string text = step.pass;
  if (step.options.empty())
    return text;
  std::vector<std::string> assignments;
  for (const auto &[key, value] : step.options)
    assignments.push_back(key + "=" + (value.find_first_of(" ,") == std::string::npos ? value : "'" + value + "'"));
  return text + "{" + llvm::join(assignments, " ") + "}";
}

LogicalResult addRecipe(OpPassManager &manager, const Recipe &recipe, std::string &error) {
  for (const auto &[index, step] : llvm::enumerate(recipe.steps)) {
    std::string where = llvm::formatv("recipe '{0}', step {1}", recipe.name, index + 1);
    // A name may only be a name here: nesting and further passes belong to --passes.
    if (!PassInfo::lookup(step.pass))
      return fail(error, where + ": unknown pass '" + step.pass + "'; docs/passes.md lists the passes");
    std::string message;
    llvm::raw_string_ostream stream(message);
    if (failed(parsePassPipeline(toPipelineText(step), manager, stream)))
      return fail(error, where + ": " + parserMessage(message));
  }
  return success();
}

LogicalResult addRecipe(OpPassManager &manager, StringRef nameOrJson, std::string &error) {
  Recipe recipe;
  return failure(failed(parseRecipe(nameOrJson, recipe, error)) || failed(addRecipe(manager, recipe, error)));
}

LogicalResult addPassPipeline(OpPassManager &manager, StringRef pipeline, std::string &error) {
  std::string message;
  llvm::raw_string_ostream stream(message);
  if (succeeded(parsePassPipeline(pipeline, manager, stream)))
    return success();
  return fail(error, "pass pipeline '" + pipeline + "': " + parserMessage(message));
}

void registerRecipePipelines() {
  for (const Recipe &recipe : shippedRecipes()) {
    PassPipelineRegistration<>("lm-recipe-" + recipe.name, "The recipe '" + recipe.name + "': " + recipe.summary,
                               [&recipe](OpPassManager &manager) {
                                 std::string error;
                                 if (failed(addRecipe(manager, recipe, error)))
                                   llvm::report_fatal_error(Twine(error)); // a shipped recipe is tested to be valid
                               });
  }
}

} // namespace lmopt
