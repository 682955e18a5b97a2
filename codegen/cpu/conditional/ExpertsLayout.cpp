// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Experts one after the other (#cpu.experts). In: matrices neuron by neuron. Out: for each expert its products, packed
// as those of linears are (#cpu.panels). Tested by test/unit/codegen/PackNeuronsTest.cpp.
#include "codegen/cpu/conditional/ConditionalModel.h"

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
  lm::WeightData slice;
  slice.shape = all.shape;
  slice.shape.front() = count;
  int64_t width = all.shape.size() == 2 ? all.columns() : 1;
  slice.f32.assign(all.f32.begin() + begin * width, all.f32.begin() + (begin + count) * width);
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

/// A product, packed at an offset.
static void packProduct(MLIRContext *context, SmallVector<lm::WeightData> params, std::vector<char> &out,
                        int64_t offset) {
  auto type = RankedTensorType::get(params[0].shape, Float32Type::get(context));
  auto layout = PanelsAttr::get(context, type, params.size() == 2);
  std::vector<char> packed(static_cast<size_t>(layout.getBytes()));
  layout.pack(params, packed);
  llvm::copy(packed, out.begin() + offset);
}

void ExpertsAttr::pack(ArrayRef<lm::WeightData> params, std::vector<char> &out) const {
  ExpertsSpec spec = expertsSpec(*this);
  size_t next = 1;
  const lm::WeightData *bias = getBias() ? &params[next++] : nullptr, *up = getUp() ? &params[next++] : nullptr;
  const lm::WeightData &values = params[next++];
  const lm::WeightData *biases = getBiases() ? &params[next] : nullptr;
  for (int64_t expert = 0; expert < spec.experts; ++expert) {
    int64_t begin = expert * spec.neurons, offset = expert * spec.expertBytes();
    SmallVector<lm::WeightData> first{sliceOf(params[0], begin, spec.neurons)};
    if (bias)
      first.push_back(sliceOf(*bias, begin, spec.neurons));
    packProduct(getContext(), first, out, offset);
    if (up)
      packProduct(getContext(), {sliceOf(*up, begin, spec.neurons)}, out, offset + spec.upOffset());
    SmallVector<lm::WeightData> last{transposed(sliceOf(values, begin, spec.neurons))};
    if (biases) {
      last.push_back(sliceOf(*biases, expert, 1));
      last.back().shape = {spec.outputs};
    }
    packProduct(getContext(), last, out, offset + spec.lastOffset());
  }
}

} // namespace lmopt::cpu
