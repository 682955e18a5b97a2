// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes, code, manifest; see Workbench.h.
#include "tools/compress/Workbench.h"

#include "codegen/Compile.h"
#include "dialects/lm/conditional/Conditional.h"
#include "passes/analysis/ParamUses.h"
#include "tools/lmopt/Model.h"

#include "mlir/Pass/PassManager.h"

#include <nlohmann/json.hpp>

using namespace mlir;

namespace lmopt {

static double lookup(const std::map<std::string, double> &numbers, const std::string &unit) {
  auto found = numbers.find(unit);
  return found == numbers.end() ? 0 : found->second;
}
double Footprint::bytesOf(const std::string &unit) const { return lookup(unitBytes, unit); }
double Footprint::flopsOf(const std::string &unit) const { return lookup(unitFlops, unit); }

/// The unit that a part belongs to, or null.
static const Unit *unitOf(const std::vector<Unit> &units, const std::string &part) {
  for (const Unit &unit : units)
    if (unit.contains(part))
      return &unit;
  return nullptr;
}

static Result<nlohmann::json> readManifest(const std::string &artifact) {
  Result<ArtifactPtr> opened = driver::openArtifact(artifact);
  if (!opened)
    return opened.error();
  size_t size = 0;
  const auto *text = static_cast<const char *>(lmopt_artifact_meta(opened->get(), "manifest", &size));
  nlohmann::json manifest = text ? nlohmann::json::parse(text, text + size, nullptr, false) : nlohmann::json();
  if (!manifest.is_object() || !manifest.contains("steps") || !manifest.contains("weights"))
    return Error{kErrorInternal, "'" + artifact + "': its manifest has no steps or weights"};
  return manifest;
}

/// weight -> the unit whose linear, embedding or experts read it first.
static std::map<std::string, std::string> ownersOf(ModuleOp module, const std::vector<Unit> &units) {
  std::map<std::string, std::string> owners;
  lm::walkModel(module, [&](Operation *op) {
    const Unit *unit = unitOf(units, lm::getPartName(op).str());
    if (!unit || !isa<lm::LinearLikeOpInterface, lm::EmbeddingOp, lm::ExpertsOp, lm::GroupedExpertsOp>(op))
      return;
    for (NamedAttribute attribute : op->getAttrs())
      if (auto symbol = dyn_cast<FlatSymbolRefAttr>(attribute.getValue()))
        owners.insert({symbol.getValue().str(), unit->name});
  });
  return owners;
}

Result<Footprint> Workbench::readFootprint(ModuleOp module, const std::string &artifact) const {
  Result<nlohmann::json> manifest = readManifest(artifact);
  if (!manifest)
    return manifest.error();
  std::map<std::string, std::string> owners = ownersOf(module, unitList);
  Footprint footprint;
  for (const nlohmann::json &weight : (*manifest)["weights"]) {
    double bytes = weight.value("bytes", 0.0);
    footprint.bytes += bytes;
    if (auto owner = owners.find(weight.value("name", "")); owner != owners.end())
      footprint.unitBytes[owner->second] += bytes;
  }
  for (const nlohmann::json &step : (*manifest)["steps"]) {
    double flops = step.value("flops_per_row", 0.0);
    footprint.flops += flops;
    if (const Unit *unit = unitOf(unitList, step.value("name", "")))
      footprint.unitFlops[unit->name] += flops;
  }
  return footprint;
}

Result<Footprint> Workbench::build(const Recipe &recipe, const std::string &told, const std::string &output) {
  OwningOpRef<ModuleOp> module = model.module->clone();
  PassManager manager(module->getContext());
  std::string error;
  if (failed(addRecipe(manager, recipe, error)))
    return Error{kErrorInternal, error};
  if (failed(manager.run(*module)))
    return Error{kErrorUnsupported, ""};
  CompileOptions options;
  if (!targetCpu.empty())
    options.targetCpu = targetCpu;
  options.baseDirectory = model.baseDirectory;
  options.tokenizer = model.tokenizerBlob;
  options.chatTemplate = model.chatTemplate;
  options.recipe = told;
  CompileResult compiled = compileToArtifact(*module, options, output);
  if (compiled.code)
    return Error{compiled.code, compiled.message};
  return readFootprint(*module, output);
}

} // namespace lmopt
