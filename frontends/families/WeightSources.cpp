// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of WeightSources.h. A message about a tensor names its file, its name there, what was expected, and
// what was found.
#include "frontends/families/WeightSources.h"

using namespace mlir;
using namespace lmopt;

static Error missingTensor(const std::string &place, const std::string &tensor, ArrayRef<int64_t> shape) {
  return malformed(place + ": the tensor " + printable(tensor) + " (" + shapeText(shape.vec()) +
                   ") that the configuration asks for is missing");
}

static Error wrongShape(const std::string &place, const std::string &tensor, ArrayRef<int64_t> expected,
                        ArrayRef<int64_t> found) {
  return malformed(place + ": tensor " + printable(tensor) + ": the configuration asks for the shape " +
                   shapeText(expected.vec()) + ", found " + shapeText(found.vec()));
}

static Error leftOver(const std::string &place, std::string_view tensor) {
  return unsupported(place + ": the tensor " + printable(tensor) +
                     " is not part of this family as lmopt knows it; the model may compute something else");
}

Result<Attribute> GgufWeights::find(const std::string &name, ArrayRef<int64_t> shape) {
  std::string key = tensorName(name);
  const GgufTensor *tensor = file.findTensor(key);
  if (!tensor)
    return missingTensor(file.path(), key, shape);
  if (ArrayRef<int64_t>(tensor->shape) != shape)
    return wrongShape(file.path(), key, shape, tensor->shape);
  std::optional<lm::GgufFormat> format = lm::symbolizeGgufFormat(StringRef(tensor->type->name));
  if (!format)
    return unsupported(file.path() + ": tensor " + printable(key) + " has type " + std::string(tensor->type->name) +
                       ", which is not supported; supported are " + ggufDecodableTypes());
  used.insert(std::move(key));
  return lm::GgufAttr::get(&context, path, tensor->name, *format);
}

Result<void> GgufWeights::checkAllUsed() {
  for (const GgufTensor &tensor : file.tensors())
    if (used.find(tensor.name) == used.end() && !mayRemain(tensor.name))
      return leftOver(file.path(), tensor.name);
  return {};
}

static lm::IntegersAttr integers(MLIRContext &context, const Checkpoint::Entry &entry) {
  return entry ? lm::IntegersAttr::get(&context, entry.file->path(), entry.tensor->name) : lm::IntegersAttr();
}

Result<Attribute> CheckpointWeights::findPacked(const std::string &key, ArrayRef<int64_t> shape) {
  StringRef module = key;
  if (shape.size() != 2 || !module.consume_back(".weight"))
    return Attribute();
  Result<std::optional<PackedMatrix>> matrix = packed.find(module.str(), shape[0], shape[1]);
  if (!matrix)
    return matrix.error();
  if (!*matrix)
    return Attribute();
  const PackedMatrix &found = **matrix;
  Result<lm::SafetensorsAttr> scales = tensor(found.scales);
  if (!scales)
    return scales.error();
  auto layout = static_cast<lm::PackedLayout>(found.layout); // the same, in the same order
  return Attribute(lm::PackedAttr::get(&context, layout, integers(context, found.codes), *scales,
                                       integers(context, found.zeros), integers(context, found.order), found.bits,
                                       found.group, shape[0], shape[1]));
}

Result<Attribute> CheckpointWeights::find(const std::string &name, ArrayRef<int64_t> shape) {
  std::string key = tensorName(name);
  if (Result<Attribute> codes = findPacked(key, shape); !codes || *codes)
    return codes;
  Checkpoint::Entry entry = checkpoint.find(key);
  const std::string &place = entry ? entry.file->path() : checkpoint.files().front().path();
  if (!entry)
    return missingTensor(place, key, shape);
  if (ArrayRef<int64_t>(entry.tensor->shape) != shape)
    return wrongShape(place, key, shape, entry.tensor->shape);
  Result<lm::SafetensorsAttr> found = tensor(entry);
  if (!found)
    return found.error();
  used.insert(std::move(key));
  return Attribute(*found);
}

Result<lm::SafetensorsAttr> CheckpointWeights::tensor(const Checkpoint::Entry &entry) {
  std::string type(entry.tensor->type->name);
  // i8 tensors are codes of our own files, not a form in which checkpoints come.
  std::optional<lm::SafetensorsFormat> format = lm::symbolizeSafetensorsFormat(StringRef(type).lower());
  if (!format || *format == lm::SafetensorsFormat::i8)
    return unsupported(entry.file->path() + ": tensor " + printable(entry.tensor->name) + " has dtype " + type +
                       ", which is not supported; supported are F32, F16, BF16");
  return lm::SafetensorsAttr::get(&context, entry.file->path(), entry.tensor->name, *format);
}

/// What the tensors of a part begin with.
std::string CheckpointWeights::moduleName(const std::string &part) const {
  std::string weight = tensorName(part + ".weight");
  return weight.substr(0, weight.rfind('.'));
}

Result<Attribute> CheckpointWeights::findTrained(const std::string &name, ArrayRef<int64_t> shape) {
  Result<Attribute> weight = find(name, shape);
  if (!weight)
    return weight;
  Result<std::optional<WeightRange>> range = ranges.ofWeight(moduleName(name.substr(0, name.rfind('.'))), shape[0]);
  if (!range)
    return range.error();
  if (!*range)
    return weight;
  Result<lm::SafetensorsAttr> perRow = tensor((*range)->numbers);
  if (!perRow)
    return perRow.error();
  Attribute numbers = *perRow;
  if ((*range)->only)
    numbers = DenseElementsAttr::get(RankedTensorType::get({1}, Float32Type::get(&context)), *(*range)->only);
  return Attribute(lm::FakeQuantizeAttr::get(&context, *weight, numbers, (*range)->steps, (*range)->least));
}

static Result<lm::CodeRangeAttr> asAttribute(MLIRContext &context, Result<std::optional<ActivationRange>> range) {
  if (!range)
    return range.error();
  if (!*range)
    return lm::CodeRangeAttr();
  auto [number, steps, zero, least, greatest] = **range;
  return lm::CodeRangeAttr::get(&context, lm::Real(number), steps, zero, least, greatest);
}

Result<lm::CodeRangeAttr> CheckpointWeights::inputRange(const std::string &part) {
  return asAttribute(context, ranges.ofInput(moduleName(part)));
}

Result<lm::CodeRangeAttr> CheckpointWeights::outputRange(const std::string &part) {
  return asAttribute(context, ranges.ofOutput(moduleName(part)));
}

Result<void> CheckpointWeights::expectUntrained(const std::string &part, int64_t rows) {
  Result<std::optional<WeightRange>> range = ranges.ofWeight(moduleName(part), rows);
  if (!range)
    return range.error();
  if (!*range)
    return {};
  const Checkpoint::Entry &numbers = (*range)->numbers;
  return unsupported(numbers.file->path() + ": tensor " + printable(numbers.tensor->name) +
                     ": a table that the embedding shares has no trained range; save the model with a head of its own "
                     "(tie_word_embeddings false)");
}

static Error strangeRange(const std::string &place, std::string_view tensor) {
  return unsupported(place + ": the tensor " + printable(tensor) +
                     " belongs to a range of quantization-aware training that lmopt does not apply; it does to weights "
                     "and inputs of linears and to outputs of linears and layer norms (docs/checkpoints.md)");
}

/// Whether the model is the same without the tensor: parts that are not built may have ranges.
bool CheckpointWeights::isNotNeeded(std::string_view tensor) const {
  auto isUsed = [&](const std::string &name) { return used.find(name) != used.end(); };
  if (used.find(tensor) != used.end() || ranges.mayRemain(tensor) || packed.mayRemain(tensor))
    return true;
  if (std::optional<std::string_view> module = TrainedRanges::moduleOf(tensor))
    if (isUsed(std::string(*module) + ".weight") || isUsed(std::string(*module) + ".bias"))
      return false;
  return mayRemain(tensor);
}

Result<void> CheckpointWeights::checkAllUsed() {
  if (Result<void> found = packed.checkAnyFound(); !found)
    return found;
  for (std::string_view tensor : checkpoint.names()) {
    if (isNotNeeded(tensor))
      continue;
    const std::string &place = checkpoint.find(tensor).file->path();
    return TrainedRanges::moduleOf(tensor) ? strangeRange(place, tensor) : leftOver(place, tensor);
  }
  return {};
}
