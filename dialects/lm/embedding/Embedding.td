// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From token ids to vectors: embedding tables and learned positions. Tested by test/dialects/lm/embedding.

#ifndef LMOPT_DIALECTS_LM_EMBEDDING_EMBEDDING_TD
#define LMOPT_DIALECTS_LM_EMBEDDING_EMBEDDING_TD

include "dialects/lm/LmTypes.td"

def LM_EmbeddingOp : LM_Op<"embedding", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "rows of a table, chosen by token ids";
  let description = [{
    y[b, t, :] = table[ids[b, t], :]

    Shapes: ids (B, T), table (V, D), result (B, T, D). Rows of a table of codes are dequantized. `rotated = G` says that
    the table is stored column-rotated (`#lm.rotate_columns<W, block = G>`), so that it can be shared with an output
    head that is computed in rotated coordinates; the row is then rotated back: y = table[id] H. The runtime refuses
    ids outside 0 .. V-1; so does the interpreter.

    Constraints:
    - C1: `table` names a `lm.param` that is a matrix (f32 or of codes).
    - C2: the width of the result is the number of columns of the table.
    - C3: batch and sequence of ids and result agree.
    - C4: `rotated`, if given, is a power of two from 2 to 65536 and divides the width.

    ```mlir
    lm.param @embed.weight : tensor<3x2xf32> = dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]>
    func.func @embed() -> tensor<1x2x2xf32> {
      %ids = arith.constant dense<[[2, 0]]> : tensor<1x2xi32>
      %y = lm.embedding %ids, @embed.weight : (tensor<1x2xi32>) -> tensor<1x2x2xf32>
      return %y : tensor<1x2x2xf32>
    }
    // @embed: tensor<1x2x2xf32> [[[5, 6], [1, 2]]]
    ```
  }];
  let arguments = (ins LM_Ids:$ids, FlatSymbolRefAttr:$table, OptionalAttr<I64Attr>:$rotated);
  let results = (outs LM_Activation:$result);
  let assemblyFormat = [{
    $ids `,` $table (` ` `{` `rotated` `=` $rotated^ `}`)? attr-dict-with-keyword `:` functional-type(operands, results)
  }];
  let builders = [
    // The result type follows from ids and table.
    OpBuilder<(ins "::mlir::Value":$ids, "::lmopt::lm::ParamOp":$table)>
  ];
  let hasVerifier = 1;
}

def LM_AddPositionsOp
    : LM_Op<"add_positions", [Pure, AllTypesMatch<["input", "result"]>,
                              DeclareOpInterfaceMethods<SymbolUserOpInterface>], ["getPositionLimit"]> {
  let summary = "adds the learned vector of each position";
  let description = [{
    y[b, t, :] = x[b, t, :] + table[t, :]

    Shapes: x and y (B, T, D), table (P, D). t is the position of the row in its sequence, of which a decoder's step may be a
    later part; a sequence has at most P tokens.

    Constraints:
    - C1: `table` names a `lm.param` that is an f32 matrix.
    - C2: its columns are the width of x.
    - C3: a static sequence length is at most the rows of the table.

    ```mlir
    lm.param @position.weight : tensor<4x2xf32> = dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]>
    func.func @positions() -> tensor<1x2x2xf32> {
      %x = arith.constant dense<[[[10.0, 10.0], [20.0, 20.0]]]> : tensor<1x2x2xf32>
      %y = lm.add_positions %x, @position.weight : tensor<1x2x2xf32>
      return %y : tensor<1x2x2xf32>
    }
    // @positions: tensor<1x2x2xf32> [[[11, 12], [23, 24]]]
    ```
  }];
  let arguments = (ins LM_Activation:$input, FlatSymbolRefAttr:$table);
  let results = (outs LM_Activation:$result);
  let assemblyFormat = "$input `,` $table attr-dict-with-keyword `:` type($result)";
  let builders = [OpBuilder<(ins "::mlir::Value":$input, "::lmopt::lm::ParamOp":$table)>];
}

#endif // LMOPT_DIALECTS_LM_EMBEDDING_EMBEDDING_TD
