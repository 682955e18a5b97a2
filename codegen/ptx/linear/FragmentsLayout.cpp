// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The matrix of a product, and its bias if any, in fragments (#ptx.fragments); the picture is in Fragments.h.
// Tested by test/codegen/ptx/layouts.mlir and by all models compiled for GPUs.
#include "codegen/ptx/linear/GroupedDecode.h"
#include "codegen/ptx/linear/LinearModel.h"
#include "codegen/ptx/linear/SparseDecode.h"
#include "dialects/lm/param/Param.h"

using namespace mlir;

namespace lmopt::nvptx {

bool hasFragments(Type matrix) {
  auto tensor = dyn_cast<RankedTensorType>(matrix);
  bool isMatrix = tensor && tensor.hasStaticShape() && tensor.getRank() == 2 && tensor.getNumElements() > 0 &&
                  (tensor.getElementType().isF32() || tensor.getElementType().isBF16());
  auto codebook = dyn_cast<lm::CodebookType>(matrix);
  return isMatrix || isa<lm::Int8Type, lm::SparseInt8Type>(matrix) || (codebook && !codebook.isGrouped()) ||
         GroupedDecodeSpec::canRun(lm::integerGroup(matrix));
}

static LinearSpec codebookSpec(lm::CodebookType matrix, bool bias) {
  LinearSpec spec{matrix.getRows(), matrix.getColumns(), WeightFormat::Codebook, bias};
  if (!matrix.isGrouped())
    return spec;
  spec.format = WeightFormat::Grouped, spec.codebook = true;
  spec.bits = matrix.getBits(), spec.group = matrix.getGroup();
  return spec;
}

// Blocks of other sizes, single codes among them, are stored as if they were dense (docs/rationale.md).
static LinearSpec sparseSpec(lm::SparseInt8Type matrix, bool bias) {
  LinearSpec spec{matrix.getRows(), matrix.getColumns(), WeightFormat::S8Rows, bias};
  if (matrix.getBlockRows() == SparseDecodeSpec::kBlockOutputs &&
      matrix.getBlockColumns() == SparseDecodeSpec::kBlockInputs)
    spec.format = WeightFormat::Blocks, spec.stored = matrix.getStored();
  return spec;
}

LinearSpec linearSpec(Type matrix, bool bias) {
  if (auto codes = dyn_cast<lm::Int8Type>(matrix))
    return {codes.getRows(), codes.getColumns(), WeightFormat::S8Rows, bias};
  if (auto codebook = dyn_cast<lm::CodebookType>(matrix))
    return codebookSpec(codebook, bias);
  if (auto sparse = dyn_cast<lm::SparseInt8Type>(matrix))
    return sparseSpec(sparse, bias);
  if (auto grouped = dyn_cast<lm::GroupedType>(matrix))
    return {grouped.getRows(),
            grouped.getColumns(),
            WeightFormat::Grouped,
            bias,
            grouped.getBits() == 4 ? 4 : 8, // five and six bits stand in bytes (docs/rationale.md)
            grouped.getGroup(),
            grouped.getHasMin(),
            grouped.getScaleBits() == 8};
  auto tensor = cast<RankedTensorType>(matrix);
  auto format = tensor.getElementType().isBF16() ? WeightFormat::Bf16 : WeightFormat::F32;
  return {tensor.getDimSize(0), tensor.getDimSize(1), format, bias};
}

LogicalResult FragmentsAttr::verify(function_ref<InFlightDiagnostic()> emitError, Type matrix, bool) {
  if (hasFragments(matrix))
    return success();
  return emitError()
         << "C1: expected a matrix of f32 or bf16, !lm.int8, !lm.sparse_int8, !lm.codebook of 256 entries, or "
            "!lm.grouped or !lm.codebook in groups of 16, 32, 64, 128 or 256, but found "
         << matrix;
}

int64_t FragmentsAttr::getBytes() const { return linearSpec(getMatrix(), getBias()).bytes(); }

std::string FragmentsAttr::describe() const {
  LinearSpec spec = linearSpec(getMatrix(), getBias());
  switch (spec.format) {
  case WeightFormat::F32:
    return "f32 in tiles of 16 outputs";
  case WeightFormat::Bf16:
    return "bf16 fragments of 16 outputs";
  case WeightFormat::S8Rows:
    return "s8 fragments of 16 outputs, one f32 scale a row";
  case WeightFormat::Codebook:
    return "u8 in tiles of 16 outputs, one f32 scale a row, a codebook of 256 f32";
  case WeightFormat::Blocks:
    return "s8 blocks of 16 x 4 that are not zero, one f32 scale a row";
  case WeightFormat::Grouped:
    return std::to_string(spec.bits) + "-bit fragments of 16 outputs, " + (spec.smallScales ? "u8" : "f16") + " scale" +
           (spec.hasMin ? " and minimum" : "") + " for each " + std::to_string(spec.group) + " inputs" +
           (spec.codebook ? ", a codebook of " + std::to_string(1 << spec.bits) : "");
  }
  return "";
}

/// The upper halves of numbers that are bf16 already.
static std::vector<uint16_t> halvesOf(const std::vector<float> &numbers) {
  std::vector<uint16_t> halves;
  halves.reserve(numbers.size());
  for (float number : numbers)
    halves.push_back(static_cast<uint16_t>(llvm::bit_cast<uint32_t>(number) >> 16));
  return halves;
}

void FragmentsAttr::pack(ArrayRef<lm::WeightData> params, std::vector<char> &out) const {
  LinearSpec spec = linearSpec(getMatrix(), getBias());
  std::vector<uint16_t> halves;
  LinearNumbers numbers;
  if (spec.format == WeightFormat::F32)
    numbers.weights = params[0].f32.data();
  else if (spec.isInteger() || spec.isGrouped() || spec.isCodebook())
    numbers.weights = params[0].s8.data();
  else
    numbers.weights = (halves = halvesOf(params[0].f32)).data();
  numbers.scales = params[0].scales.data();
  numbers.minima = params[0].minima.data();
  numbers.units = params[0].units.data();
  numbers.table = params[0].table.data();
  if (spec.bias)
    numbers.bias = params[1].f32.data();
  out = packFragments(spec, numbers);
}

plan::PackedUse packedFragments(Operation *user, FlatSymbolRefAttr matrix, FlatSymbolRefAttr bias) {
  SmallVector<Attribute> params = {matrix};
  if (bias)
    params.push_back(bias);
  Type type = lm::lookupParam(user, matrix).getType();
  return {params, FragmentsAttr::get(user->getContext(), type, static_cast<bool>(bias))};
}

} // namespace lmopt::nvptx
