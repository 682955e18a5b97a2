// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a weight lies in an artifact: its size, its bytes, and what is said of it. One class a layout, in the folder of
// the family whose kernels read it; who lists, packs or compares weights asks here and knows none of them.
//
// In: the numbers of the params that a weight is made of. Out: its bytes. Tested by
// test/unit/codegen/PackWeightsTest.cpp, layout by layout.
#ifndef LMOPT_CODEGEN_CPU_WEIGHTLAYOUT_H
#define LMOPT_CODEGEN_CPU_WEIGHTLAYOUT_H

#include "dialects/lm/Weights.h"

#include <memory>
#include <string>
#include <vector>

namespace lmopt::cpu {

class WeightLayout {
public:
  virtual ~WeightLayout() = default;

  virtual int64_t bytes() const = 0;
  /// Layouts whose bytes differ for the same numbers say so here; `lmopt inspect` shows it.
  virtual std::string describe() const = 0;
  /// `params` in the order of PackedWeight::params; `out` holds bytes() zeros.
  virtual void pack(llvm::ArrayRef<lm::WeightData> params, std::vector<char> &out) const = 0;
};

inline float *floatsAt(std::vector<char> &bytes, int64_t offset) {
  return reinterpret_cast<float *>(bytes.data() + offset);
}

} // namespace lmopt::cpu

#endif
