// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random weights in groups, for tests of products with them and of tables that lie so.
#ifndef LMOPT_TEST_UNIT_CODEGEN_PTX_GROUPEDWEIGHTS_H
#define LMOPT_TEST_UNIT_CODEGEN_PTX_GROUPEDWEIGHTS_H

#include "codegen/ptx/linear/Fragments.h"

#include <cmath>
#include <random>
#include <string>

namespace lmopt::kerneltest {

struct GroupFormat {
  const char *name;
  int64_t bits, group;
  bool hasMin, smallScales, codebook = false;

  nvptx::LinearSpec spec(int64_t outputs, int64_t inputs, bool bias) const {
    return {outputs, inputs, nvptx::WeightFormat::Grouped, bias, bits, group, hasMin, smallScales, codebook};
  }
};

inline std::vector<GroupFormat> groupFormats() {
  return {{"Eight", 8, 32, false, false},
          {"EightIn128", 8, 128, false, false},
          {"Four", 4, 32, false, false},
          {"FourIn64", 4, 64, false, false},
          {"FourIn256", 4, 256, false, false},
          {"FourWithMinima", 4, 32, true, false},
          {"FourWithMinimaIn128", 4, 128, true, false},
          {"SmallScales", 4, 32, true, true},
          {"EightIn16", 8, 16, false, false},
          {"EightWithMinima", 8, 32, true, false},
          {"FourIn16", 4, 16, false, false},
          {"FourWithMinimaIn16", 4, 16, true, false}};
}

/// Codes that are numbers of entries.
inline std::vector<GroupFormat> codebookFormats() {
  return {{"Codebook16", 4, 32, false, false, true}, {"Codebook16In128", 4, 128, false, false, true},
          {"Codebook8", 3, 32, false, false, true},  {"Codebook8In64", 3, 64, false, false, true},
          {"Codebook4", 2, 32, false, false, true},  {"Codebook4In128", 2, 128, false, false, true}};
}

struct GroupedWeights {
  nvptx::LinearSpec spec;
  std::vector<int8_t> codes;
  std::vector<float> scales, minima, units, bias, table;

  GroupedWeights(const nvptx::LinearSpec &spec, unsigned seed) : spec(spec) {
    std::mt19937 random(seed);
    int least = spec.bits == 8 ? -128 : spec.hasMin || spec.codebook ? 0 : -8;
    for (int64_t i = 0; i < int64_t(1) << spec.bits && spec.codebook; ++i)
      table.push_back(i == 0 ? -127 : float(int(random() % 255) - 127));
    for (int64_t i = 0; i < spec.outputs * spec.inputs; ++i)
      codes.push_back(int8_t(least + int(random() % (1U << spec.bits))));
    for (int64_t n = 0; n < spec.outputs; ++n) {
      bias.push_back(float(random() % 1000) * 0.01F);
      units.push_back(std::ldexp(float(random() % 0xffff), -24)); // its last 8 bits zero
      for (int64_t g = 0; g < spec.groups(); ++g)
        spec.smallScales ? addSmall(random) : addHalves(random);
    }
  }
  std::vector<char> packed() const {
    return packFragments(spec, {codes.data(), scales.data(), bias.data(), minima.data(), units.data(), table.data()});
  }
  /// Or the entry that it names.
  int code(int64_t n, int64_t k) const {
    int code = codes[size_t(n * spec.inputs + k)];
    return spec.codebook ? int(table[size_t(code)]) : code;
  }
  size_t groupOf(int64_t n, int64_t k) const { return size_t(n * spec.groups() + k / spec.group); }
  /// What code times scale, and minimum, are in f32.
  float number(int64_t n, int64_t k) const {
    volatile float product = float(code(n, k)) * scales[groupOf(n, k)]; // no fused operation
    return spec.hasMin ? product + minima[groupOf(n, k)] : product;
  }

private:
  // Numbers that f16 holds: any of 11 bits, small ones and zeros among them.
  static float half(std::mt19937 &random) {
    return std::ldexp(float(random() % 2048), -int(random() % 15) - 10) * float(random() % 16 != 0);
  }
  void addHalves(std::mt19937 &random) { scales.push_back(half(random)), minima.push_back(-half(random)); }
  void addSmall(std::mt19937 &random) {
    scales.push_back(units.back() * float(random() % 256));
    minima.push_back(scales.back() * (float(random() % 256) * -0.0625F));
  }
};

} // namespace lmopt::kerneltest

#endif // LMOPT_TEST_UNIT_CODEGEN_PTX_GROUPEDWEIGHTS_H
