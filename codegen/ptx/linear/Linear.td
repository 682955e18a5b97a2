// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The layout of matrices of products. Tested by test/codegen/ptx/layouts.mlir and
// test/unit/codegen/ptx/LinearDecodeTest.cpp.

#ifndef LMOPT_CODEGEN_PTX_LINEAR_LINEAR_TD
#define LMOPT_CODEGEN_PTX_LINEAR_LINEAR_TD

include "codegen/ptx/PtxDialect.td"

def Ptx_FragmentsAttr : Ptx_Layout<"Fragments", "fragments"> {
  let summary = "a matrix of weights, and its bias if any, as the lanes of a warp hold operands of mma.sync";
  let description = [{
    `#ptx.fragments<!lm.int8<24x16>, bias = true>`: a matrix of that type; the picture is in Fragments.h. The params of the
    weight are the matrix and, with `bias`, the bias.

    Constraints:
    - C1: the type is a matrix of f32 or bf16, !lm.int8, !lm.sparse_int8, !lm.codebook of 256 entries, or !lm.grouped or
      !lm.codebook in groups of 16, 32, 64, 128 or 256.
  }];
  let parameters = (ins "::mlir::Type":$matrix, DefaultValuedParameter<"bool", "false">:$bias);
  let assemblyFormat = "`<` $matrix (`,` `bias` `=` $bias^)? `>`";
  let genVerifyDecl = 1;
}

#endif // LMOPT_CODEGEN_PTX_LINEAR_LINEAR_TD
