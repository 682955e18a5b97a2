// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Neurons row by row (#cpu.neurons). In: what they are multiplied with, biases, what they add. Out: the picture of
// NeuronTree.h. Norms are sums in f64, rounded up. Tested by test/unit/codegen/PackNeuronsTest.cpp.
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

LogicalResult NeuronsAttr::verify(function_ref<InFlightDiagnostic()> emitError, Type keys, Type values, Type narrow,
                                  bool) {
  auto of = sizesOf(keys, false), to = values ? sizesOf(values, true) : of, by = narrow ? sizesOf(narrow, true) : of;
  if (of && to && by && of->first == to->first && *by == *of)
    return success();
  InFlightDiagnostic error =
      emitError() << "C1: expected matrices of f32 or bf16, others than the first perhaps of !lm.int8, of as "
                     "many rows, but found "
                  << keys;
  for (Type other : {values, narrow})
    if (other)
      error << " and " << other;
  return error;
}

NeuronRows neuronRows(NeuronsAttr layout) {
  NeuronRows rows;
  std::tie(rows.neurons, rows.inputs) = *sizesOf(layout.getKeys(), false);
  rows.exact = static_cast<bool>(layout.getNarrow());
  rows.keyFormat = numberOf(rows.exact ? layout.getNarrow() : layout.getKeys());
  if (layout.getValues()) {
    rows.outputs = sizesOf(layout.getValues(), true)->second;
    rows.valueFormat = numberOf(layout.getValues());
  }
  return rows;
}

int64_t NeuronsAttr::getBytes() const { return neuronRows(*this).bytes(); }

std::string NeuronsAttr::describe() const {
  NeuronRows rows = neuronRows(*this);
  return std::string("rows of neurons, ") + numberWord(rows.keyFormat) +
         (getValues() ? std::string(" to ") + numberWord(rows.valueFormat) : std::string()) +
         (rows.exact ? ", decided by f32" : "");
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

/// Number k of row n, whatever the format.
static double numberAt(const lm::WeightData &matrix, int64_t n, int64_t k) {
  int64_t place = n * matrix.columns() + k;
  return matrix.isInt8() ? double(matrix.scales[n]) * matrix.s8[place] : matrix.f32[place];
}

/// The length of row n, or of what it lacks of another's, rounded up.
static double lengthOf(const lm::WeightData &matrix, int64_t n, const lm::WeightData *other = nullptr) {
  double squares = 0;
  for (int64_t k = 0; k < matrix.columns(); ++k) {
    double number = numberAt(matrix, n, k) - (other ? numberAt(*other, n, k) : 0);
    squares += number * number;
  }
  return std::sqrt(squares) * (1 + 0x1p-30);
}
static float roundedUp(double x) { return std::nextafterf(static_cast<float>(x), HUGE_VALF); }

/// What decides, biases, what adds, what numbers are taken from.
struct Neurons {
  const lm::WeightData *exact, *bias, *values, *narrow;
};

static void packNumbers(const Neurons &neurons, const NeuronRows &rows, int64_t n, float *to) {
  double norm = lengthOf(*neurons.narrow, n);
  if (rows.exact)
    norm += lengthOf(*neurons.exact, n, neurons.narrow) / rows.sumError();
  to[NeuronRows::kBias / 4] = neurons.bias ? neurons.bias->f32[n] : 0;
  to[NeuronRows::kNorm / 4] = roundedUp(norm) + kLeastNorm;
  to[NeuronRows::kKeyScale / 4] = neurons.narrow->isInt8() ? neurons.narrow->scales[n] : 1;
  to[NeuronRows::kValueScale / 4] = neurons.values && neurons.values->isInt8() ? neurons.values->scales[n] : 1;
}

void NeuronsAttr::pack(ArrayRef<lm::WeightData> params, std::vector<char> &out) const {
  NeuronRows rows = neuronRows(*this);
  Neurons neurons = {params.data(), getBias() ? &params[1] : nullptr, nullptr, params.data()};
  if (getNarrow())
    neurons.narrow = &params.back();
  if (getValues())
    neurons.values = &params[getBias() ? 2 : 1];
  for (int64_t n = 0; n < rows.neurons; ++n) {
    char *row = out.data() + n * rows.rowBytes();
    packRow(*neurons.narrow, rows.keyFormat, n, row);
    if (neurons.values)
      packRow(*neurons.values, rows.valueFormat, n, row + rows.valueOffset());
    packNumbers(neurons, rows, n, floatsAt(out, rows.numbersOffset() + n * NeuronRows::kNumbersBytes));
    if (!rows.exact)
      continue;
    int64_t exact = rows.exactOffset() + n * rows.exactBytes();
    packRow(*neurons.exact, RowNumber::F32, n, out.data() + exact);
    *floatsAt(out, exact + rows.exactNorm()) = roundedUp(lengthOf(*neurons.exact, n)) + kLeastNorm;
  }
}

//===--- Rows that are only added ---===//

LogicalResult AddedRowsAttr::verify(function_ref<InFlightDiagnostic()> emitError, Type matrix, bool) {
  if (sizesOf(matrix, true))
    return success();
  return emitError() << "C1: expected a matrix of f32, bf16 or !lm.int8, but found " << matrix;
}

NonzeroSpec nonzeroSpec(AddedRowsAttr layout) {
  NonzeroSpec spec;
  std::tie(spec.rows.neurons, spec.rows.outputs) = *sizesOf(layout.getMatrix(), true);
  spec.rows.valueFormat = numberOf(layout.getMatrix());
  spec.bias = layout.getBias();
  return spec;
}

int64_t AddedRowsAttr::getBytes() const { return nonzeroSpec(*this).bytes(); }

std::string AddedRowsAttr::describe() const {
  return std::string("rows that are added, ") + numberWord(nonzeroSpec(*this).rows.valueFormat);
}

void AddedRowsAttr::pack(ArrayRef<lm::WeightData> params, std::vector<char> &out) const {
  NonzeroSpec spec = nonzeroSpec(*this);
  const lm::WeightData &matrix = params.front();
  for (int64_t k = 0; k < spec.rows.neurons; ++k) {
    packRow(matrix, spec.rows.valueFormat, k, out.data() + k * spec.rows.rowBytes());
    float *numbers = floatsAt(out, spec.rows.numbersOffset() + k * NeuronRows::kNumbersBytes);
    numbers[NeuronRows::kValueScale / 4] = matrix.isInt8() ? matrix.scales[k] : 1;
  }
  if (getBias())
    llvm::copy(params[1].f32, floatsAt(out, spec.biasOffset()));
}

} // namespace lmopt::cpu
