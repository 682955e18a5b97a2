// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of turns that rope needs, made of its attribute alone; the picture is RopeTable's in AttentionSpec.h.
// Tested by test/unit/codegen/PackWeightsTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_ATTENTION_ROPELAYOUT_H
#define LMOPT_CODEGEN_CPU_ATTENTION_ROPELAYOUT_H

#include "codegen/cpu/WeightLayout.h"
#include "codegen/cpu/attention/AttentionSpec.h"

namespace lmopt::cpu {

/// No params.
class RopeLayout : public WeightLayout {
public:
  RopeLayout(lm::RopeAttr rope, const RopeTable &table) : rope(rope), table(table) {}
  int64_t bytes() const override { return table.bytes(); }
  std::string describe() const override { return "f32 cos and sin"; }
  void pack(llvm::ArrayRef<lm::WeightData> params, std::vector<char> &out) const override;

private:
  lm::RopeAttr rope;
  RopeTable table;
};

} // namespace lmopt::cpu

#endif
