// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See PackedCodes.h. Layouts: the table of #lm.packed (Weights.td).
#include "dialects/lm/weights/PackedCodes.h"

#include "dialects/lm/weights/FileTensor.h"
#include "files/safetensors/PackedWords.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;

static CodeLayout layoutOf(PackedAttr packed) { return static_cast<CodeLayout>(packed.getLayout()); }

static int64_t groupsOf(PackedAttr packed) { return packed.getColumns() / packed.getGroup(); }

/// A tensor of a type and a shape.
static FailureOr<std::string_view> readIntegers(Evaluation &evaluation, IntegersAttr name, StringRef type,
                                                ArrayRef<int64_t> shape) {
  const SafetensorsFile *file = evaluation.openSafetensors(name.getPath());
  if (!file)
    return failure();
  auto tensor = findTensor(evaluation, *file, name.getKey(), type);
  if (failed(tensor))
    return failure();
  if (ArrayRef<int64_t>((*tensor)->shape) != shape)
    return evaluation.error() << "expected tensor " << printable(name.getKey().str()) << " of "
                              << printable(file->path()) << " as " << type << " " << shapeText(shape) << ", but found "
                              << type << " " << shapeText((*tensor)->shape) << "; import the model again";
  return (*tensor)->data;
}

static FailureOr<std::vector<uint8_t>> readBytes(Evaluation &evaluation, IntegersAttr name, ArrayRef<int64_t> shape) {
  FailureOr<std::string_view> data = readIntegers(evaluation, name, "I8", shape);
  return failed(data) ? FailureOr<std::vector<uint8_t>>(failure()) : unsignedBytes(*data);
}

static FailureOr<std::vector<uint8_t>> readCodes(Evaluation &evaluation, PackedAttr packed) {
  CodeLayout layout = layoutOf(packed);
  if (layout == CodeLayout::Bytes)
    return readBytes(evaluation, packed.getCodes(), {packed.getRows(), packed.getColumns()});
  PackedWords words = wordsOfCodes(layout, packed.getRows(), packed.getColumns(), int(packed.getBits()));
  FailureOr<std::string_view> data = readIntegers(evaluation, packed.getCodes(), "I32", words.shape());
  return failed(data) ? FailureOr<std::vector<uint8_t>>(failure()) : unpackCodes(layout, words, data->data());
}

static FailureOr<std::vector<uint8_t>> readZeros(Evaluation &evaluation, PackedAttr packed) {
  CodeLayout layout = layoutOf(packed);
  if (!packed.getZeros())
    return std::vector<uint8_t>();
  if (layout == CodeLayout::Bytes)
    return readBytes(evaluation, packed.getZeros(), {packed.getRows(), groupsOf(packed)});
  PackedWords words = wordsOfZeros(layout, packed.getRows(), groupsOf(packed), int(packed.getBits()));
  FailureOr<std::string_view> data = readIntegers(evaluation, packed.getZeros(), "I32", words.shape());
  return failed(data) ? FailureOr<std::vector<uint8_t>>(failure()) : unpackZeros(layout, words, data->data());
}

/// One scale for each group of each row.
static FailureOr<std::vector<float>> readScales(Evaluation &evaluation, PackedAttr packed) {
  FailureOr<WeightData> read = evaluation.readF32(packed.getScales(), 1, 2, packed);
  if (failed(read))
    return failure();
  const int64_t rows = packed.getRows(), groups = groupsOf(packed);
  if (!llvm::all_of(read->f32, [](float x) { return std::isfinite(x); }))
    return evaluation.error() << "one of its scales is not finite; the file is damaged";
  if (layoutOf(packed) == CodeLayout::Bytes && groups == 1 && read->f32.size() == 1)
    return std::vector<float>(rows, read->f32.front());
  SmallVector<int64_t> shape = {rows, groups};
  if (hasInputRows(layoutOf(packed)))
    shape = {groups, rows};
  if (ArrayRef<int64_t>(read->shape) != ArrayRef<int64_t>(shape))
    return evaluation.error() << "expected scales of shape " << shapeText(shape) << ", but found "
                              << shapeText(read->shape);
  if (!hasInputRows(layoutOf(packed)))
    return std::move(read->f32);
  std::vector<float> scales(read->f32.size());
  for (int64_t g = 0; g < groups; ++g)
    for (int64_t n = 0; n < rows; ++n)
      scales[n * groups + g] = read->f32[g * rows + n];
  return scales;
}

static FailureOr<std::vector<int64_t>> readOrder(Evaluation &evaluation, PackedAttr packed) {
  if (!packed.getOrder())
    return std::vector<int64_t>();
  FailureOr<std::string_view> data = readIntegers(evaluation, packed.getOrder(), "I32", {packed.getColumns()});
  if (failed(data))
    return failure();
  std::vector<int32_t> groups(packed.getColumns());
  std::memcpy(groups.data(), data->data(), data->size());
  for (int32_t group : groups)
    if (group < 0 || group >= groupsOf(packed))
      return evaluation.error() << "tensor " << printable(packed.getOrder().getKey().str())
                                << " puts an input into group " << group << ", but there are " << groupsOf(packed);
  return std::vector<int64_t>(groups.begin(), groups.end());
}

FailureOr<PackedCodes> lmopt::lm::readPackedCodes(Evaluation &evaluation, PackedAttr packed) {
  FailureOr<std::vector<uint8_t>> codes = readCodes(evaluation, packed);
  if (failed(codes))
    return failure();
  FailureOr<std::vector<float>> scales = readScales(evaluation, packed);
  if (failed(scales))
    return failure();
  FailureOr<std::vector<uint8_t>> zeros = readZeros(evaluation, packed);
  if (failed(zeros))
    return failure();
  FailureOr<std::vector<int64_t>> groupOf = readOrder(evaluation, packed);
  if (failed(groupOf))
    return failure();
  return PackedCodes{std::move(*codes), std::move(*scales), std::move(*zeros), std::move(*groupOf)};
}
