// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Neurons row by row (#ptx.neurons). In: what they are multiplied with, biases, what they add; numbers of bf16 and
// codes become the f32 that they stand for. Out: the picture of NeuronRows.h. Norms are sums in f64, rounded up. Tested
// by test/unit/codegen/ptx/NeuronTreeTest.cpp and all models compiled for GPUs.
#include "codegen/ptx/conditional/ConditionalModel.h"
#include "dialects/lm/param/Param.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>

using namespace mlir;

namespace lmopt::nvptx {

//===--- Numbers ---===//

static float normOf(const float *row, int64_t width) {
  double squares = 0;
  for (int64_t k = 0; k < width; ++k)
    squares += double(row[k]) * double(row[k]);
  double length = std::sqrt(squares) * (1 + 0x1p-30);
  return std::nextafterf(static_cast<float>(length), HUGE_VALF) + kLeastNorm;
}

std::vector<char> packNeurons(const NeuronRows &rows, const NeuronNumbers &numbers) {
  std::vector<char> out(static_cast<size_t>(rows.bytes()));
  auto put = [&](const float *from, int64_t row, int64_t width, int64_t offset) {
    if (from)
      std::memcpy(out.data() + offset, from + row * width, static_cast<size_t>(4 * width));
  };
  for (int64_t n = 0; n < rows.neurons; ++n) {
    int64_t row = n * rows.neuronBytes();
    put(numbers.keys, n, rows.inputs, row);
    put(numbers.up, n, rows.inputs, row + rows.upOffset());
    put(numbers.values, n, rows.outputs, row + rows.valueOffset());
    if (!rows.inputs)
      continue;
    float beside[] = {numbers.bias ? numbers.bias[n] : 0, normOf(numbers.keys + n * rows.inputs, rows.inputs)};
    put(beside, 0, 2, rows.numbersOffset() + n * NeuronRows::kNumbersBytes);
  }
  for (int64_t i = 0; i < rows.added; ++i)
    put(numbers.added, i, rows.outputs, rows.addedOffset() + i * rows.valueBytes());
  return out;
}

std::string wordOf(const NeuronRows &rows) {
  return "n" + std::to_string(rows.neurons) + "_k" + std::to_string(rows.inputs) + "_m" + std::to_string(rows.outputs) +
         (rows.up ? "_up" : "") + (rows.added ? "_added" + std::to_string(rows.added) : "");
}

//===--- The attribute ---===//

static bool isFloatMatrix(RankedTensorType type) {
  return type.getRank() == 2 && type.hasStaticShape() && type.getElementType().isF32() && type.getNumElements() > 0;
}

/// What a matrix of f32, bf16 or codes with a scale for each row (others no op takes) becomes.
static RankedTensorType asFloats(Type matrix) {
  Type f32 = Float32Type::get(matrix.getContext());
  if (auto codes = dyn_cast<lm::Int8Type>(matrix))
    return RankedTensorType::get({codes.getRows(), codes.getColumns()}, f32);
  return RankedTensorType::get(cast<RankedTensorType>(matrix).getShape(), f32);
}

LogicalResult NeuronsAttr::verify(function_ref<InFlightDiagnostic()> emitError, RankedTensorType keys,
                                  RankedTensorType values, bool bias, bool up, int64_t added) {
  auto isPart = [](RankedTensorType type) { return !type || isFloatMatrix(type); };
  bool agree = !keys || !values || keys.getShape().front() == values.getShape().front();
  if ((!keys && !values) || !isPart(keys) || !isPart(values) || !agree)
    return emitError() << "C1: expected keys or values that are matrices of f32 of as many rows, but found " << keys
                       << " and " << values;
  if ((!keys && (bias || up)) || (!values && added) || added < 0)
    return emitError() << "C2: a bias and `up` are of keys, `added` rows are of values";
  return success();
}

NeuronRows neuronRows(NeuronsAttr layout) {
  NeuronRows rows;
  rows.neurons = (layout.getKeys() ? layout.getKeys() : layout.getValues()).getDimSize(0);
  rows.inputs = layout.getKeys() ? layout.getKeys().getDimSize(1) : 0;
  rows.outputs = layout.getValues() ? layout.getValues().getDimSize(1) : 0;
  rows.up = layout.getUp();
  rows.added = layout.getAdded();
  return rows;
}

int64_t NeuronsAttr::getBytes() const { return neuronRows(*this).bytes(); }

std::string NeuronsAttr::describe() const { return getKeys() ? "f32 rows of neurons" : "f32 rows that are added"; }

static std::vector<float> floatsOf(const lm::WeightData &codes) {
  std::vector<float> numbers;
  numbers.reserve(codes.s8.size());
  for (size_t i = 0; i < codes.s8.size(); ++i)
    numbers.push_back(codes.scales[i / static_cast<size_t>(codes.columns())] * static_cast<float>(codes.s8[i]));
  return numbers;
}

void NeuronsAttr::pack(ArrayRef<lm::WeightData> params, std::vector<char> &out) const {
  size_t next = 0;
  std::deque<std::vector<float>> expanded; // whose places stay
  auto take = [&](bool isGiven) -> const float * {
    if (!isGiven)
      return nullptr;
    const lm::WeightData &param = params[next++];
    return param.isInt8() ? expanded.emplace_back(floatsOf(param)).data() : param.f32.data();
  };
  NeuronNumbers numbers;
  numbers.keys = take(static_cast<bool>(getKeys()));
  numbers.bias = take(getBias());
  numbers.up = take(getUp());
  numbers.values = take(static_cast<bool>(getValues()));
  numbers.added = take(getAdded() > 0);
  out = packNeurons(neuronRows(*this), numbers);
}

plan::PackedUse packedNeurons(Operation *user, const NeuronParams &given) {
  SmallVector<Attribute> params;
  for (FlatSymbolRefAttr symbol : {given.keys, given.bias, given.up, given.values, given.added})
    if (symbol)
      params.push_back(symbol);
  auto typeOf = [&](FlatSymbolRefAttr symbol) { return lm::lookupParam(user, symbol).getType(); };
  auto matrix = [&](FlatSymbolRefAttr symbol) { return symbol ? asFloats(typeOf(symbol)) : RankedTensorType(); };
  RankedTensorType added = given.added ? cast<RankedTensorType>(typeOf(given.added)) : RankedTensorType();
  int64_t rows = !added ? 0 : added.getRank() == 1 ? 1 : added.getDimSize(0);
  return {params, NeuronsAttr::get(user->getContext(), matrix(given.keys), matrix(given.values),
                                   static_cast<bool>(given.bias), static_cast<bool>(given.up), rows)};
}

} // namespace lmopt::nvptx
