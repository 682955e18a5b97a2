// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inputs of linears, and what tells one from another; see ObservedValues.h.
#include "passes/analysis/ObservedValues.h"

#include "dialects/lm/Lm.h"
#include "dialects/lm/PartNames.h"
#include "passes/analysis/LinearWeights.h"
#include "passes/analysis/ValueDescription.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace lmopt::lm {

std::string fingerprint(StringRef bytes) {
  llvm::BLAKE3 hasher;
  hasher.update(bytes);
  return llvm::toHex(hasher.final<16>(), /*LowerCase=*/true);
}

/// What a linear reads as rows of f32; null when it has a row for each sequence.
static Value observedInput(LinearLikeOpInterface linear) {
  Value input = linear.getInput();
  if (isa<CodesType>(input.getType()))
    input = input.getDefiningOp()->getOperand(0);
  auto type = dyn_cast<RankedTensorType>(input.getType());
  return type && type.getRank() == 3 && !readsVectors(linear) ? input : Value();
}

static std::string textOrNone(Attribute attribute) { return attribute ? textOf(attribute) : "none"; }

static std::string nameOf(LinearLikeOpInterface linear) {
  StringRef part = getPartName(linear);
  return part.empty() ? linear.getWeightAttr().getValue().str() : part.str();
}

static ObservedValue observed(Value value, const std::string &name, ValueDescriptions &descriptions) {
  std::string text = descriptions.describe(value);
  Rewritten rewritten = descriptions.rewritten(value);
  ObservedValue result = {value, name, fingerprint(text), nullptr, 0, ""};
  if (rewritten.isNone())
    return result;
  if (rewritten.isForLinears())
    result.times = rewritten.times, result.rotated = rewritten.rotated, result.origin = result.fingerprint;
  text += llvm::formatv("times {0} rotated {1} factor {2} permuted {3}", textOrNone(rewritten.times), rewritten.rotated,
                        rewritten.factor, textOrNone(rewritten.permute));
  result.fingerprint = fingerprint(text);
  return result;
}

llvm::SmallVector<ObservedValue> findObservedValues(ModuleOp module, const LayerSelection &selection) {
  llvm::MapVector<Value, std::string> names;
  walkModel(module, [&](Operation *op) {
    auto linear = dyn_cast<LinearLikeOpInterface>(op);
    if (!linear || !selection.contains(op))
      return;
    if (Value input = observedInput(linear))
      names.insert({input, nameOf(linear)});
  });
  ValueDescriptions descriptions(module);
  llvm::SmallVector<ObservedValue> values;
  for (auto &[value, name] : names)
    values.push_back(observed(value, name, descriptions));
  return values;
}

std::string sourceFingerprint(ModuleOp module) {
  Attribute source = module->getAttr("lm.source");
  return source ? fingerprint(textOf(source)) : "";
}

} // namespace lmopt::lm
