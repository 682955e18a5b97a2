// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The layout of what is read row by row. Tested by test/codegen/ptx/layouts.mlir.

#ifndef LMOPT_CODEGEN_PTX_ROWS_ROWS_TD
#define LMOPT_CODEGEN_PTX_ROWS_ROWS_TD

include "codegen/ptx/PtxDialect.td"

def Ptx_TableAttr : Ptx_Layout<"Table", "table"> {
  let summary = "a vector, or a table whose rows are read one at a time: each row padded with zeros to whole sectors of 32 bytes";
  let description = [{
    `#ptx.table<tensor<20x16xf32>>`: the param of the weight has that type.

    Constraints:
    - C1: the type is a vector or a matrix of f32.
  }];
  let parameters = (ins "::mlir::RankedTensorType":$table);
  let assemblyFormat = "`<` $table `>`";
  let genVerifyDecl = 1;
}

#endif // LMOPT_CODEGEN_PTX_ROWS_ROWS_TD
