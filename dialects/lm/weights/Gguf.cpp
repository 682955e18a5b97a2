// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.gguf: a tensor of a GGUF file, as numbers or in its codes. Tested by test/dialects/lm/weights*.mlir,
// test/unit/dialects/WeightsTest.cpp and test/unit/dialects/NativeTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/FileTensor.h"
#include "dialects/lm/weights/Forms.h"

#include "files/gguf/BlockCodes.h"

#include <cmath>

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;

LogicalResult GgufAttr::verify(EmitError emitError, StringRef path, StringRef key, GgufFormat) {
  return verifyFileReference(emitError, path, key);
}
WeightForm GgufAttr::getForm() const { return {}; }

FailureOr<WeightData> GgufAttr::evaluate(Evaluation &evaluation) const {
  const GgufFile *file = evaluation.openGguf(getPath());
  if (!file)
    return failure();
  auto tensor = findTensor(evaluation, *file, getKey(), stringifyEnum(getFormat()));
  return failed(tensor) ? FailureOr<WeightData>(failure()) : decode(evaluation, *file, **tensor);
}

//===- Codes -----------------------------------------------------------------------------------------------------===//

static const GgufTypeInfo &infoOf(GgufAttr tensor) {
  StringRef name = stringifyEnum(tensor.getFormat());
  return *ggufTypeInfo(std::string_view(name.data(), name.size()));
}

/// Null for formats without codes.
static const GgufCodes *codesOf(GgufAttr tensor) { return ggufCodes(static_cast<GgufType>(infoOf(tensor).id)); }

std::optional<FileCodes> GgufAttr::getFileCodes() const {
  const GgufCodes *codes = codesOf(*this);
  if (!codes)
    return std::nullopt;
  FileCodes result;
  result.form.groupedBits = codes->entries ? 0 : codes->bits;
  result.form.entries = codes->entries ? 16 : 0;
  result.form.group = codes->group;
  result.form.hasMin = codes->hasMin;
  result.format = stringifyEnum(getFormat()).str();
  result.file = getPath(), result.tensor = getKey();
  // Blocks of several groups have one number for all and one for each.
  result.roundsScales = infoOf(*this).elements != static_cast<uint32_t>(codes->group);
  return result;
}

static bool areFinite(ArrayRef<float> numbers) {
  return llvm::all_of(numbers, [](float x) { return std::isfinite(x); });
}

FailureOr<WeightData> GgufAttr::readFileCodes(Evaluation &evaluation) const {
  const GgufFile *file = evaluation.openGguf(getPath());
  if (!file)
    return failure();
  auto tensor = findTensor(evaluation, *file, getKey(), stringifyEnum(getFormat()));
  if (failed(tensor))
    return failure();
  ArrayRef<int64_t> shape = (*tensor)->shape;
  if (shape.size() != 2 &&
      shape.size() != 3) // whole blocks in a row, and with that whole groups, are the reader's rule
    return evaluation.error() << "expected a matrix, but " << printable(getKey().str()) << " is " << shapeText(shape);
  const GgufCodes &codes = *codesOf(*this);
  WeightData data;
  data.shape = (*tensor)->shape;
  data.group = codes.group;
  data.groupedBits = codes.entries ? 0 : codes.bits;
  if (codes.entries)
    data.table.assign(codes.entries, codes.entries + 16);
  data.s8.resize(elementsOf(shape));
  data.scales.resize(data.s8.size() / codes.group);
  data.minima.resize(codes.hasMin ? data.scales.size() : 0);
  Result<void> result = file->readCodes(**tensor, data.s8.data(), data.scales.data(), data.minima.data());
  file->release(**tensor);
  if (!result)
    return evaluation.error(result.error());
  if (!areFinite(data.scales) || !areFinite(data.minima))
    return evaluation.error() << "tensor " << printable(getKey().str()) << " of " << printable(file->path())
                              << " holds a scale that is not finite; the file is damaged";
  return data;
}
