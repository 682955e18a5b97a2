// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An int8 matrix packed without its zeros; the pictures are in LinearSpec.h. Tested by
// test/unit/codegen/SparseKernelTest.cpp.
#include "codegen/cpu/linear/LinearModel.h"

#include <cstring>

namespace lmopt::cpu {

namespace {

/// One step of a panel: [16][4] codes.
struct Unit {
  int8_t codes[kLanes][4] = {};

  Unit(const LinearSpec &spec, const lm::WeightData &data, int64_t panel, int64_t step) {
    for (int64_t n = panel * kLanes; n < std::min((panel + 1) * kLanes, spec.outputs); ++n)
      for (int64_t k = 4 * step; k < std::min(4 * step + 4, spec.inputs); ++k)
        codes[n % kLanes][k % 4] = data.s8[n * spec.inputs + k];
  }
  bool isZero() const {
    return std::all_of(&codes[0][0], &codes[0][0] + 64, [](int8_t code) { return code == 0; });
  }
};

class SparsePacker {
public:
  SparsePacker(const LinearSpec &spec, const lm::WeightData &data, std::vector<char> &out)
      : spec(spec), data(data), out(out) {}

  void pack() {
    packOutputs();
    for (int64_t panel = 0; panel < spec.panels(); ++panel) {
      begins()[panel] = stored;
      for (int64_t step = 0; step < spec.sparseSteps(); ++step)
        spec.format == WeightFormat::Codes ? addCodes(panel, step) : addBlock(panel, step);
    }
    begins()[spec.panels()] = stored;
  }

private:
  const LinearSpec &spec;
  const lm::WeightData &data;
  std::vector<char> &out;
  int64_t stored = 0;

  int64_t *begins() { return reinterpret_cast<int64_t *>(out.data() + spec.beginsOffset()); }

  void packOutputs() {
    int32_t *sums = reinterpret_cast<int32_t *>(out.data() + spec.sumOffset());
    for (int64_t n = 0; n < spec.outputs; ++n) {
      floatsAt(out, spec.scaleOffset())[n] = data.scales[n];
      for (int64_t k = 0; k < spec.inputs; ++k)
        sums[n] += data.s8[n * spec.inputs + k];
    }
  }

  void addBlock(int64_t panel, int64_t step) {
    Unit unit(spec, data, panel, step);
    if (unit.isZero())
      return;
    reinterpret_cast<uint16_t *>(out.data() + spec.placesOffset())[stored] = static_cast<uint16_t>(step);
    std::memcpy(out.data() + spec.storedOffset() + 64 * stored, unit.codes, 64);
    ++stored;
  }

  void addCodes(int64_t panel, int64_t step) {
    Unit unit(spec, data, panel, step);
    uint64_t mask = 0;
    for (int64_t i = 0; i < 64; ++i)
      if (int8_t code = unit.codes[i / 4][i % 4]) {
        mask |= uint64_t(1) << i;
        out[spec.storedOffset() + stored++] = static_cast<char>(code);
      }
    reinterpret_cast<uint64_t *>(out.data() + spec.placesOffset())[panel * spec.sparseSteps() + step] = mask;
  }
};
} // namespace

void packSparse(const LinearSpec &spec, const lm::WeightData &data, std::vector<char> &out) {
  SparsePacker(spec, data, out).pack();
}

} // namespace lmopt::cpu
