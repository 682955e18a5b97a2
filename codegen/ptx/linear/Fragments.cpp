// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packing; see Fragments.h.
#include "codegen/ptx/linear/Fragments.h"

#include <algorithm>
#include <cstring>

namespace lmopt::nvptx {

namespace {

class Packer {
public:
  Packer(const LinearSpec &spec, const LinearNumbers &numbers)
      : spec(spec), numbers(numbers), bytes(static_cast<size_t>(spec.bytes())) {}

  std::vector<char> run() {
    for (int64_t tile = 0; tile < spec.tiles(); ++tile)
      for (int64_t slice = 0; slice < spec.slices(); ++slice)
        for (int64_t lane = 0; lane < 32; ++lane)
          spec.format == WeightFormat::F32 ? packFloats(tile, slice, lane) : packOperand(tile, slice, lane);
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

  void packRows() {
    auto put = [&](int64_t offset, const void *from) {
      std::memcpy(bytes.data() + offset, from, static_cast<size_t>(4 * spec.outputs));
    };
    if (spec.bias)
      put(spec.biasOffset(), numbers.bias);
    if (!spec.isInteger())
      return;
    put(spec.scaleOffset(), numbers.scales);
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

std::string wordOf(const LinearSpec &spec) {
  const char *format = spec.format == WeightFormat::F32 ? "f32" : spec.format == WeightFormat::Bf16 ? "bf16" : "u8s8";
  return std::string(format) + "_n" + std::to_string(spec.outputs) + "_k" + std::to_string(spec.inputs) +
         (spec.bias ? "_bias" : "");
}

std::vector<char> packFragments(const LinearSpec &spec, const LinearNumbers &numbers) {
  return Packer(spec, numbers).run();
}

} // namespace lmopt::nvptx
