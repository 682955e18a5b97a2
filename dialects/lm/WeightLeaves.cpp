// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights that are read, not derived: inline numbers, tensors of GGUF and safetensors files. Shapes that come from
// files are checked here, before they are used. See WeightEvaluation.h.
#include "dialects/lm/WeightEvaluation.h"

#include <cmath>

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;

/// Inline numbers are for tests; a splat could otherwise ask for terabytes in one line.
static constexpr int64_t maxInlineElements = int64_t(1) << 28;

FailureOr<WeightData> lmopt::lm::readDense(Evaluation &evaluation, DenseElementsAttr dense) {
  if (!dense.getElementType().isF32())
    return evaluation.error() << "expected inline numbers of f32, but found " << dense.getElementType();
  if (dense.getNumElements() > maxInlineElements || dense.getNumElements() == 0)
    return evaluation.error() << "expected 1 to 2^28 inline numbers, but found " << dense.getNumElements()
                              << "; keep larger weights in a file";
  WeightData data;
  data.shape.assign(dense.getType().getShape().begin(), dense.getType().getShape().end());
  data.f32.reserve(dense.getNumElements());
  llvm::append_range(data.f32, dense.getValues<float>());
  return data;
}

/// The tensor `key` of a file in the format that the attribute states; an error that names what there is otherwise.
template <class File>
static auto findTensor(Evaluation &evaluation, const File &file, StringRef key, StringRef format)
    -> FailureOr<decltype(file.findTensor(""))> {
  auto *tensor = file.findTensor(std::string_view(key.data(), key.size()));
  if (!tensor)
    return evaluation.error() << printable(file.path()) << " has no tensor " << printable(key.str())
                              << "; is it the file that the model was imported from?";
  StringRef found(tensor->type->name.data(), tensor->type->name.size());
  if (!found.equals_insensitive(format))
    return evaluation.error() << "expected tensor " << printable(key.str()) << " of " << printable(file.path())
                              << " in format " << format << ", but found " << found.lower()
                              << "; import the model again";
  if (failed(evaluation.expectShape(tensor->shape, file.path(), key)))
    return failure();
  return tensor;
}

template <class File, class Tensor>
static FailureOr<WeightData> decode(Evaluation &evaluation, const File &file, const Tensor &tensor) {
  WeightData data;
  data.shape = tensor.shape;
  data.f32.resize(elementsOf(tensor.shape));
  Result<void> result = file.decodeRows(tensor, 0, tensor.rows(), data.f32.data());
  if (!result)
    return evaluation.error(result.error());
  return data;
}

FailureOr<WeightData> lmopt::lm::readGguf(Evaluation &evaluation, const GgufFile &file, GgufAttr attribute) {
  auto tensor = findTensor(evaluation, file, attribute.getKey(), stringifyEnum(attribute.getFormat()));
  return failed(tensor) ? FailureOr<WeightData>(failure()) : decode(evaluation, file, **tensor);
}

FailureOr<WeightData> lmopt::lm::readNative(Evaluation &evaluation, const GgufFile &file, GgufAttr attribute) {
  auto tensor = findTensor(evaluation, file, attribute.getKey(), stringifyEnum(attribute.getFormat()));
  if (failed(tensor))
    return failure();
  ArrayRef<int64_t> shape = (*tensor)->shape;
  constexpr int64_t group = 32;
  if (shape.size() != 2 || shape[1] % group != 0)
    return evaluation.error() << "expected a matrix whose columns are a multiple of 32, but "
                              << printable(attribute.getKey().str()) << " is " << shapeText(shape);
  WeightData data;
  data.shape = (*tensor)->shape;
  data.group = group;
  data.groupedBits = attribute.getFormat() == GgufFormat::q8_0 ? 8 : 4;
  data.s8.resize(elementsOf(shape));
  data.scales.resize(data.s8.size() / group);
  data.minima.resize(attribute.getFormat() == GgufFormat::q4_1 ? data.scales.size() : 0);
  Result<void> result = file.readCodes(**tensor, data.s8.data(), data.scales.data(), data.minima.data());
  if (!result)
    return evaluation.error(result.error());
  auto isFinite = [](float x) { return std::isfinite(x); };
  if (!llvm::all_of(data.scales, isFinite) || !llvm::all_of(data.minima, isFinite))
    return evaluation.error() << "tensor " << printable(attribute.getKey().str()) << " of " << printable(file.path())
                              << " holds a scale that is not finite; the file is damaged";
  return data;
}

/// Codes from `key`, scales from `key`.scale.
static FailureOr<WeightData> readCodes(Evaluation &evaluation, const SafetensorsFile &file,
                                       const SafetensorsTensor &codes) {
  std::string scaleKey = codes.name + ".scale";
  auto scales = findTensor(evaluation, file, scaleKey, "f32");
  if (failed(scales))
    return failure();
  ArrayRef<int64_t> shape = codes.shape, scaleShape = (*scales)->shape;
  if (shape.size() != 2 || scaleShape != shape.drop_back())
    return evaluation.error() << "expected codes of shape OUTxIN and scales of shape OUT, but " << printable(codes.name)
                              << " of " << printable(file.path()) << " has " << shapeText(shape) << " and "
                              << shapeText(scaleShape);
  FailureOr<WeightData> decoded = decode(evaluation, file, **scales);
  if (failed(decoded))
    return failure();
  WeightData data;
  data.shape = codes.shape;
  data.scales = std::move(decoded->f32);
  const auto *bytes = reinterpret_cast<const int8_t *>(codes.data.data());
  data.s8.assign(bytes, bytes + codes.data.size());
  if (llvm::is_contained(data.s8, int8_t(-128)))
    return evaluation.error() << "expected codes in -127 .. 127, but " << printable(codes.name) << " of "
                              << printable(file.path()) << " contains -128";
  return data;
}

FailureOr<WeightData> lmopt::lm::readSafetensors(Evaluation &evaluation, const SafetensorsFile &file,
                                                 SafetensorsAttr attribute) {
  auto tensor = findTensor(evaluation, file, attribute.getKey(), stringifyEnum(attribute.getFormat()));
  if (failed(tensor))
    return failure();
  bool isCodes = attribute.getFormat() == SafetensorsFormat::i8;
  return isCodes ? readCodes(evaluation, file, **tensor) : decode(evaluation, file, **tensor);
}
