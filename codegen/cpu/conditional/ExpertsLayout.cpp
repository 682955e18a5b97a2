// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Experts one after the other (#cpu.experts, #cpu.grouped_experts). In: matrices neuron by neuron; of codes the last
// one output by output. Out: for each expert its products, packed as those of linears are (#cpu.panels). Tested by
// test/unit/codegen/PackNeuronsTest.cpp.
#include "codegen/cpu/conditional/ConditionalModel.h"
#include "codegen/cpu/linear/LinearModel.h"
#include "dialects/lm/weights/MoveRows.h"

using namespace mlir;

namespace lmopt::cpu {

LogicalResult ExpertsAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t experts, RankedTensorType keys,
                                  RankedTensorType values, bool, bool, bool) {
  auto isMatrix = [](RankedTensorType type) {
    return type.getRank() == 2 && type.hasStaticShape() && type.getElementType().isF32();
  };
  if (isMatrix(keys) && isMatrix(values) && experts > 0 && keys.getDimSize(0) == values.getDimSize(0) &&
      keys.getDimSize(0) % experts == 0)
    return success();
  return emitError() << "C1: expected matrices of f32 of as many rows, a multiple of the experts, but found " << experts
                     << ", " << keys << " and " << values;
}

ExpertsSpec expertsSpec(ExpertsAttr layout) {
  ExpertsSpec spec;
  spec.experts = layout.getExperts();
  spec.neurons = layout.getKeys().getDimSize(0) / spec.experts;
  spec.inputs = layout.getKeys().getDimSize(1);
  spec.outputs = layout.getValues().getDimSize(1);
  spec.bias = layout.getBias();
  spec.up = layout.getUp();
  spec.valuesBias = layout.getBiases();
  return spec;
}

int64_t ExpertsAttr::getBytes() const { return expertsSpec(*this).bytes(); }

std::string ExpertsAttr::describe() const { return "f32 products of " + std::to_string(getExperts()) + " experts"; }

/// Rows of a matrix, as a matrix; numbers of a vector, as a vector.
static lm::WeightData sliceOf(const lm::WeightData &all, int64_t begin, int64_t count) {
  auto from = [&](int64_t row) { return begin + row; };
  int64_t width = all.shape.size() == 2 ? all.columns() : 1, groups = all.group ? all.groupsPerRow() : 1;
  lm::WeightData slice;
  slice.shape = all.shape;
  slice.shape.front() = count;
  slice.f32 = lm::movedRows(all.f32, width, count, from);
  slice.s8 = lm::movedRows(all.s8, width, count, from);
  slice.scales = lm::movedRows(all.scales, groups, count, from);
  slice.minima = lm::movedRows(all.minima, groups, count, from);
  slice.units = lm::movedRows(all.units, 1, count, from);
  slice.table = all.table;
  slice.groupedBits = all.groupedBits, slice.group = all.group;
  return slice;
}
static lm::WeightData transposed(const lm::WeightData &matrix) {
  lm::WeightData result;
  result.shape = {matrix.columns(), matrix.rows()};
  for (int64_t m = 0; m < matrix.columns(); ++m)
    for (int64_t n = 0; n < matrix.rows(); ++n)
      result.f32.push_back(matrix.f32[n * matrix.columns() + m]);
  return result;
}

/// A product with a matrix of that type, and a bias if there is one, packed at an offset.
static void packProduct(Type matrix, SmallVector<lm::WeightData> params, std::vector<char> &out, int64_t offset) {
  auto layout = PanelsAttr::get(matrix.getContext(), matrix, params.size() == 2);
  std::vector<char> packed(static_cast<size_t>(layout.getBytes()));
  layout.pack(params, packed);
  llvm::copy(packed, out.begin() + offset);
}

void ExpertsAttr::pack(ArrayRef<lm::WeightData> params, std::vector<char> &out) const {
  ExpertsSpec spec = expertsSpec(*this);
  auto matrix = [&](int64_t rows, int64_t columns) { return getKeys().clone({rows, columns}); };
  size_t next = 1;
  const lm::WeightData *bias = getBias() ? &params[next++] : nullptr, *up = getUp() ? &params[next++] : nullptr;
  const lm::WeightData &values = params[next++];
  const lm::WeightData *biases = getBiases() ? &params[next] : nullptr;
  for (int64_t expert = 0; expert < spec.experts; ++expert) {
    int64_t begin = expert * spec.neurons, offset = expert * spec.expertBytes();
    SmallVector<lm::WeightData> first{sliceOf(params[0], begin, spec.neurons)};
    if (bias)
      first.push_back(sliceOf(*bias, begin, spec.neurons));
    packProduct(matrix(spec.neurons, spec.inputs), first, out, offset);
    if (up)
      packProduct(matrix(spec.neurons, spec.inputs), {sliceOf(*up, begin, spec.neurons)}, out,
                  offset + spec.upOffset());
    SmallVector<lm::WeightData> last{transposed(sliceOf(values, begin, spec.neurons))};
    if (biases) {
      last.push_back(sliceOf(*biases, expert, 1));
      last.back().shape = {spec.outputs};
    }
    packProduct(matrix(spec.outputs, spec.neurons), last, out, offset + spec.lastOffset());
  }
}

//===- Codes ------------------------------------------------------------------------------------------------------===//

/// The matrix of one of so many experts.
static Type shareOf(Type all, int64_t experts) {
  if (auto codebook = dyn_cast<lm::CodebookType>(all))
    return lm::CodebookType::get(all.getContext(), codebook.getRows() / experts, codebook.getColumns(),
                                 codebook.getEntries(), codebook.getGroup());
  auto grouped = cast<lm::GroupedType>(all);
  return lm::GroupedType::get(all.getContext(), grouped.getRows() / experts, grouped.getColumns(), grouped.getBits(),
                              grouped.getGroup(), grouped.getHasMin(), grouped.getScaleBits());
}

static SmallVector<int64_t> sizesOf(Type matrix) { return cast<lm::WeightTypeInterface>(matrix).getWeightShape(); }

LogicalResult GroupedExpertsAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t experts, Type keys,
                                         Type up, Type values) {
  for (Type matrix : {keys, up ? up : keys, values})
    if (int64_t group = lm::integerGroup(matrix); group == 0 || group % groupUnit(matrix) != 0)
      return emitError() << "C1: expected !lm.grouped or !lm.codebook in groups of a multiple of " << groupUnit(matrix)
                         << ", but found " << matrix;
  SmallVector<int64_t> first = sizesOf(keys), last = sizesOf(values);
  if (experts > 0 && first[0] % experts == 0 && last[0] % experts == 0 && last[1] == first[0] / experts &&
      (!up || sizesOf(up) == first))
    return success();
  return emitError() << "C2: the matrices are not those of " << experts << " experts";
}

ExpertsSpec expertsSpec(GroupedExpertsAttr layout) {
  ExpertsSpec spec;
  spec.experts = layout.getExperts();
  auto product = [&](Type matrix) { return linearSpec(shareOf(matrix, spec.experts), /*bias=*/false); };
  spec.up = static_cast<bool>(layout.getUp());
  spec.grouped = {product(layout.getKeys()), product(spec.up ? layout.getUp() : layout.getKeys()),
                  product(layout.getValues())};
  spec.neurons = spec.first().outputs;
  spec.inputs = spec.first().inputs;
  spec.outputs = spec.last().outputs;
  return spec;
}

int64_t GroupedExpertsAttr::getBytes() const { return expertsSpec(*this).bytes(); }

std::string GroupedExpertsAttr::describe() const {
  auto product = [&](Type matrix) {
    return PanelsAttr::get(getContext(), shareOf(matrix, getExperts()), false).describe();
  };
  std::string up = getUp() && getUp() != getKeys() ? product(getUp()) + "; " : "";
  return std::to_string(getExperts()) + " experts: " + product(getKeys()) + "; " + up + product(getValues());
}

void GroupedExpertsAttr::pack(ArrayRef<lm::WeightData> params, std::vector<char> &out) const {
  ExpertsSpec spec = expertsSpec(*this);
  auto packAt = [&](const lm::WeightData &all, Type matrix, int64_t offset) {
    Type own = shareOf(matrix, spec.experts);
    int64_t rows = sizesOf(own)[0];
    for (int64_t expert = 0; expert < spec.experts; ++expert)
      packProduct(own, {sliceOf(all, expert * rows, rows)}, out, expert * spec.expertBytes() + offset);
  };
  packAt(params.front(), getKeys(), 0);
  if (getUp())
    packAt(params[1], getUp(), spec.upOffset());
  packAt(params.back(), getValues(), spec.lastOffset());
}

} // namespace lmopt::cpu
