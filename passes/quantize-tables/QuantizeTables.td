// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tables of embeddings in codes. In: lm.embedding on f32 tables that no product uses. Out: the same op on !lm.int8 or
// !lm.grouped tables, labelled approximate. From techniques 10.1 and 10.4. Bound of a number: half a step. Tested by
// test/passes/quantize-tables.
#ifndef LMOPT_PASSES_QUANTIZETABLES_QUANTIZETABLES_TD
#define LMOPT_PASSES_QUANTIZETABLES_QUANTIZETABLES_TD

include "mlir/Pass/PassBase.td"

def LmQuantizeTablesPass : Pass<"lm-quantize-tables", "::mlir::ModuleOp"> {
  let summary = "tables of embeddings in 8 or 4 bits";
  let description = [{
    Rows of a table are looked up, not multiplied, so codes in it cost no activations: a row is turned into numbers when its token
    is read. Half of the bytes of a small encoder are its table of words.

    ```mlir
    lm.param @table : tensor<30522x384xf32> = ...
    // after, with bits=8: one scale a row
    lm.param @table : !lm.int8<30522x384> = #lm.quantize_rows<...> exactness <approximate>
    // with bits=4: a scale and a minimum, of 8 bits each, for 32 numbers; 4.5 bits a number
    lm.param @table : !lm.grouped<30522x384, bits = 4, group = 32, min, scales = 8> = #lm.quantize_groups<...> exactness <approximate>
    ```

    A table that the head shares is the business of `lm-quantize-weights` and `lm-quantize-groups`, which quantize it for both: it
    is left alone (remark `KeptFloat`), as are tables that are in codes already, tables that anything but an embedding reads, and with `bits=4` those whose
    width no group of 32 divides.
    Approximate: every new table says so (`exactness`); `lm-measure-weights` adds by how much.
    Remarks: `QuantizedTable`, one for each embedding.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    Option<"bits", "bits", "int64_t", /*default=*/"8", "Bits of a code: 8 (one scale a row) or 4 (groups of 32 with minima)">,
    ListOption<"layers", "layers", "std::string",
               "Quantize only tables of embeddings whose name matches one of these patterns (*, ?, [a-z]); default: all">,
    ListOption<"skip", "skip", "std::string", "Never quantize tables of embeddings whose name matches one of these patterns">
  ];
}

#endif // LMOPT_PASSES_QUANTIZETABLES_QUANTIZETABLES_TD
