// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of WeightSources.h. A message about a tensor names its file, its name there, what was expected, and
// what was found.
#include "frontends/families/WeightSources.h"

using namespace mlir;
using namespace lmopt;

/// "64x48" or "scalar".
static std::string shapeText(ArrayRef<int64_t> shape) {
  std::string text;
  for (int64_t size : shape)
    text += (text.empty() ? "" : "x") + std::to_string(size);
  return text.empty() ? "scalar" : text;
}

static Error missingTensor(const std::string &place, const std::string &tensor, ArrayRef<int64_t> shape) {
  return malformed(place + ": the tensor " + printable(tensor) + " (" + shapeText(shape) +
                   ") that the configuration asks for is missing");
}

static Error wrongShape(const std::string &place, const std::string &tensor, ArrayRef<int64_t> expected,
                        ArrayRef<int64_t> found) {
  return malformed(place + ": tensor " + printable(tensor) + ": the configuration asks for the shape " +
                   shapeText(expected) + ", found " + shapeText(found));
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

Result<Attribute> CheckpointWeights::find(const std::string &name, ArrayRef<int64_t> shape) {
  std::string key = tensorName(name);
  Checkpoint::Entry entry = checkpoint.find(key);
  const std::string &place = entry ? entry.file->path() : checkpoint.files().front().path();
  if (!entry)
    return missingTensor(place, key, shape);
  if (ArrayRef<int64_t>(entry.tensor->shape) != shape)
    return wrongShape(place, key, shape, entry.tensor->shape);
  // i8 tensors are codes of our own files, not a form in which checkpoints come.
  std::optional<lm::SafetensorsFormat> format =
      lm::symbolizeSafetensorsFormat(StringRef(entry.tensor->type->name).lower());
  if (!format || *format == lm::SafetensorsFormat::i8)
    return unsupported(place + ": tensor " + printable(key) + " has dtype " + std::string(entry.tensor->type->name) +
                       ", which is not supported; supported are F32, F16, BF16");
  used.insert(std::move(key));
  return lm::SafetensorsAttr::get(&context, place, entry.tensor->name, *format);
}

Result<void> CheckpointWeights::checkAllUsed() {
  for (std::string_view tensor : checkpoint.names())
    if (used.find(tensor) == used.end() && !mayRemain(tensor))
      return leftOver(checkpoint.find(tensor).file->path(), tensor);
  return {};
}
