// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.packed: a matrix in the codes of GPTQ, AWQ or compressed-tensors, as numbers and as codes. Tested by
// test/dialects/lm/roundtrip.mlir, weights-invalid.mlir and test/unit/dialects/PackedTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"
#include "dialects/lm/weights/PackedCodes.h"

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;

//===- What it is ------------------------------------------------------------------------------------------------===//

LogicalResult IntegersAttr::verify(EmitError emitError, StringRef path, StringRef key) {
  return verifyFileReference(emitError, path, key);
}

static ArrayRef<int64_t> bitsOf(PackedLayout layout) {
  static constexpr int64_t kGptq[] = {2, 3, 4, 8}, kAwq[] = {4}, kCompressed[] = {2, 4, 8}, kBytes[] = {8};
  switch (layout) {
  case PackedLayout::gptq:
  case PackedLayout::gptq_v2:
    return kGptq;
  case PackedLayout::awq:
    return kAwq;
  case PackedLayout::compressed:
    return kCompressed;
  case PackedLayout::bytes:
    return kBytes;
  }
  llvm_unreachable("all layouts are listed");
}

LogicalResult PackedAttr::verify(EmitError emitError, PackedLayout layout, IntegersAttr, Attribute scales, IntegersAttr,
                                 IntegersAttr order, int64_t bits, int64_t group, int64_t rows, int64_t columns) {
  if (failed(expectF32(emitError, scales, {"C1", "the scales", 1, 2})))
    return failure();
  if (!llvm::is_contained(bitsOf(layout), bits))
    return emitError() << "C2: layout " << stringifyEnum(layout) << " has no codes of " << bits << " bits";
  if (rows < 1 || columns < 1 || rows > (int64_t(1) << 40) / columns)
    return emitError() << "C3: expected positive sizes of at most 2^40 numbers, but found " << rows << "x" << columns;
  if (group < 1 || columns % group != 0)
    return emitError() << "C3: expected a positive group that divides " << columns << " columns, but found " << group;
  if (order && layout != PackedLayout::gptq && layout != PackedLayout::gptq_v2)
    return emitError() << "C4: layout " << stringifyEnum(layout) << " has no order";
  return success();
}

WeightForm PackedAttr::getForm() const {
  WeightForm form = deriveForm(getScales());
  form.shape = SmallVector<int64_t>{getRows(), getColumns()};
  return form;
}

//===- Its numbers -----------------------------------------------------------------------------------------------===//

FailureOr<WeightData> PackedAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<PackedCodes> packed = readPackedCodes(evaluation, *this);
  if (failed(packed))
    return failure();
  const int64_t columns = getColumns(), groups = columns / getGroup();
  const int middle = 1 << (getBits() - 1);
  WeightData data;
  data.shape = {getRows(), columns};
  data.f32.resize(packed->codes.size());
  for (int64_t n = 0; n < getRows(); ++n)
    for (int64_t k = 0; k < columns; ++k) {
      int64_t g = n * groups + (packed->groupOf.empty() ? k / getGroup() : packed->groupOf[k]);
      int zero = packed->zeros.empty() ? middle : packed->zeros[g];
      data.f32[n * columns + k] = packed->scales[g] * static_cast<float>(packed->codes[n * columns + k] - zero);
    }
  return data;
}

//===- Its codes -------------------------------------------------------------------------------------------------===//

static std::string problemOf(PackedAttr packed) {
  if (packed.getOrder())
    return "codes whose inputs belong to groups in another order (act-order, desc_act)";
  if (packed.getZeros() && packed.getBits() == 8)
    return "codes of 8 bits with zero points";
  return "";
}

std::optional<FileCodes> PackedAttr::getFileCodes() const {
  FileCodes result;
  result.form.groupedBits = getBits() == 8 ? 8 : 4;
  result.form.group = getGroup();
  result.form.hasMin = bool(getZeros());
  result.format = stringifyEnum(getLayout()).str();
  result.file = getCodes().getPath(), result.tensor = getCodes().getKey();
  result.roundsScales = bool(getZeros());
  result.problem = problemOf(*this);
  return result;
}

FailureOr<WeightData> PackedAttr::readFileCodes(Evaluation &evaluation) const {
  FailureOr<PackedCodes> packed = readPackedCodes(evaluation, *this);
  if (failed(packed))
    return failure();
  WeightData data;
  data.shape = {getRows(), getColumns()};
  data.group = getGroup();
  data.groupedBits = getBits() == 8 ? 8 : 4;
  const int least = packed->zeros.empty() ? -(1 << (getBits() - 1)) : 0;
  data.s8.reserve(packed->codes.size());
  for (uint8_t code : packed->codes)
    data.s8.push_back(static_cast<int8_t>(code + least));
  data.scales = std::move(packed->scales);
  for (auto [scale, zero] : llvm::zip(data.scales, packed->zeros))
    data.minima.push_back(-scale * static_cast<float>(zero)); // exact: 11 bits of a scale, 4 of a zero point
  return data;
}

bool PackedAttr::hasRowCodes() const {
  return getBits() == 8 && !getZeros() && !getOrder() && getGroup() == getColumns();
}

FailureOr<WeightData> PackedAttr::readRowCodes(Evaluation &evaluation) const {
  FailureOr<WeightData> data = readFileCodes(evaluation);
  if (succeeded(data))
    data->group = data->groupedBits = 0;
  return data;
}
