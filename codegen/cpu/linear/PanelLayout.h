// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The matrix of a linear, and its bias if any, in panels of 16 outputs; the pictures are in LinearSpec.h.
// Tested by test/unit/codegen/PackWeightsTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_LINEAR_PANELLAYOUT_H
#define LMOPT_CODEGEN_CPU_LINEAR_PANELLAYOUT_H

#include "codegen/cpu/WeightLayout.h"
#include "codegen/cpu/linear/LinearSpec.h"

namespace lmopt::cpu {

/// Params: matrix, or matrix and bias.
class PanelLayout : public WeightLayout {
public:
  explicit PanelLayout(const LinearSpec &spec) : spec(spec) {}
  int64_t bytes() const override { return spec.bytes(); }
  std::string describe() const override;
  void pack(llvm::ArrayRef<lm::WeightData> params, std::vector<char> &out) const override;

private:
  LinearSpec spec;
};

} // namespace lmopt::cpu

#endif
