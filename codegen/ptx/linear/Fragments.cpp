// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packing; see Fragments.h.
#include "codegen/ptx/linear/Fragments.h"

#include "codegen/Halves.h"
#include "codegen/ptx/linear/Codebook.h"
#include "codegen/ptx/linear/SparseDecode.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace lmopt::nvptx {

namespace {

class Packer {
public:
  Packer(const LinearSpec &spec, const LinearNumbers &numbers)
      : spec(spec), numbers(numbers), bytes(static_cast<size_t>(spec.bytes())) {}

  std::vector<char> run() {
    if (spec.isBlocks())
      packBlocks(spec, static_cast<const int8_t *>(numbers.weights), bytes);
    for (int64_t tile = 0; tile < spec.tiles() && !spec.isBlocks(); ++tile)
      for (int64_t slice = 0; slice < spec.slices(); ++slice)
        for (int64_t lane = 0; lane < 32; ++lane)
          packLane(tile, slice, lane);
    packRows();
    return std::move(bytes);
  }

private:
  const LinearSpec &spec;
  const LinearNumbers &numbers;
  std::vector<char> bytes;

  char *at(int64_t tile, int64_t slice, int64_t lane) {
    return bytes.data() + ((tile * spec.slices() + slice) * 32 + lane) * 16;
  }

  void packLane(int64_t tile, int64_t slice, int64_t lane) {
    if (spec.format == WeightFormat::F32)
      packFloats(tile, slice, lane);
    else if (spec.isCodebook())
      packNumbers(tile, slice, lane);
    else if (spec.codebook)
      packEntryNumbers(spec, static_cast<const uint8_t *>(numbers.weights), tile, slice, lane, bytes);
    else if (spec.isGrouped() && spec.bits == 4)
      packNibbles(tile, slice, lane);
    else
      packOperand(tile, slice, lane);
  }

  // What mma.sync calls a0 to a3: four neighbouring bytes of two rows, twice.
  void packOperand(int64_t tile, int64_t slice, int64_t lane) {
    int64_t width = spec.inputs * spec.numberBytes();
    for (int64_t part = 0; part < 4; ++part) {
      int64_t row = tile * LinearSpec::kTile + lane / 4 + part % 2 * 8,
              first = slice * 32 + part / 2 * 16 + lane % 4 * 4;
      int64_t count = std::clamp<int64_t>(width - first, 0, 4);
      if (row < spec.outputs)
        std::memcpy(at(tile, slice, lane) + 4 * part, static_cast<const char *>(numbers.weights) + row * width + first,
                    static_cast<size_t>(count));
    }
  }

  void packFloats(int64_t tile, int64_t slice, int64_t lane) {
    int64_t input = slice * 8 + lane / 4;
    for (int64_t i = 0; i < 4; ++i) {
      int64_t output = tile * LinearSpec::kTile + lane % 4 * 4 + i;
      if (output < spec.outputs && input < spec.inputs)
        std::memcpy(at(tile, slice, lane) + 4 * i,
                    static_cast<const float *>(numbers.weights) + output * spec.inputs + input, 4);
    }
  }

  void packNumbers(int64_t tile, int64_t slice, int64_t lane) {
    for (int64_t i = 0; i < 16; ++i) {
      int64_t input = slice * 32 + i / 4 * 8 + lane / 4, output = tile * LinearSpec::kTile + lane % 4 * 4 + i % 4;
      if (output < spec.outputs && input < spec.inputs)
        at(tile, slice, lane)[i] = static_cast<const char *>(numbers.weights)[output * spec.inputs + input];
    }
  }

  // As packOperand, with the next 32 inputs in the high halves.
  void packNibbles(int64_t tile, int64_t slice, int64_t lane) {
    for (int64_t i = 0; i < 16; ++i) {
      int64_t part = i / 4, row = tile * LinearSpec::kTile + lane / 4 + part % 2 * 8,
              input = slice * 64 + part / 2 * 16 + lane % 4 * 4 + i % 4;
      if (row < spec.outputs)
        at(tile, slice, lane)[i] = static_cast<char>((code(row, input) & 15) | (code(row, input + 32) & 15) << 4);
    }
  }
  int code(int64_t row, int64_t input) const {
    return input < spec.inputs ? static_cast<const int8_t *>(numbers.weights)[row * spec.inputs + input] : 0;
  }

  void packGroups() {
    for (int64_t n = 0; n < spec.outputs; ++n)
      for (int64_t g = 0; g < spec.groups(); ++g) {
        int64_t tile = n / LinearSpec::kTile, lane = n % LinearSpec::kTile;
        char *to = bytes.data() + spec.scaleOffset() + (tile * spec.groups() + g) * spec.scaleBytes();
        spec.smallScales ? packSmall(n, g, to + lane) : packHalves(n, g, to + 2 * lane);
      }
  }
  void packHalves(int64_t output, int64_t group, char *to) {
    uint16_t scale = halfBits(numbers.scales[output * spec.groups() + group]);
    std::memcpy(to, &scale, 2);
    if (!spec.hasMin)
      return;
    uint16_t minimum = halfBits(numbers.minima[output * spec.groups() + group]);
    std::memcpy(to + spec.minOffset(), &minimum, 2);
  }
  // Both are exact multiples.
  void packSmall(int64_t output, int64_t group, char *to) {
    int64_t place = output * spec.groups() + group;
    float scale = numbers.scales[place], unit = numbers.units[output];
    to[0] = static_cast<char>(unit == 0 ? 0 : std::lround(scale / unit));
    to[spec.minOffset()] = static_cast<char>(scale == 0 ? 0 : std::lround(-16 * numbers.minima[place] / scale));
  }

  void packRows() {
    auto put = [&](int64_t offset, const void *from) {
      std::memcpy(bytes.data() + offset, from, static_cast<size_t>(4 * spec.outputs));
    };
    if (spec.bias)
      put(spec.biasOffset(), numbers.bias);
    if (spec.isGrouped())
      packGroups();
    if (spec.smallScales)
      put(spec.unitOffset(), numbers.units);
    if (spec.codebook)
      for (int64_t i = 0; i < int64_t(1) << spec.bits; ++i)
        bytes[static_cast<size_t>(spec.tableOffset() + i)] = static_cast<char>(static_cast<int>(numbers.table[i]));
    if (spec.isCodebook())
      std::memcpy(bytes.data() + spec.tableOffset(), numbers.table, static_cast<size_t>(spec.tableBytes()));
    if (spec.isInteger() || spec.isCodebook())
      put(spec.scaleOffset(), numbers.scales);
    if (!spec.isInteger())
      return;
    std::vector<int32_t> sums;
    const auto *codes = static_cast<const int8_t *>(numbers.weights);
    for (int64_t n = 0; n < spec.outputs; ++n) {
      sums.push_back(0);
      for (int64_t k = 0; k < spec.inputs; ++k)
        sums.back() += codes[n * spec.inputs + k];
    }
    put(spec.sumOffset(), sums.data());
  }
};

} // namespace

static std::string formatOf(const LinearSpec &spec) {
  switch (spec.format) {
  case WeightFormat::F32:
    return "f32";
  case WeightFormat::Bf16:
    return "bf16";
  case WeightFormat::S8Rows:
    return "u8s8";
  case WeightFormat::Codebook:
    return "f32codebook";
  case WeightFormat::Blocks:
    return "u8s8blocks";
  case WeightFormat::Grouped:
    return "s8u" + std::to_string(spec.bits) + "g" + std::to_string(spec.group) +
           (spec.codebook      ? "codebook"
            : spec.smallScales ? "small"
            : spec.hasMin      ? "min"
                               : "");
  }
  return "";
}

std::string wordOf(const LinearSpec &spec) {
  return formatOf(spec) + "_n" + std::to_string(spec.outputs) + "_k" + std::to_string(spec.inputs) +
         (spec.bias ? "_bias" : "");
}

std::vector<char> packFragments(const LinearSpec &spec, const LinearNumbers &numbers) {
  return Packer(spec, numbers).run();
}

} // namespace lmopt::nvptx
