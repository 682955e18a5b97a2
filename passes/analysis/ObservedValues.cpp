// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inputs of linears, and what tells one from another; see ObservedValues.h.
#include "passes/analysis/ObservedValues.h"

#include "dialects/lm/Lm.h"
#include "dialects/lm/PartNames.h"
#include "passes/analysis/LinearWeights.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"

using namespace mlir;

namespace lmopt::lm {

std::string fingerprint(StringRef bytes) {
  llvm::BLAKE3 hasher;
  hasher.update(bytes);
  return llvm::toHex(hasher.final<16>(), /*LowerCase=*/true);
}

/// Quoted strings without what stands before their last slash: the same files elsewhere are the same files.
static std::string withoutFolders(StringRef text) {
  std::string result;
  bool quoted = false;
  size_t begin = 0;
  for (char c : text) {
    if (quoted && c == '/') {
      result.resize(begin);
      continue;
    }
    result += c;
    if (c == '"') {
      quoted = !quoted;
      begin = result.size();
    }
  }
  return result;
}

static std::string textOf(Attribute attribute) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  attribute.print(stream);
  return withoutFolders(text);
}

namespace {

/// Writes how a value is computed; every op once.
class Description {
public:
  explicit Description(const llvm::DenseMap<Operation *, unsigned> &sums) : sums(sums), stream(text) {}

  std::string of(Value value) {
    describe(value);
    return text;
  }

private:
  const llvm::DenseMap<Operation *, unsigned> &sums; ///< the additions of the model, numbered
  llvm::DenseMap<Operation *, unsigned> seen;
  std::string text;
  llvm::raw_string_ostream stream;

  void describe(Value value) {
    Operation *op = value.getDefiningOp();
    if (isa<CacheType>(value.getType())) // the layers before: their rows come by the sum, too
      stream << "cache;";
    else if (!op)
      stream << "argument " << cast<BlockArgument>(value).getArgNumber() << ';';
    else if (auto sum = sums.find(op); sum != sums.end())
      stream << "sum " << sum->second << ';';
    else
      describe(op);
  }

  void describe(Operation *op) {
    auto [place, isNew] = seen.insert({op, static_cast<unsigned>(seen.size())});
    stream << '#' << place->second << ';';
    if (!isNew)
      return;
    stream << op->getName() << '(';
    for (NamedAttribute attribute : op->getAttrDictionary())
      if (attribute.getName() != kPartAttribute)
        describe(op, attribute);
    for (Value operand : op->getOperands())
      describe(operand);
    stream << ')';
  }

  void describe(Operation *op, NamedAttribute attribute) {
    stream << attribute.getName().getValue() << '=';
    auto symbol = dyn_cast<FlatSymbolRefAttr>(attribute.getValue());
    ParamOp param = symbol ? lookupParam(op, symbol) : ParamOp();
    if (param)
      stream << param.getType();
    stream << textOf(param ? param.getValue() : attribute.getValue());
    stream << ';';
  }
};

} // namespace

/// What a linear reads as rows of f32; null when it has a row for each sequence.
static Value observedInput(LinearLikeOpInterface linear) {
  Value input = linear.getInput();
  if (isa<CodesType>(input.getType()))
    input = input.getDefiningOp()->getOperand(0);
  auto type = dyn_cast<RankedTensorType>(input.getType());
  return type && type.getRank() == 3 && !readsVectors(linear) ? input : Value();
}

static std::string nameOf(LinearLikeOpInterface linear) {
  StringRef part = getPartName(linear);
  return part.empty() ? linear.getWeightAttr().getValue().str() : part.str();
}

llvm::SmallVector<ObservedValue> findObservedValues(ModuleOp module, const LayerSelection &selection) {
  llvm::MapVector<Value, std::string> names;
  llvm::DenseMap<Operation *, unsigned> sums;
  walkModel(module, [&](Operation *op) {
    if (isa<AddOp>(op))
      sums.insert({op, static_cast<unsigned>(sums.size())});
    auto linear = dyn_cast<LinearLikeOpInterface>(op);
    if (!linear || !selection.contains(op))
      return;
    if (Value input = observedInput(linear))
      names.insert({input, nameOf(linear)});
  });
  llvm::SmallVector<ObservedValue> values;
  for (auto &[value, name] : names)
    values.push_back({value, name, fingerprint(Description(sums).of(value))});
  return values;
}

std::string sourceFingerprint(ModuleOp module) {
  Attribute source = module->getAttr("lm.source");
  return source ? fingerprint(textOf(source)) : "";
}

} // namespace lmopt::lm
