// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of PackedWeights.h.
#include "frontends/huggingface/PackedWeights.h"

#include <algorithm>
#include <cstring>

using namespace lmopt;

static Result<void> expect(const Checkpoint::Entry &entry, std::string_view type, const std::vector<int64_t> &shape) {
  if (entry.tensor->type->name == type && entry.tensor->shape == shape)
    return {};
  return malformed(placeOf(entry) + ": the configuration asks for " + std::string(type) + " " + shapeText(shape) +
                   ", found " + std::string(entry.tensor->type->name) + " " + shapeText(entry.tensor->shape));
}

static CodeLayout layoutOf(PackedMethod method) {
  static constexpr CodeLayout kLayouts[] = {CodeLayout::Gptq, CodeLayout::GptqV2, CodeLayout::Awq,
                                            CodeLayout::Compressed};
  return kLayouts[static_cast<size_t>(method)];
}

Result<Checkpoint::Entry> PackedWeights::require(const std::string &name) {
  if (Checkpoint::Entry entry = take(name))
    return entry;
  return malformed(checkpoint.files().front().path() + ": the tensor " + printable(name) +
                   ", which belongs to the codes of its module, is missing");
}

Checkpoint::Entry PackedWeights::take(const std::string &name) {
  Checkpoint::Entry entry = checkpoint.find(name);
  if (entry)
    used.insert(name);
  return entry;
}

//===- What shapes say -------------------------------------------------------------------------------------------===//

static bool hasCodesOf(CodeLayout layout, int bits) {
  return layout == CodeLayout::Awq ? bits == 4 : layout != CodeLayout::Compressed || bits != 3;
}

/// How many bits make words of this shape; 0 when none or several do. Words that are filled tell most: those that are
/// not may be of several.
static int64_t bitsOfWords(CodeLayout layout, const std::vector<int64_t> &shape, int64_t rows, int64_t columns) {
  int64_t filled = 0, padded = 0, count = 0;
  for (int bits : {2, 3, 4, 8}) {
    if (!hasCodesOf(layout, bits) || wordsOfCodes(layout, rows, columns, bits).shape() != shape)
      continue;
    (columns * bits % 32 == 0 ? filled : padded) = bits;
    ++count;
  }
  return filled ? filled : count == 1 ? padded : 0;
}

static Result<int64_t> readBits(const Checkpoint::Entry &codes, CodeLayout layout, int64_t rows, int64_t columns) {
  int64_t bits = bitsOfWords(layout, codes.tensor->shape, rows, columns);
  if (codes.tensor->type->name == "I32" && bits)
    return bits;
  const char *supported = layout == CodeLayout::Awq          ? "4 bits"
                          : layout == CodeLayout::Compressed ? "2, 4 or 8 bits"
                                                             : "2, 3, 4 or 8 bits";
  return unsupported(placeOf(codes) + ": expected words (I32) of a matrix " + shapeText({rows, columns}) + " in " +
                     supported + ", found " + std::string(codes.tensor->type->name) + " " +
                     shapeText(codes.tensor->shape));
}

/// Inputs that share a scale.
static Result<int64_t> readGroup(const Checkpoint::Entry &scales, CodeLayout layout, int64_t rows, int64_t columns) {
  const std::vector<int64_t> &shape = scales.tensor->shape;
  if (layout == CodeLayout::Bytes && (shape == std::vector<int64_t>{1} || shape.empty()))
    return columns;
  bool turned = hasInputRows(layout);
  int64_t groups = shape.size() == 2 ? shape[turned ? 0 : 1] : 0;
  if (groups > 0 && shape[turned ? 1 : 0] == rows && columns % groups == 0)
    return columns / groups;
  return malformed(placeOf(scales) + ": expected a scale for each group of each of " + std::to_string(rows) +
                   " outputs, in groups that divide " + std::to_string(columns) + " inputs, found " + shapeText(shape));
}

//===- What is none ----------------------------------------------------------------------------------------------===//

/// Whether all zero points are the middle of the codes.
static bool areInTheMiddle(const PackedMatrix &matrix, int64_t rows, int64_t groups) {
  auto bits = static_cast<int>(matrix.bits);
  const char *data = matrix.zeros.tensor->data.data();
  std::vector<uint8_t> zeros = matrix.layout == CodeLayout::Bytes
                                   ? unsignedBytes(matrix.zeros.tensor->data)
                                   : unpackZeros(matrix.layout, wordsOfZeros(matrix.layout, rows, groups, bits), data);
  return std::all_of(zeros.begin(), zeros.end(), [&](uint8_t zero) { return zero == 1 << (bits - 1); });
}

static Result<void> checkZeros(PackedMatrix &matrix, int64_t rows, int64_t groups) {
  if (!matrix.zeros)
    return {};
  bool isBytes = matrix.layout == CodeLayout::Bytes;
  std::vector<int64_t> shape = {rows, groups};
  if (!isBytes)
    shape = wordsOfZeros(matrix.layout, rows, groups, static_cast<int>(matrix.bits)).shape();
  if (Result<void> fits = expect(matrix.zeros, isBytes ? "I8" : "I32", shape); !fits)
    return fits;
  if (areInTheMiddle(matrix, rows, groups))
    matrix.zeros = {};
  return {};
}

/// Whether input k belongs to group k / group, for all of them.
static bool isUsualOrder(std::string_view data, int64_t group) {
  for (size_t k = 0; k < data.size() / 4; ++k) {
    int32_t found;
    std::memcpy(&found, data.data() + k * 4, sizeof(found));
    if (found != static_cast<int64_t>(k) / group)
      return false;
  }
  return true;
}

static Result<void> checkOrder(PackedMatrix &matrix, int64_t columns) {
  if (!matrix.order)
    return {};
  if (Result<void> fits = expect(matrix.order, "I32", {columns}); !fits)
    return fits;
  if (isUsualOrder(matrix.order.tensor->data, matrix.group))
    matrix.order = {};
  return {};
}

//===- Methods ---------------------------------------------------------------------------------------------------===//

Result<std::optional<PackedMatrix>> PackedWeights::findWords(const std::string &module, int64_t rows, int64_t columns) {
  PackedMatrix matrix;
  matrix.layout = layoutOf(*method);
  matrix.codes = take(module + ".qweight");
  if (!matrix.codes)
    return std::optional<PackedMatrix>();
  Result<Checkpoint::Entry> scales = require(module + ".scales"), zeros = require(module + ".qzeros");
  if (!scales || !zeros)
    return scales ? zeros.error() : scales.error();
  matrix.scales = *scales, matrix.zeros = *zeros;
  if (matrix.layout != CodeLayout::Awq)
    matrix.order = take(module + ".g_idx");
  return complete(matrix, module, rows, columns);
}

/// The shape that pack-quantized stores beside its words.
Result<void> PackedWeights::checkStoredShape(const std::string &module, int64_t rows, int64_t columns) {
  Checkpoint::Entry entry = take(module + ".weight_shape");
  if (!entry)
    return {};
  if (Result<void> fits = expect(entry, "I64", {2}); !fits)
    return fits;
  int64_t shape[2];
  std::memcpy(shape, entry.tensor->data.data(), sizeof(shape));
  if (shape[0] == rows && shape[1] == columns)
    return {};
  return malformed(placeOf(entry) + ": the configuration asks for " + shapeText({rows, columns}) + ", found " +
                   shapeText({shape[0], shape[1]}));
}

Result<std::optional<PackedMatrix>> PackedWeights::findCompressed(const std::string &module, int64_t rows,
                                                                  int64_t columns) {
  PackedMatrix matrix;
  matrix.codes = take(module + ".weight_packed");
  if (!matrix.codes) {
    Checkpoint::Entry bytes = checkpoint.find(module + ".weight");
    if (!bytes || bytes.tensor->type->name != "I8")
      return std::optional<PackedMatrix>();
    matrix.codes = take(module + ".weight");
    matrix.layout = CodeLayout::Bytes;
  }
  if (Result<void> fits = checkStoredShape(module, rows, columns); !fits)
    return fits.error();
  Result<Checkpoint::Entry> scales = require(module + ".weight_scale");
  if (!scales)
    return scales.error();
  matrix.scales = *scales;
  matrix.zeros = take(module + ".weight_zero_point");
  matrix.order = take(module + ".weight_g_idx");
  return complete(matrix, module, rows, columns);
}

/// Bits and groups from the shapes; zero points and an order only where they say something.
Result<std::optional<PackedMatrix>> PackedWeights::complete(PackedMatrix matrix, const std::string &module,
                                                            int64_t rows, int64_t columns) {
  modules.insert(module);
  Result<int64_t> bits = 8;
  if (matrix.layout == CodeLayout::Bytes) {
    if (Result<void> fits = expect(matrix.codes, "I8", {rows, columns}); !fits)
      return fits.error();
  } else {
    bits = readBits(matrix.codes, matrix.layout, rows, columns);
  }
  Result<int64_t> group = readGroup(matrix.scales, matrix.layout, rows, columns);
  if (!bits || !group)
    return bits ? group.error() : bits.error();
  matrix.bits = *bits, matrix.group = *group;
  if (Result<void> fits = checkZeros(matrix, rows, columns / *group); !fits)
    return fits.error();
  if (Result<void> fits = checkOrder(matrix, columns); !fits)
    return fits.error();
  if (matrix.order && !hasInputRows(matrix.layout))
    return unsupported(placeOf(matrix.order) + ": groups of inputs in another order (actorder group) are not supported "
                                               "in compressed-tensors; lmopt reads them in GPTQ");
  return std::optional<PackedMatrix>(matrix);
}

Result<std::optional<PackedMatrix>> PackedWeights::find(const std::string &module, int64_t rows, int64_t columns) {
  if (!method)
    return std::optional<PackedMatrix>();
  return *method == PackedMethod::Compressed ? findCompressed(module, rows, columns) : findWords(module, rows, columns);
}

bool PackedWeights::mayRemain(std::string_view tensor) const {
  if (used.find(tensor) != used.end())
    return true;
  size_t dot = tensor.rfind('.');
  if (dot == tensor.npos || tensor.substr(dot) != ".bias" || modules.find(tensor.substr(0, dot)) == modules.end())
    return false;
  std::string_view data = checkpoint.find(tensor).tensor->data;
  return std::all_of(data.begin(), data.end(), [](char byte) { return byte == 0; });
}

Result<void> PackedWeights::checkAnyFound() const {
  if (!method || !modules.empty())
    return {};
  const char *tensor = *method == PackedMethod::Compressed ? ".weight_packed, or .weight in I8" : ".qweight";
  return malformed(checkpoint.files().front().path() +
                   ": the configuration says that weights are in codes, but no linear has any (tensors that end in " +
                   tensor + "); if they are numbers, remove quantization_config");
}
