// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The greatest results of a product, for those who choose the next token among them. Tested by
// test/dialects/lm/ranking.

#ifndef LMOPT_DIALECTS_LM_RANKING_RANKING_TD
#define LMOPT_DIALECTS_LM_RANKING_RANKING_TD

include "dialects/lm/LmTypes.td"

def LM_TopLinearOp : LM_Op<"top_linear", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the greatest numbers of y = x Wᵀ + b, found without all of the product";
  let description = [{
    y[b, t, n] = sum_k x[b, t, k] W[n, k] + bias[n]    where that is one of the `count` greatest of its row,
                 -infinity                             elsewhere

    Of equal numbers that with the smaller n comes first; what is no number (NaN) is not among them. Whoever runs the op
    may ask for fewer than `count` (`lmopt_step_t.top`).

    The other operands only say where to look, and change no result. `preview` must be what

        %rotated = lm.rotate %x {block = B}          (%x itself without `block`)
        %codes = lm.quantize_dynamic %rotated
        %preview = lm.quantized_linear %codes, @preview bias @b

    give, with x in f32 also where the op reads it as bf16 (`lm.narrow`), and @preview the int8 codes of W rotated by the
    same blocks: close to all of the product and of fewer bytes. Code bounds by how much it is off, and computes what
    the bound does not rule out; the interpreter computes all.

    Shapes: x (B, T, K) and W (N, K) both of f32 or both of bf16, bias (N), rotated (B, T, K), codes (B, T, K), preview and
    y (B, T, N).

    Constraints:
    - C1: `weight` names a `lm.param` that is a matrix of the type of x.
    - C2: its columns are the width of x.
    - C3: its rows are the width of the result.
    - C4: `bias`, if given, names an f32 vector as long as the result is wide.
    - C5: x, rotated, codes, preview and result agree in batch and sequence, the first three and the last two in width.
    - C6: `preview_weight` names a `lm.param` of type `!lm.int8` with the sizes of the weight.
    - C7: `count` is from 1 to the width of the result.
    - C8: `block`, if given, is a power of two from 2 to 65536 that divides the width of x.

    ```mlir
    lm.param @w : tensor<4x2xf32> = dense<[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.5, 0.5]]>
    lm.param @p : !lm.int8<4x2> = #lm.quantize_rows<dense<[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.5, 0.5]]> : tensor<4x2xf32>>
    func.func @greatest() -> tensor<1x1x4xf32> {
      %x = arith.constant dense<[[[2.0, 3.0]]]> : tensor<1x1x2xf32>
      %c = lm.quantize_dynamic %x : (tensor<1x1x2xf32>) -> !lm.codes<1x1x2, u8>
      %p = lm.quantized_linear %c, @p : (!lm.codes<1x1x2, u8>) -> tensor<1x1x4xf32>
      %y = lm.top_linear %x, @w preview %p of %x, %c, @p {count = 2}
          : (tensor<1x1x2xf32>, tensor<1x1x4xf32>, tensor<1x1x2xf32>, !lm.codes<1x1x2, u8>) -> tensor<1x1x4xf32>
      return %y : tensor<1x1x4xf32>
    }
    // @greatest: tensor<1x1x4xf32> [[[-inf, 3, 5, -inf]]]
    ```
  }];
  let arguments = (ins AnyTypeOf<[LM_Activation, LM_Halves]>:$input, FlatSymbolRefAttr:$weight,
                       OptionalAttr<FlatSymbolRefAttr>:$bias, LM_Activation:$preview, LM_Activation:$rotated,
                       LM_UnsignedCodes:$codes, FlatSymbolRefAttr:$preview_weight, I64Attr:$count,
                       DefaultValuedAttr<I64Attr, "0">:$block);
  let results = (outs LM_Activation:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` $bias^)? `preview` $preview `of` $rotated `,` $codes `,` $preview_weight ` `
        `{` `count` `=` $count (`,` `block` `=` $block^)? `}` attr-dict-with-keyword `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif // LMOPT_DIALECTS_LM_RANKING_RANKING_TD
