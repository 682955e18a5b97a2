// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The layout of what is read row by row. Tested by test/codegen/cpu/layouts.mlir and
// test/unit/codegen/PackWeightsTest.cpp.

#ifndef LMOPT_CODEGEN_CPU_ROWS_ROWS_TD
#define LMOPT_CODEGEN_CPU_ROWS_ROWS_TD

include "codegen/cpu/CpuDialect.td"

def Cpu_RowsAttr : Cpu_Layout<"Rows", "rows"> {
  let summary = "a vector, or a table whose rows are read one at a time: each row padded with zeros to whole registers";
  let description = [{
    `#cpu.rows<tensor<20x16xf32>>`: the param of the weight has that type.

    Constraints:
    - C1: the type is a vector or a matrix of f32.
  }];
  let parameters = (ins "::mlir::RankedTensorType":$table);
  let assemblyFormat = "`<` $table `>`";
  let genVerifyDecl = 1;
}

#endif // LMOPT_CODEGEN_CPU_ROWS_ROWS_TD
