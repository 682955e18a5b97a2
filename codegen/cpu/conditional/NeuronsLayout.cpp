// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Neurons row by row (#cpu.neurons). In: what they are multiplied with, biases, what they add. Out: the picture of
// NeuronTree.h. Norms are sums in f64, rounded up. Tested by test/unit/codegen/PackWeightsTest.cpp.
#include "codegen/cpu/conditional/ConditionalModel.h"
#include "dialects/lm/param/Param.h"

#include <cmath>
#include <cstring>

using namespace mlir;

namespace lmopt::cpu {

/// Rows and columns; none of what is no such matrix.
static std::optional<std::pair<int64_t, int64_t>> sizesOf(Type type, bool codes) {
  if (auto int8 = dyn_cast<lm::Int8Type>(type); int8 && codes)
    return std::make_pair(int8.getRows(), int8.getColumns());
  auto matrix = dyn_cast<RankedTensorType>(type);
  if (!matrix || matrix.getRank() != 2 || !matrix.hasStaticShape() ||
      !(matrix.getElementType().isF32() || matrix.getElementType().isBF16()))
    return std::nullopt;
  return std::make_pair(matrix.getDimSize(0), matrix.getDimSize(1));
}

static RowNumber numberOf(Type type) {
  if (isa<lm::Int8Type>(type))
    return RowNumber::S8;
  return cast<RankedTensorType>(type).getElementType().isF32() ? RowNumber::F32 : RowNumber::Bf16;
}

LogicalResult NeuronsAttr::verify(function_ref<InFlightDiagnostic()> emitError, Type keys, Type values, bool) {
  auto of = sizesOf(keys, false), to = values ? sizesOf(values, true) : of;
  if (of && to && of->first == to->first)
    return success();
  InFlightDiagnostic error =
      emitError() << "C1: expected matrices of f32 or bf16, the second perhaps of !lm.int8, of as "
                     "many rows, but found "
                  << keys;
  return values ? error << " and " << values : error;
}

NeuronRows neuronRows(NeuronsAttr layout) {
  NeuronRows rows;
  std::tie(rows.neurons, rows.inputs) = *sizesOf(layout.getKeys(), false);
  rows.keyFormat = numberOf(layout.getKeys());
  if (layout.getValues()) {
    rows.outputs = sizesOf(layout.getValues(), true)->second;
    rows.valueFormat = numberOf(layout.getValues());
  }
  return rows;
}

int64_t NeuronsAttr::getBytes() const { return neuronRows(*this).bytes(); }

std::string NeuronsAttr::describe() const {
  static const char *const formats[] = {"f32", "bf16", "s8"};
  NeuronRows rows = neuronRows(*this);
  return std::string("rows of neurons, ") + formats[int(rows.keyFormat)] +
         (getValues() ? std::string(" to ") + formats[int(rows.valueFormat)] : std::string());
}

/// Row n of a matrix.
static void packRow(const lm::WeightData &matrix, RowNumber format, int64_t n, char *to) {
  const int64_t columns = matrix.columns();
  if (format == RowNumber::S8) {
    std::memcpy(to, matrix.s8.data() + n * columns, static_cast<size_t>(columns));
    return;
  }
  const float *row = matrix.f32.data() + n * columns;
  if (format == RowNumber::F32)
    std::memcpy(to, row, static_cast<size_t>(4 * columns));
  for (int64_t k = 0; k < columns && format == RowNumber::Bf16; ++k) // bf16 already: the lower halves are zero
    std::memcpy(to + 2 * k, reinterpret_cast<const char *>(row + k) + 2, 2);
}

/// The length of row n, more than which it is not.
static float normOf(const lm::WeightData &matrix, int64_t n) {
  double squares = 0;
  for (int64_t k = 0; k < matrix.columns(); ++k) {
    double number = matrix.f32[n * matrix.columns() + k];
    squares += number * number;
  }
  return std::nextafterf(static_cast<float>(std::sqrt(squares) * (1 + 0x1p-30)), HUGE_VALF) + kLeastNorm;
}

void NeuronsAttr::pack(ArrayRef<lm::WeightData> params, std::vector<char> &out) const {
  NeuronRows rows = neuronRows(*this);
  for (int64_t n = 0; n < rows.neurons; ++n) {
    char *row = out.data() + n * rows.rowBytes();
    packRow(params.front(), rows.keyFormat, n, row);
    if (getValues())
      packRow(params.back(), rows.valueFormat, n, row + rows.valueOffset());
    floatsAt(out, rows.normOffset())[n] = normOf(params.front(), n);
  }
  if (getBias())
    llvm::copy(params[1].f32, floatsAt(out, rows.biasOffset()));
  if (rows.valueFormat == RowNumber::S8)
    llvm::copy(params.back().scales, floatsAt(out, rows.scaleOffset()));
}

} // namespace lmopt::cpu
