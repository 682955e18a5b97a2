// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of turns that rope needs. Tested by test/codegen/cpu/layouts.mlir and test/unit/codegen/PackWeightsTest.cpp.

#ifndef LMOPT_CODEGEN_CPU_ATTENTION_ATTENTION_TD
#define LMOPT_CODEGEN_CPU_ATTENTION_ATTENTION_TD

include "codegen/cpu/CpuDialect.td"

def Cpu_RopeTableAttr : Cpu_Layout<"RopeTable", "rope"> {
  let summary = "cos and sin of every position, as products of two small tables";
  let description = [{
    `#cpu.rope<#lm.rope<...>, positions = 8192>`: made of the attribute alone, so the weight has no params; the picture is
    RopeTurns' in AttentionSpec.h. `switch` not 0: longer sequences are turned by a second table.

    Constraints:
    - C1: positions are 1 to 2^31, and the switch, if any, lies below.
  }];
  let parameters = (ins "::lmopt::lm::RopeAttr":$rope, "int64_t":$positions,
                        DefaultValuedParameter<"int64_t", "0">:$switchPositions);
  let assemblyFormat = "`<` qualified($rope) `,` `positions` `=` $positions (`,` `switch` `=` $switchPositions^)? `>`";
  let genVerifyDecl = 1;
}

#endif // LMOPT_CODEGEN_CPU_ATTENTION_ATTENTION_TD
