// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of angles that rope needs, and the slopes of biases. Tested by test/codegen/ptx/layouts.mlir.

#ifndef LMOPT_CODEGEN_PTX_ATTENTION_ATTENTION_TD
#define LMOPT_CODEGEN_PTX_ATTENTION_ATTENTION_TD

include "codegen/ptx/PtxDialect.td"

def Ptx_AnglesAttr : Ptx_Layout<"Angles", "angles"> {
  let summary = "cos and sin of every position";
  let description = [{
    `#ptx.angles<#lm.rope<...>, positions = 8192>`: made of the attribute alone, so the weight has no params; the picture is
    in AttentionSpec.h. `switch` not 0: longer sequences are turned by a second table.

    Constraints:
    - C1: positions are 1 to 2^31, and the switch, if any, lies below.
  }];
  let parameters = (ins "::lmopt::lm::RopeAttr":$rope, "int64_t":$positions,
      DefaultValuedParameter<"int64_t", "0">:$switchPositions);
  let assemblyFormat = "`<` qualified($rope) `,` `positions` `=` $positions (`,` `switch` `=` $switchPositions^)? `>`";
  let genVerifyDecl = 1;
}

def Ptx_SlopesAttr : Ptx_Layout<"Slopes", "slopes"> {
  let summary = "a slope for each head";
  let description = [{
    `#ptx.slopes<#lm.alibi<...>>`: f32, made of the attribute alone, so the weight has no params.
  }];
  let parameters = (ins "::lmopt::lm::AlibiAttr":$alibi);
  let assemblyFormat = "`<` qualified($alibi) `>`";
}

#endif // LMOPT_CODEGEN_PTX_ATTENTION_ATTENTION_TD
