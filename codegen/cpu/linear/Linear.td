// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The layout of matrices of products. Tested by test/codegen/cpu/layouts.mlir and test/unit/codegen/PackWeightsTest.cpp.

#ifndef LMOPT_CODEGEN_CPU_LINEAR_LINEAR_TD
#define LMOPT_CODEGEN_CPU_LINEAR_LINEAR_TD

include "codegen/cpu/CpuDialect.td"

def Cpu_PanelsAttr : Cpu_Layout<"Panels", "panels"> {
  let summary = "a matrix of weights, and its bias if any, in panels of 16 outputs";
  let description = [{
    `#cpu.panels<!lm.int8<24x16>, bias = true>`: a matrix of that type; the pictures are in LinearSpec.h. The params of the
    weight are the matrix and, with `bias`, the bias.

    Constraints:
    - C1: the type is a matrix of f32, bf16, !lm.int8, !lm.sparse_int8 in blocks of 16x4 or 1x1, !lm.grouped or !lm.codebook, groups of a
      multiple of 16 (of 32 with 8 entries or 5 bits).
  }];
  let parameters = (ins "::mlir::Type":$matrix, DefaultValuedParameter<"bool", "false">:$bias);
  let assemblyFormat = "`<` $matrix (`,` `bias` `=` $bias^)? `>`";
  let genVerifyDecl = 1;
}

#endif // LMOPT_CODEGEN_CPU_LINEAR_LINEAR_TD
