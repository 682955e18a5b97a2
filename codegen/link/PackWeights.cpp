// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packing; see PackWeights.h and the pictures in codegen/cpu/Kernels.h.
#include "codegen/link/PackWeights.h"

#include <cmath>
#include <cstring>
#include <deque>
#include <future>

using namespace mlir;

namespace lmopt::link {

namespace {

using cpu::kLanes;

float *floatsAt(std::vector<char> &bytes, int64_t offset) { return reinterpret_cast<float *>(bytes.data() + offset); }

void packBias(const cpu::LinearSpec &spec, const std::vector<float> &bias, std::vector<char> &out) {
  std::copy(bias.begin(), bias.end(), floatsAt(out, spec.biasOffset()));
}

// A step is [16]: element (n, k) at panel n / 16, lane n % 16.
void packFloats(const cpu::LinearSpec &spec, const std::vector<float> &matrix, std::vector<char> &out) {
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
void packHalves(const cpu::LinearSpec &spec, const std::vector<float> &matrix, std::vector<char> &out) {
  for (int64_t n = 0; n < spec.outputs; ++n) {
    const float *row = matrix.data() + n * spec.inputs;
    char *column = out.data() + spec.unitOffset(n / kLanes, 0) + n % kLanes * 4;
    int64_t stride = spec.unitStride(n / kLanes);
    for (int64_t k = 0; k < spec.inputs; ++k)
      std::memcpy(column + k / 2 * stride + k % 2 * 2, reinterpret_cast<const char *>(row + k) + 2, 2);
  }
}

// A step is [16][4]; then scales and sums of codes for each output.
void packCodes(const cpu::LinearSpec &spec, const lm::WeightData &data, std::vector<char> &out) {
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

/// The 16 bits of an f16 for a float that f16 can hold.
uint16_t halfBits(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude < 0x38800000) // below 2^-14: a multiple of 2^-24
    return sign | static_cast<uint32_t>(std::fabs(x) * 0x1p24f);
  return sign | ((magnitude - 0x38000000) >> 13);
}

// One row of one group at `block`: codes in steps of four inputs, then scale and minimum.
void packGroup(const cpu::LinearSpec &spec, const int8_t *codes, int64_t lane, char *block) {
  const int offset = spec.bits == 8 ? 128 : spec.hasMin ? 0 : 8;
  auto *to = reinterpret_cast<uint8_t *>(block) + lane * 4;
  for (int64_t k = 0; k < spec.group; k += 4) {
    for (int64_t i = 0; i < 4; ++i) {
      int code = codes[k + i] + offset;
      if (spec.bits == 8)
        to[k / 4 * 64 + i] = code;
      else
        to[k / 8 * 64 + i] |= k % 8 ? code << 4 : code;
    }
  }
}

// [panel][group]: codes, scales, minima.
void packGroups(const cpu::LinearSpec &spec, const lm::WeightData &data, std::vector<char> &out) {
  const int64_t groups = spec.inputs / spec.group;
  for (int64_t n = 0; n < spec.outputs; ++n)
    for (int64_t g = 0; g < groups; ++g) {
      char *block = out.data() + spec.unitOffset(n / kLanes, g);
      packGroup(spec, data.s8.data() + n * spec.inputs + g * spec.group, n % kLanes, block);
      auto *halves = reinterpret_cast<uint16_t *>(block + spec.groupCodeBytes()) + n % kLanes;
      halves[0] = halfBits(data.scales[n * groups + g]);
      if (spec.hasMin)
        halves[kLanes] = halfBits(data.minima[n * groups + g]);
    }
}

LogicalResult packLinear(const lower::PackedWeight &weight, lm::WeightReader &reader, std::vector<char> &out) {
  FailureOr<lm::WeightData> matrix = reader.read(lm::ParamOp(weight.params[0]));
  if (failed(matrix))
    return failure();
  switch (weight.linear.format) {
  case cpu::WeightFormat::F32:
    packFloats(weight.linear, matrix->f32, out);
    break;
  case cpu::WeightFormat::Bf16:
    packHalves(weight.linear, matrix->f32, out);
    break;
  case cpu::WeightFormat::S8Rows:
    packCodes(weight.linear, *matrix, out);
    break;
  case cpu::WeightFormat::Grouped:
    packGroups(weight.linear, *matrix, out);
    break;
  }
  if (!weight.linear.bias)
    return success();
  FailureOr<lm::WeightData> bias = reader.read(lm::ParamOp(weight.params[1]));
  if (failed(bias))
    return failure();
  packBias(weight.linear, bias->f32, out);
  return success();
}

LogicalResult packRows(const lower::PackedWeight &weight, lm::WeightReader &reader, std::vector<char> &out) {
  FailureOr<lm::WeightData> data = reader.read(lm::ParamOp(weight.params[0]));
  if (failed(data))
    return failure();
  int64_t columns = weight.kind == lower::PackedWeight::Table ? data->columns() : data->f32.size();
  int64_t rows = data->f32.size() / columns;
  for (int64_t r = 0; r < rows; ++r)
    std::copy_n(data->f32.data() + r * columns, columns, floatsAt(out, r * cpu::floatRowBytes(columns)));
  return success();
}

// cos and sin of low = 0 .. 63 and of high * 64; the attention factor goes into the low table only, since every turn is
// a product of one low and one high entry (cos of a sum is linear in the low pair).
void packRopeTable(const lower::PackedWeight &weight, const lm::RopeFrequencies &rope, int64_t begin,
                   std::vector<char> &out) {
  int64_t rowFloats = weight.rope.rowBytes() / 4, high = weight.rope.highRows(), low = cpu::RopeTable::kLow;
  auto fill = [&](int64_t firstRow, int64_t rows, double stride, double factor) {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t d = 0; d < weight.rope.halfDims; ++d) {
        double angle = r * stride * rope.frequencies[d];
        floatsAt(out, begin)[(firstRow + r) * rowFloats + d] = factor * std::cos(angle);
        floatsAt(out, begin)[(firstRow + rows + r) * rowFloats + d] = factor * std::sin(angle);
      }
  };
  // The factor belongs to query and key each, as the dialect says.
  fill(0, low, 1, rope.attentionFactor);
  fill(2 * low, high, low, 1);
}

// The tables of short sequences, and of long ones where they differ.
void packRope(const lower::PackedWeight &weight, std::vector<char> &out) {
  int64_t lengths[] = {weight.rope.switchPositions, weight.rope.positions};
  for (int64_t i = 0; i < weight.rope.tables(); ++i)
    packRopeTable(weight, lm::computeRopeFrequencies(weight.ropeAttr, lengths[i]), i * weight.rope.oneTableBytes(),
                  out);
}
} // namespace

FailureOr<std::vector<char>> packWeight(const lower::PackedWeight &weight, lm::WeightReader &reader) {
  std::vector<char> out(weight.bytes, 0);
  LogicalResult ok = success();
  switch (weight.kind) {
  case lower::PackedWeight::Linear:
    ok = packLinear(weight, reader, out);
    break;
  case lower::PackedWeight::Vector:
  case lower::PackedWeight::Table:
    ok = packRows(weight, reader, out);
    break;
  case lower::PackedWeight::Rope:
    packRope(weight, out);
    break;
  }
  if (failed(ok))
    return failure();
  return out;
}

LogicalResult packWeights(const lower::Plan &plan, lm::WeightReader &reader,
                          const std::function<LogicalResult(int64_t, const std::vector<char> &)> &write) {
  std::deque<std::future<FailureOr<std::vector<char>>>> inPreparation;
  size_t next = 0;
  auto start = [&] {
    if (next < plan.weights.size()) {
      const lower::PackedWeight &weight = plan.weights[next++];
      inPreparation.push_back(std::async(std::launch::async, [&] { return packWeight(weight, reader); }));
    }
  };
  start();
  start();
  LogicalResult ok = success();
  for (const lower::PackedWeight &weight : plan.weights) {
    if (inPreparation.empty())
      break;
    FailureOr<std::vector<char>> bytes = inPreparation.front().get();
    inPreparation.pop_front();
    if (failed(bytes) || failed(write(weight.offset, *bytes))) {
      ok = failure();
      break;
    }
    start();
  }
  return ok; // futures still running are waited for by their destructors
}

} // namespace lmopt::link
