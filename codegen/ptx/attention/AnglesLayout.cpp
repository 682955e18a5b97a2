// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of angles that rope needs, computed (#ptx.angles); the picture is in AttentionSpec.h.
// Tested by test/codegen/ptx/layouts.mlir and all models compiled for GPUs.
#include "codegen/ptx/Ptx.h"

#include <cmath>

using namespace mlir;

namespace lmopt::nvptx {

static int64_t tableFloats(AnglesAttr angles) {
  return angles.getPositions() * static_cast<int64_t>(angles.getRope().getDims());
}

LogicalResult AnglesAttr::verify(function_ref<InFlightDiagnostic()> emitError, lm::RopeAttr, int64_t positions,
                                 int64_t switchPositions) {
  if (positions > 0 && positions <= int64_t(1) << 31 && switchPositions >= 0 && switchPositions < positions)
    return success();
  return emitError() << "C1: expected 1 to 2^31 positions and a switch below, but found " << positions << " and "
                     << switchPositions;
}

int64_t AnglesAttr::getBytes() const { return 4 * tableFloats(*this) * (getSwitchPositions() ? 2 : 1); }
std::string AnglesAttr::describe() const { return "f32 cos and sin"; }

namespace {
struct Turn {
  float cos, sin;
  Turn(double angle, double factor)
      : cos(static_cast<float>(factor * std::cos(angle))), sin(static_cast<float>(factor * std::sin(angle))) {}
};
} // namespace

// Each product rounded, and their sum: the numbers that CPUs make of their two tables (RopeTable in
// codegen/cpu/attention), so that a turned head has the same bits.
static void putTurn(const Turn &high, const Turn &low, float *to) {
  float cosines = high.cos * low.cos, sines = high.sin * low.sin;
  float crossed = high.sin * low.cos, other = high.cos * low.sin;
  to[0] = cosines - sines;
  to[1] = crossed + other;
}

// The factor belongs to query and key each, as the dialect says.
static void packTable(AnglesAttr angles, const lm::RopeFrequencies &rope, float *to) {
  constexpr int64_t kLow = 64;
  for (int64_t position = 0; position < angles.getPositions(); ++position)
    for (double frequency : rope.frequencies) {
      auto low = static_cast<double>(position % kLow), high = static_cast<double>(position - position % kLow);
      putTurn(Turn(high * frequency, 1), Turn(low * frequency, rope.attentionFactor), to);
      to += 2;
    }
}

// That of short sequences, and that of long ones where they differ.
void AnglesAttr::pack(ArrayRef<lm::WeightData>, std::vector<char> &out) const {
  auto *to = reinterpret_cast<float *>(out.data());
  if (getSwitchPositions()) {
    packTable(*this, lm::computeRopeFrequencies(getRope(), getSwitchPositions()), to);
    to += tableFloats(*this);
  }
  packTable(*this, lm::computeRopeFrequencies(getRope(), getPositions()), to);
}

} // namespace lmopt::nvptx
