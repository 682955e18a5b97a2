// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.safetensors: a tensor of a safetensors file. Tested by test/dialects/lm/weights*.mlir and
// test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/FileTensor.h"
#include "dialects/lm/weights/Forms.h"

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;

LogicalResult SafetensorsAttr::verify(EmitError emitError, StringRef path, StringRef key, SafetensorsFormat) {
  return verifyFileReference(emitError, path, key);
}
WeightForm SafetensorsAttr::getForm() const {
  WeightForm form;
  form.int8 = getFormat() == SafetensorsFormat::i8;
  return form;
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
  file.release(codes);
  if (llvm::is_contained(data.s8, int8_t(-128)))
    return evaluation.error() << "expected codes in -127 .. 127, but " << printable(codes.name) << " of "
                              << printable(file.path()) << " contains -128";
  return data;
}

FailureOr<WeightData> SafetensorsAttr::evaluate(Evaluation &evaluation) const {
  const SafetensorsFile *file = evaluation.openSafetensors(getPath());
  if (!file)
    return failure();
  auto tensor = findTensor(evaluation, *file, getKey(), stringifyEnum(getFormat()));
  if (failed(tensor))
    return failure();
  bool isCodes = getFormat() == SafetensorsFormat::i8;
  return isCodes ? readCodes(evaluation, *file, **tensor) : decode(evaluation, *file, **tensor);
}
