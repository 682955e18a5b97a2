// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of turns that rope needs, and what biases of positions need. Tested by test/codegen/cpu/layouts.mlir and test/unit/codegen/PackWeightsTest.cpp.

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

def Cpu_SlopesAttr : Cpu_Layout<"Slopes", "slopes"> {
  let summary = "a slope for each head";
  let description = [{
    `#cpu.slopes<#lm.alibi<...>>`: f32, made of the attribute alone, so the weight has no params.
  }];
  let parameters = (ins "::lmopt::lm::AlibiAttr":$alibi);
  let assemblyFormat = "`<` qualified($alibi) `>`";
}

def Cpu_DistancesAttr : Cpu_Layout<"Distances", "distances"> {
  let summary = "a table of distances in rows that go on as they end, so that any 16 neighbours are one load";
  let description = [{
    `#cpu.distances<tensor<12x257xf32>>`: the param of the weight has that type; the picture is DistanceRows' in
    AttentionSpec.h.

    Constraints:
    - C1: the type is a matrix of f32 with an odd number of columns.
  }];
  let parameters = (ins "::mlir::RankedTensorType":$table);
  let assemblyFormat = "`<` $table `>`";
  let genVerifyDecl = 1;
}

#endif // LMOPT_CODEGEN_CPU_ATTENTION_ATTENTION_TD
