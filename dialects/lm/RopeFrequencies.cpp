// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Frequencies of rotary positions for all scaling kinds. In: a #lm.rope attribute and the length of the sequence.
// Out: theta_i for i < dims / 2 and the attention factor. From: RoFormer (theta_i = base^(-2i/d)); YaRN, section 3.2;
// Hugging Face transformers, modeling_rope_utils.py, whose numbers these are (there computed in f32, here in f64).
// Tested by test/unit/dialects/RopeTest.cpp against values that transformers computed.

#include "dialects/lm/LmDialect.h"

using namespace lmopt::lm;

static double pi() { return std::acos(-1.0); }

/// The dimension (not rounded) whose wavelength makes `rotations` turns within the original length.
static double yarnDimension(double rotations, int64_t dims, double base, double originalPositions) {
  return dims * std::log(originalPositions / (rotations * 2 * pi())) / (2 * std::log(base));
}

/// theta' = theta / s * ramp + theta * (1 - ramp), the ramp rising from 0 at `low` to 1 at `high`.
static void scaleYarn(RopeFrequencies &rope, RopeScalingAttr scaling, int64_t dims, double base) {
  double length = double(scaling.getOriginalPositions());
  double low = std::max(std::floor(yarnDimension(scaling.getBetaFast(), dims, base, length)), 0.0);
  double high = std::min(std::ceil(yarnDimension(scaling.getBetaSlow(), dims, base, length)), double(dims - 1));
  if (low == high)
    high += 0.001; // as Hugging Face: a ramp of no width would divide by zero
  for (auto [i, theta] : llvm::enumerate(rope.frequencies)) {
    double ramp = std::clamp((double(i) - low) / (high - low), 0.0, 1.0);
    theta = theta / scaling.getFactor() * ramp + theta * (1 - ramp);
  }
  rope.attentionFactor = scaling.getFactor() <= 1 ? 1.0 : 0.1 * std::log(scaling.getFactor()) + 1;
}

/// Long waves are stretched, short ones kept, those between interpolated.
static void scaleLlama3(RopeFrequencies &rope, RopeScalingAttr scaling) {
  double length = double(scaling.getOriginalPositions());
  double low = scaling.getLowFrequency(), high = scaling.getHighFrequency(), factor = scaling.getFactor();
  for (double &theta : rope.frequencies) {
    double wavelength = 2 * pi() / theta;
    double t = std::clamp((length / wavelength - low) / (high - low), 0.0, 1.0);
    theta = (1 - t) * theta / factor + t * theta;
  }
}

static void scaleLongrope(RopeFrequencies &rope, RopeScalingAttr scaling, int64_t length) {
  bool isLong = length > scaling.getOriginalPositions();
  llvm::ArrayRef<Real> factors = isLong ? scaling.getLongFactors() : scaling.getShortFactors();
  for (auto [theta, factor] : llvm::zip(rope.frequencies, factors))
    theta /= factor;
  if (scaling.getFactor() > 1)
    rope.attentionFactor =
        std::sqrt(1 + std::log(scaling.getFactor()) / std::log(double(scaling.getOriginalPositions())));
}

/// The base of dynamic NTK scaling for sequences of `length`; the original one up to the original length.
static double dynamicBase(double base, int64_t dims, RopeScalingAttr scaling, int64_t length) {
  double original = double(scaling.getOriginalPositions());
  if (length <= scaling.getOriginalPositions() || dims <= 2)
    return base;
  double stretch = scaling.getFactor() * double(length) / original - (scaling.getFactor() - 1);
  return base * std::pow(stretch, double(dims) / double(dims - 2));
}

RopeFrequencies lmopt::lm::computeRopeFrequencies(RopeAttr rope, int64_t length) {
  RopeScalingAttr scaling = rope.getScaling();
  int64_t dims = rope.getDims();
  double base = rope.getBase();
  if (scaling && scaling.getKind() == RopeScalingKind::dynamic)
    base = dynamicBase(base, dims, scaling, length);

  RopeFrequencies result;
  for (int64_t i = 0; i < dims / 2; ++i)
    result.frequencies.push_back(std::pow(base, -2.0 * double(i) / double(dims)));
  if (!scaling)
    return result;

  switch (scaling.getKind()) {
  case RopeScalingKind::linear:
    for (double &theta : result.frequencies)
      theta /= scaling.getFactor();
    break;
  case RopeScalingKind::dynamic:
    break; // the base has it
  case RopeScalingKind::yarn:
    scaleYarn(result, scaling, dims, base);
    break;
  case RopeScalingKind::llama3:
    scaleLlama3(result, scaling);
    break;
  case RopeScalingKind::longrope:
    scaleLongrope(result, scaling, length);
    break;
  }
  if (scaling.getAttentionFactor())
    result.attentionFactor = *scaling.getAttentionFactor();
  return result;
}
