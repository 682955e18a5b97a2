// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Int8 weights stored without their zeros. In: lm.quantized_linear on !lm.int8 weights. Out: the same on !lm.sparse_int8
// where that is faster; exact. From techniques 7.5. Tested by test/passes/store-sparse.
#ifndef LMOPT_PASSES_STORESPARSE_STORESPARSE_TD
#define LMOPT_PASSES_STORESPARSE_STORESPARSE_TD

include "mlir/Pass/PassBase.td"

def LmStoreSparsePass : Pass<"lm-store-sparse", "::mlir::ModuleOp"> {
  let summary = "store int8 weights without their zeros where that is faster";
  let description = [{
    Counts the zeros of int8 weights and chooses how each is stored:

    ```mlir
    lm.param @w : !lm.int8<576x576> = #lm.quantize_rows<...>
    // after, 2592 of its 5184 blocks having a code
    lm.param @w : !lm.sparse_int8<576x576, block = 16x4, stored = 2592> = #lm.store_sparse<#lm.quantize_rows<...>, block = 16x4>
    ```

    `blocks` of 16 outputs x 4 inputs (what one product of codes takes): zero blocks are neither read nor multiplied, which pays on every
    CPU. `codes`, one by one with a mask: all are multiplied, but zeros are not read, which pays where memory is slow and the
    CPU expands bytes by an instruction (AVX-512 VBMI2). `auto` estimates the time of one row (a token that is generated), the longer
    one of bytes through memory and instructions, and takes the least; a weight stays dense unless a twentieth is saved.

    Exact: results have the same bits as those of the dense weights. A weight that anything but int8 products uses stays as it is
    (remark `NotStoredSparse` with the reason, also where storing does not pay). Remarks: `StoredSparse`, with the format and the share of
    the dense weight's cost.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    Option<"format", "format", "std::string", /*default=*/"\"auto\"",
           "auto, the faster one where it pays; or blocks or codes, whether it pays or not">,
    Option<"target", "target", "std::string", /*default=*/"\"avx2\"",
           "What `auto` estimates for: avx2, or avx512 (with VNNI and VBMI2)">,
    Option<"base", "base", "std::string", /*default=*/"",
           "Where relative file names of weights start; default: the folder of the module's file">,
    ListOption<"layers", "layers", "std::string",
               "Only linears whose name matches one of these patterns (*, ?, [a-z]); default: all">,
    ListOption<"skip", "skip", "std::string", "Never linears whose name matches one of these patterns">
  ];
}

#endif // LMOPT_PASSES_STORESPARSE_STORESPARSE_TD
