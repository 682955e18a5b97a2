// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears by block; see Units.h.
#include "tools/compress/Units.h"

#include "passes/analysis/LinearWeights.h"

using namespace mlir;

namespace lmopt {

static std::string blockOf(StringRef linear) {
  auto [block, last] = linear.rsplit('.');
  return last.empty() ? linear.str() : block.str();
}

namespace {
/// layers.3.ffn in its parts; what has no number is a layer of its own.
struct BlockName {
  StringRef before, kind;
  int64_t layer = -1;

  explicit BlockName(StringRef block) : kind(block.rsplit('.').second) {
    auto [stem, last] = block.rsplit('.');
    auto [list, number] = stem.rsplit('.');
    if (!last.empty() && !number.empty() && !number.getAsInteger(10, layer))
      before = list;
    else
      layer = -1;
  }
  /// Of which blocks of other layers share the unit.
  std::string unit(int64_t layersPerUnit) const {
    return (before + "/" + kind + "/" + Twine(layer / layersPerUnit)).str();
  }
};
} // namespace

static std::string rangeName(const Unit &unit) {
  BlockName first(unit.blocks.front()), last(unit.blocks.back());
  if (unit.blocks.size() == 1)
    return unit.blocks.front();
  return (first.before + "." + Twine(first.layer) + "-" + Twine(last.layer) + "." + first.kind).str();
}

/// Tables that embeddings alone read; those that a head shares get the format of the head.
static void addTables(ModuleOp module, const lm::LayerSelection &selection, std::vector<Unit> &units) {
  lm::ParamUses uses(module);
  for (lm::EmbeddingOp embedding : lm::findOps<lm::EmbeddingOp>(module)) {
    std::string name = lm::getPartName(embedding).str();
    if (!name.empty() && selection.contains(embedding) &&
        uses.isOnlyUsedBy(uses.lookup(embedding.getTableAttr()), embedding))
      units.push_back({name, kTableKind, {name}, {name}});
  }
}

std::vector<Unit> findUnits(ModuleOp module, const lm::LayerSelection &selection, int64_t layersPerUnit) {
  std::vector<Unit> units;
  lm::walkModel(module, [&](Operation *op) {
    if (!isa<lm::LinearLikeOpInterface>(op) || lm::getPartName(op).empty() || lm::readsVectors(op) ||
        !selection.contains(op))
      return;
    std::string linear = lm::getPartName(op).str(), block = blockOf(linear);
    BlockName name(block);
    std::string key = name.layer < 0 ? block : name.unit(layersPerUnit);
    auto found = llvm::find_if(units, [&](const Unit &unit) { return unit.name == key; });
    if (found == units.end())
      found = units.insert(units.end(), {key, name.kind.str(), {}, {}});
    found->linears.push_back(linear);
    if (!llvm::is_contained(found->blocks, block))
      found->blocks.push_back(block);
  });
  for (Unit &unit : units)
    unit.name = rangeName(unit);
  addTables(module, selection, units);
  return units;
}

} // namespace lmopt
