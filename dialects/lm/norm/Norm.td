// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Normalizations. Tested by test/dialects/lm/norm.

#ifndef LMOPT_DIALECTS_LM_NORM_NORM_TD
#define LMOPT_DIALECTS_LM_NORM_NORM_TD

include "dialects/lm/LmTypes.td"

def LM_RmsNormOp
    : LM_Op<"rms_norm", [Pure, AllTypesMatch<["input", "result"]>,
                         DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "divides each vector by its root mean square";
  let description = [{
    y[k] = w[k] x[k] / sqrt(mean(x^2) + eps)

    over the last dimension; with `heads = H` over each of its H equal parts by itself, with the same weight for all. The
    weight is absent when it has been folded into the linears that read the result.

    Constraints:
    - C1: `weight`, if given, names an f32 vector as long as a part is wide.
    - C2: `eps` is finite and not negative.
    - C3: `heads`, if given, is at least 1 and divides the width of x.

    ```mlir
    lm.param @w : tensor<2xf32> = dense<[1.0, 2.0]>
    func.func @norm() -> tensor<1x1x2xf32> {
      %x = arith.constant dense<[[[1.0, 7.0]]]> : tensor<1x1x2xf32>
      %y = lm.rms_norm %x, @w {eps = 0.0} : tensor<1x1x2xf32>
      return %y : tensor<1x1x2xf32>
    }
    // @norm: tensor<1x1x2xf32> [[[0.2, 2.8]]]
    func.func @heads() -> tensor<1x1x4xf32> {
      %x = arith.constant dense<[[[1.0, 7.0, 3.0, 3.0]]]> : tensor<1x1x4xf32>
      %y = lm.rms_norm %x, @w {eps = 0.0, heads = 2} : tensor<1x1x4xf32>
      return %y : tensor<1x1x4xf32>
    }
    // @heads: tensor<1x1x4xf32> [[[0.2, 2.8, 1, 2]]]
    ```
  }];
  let arguments = (ins LM_ActivationOrVectors:$input, OptionalAttr<FlatSymbolRefAttr>:$weight, F64Attr:$eps,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$heads);
  let results = (outs LM_ActivationOrVectors:$result);
  let assemblyFormat = [{
    $input (`,` $weight^)? ` ` `{` `eps` `=` $eps (`,` `heads` `=` $heads^)? `}` attr-dict-with-keyword `:` type($result)
  }];
  let builders = [
    // `weight` may be null.
    OpBuilder<(ins "::mlir::Value":$input, "::mlir::FlatSymbolRefAttr":$weight, "double":$eps,
                   CArg<"int64_t", "1">:$heads)>
  ];
  let extraClassDeclaration = [{
    /// Numbers that are normalized together.
    int64_t getHeadWidth() { return getInput().getType().getShape().back() / int64_t(getHeads()); }
  }];
  let hasVerifier = 1;
}

def LM_LayerNormOp
    : LM_Op<"layer_norm", [Pure, AllTypesMatch<["input", "result"]>,
                           DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "centres each vector and divides it by its standard deviation";
  let description = [{
    y[k] = w[k] (x[k] - mean(x)) / sqrt(variance(x) + eps) + b[k]

    over the last dimension, with the variance over N (not N - 1). Weight and bias are absent when they have been
    folded into the linears that read the result.

    Constraints:
    - C1: `weight`, if given, names an f32 vector as long as x is wide.
    - C2: `bias`, if given, too; it needs a weight.
    - C3: `eps` is finite and not negative.

    ```mlir
    lm.param @w : tensor<2xf32> = dense<[1.0, 2.0]>
    lm.param @b : tensor<2xf32> = dense<[0.0, 10.0]>
    func.func @norm() -> tensor<1x1x2xf32> {
      %x = arith.constant dense<[[[1.0, 7.0]]]> : tensor<1x1x2xf32>
      %y = lm.layer_norm %x, @w, @b {eps = 0.0} : tensor<1x1x2xf32>
      return %y : tensor<1x1x2xf32>
    }
    // @norm: tensor<1x1x2xf32> [[[-1, 12]]]
    ```
  }];
  let arguments = (ins LM_ActivationOrVectors:$input, OptionalAttr<FlatSymbolRefAttr>:$weight,
                       OptionalAttr<FlatSymbolRefAttr>:$bias, F64Attr:$eps);
  let results = (outs LM_ActivationOrVectors:$result);
  let assemblyFormat = [{
    $input `` custom<Affine>($weight, $bias) ` ` `{` `eps` `=` $eps `}` attr-dict-with-keyword `:` type($result)
  }];
  let builders = [
    // `weight` and `bias` may be null.
    OpBuilder<(ins "::mlir::Value":$input, "::mlir::FlatSymbolRefAttr":$weight, "::mlir::FlatSymbolRefAttr":$bias,
                   "double":$eps)>
  ];
  let hasVerifier = 1;
}

def LM_L2NormalizeOp : LM_Op<"l2_normalize", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "divides each vector by its length";
  let description = [{
    y = x / max(|x|, 1e-12) over the last dimension, |x| the Euclidean norm (torch.nn.functional.normalize).

    ```mlir
    func.func @unit() -> tensor<1x2xf32> {
      %x = arith.constant dense<[[3.0, 4.0]]> : tensor<1x2xf32>
      %y = lm.l2_normalize %x : tensor<1x2xf32>
      return %y : tensor<1x2xf32>
    }
    // @unit: tensor<1x2xf32> [[0.6, 0.8]]
    ```
  }];
  let arguments = (ins LM_ActivationOrVectors:$input);
  let results = (outs LM_ActivationOrVectors:$result);
  let assemblyFormat = "$input attr-dict-with-keyword `:` type($result)";
  let builders = [OpBuilder<(ins "::mlir::Value":$input), [{ build($_builder, $_state, input.getType(), input); }]>];
}

#endif // LMOPT_DIALECTS_LM_NORM_NORM_TD
