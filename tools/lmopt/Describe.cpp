// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Facts about a module. See Describe.h.
#include "tools/lmopt/Describe.h"

#include "dialects/lm/Lm.h"
#include "files/gguf/Gguf.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include "llvm/Support/FormatVariadic.h"

#include <limits>
#include <set>
#include <utility>

using namespace mlir;

namespace lmopt::driver {

using Json = nlohmann::ordered_json;

//===----------------------------------------------------------------------===//
// Attributes to JSON
//===----------------------------------------------------------------------===//

static Json toJson(Attribute attribute) {
  if (auto text = dyn_cast<StringAttr>(attribute))
    return text.getValue().str();
  if (auto flag = dyn_cast<BoolAttr>(attribute))
    return flag.getValue();
  if (auto integer = dyn_cast<IntegerAttr>(attribute))
    return integer.getValue().getSExtValue();
  if (auto real = dyn_cast<FloatAttr>(attribute))
    return real.getValueAsDouble();
  Json result;
  if (auto list = dyn_cast<ArrayAttr>(attribute)) {
    result = Json::array();
    for (Attribute item : list)
      result.push_back(toJson(item));
  } else if (auto dictionary = dyn_cast<DictionaryAttr>(attribute)) {
    result = Json::object();
    for (NamedAttribute item : dictionary)
      result[item.getName().str()] = toJson(item.getValue());
  } else {
    std::string text;
    llvm::raw_string_ostream(text) << attribute;
    result = text;
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

namespace {
/// How a weight is stored: a name for people and its size.
struct Stored {
  std::string format;
  int64_t bytes;
};
} // namespace

/// The weight that a chain of derivations starts from, as long as each has one source only.
static Attribute leafOf(Attribute value) {
  auto weight = dyn_cast<lm::WeightAttrInterface>(value);
  while (weight && weight.getEffect() == lm::WeightEffect::Moved) {
    value = lm::weightSources(value).front();
    weight = dyn_cast<lm::WeightAttrInterface>(value);
  }
  return value;
}

static std::optional<Stored> storedInSource(lm::ParamOp param) {
  Attribute leaf = leafOf(param.getValue());
  int64_t elements = param.getNumElements();
  if (auto gguf = dyn_cast<lm::GgufAttr>(leaf)) {
    std::string name = lm::stringifyGgufFormat(gguf.getFormat()).str();
    const GgufTypeInfo *info = ggufTypeInfo(name);
    return Stored{name, info ? elements / info->elements * info->bytes : 0};
  }
  if (auto packed = dyn_cast<lm::PackedAttr>(leaf)) {
    std::string name =
        lm::stringifyPackedLayout(packed.getLayout()).str() + ", " + std::to_string(packed.getBits()) + " bits";
    int64_t scaleBits = 16 + (packed.getZeros() ? packed.getBits() : 0);
    return Stored{name, elements * packed.getBits() / 8 + elements / packed.getGroup() * scaleBits / 8};
  }
  if (auto tensor = dyn_cast<lm::SafetensorsAttr>(leaf)) {
    std::string name = lm::stringifySafetensorsFormat(tensor.getFormat()).str();
    int64_t width = tensor.getFormat() == lm::SafetensorsFormat::f32  ? 4
                    : tensor.getFormat() == lm::SafetensorsFormat::i8 ? 1
                                                                      : 2;
    return Stored{name, elements * width};
  }
  return std::nullopt;
}

static Stored storedAs(lm::ParamOp param) {
  std::optional<Stored> stored = storedInSource(param);
  return stored ? *stored : Stored{param.getFormatName(), param.getStoredBytes()};
}

static std::string exactnessText(lm::ExactnessAttr exactness) {
  std::string text = lm::stringifyExactnessKind(exactness.getKind()).str();
  if (exactness.getError())
    text += llvm::formatv(", error {0:e2}", exactness.getError()->value).str();
  return text;
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

static std::string opName(Operation *op) { return op->getName().stripDialect().str(); }

/// An op whose work is not that with a weight: it grows with the positions that a row sees, or with a number of them
/// that is fixed.
static Json pairsRow(Operation *op, const lm::Cost &cost) {
  Json row = {{"name", lm::getPartName(op).str()}, {"op", opName(op)}};
  if (auto attention = dyn_cast<lm::AttentionOp>(op))
    row["shape"] = {attention.getHeads(), attention.getKvHeads(), attention.getHeadWidth()};
  if (auto attention = dyn_cast<lm::AttentionOp>(op); attention && attention.getWindow())
    row["window"] = attention.getWindow();
  if (auto attention = dyn_cast<lm::AttentionOp>(op); attention && attention.getPositionBiasAttr())
    row["position_bias"] = attention.getAlibi() ? "alibi" : "distances";
  if (cost.flopsPerPair)
    row["flops_per_position"] = cost.flopsPerPair;
  else
    row["flops"] = cost.flopsPerRow;
  return row;
}

namespace {
/// Collects the rows and totals of a module.
struct Description {
  Json rows = Json::array();
  std::set<std::string> seen; // weights that are counted already
  int64_t parameters = 0, bytes = 0, flops = 0, attentionFlops = 0;
  int64_t ropeSwitch = 0; // longest sequence of the rotary angles that short ones have, 0: all have the same

  /// `work`: the multiplications and additions of a token with this weight.
  void addWeight(Operation *op, lm::ParamOp param, int64_t work) {
    std::string name = param.getSymName().str();
    bool first = seen.insert(name).second;
    Stored stored = storedAs(param);
    Json row = {{"name", name},
                {"op", opName(op)},
                {"shape", Json(llvm::to_vector_of<int64_t>(param.getShape()))},
                {"format", stored.format},
                {"bytes", first ? stored.bytes : 0}};
    if (work)
      row["flops"] = work;
    if (std::optional<lm::ExactnessAttr> exactness = param.getExactness())
      row["exactness"] = exactnessText(*exactness);
    if (!first)
      row["note"] = "shared";
    rows.push_back(std::move(row));
    flops += work;
    if (first) {
      parameters += param.getNumElements();
      bytes += stored.bytes;
    }
  }

  void addStep(lm::StepOpInterface step) {
    const lm::Cost cost = step.getCost();
    SmallVector<lm::WeightUse> uses;
    step.getWeightUses(uses);
    const bool hasOnlyRows = cost.flopsPerRow && uses.empty();
    if (cost.flopsPerPair || hasOnlyRows)
      rows.push_back(pairsRow(step, cost));
    attentionFlops += cost.flopsPerPair;
    flops += hasOnlyRows ? cost.flopsPerRow : 0;
    int64_t work = cost.flopsPerRow; // stands beside the first matrix
    for (const lm::WeightUse &use : uses)
      addWeight(step, lm::lookupParam(step, use.symbol),
                use.role == lm::WeightUse::Role::Matrix ? std::exchange(work, 0) : 0);
  }

  void addOp(Operation *op) {
    if (auto step = dyn_cast<lm::StepOpInterface>(op))
      addStep(step);
    for (NamedAttribute attribute : op->getAttrs())
      if (auto rope = dyn_cast<lm::RopeAttr>(attribute.getValue()))
        ropeSwitch = std::max(ropeSwitch, rope.getSwitchPositions());
  }
};
} // namespace

/// What lm.config says; without it there is no limit.
static int64_t maxPositions(ModuleOp module) {
  auto config = module->getAttrOfType<DictionaryAttr>("lm.config");
  auto positions = config ? config.getAs<IntegerAttr>("max_positions") : IntegerAttr();
  return positions ? positions.getInt() : std::numeric_limits<int64_t>::max();
}

Json describeModule(ModuleOp module) {
  Description description;
  module.walk([&](func::FuncOp function) {
    for (Operation &op : function.getOps())
      description.addOp(&op);
  });
  Json facts;
  facts["kind"] = module.lookupSymbol("encode") ? "encoder" : "decoder";
  for (const char *key : {"lm.config", "lm.source"})
    if (Attribute attribute = module->getAttr(key))
      facts[key + 3] = toJson(attribute);
  facts["rope_switch"] = description.ropeSwitch < maxPositions(module) ? description.ropeSwitch : 0;
  facts["parameters"] = description.parameters;
  facts["weight_bytes"] = description.bytes;
  facts["flops_per_token"] = description.flops;
  facts["attention_flops_per_position"] = description.attentionFlops;
  facts["layers"] = std::move(description.rows);
  return facts;
}

} // namespace lmopt::driver
