// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of trees of neurons in fewer bits. In: lm.neuron_tree on f32 rows. Out: the same op on bf16 or !lm.int8 rows, labelled
// approximate; the way of a token does not change. From techniques 6.3. Bound of a number: half a step. Tested by
// test/passes/narrow-trees.
#ifndef LMOPT_PASSES_NARROWTREES_NARROWTREES_TD
#define LMOPT_PASSES_NARROWTREES_NARROWTREES_TD

include "mlir/Pass/PassBase.td"

def LmNarrowTreesPass : Pass<"lm-narrow-trees", "::mlir::ModuleOp"> {
  let summary = "rows of trees of neurons in 16 or 8 bits; ways stay those of f32";
  let description = [{
    What a neuron adds (`values`) is read once a token and decides nothing, so it may be rounded as any weight may. What a
    neuron is multiplied with decides which way a token goes, and a wrong turn is not a small error: it stays in f32. With
    `numbers` there is a second copy of it in as few bits, from which the numbers are taken (`by`), and the f32 rows are read
    only where those are too near to zero to tell: less to read, more to store.

    ```mlir
    %y = lm.neuron_tree %x, @w bias @b to @v {kind = gelu}
    // after, with bits=8 numbers
    lm.param @v : !lm.int8<4095x768> = #lm.quantize_rows<...> exactness <approximate>
    %y = lm.neuron_tree %x, @w bias @b to @v by @w_int8 {kind = gelu}
    ```

    Approximate: every new weight says so (`exactness`); `lm-measure-weights` adds by how much. A weight that something else uses,
    and one that is not f32, is left alone (remark `KeptFloat`).
    Remarks: `NarrowedTree`, one for each tree.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    Option<"bits", "bits", "int64_t", /*default=*/"16", "Bits of a number: 16 (bf16) or 8 (codes with a scale for each neuron)">,
    Option<"numbers", "numbers", "bool", /*default=*/"false",
           "Also take the numbers of neurons from a copy of their rows in so few bits">
  ];
}

#endif // LMOPT_PASSES_NARROWTREES_NARROWTREES_TD
