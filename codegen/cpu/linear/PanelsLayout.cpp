// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The matrix of a linear, and its bias if any, packed in panels of 16 outputs (#cpu.panels); the pictures are in
// LinearSpec.h. Tested by test/unit/codegen/PackWeightsTest.cpp.
#include "codegen/Halves.h"
#include "codegen/cpu/Cpu.h"
#include "codegen/cpu/linear/CodebookLayout.h"
#include "codegen/cpu/linear/LinearModel.h"
#include "dialects/lm/param/Param.h"

#include <cmath>
#include <cstring>

using namespace mlir;

namespace lmopt::cpu {

namespace {

// A step is [16]: element (n, k) at panel n / 16, lane n % 16.
void packFloats(const LinearSpec &spec, const std::vector<float> &matrix, std::vector<char> &out) {
  float *to = floatsAt(out, 0);
  for (int64_t n = 0; n < spec.outputs; ++n) {
    const float *row = matrix.data() + n * spec.inputs;
    float *column = to + spec.unitOffset(n / kLanes, 0) / 4 + n % kLanes;
    int64_t stride = spec.unitStride(n / kLanes) / 4;
    for (int64_t k = 0; k < spec.inputs; ++k)
      column[k * stride] = row[k];
  }
}

// A step is [16][2]. The numbers are bf16 already (#lm.narrow): their lower halves are zero.
void packHalves(const LinearSpec &spec, const std::vector<float> &matrix, std::vector<char> &out) {
  for (int64_t n = 0; n < spec.outputs; ++n) {
    const float *row = matrix.data() + n * spec.inputs;
    char *column = out.data() + spec.unitOffset(n / kLanes, 0) + n % kLanes * 4;
    int64_t stride = spec.unitStride(n / kLanes);
    for (int64_t k = 0; k < spec.inputs; ++k)
      std::memcpy(column + k / 2 * stride + k % 2 * 2, reinterpret_cast<const char *>(row + k) + 2, 2);
  }
}

// A step is [16][4]; then scales and sums of codes for each output.
void packCodes(const LinearSpec &spec, const lm::WeightData &data, std::vector<char> &out) {
  int64_t steps = spec.depth() / 4;
  float *scales = floatsAt(out, spec.scaleOffset());
  int32_t *sums = reinterpret_cast<int32_t *>(out.data() + spec.sumOffset());
  std::vector<int8_t> padded(spec.depth(), 0);
  for (int64_t n = 0; n < spec.outputs; ++n) {
    std::copy_n(data.s8.data() + n * spec.inputs, spec.inputs, padded.data());
    char *column = out.data() + spec.unitOffset(n / kLanes, 0) + n % kLanes * 4;
    int64_t stride = spec.unitStride(n / kLanes);
    for (int64_t k = 0; k < steps; ++k)
      std::memcpy(column + k * stride, padded.data() + 4 * k, 4);
    int32_t sum = 0;
    for (int8_t code : padded)
      sum += code;
    scales[n] = data.scales[n];
    sums[n] = sum;
  }
}

// Four codes, moved to be unsigned, each in a byte.
uint32_t fourCodes(const int8_t *codes, uint8_t offset) {
  uint8_t bytes[4];
  for (int i = 0; i < 4; ++i)
    bytes[i] = static_cast<uint8_t>(codes[i] + offset);
  uint32_t word;
  std::memcpy(&word, bytes, 4);
  return word;
}

// The lowest `bits` of each byte.
uint32_t lowBits(int64_t bits) { return 0x01010101u * ((1u << bits) - 1); }

// The codes of one row of one group at `block`, in steps of four inputs, as many steps in a line as fit; then the upper
// bits of all in one more. Every weight of a model comes through here.
void packGroup(const LinearSpec &spec, const int8_t *codes, int64_t lane, char *block) {
  const int64_t lower = spec.lowerBits(), upper = spec.upperBits(), inLine = 8 / lower, lines = spec.linesOfChunk();
  const auto offset = static_cast<uint8_t>(spec.codeOffset());
  char *to = block + lane * 4;
  for (int64_t k = 0; k < spec.group; k += spec.chunk(), to += spec.chunkBytes()) {
    uint32_t upperLine = 0;
    for (int64_t line = 0; line < lines; ++line) {
      uint32_t lowerLine = 0;
      for (int64_t i = 0; i < inLine; ++i) {
        int64_t four = line * inLine + i;
        uint32_t word = fourCodes(codes + k + 4 * four, offset);
        lowerLine |= (word & lowBits(lower)) << i * lower;
        upperLine |= (word >> lower & lowBits(upper)) << four * upper;
      }
      std::memcpy(to + line * 64, &lowerLine, 4);
    }
    if (upper)
      std::memcpy(to + lines * 64, &upperLine, 4);
  }
}

// The codes of a scale and of its minimum, 16 bytes further: both are exact multiples.
void packSmallScale(const lm::WeightData &data, int64_t row, int64_t group, char *to) {
  int64_t place = row * data.groupsPerRow() + group;
  float scale = data.scales[place], unit = data.units[row];
  to[0] = static_cast<char>(unit == 0 ? 0 : std::lround(scale / unit));
  to[kLanes] = static_cast<char>(scale == 0 ? 0 : std::lround(-16 * data.minima[place] / scale));
}

// [panel][group]: codes, scales, minima.
void packGroups(const LinearSpec &spec, const lm::WeightData &data, std::vector<char> &out) {
  const int64_t groups = spec.inputs / spec.group;
  for (int64_t n = 0; n < spec.outputs; ++n)
    for (int64_t g = 0; g < groups; ++g) {
      char *block = out.data() + spec.unitOffset(n / kLanes, g);
      const int8_t *codes = data.s8.data() + n * spec.inputs + g * spec.group;
      spec.codebook ? packCodebookGroup(spec, codes, n % kLanes, block) : packGroup(spec, codes, n % kLanes, block);
      if (spec.smallScales) {
        packSmallScale(data, n, g, block + spec.groupCodeBytes() + n % kLanes);
        continue;
      }
      auto *halves = reinterpret_cast<uint16_t *>(block + spec.groupCodeBytes()) + n % kLanes;
      halves[0] = halfBits(data.scales[n * groups + g]);
      if (spec.hasMin)
        halves[kLanes] = halfBits(data.minima[n * groups + g]);
    }
  if (spec.smallScales)
    llvm::copy(data.units, floatsAt(out, spec.unitsOffset()));
  if (spec.codebook)
    packEntries(spec, data.table, out);
}

} // namespace

LinearSpec linearSpec(Type matrix, bool bias) {
  LinearSpec spec;
  auto sizes = [&](int64_t outputs, int64_t inputs) { spec.outputs = outputs, spec.inputs = inputs; };
  if (auto tensor = dyn_cast<RankedTensorType>(matrix)) {
    sizes(tensor.getDimSize(0), tensor.getDimSize(1));
    spec.format = tensor.getElementType().isBF16() ? WeightFormat::Bf16 : WeightFormat::F32;
  } else if (auto codes = dyn_cast<lm::Int8Type>(matrix)) {
    sizes(codes.getRows(), codes.getColumns());
    spec.format = WeightFormat::S8Rows;
  } else if (auto sparse = dyn_cast<lm::SparseInt8Type>(matrix)) {
    sizes(sparse.getRows(), sparse.getColumns());
    spec.format = sparse.getBlockRows() == 1 ? WeightFormat::Codes : WeightFormat::Blocks;
    spec.stored = sparse.getStored();
  } else if (auto codebook = dyn_cast<lm::CodebookType>(matrix)) {
    sizes(codebook.getRows(), codebook.getColumns());
    spec.format = codebook.isGrouped() ? WeightFormat::Grouped : WeightFormat::Codebook;
    spec.codebook = codebook.isGrouped();
    spec.bits = codebook.isGrouped() ? codebook.getBits() : 0;
    spec.group = codebook.getGroup();
  } else {
    auto grouped = cast<lm::GroupedType>(matrix);
    sizes(grouped.getRows(), grouped.getColumns());
    spec.format = WeightFormat::Grouped;
    spec.bits = grouped.getBits();
    spec.group = grouped.getGroup();
    spec.hasMin = grouped.getHasMin();
    spec.smallScales = grouped.getScaleBits() == 8;
  }
  spec.bias = bias;
  spec.outStride = floatRowBytes(spec.outputs);
  return spec;
}

bool hasSparseKernel(lm::SparseInt8Type type) {
  return (type.getBlockRows() == kLanes && type.getBlockColumns() == 4) ||
         (type.getBlockRows() == 1 && type.getBlockColumns() == 1);
}

bool storesCodes(ModuleOp module) {
  return llvm::any_of(module.getOps<lm::ParamOp>(), [](lm::ParamOp param) {
    auto type = dyn_cast<lm::SparseInt8Type>(param.getType());
    return type && type.getBlockRows() == 1 && type.getBlockColumns() == 1;
  });
}

// Scales are read once for each register of weights; the upper bits of 32 codes of three and five bits lie together.
int64_t groupUnit(Type matrix) {
  auto codebook = dyn_cast<lm::CodebookType>(matrix);
  auto grouped = dyn_cast<lm::GroupedType>(matrix);
  return (codebook && codebook.getEntries() == 8) || (grouped && grouped.getBits() == 5) ? 2 * kLanes : kLanes;
}

LogicalResult PanelsAttr::verify(function_ref<InFlightDiagnostic()> emitError, Type matrix, bool) {
  auto tensor = dyn_cast<RankedTensorType>(matrix);
  int64_t group = lm::integerGroup(matrix);
  auto codebook = dyn_cast<lm::CodebookType>(matrix);
  bool isMatrix = tensor && tensor.getRank() == 2 && tensor.hasStaticShape() &&
                  (tensor.getElementType().isF32() || tensor.getElementType().isBF16());
  auto sparse = dyn_cast<lm::SparseInt8Type>(matrix);
  bool groupFits = group > 0 && group % groupUnit(matrix) == 0;
  if (isMatrix || isa<lm::Int8Type>(matrix) || groupFits || (codebook && !codebook.isGrouped()) ||
      (sparse && hasSparseKernel(sparse)))
    return success();
  return emitError()
         << "C1: expected a matrix of f32, bf16, !lm.int8, !lm.sparse_int8 (in blocks of 16x4 or 1x1), "
            "!lm.grouped or !lm.codebook (in groups of a multiple of 16, of 32 with 8 entries or 5 bits), but found "
         << matrix;
}

int64_t PanelsAttr::getBytes() const { return linearSpec(getMatrix(), getBias()).bytes(); }

std::string PanelsAttr::describe() const {
  LinearSpec spec = linearSpec(getMatrix(), getBias());
  switch (spec.format) {
  case WeightFormat::F32:
    return "f32 panels of 16";
  case WeightFormat::Bf16:
    return "bf16 panels of 16";
  case WeightFormat::S8Rows:
    return "s8 panels of 16, one f32 scale a row";
  case WeightFormat::Blocks:
    return "s8 panels of 16, blocks of 16 x 4 that are not zero, one f32 scale a row";
  case WeightFormat::Codes:
    return "s8 panels of 16, codes that are not zero, one f32 scale a row";
  case WeightFormat::Grouped:
    return "u" + std::to_string(spec.bits) + " panels of 16, " + (spec.smallScales ? "u8" : "f16") + " scale" +
           (spec.hasMin ? " and minimum" : "") + " for each " + std::to_string(spec.group) + " inputs" +
           (spec.codebook ? ", a codebook of " + std::to_string(1 << spec.bits) : "");
  case WeightFormat::Codebook:
    return "u8 panels of 16, one f32 scale a row, a codebook of 256 f32";
  }
  return "";
}

void PanelsAttr::pack(ArrayRef<lm::WeightData> params, std::vector<char> &out) const {
  LinearSpec spec = linearSpec(getMatrix(), getBias());
  switch (spec.format) {
  case WeightFormat::F32:
    packFloats(spec, params[0].f32, out);
    break;
  case WeightFormat::Bf16:
    packHalves(spec, params[0].f32, out);
    break;
  case WeightFormat::S8Rows:
    packCodes(spec, params[0], out);
    break;
  case WeightFormat::Blocks:
  case WeightFormat::Codes:
    packSparse(spec, params[0], out);
    break;
  case WeightFormat::Grouped:
    packGroups(spec, params[0], out);
    break;
  case WeightFormat::Codebook:
    packCodebook(spec, params[0], out);
    break;
  }
  if (spec.bias)
    llvm::copy(params[1].f32, floatsAt(out, spec.biasOffset()));
}

} // namespace lmopt::cpu
