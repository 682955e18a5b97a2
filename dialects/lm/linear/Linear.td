// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products with weights: in f32, in bf16, in int8, in short groups of codes of 4 to 8 bits, and from codebooks. What is
// done to the activations before is dialects/lm/quantize. Tested by test/dialects/lm/linear.

#ifndef LMOPT_DIALECTS_LM_LINEAR_LINEAR_TD
#define LMOPT_DIALECTS_LM_LINEAR_LINEAR_TD

include "dialects/lm/LmTypes.td"
include "dialects/lm/interfaces/Linear.td"

// They agree in all that LinearLike asks.
class LM_LinearLike<string mnemonic>
    : LM_Op<mnemonic, [Pure, LM_LinearLikeOpInterface, DeclareOpInterfaceMethods<SymbolUserOpInterface>]>;

def LM_LinearOp : LM_LinearLike<"linear"> {
  let summary = "y = x Wᵀ + b";
  let description = [{
    y[b, t, n] = sum_k x[b, t, k] W[n, k] + bias[n]

    Shapes: x (B, T, K), W (N, K), bias (N), y (B, T, N); of vectors of whole sequences, x (B, K) and y (B, N). The
    matrix is f32; int8 matrices go with `lm.quantized_linear`. The output head is a linear like any other (of a model with tied weights it names the
    embedding table).

    Constraints:
    - C1: `weight` names a `lm.param` that is an f32 matrix.
    - C2: its columns are the width of x.
    - C3: its rows are the width of the result.
    - C4: `bias`, if given, names an f32 vector as long as the result is wide.
    - C5: batch and sequence of x and result agree, and there is a sequence in both or in neither.

    ```mlir
    lm.param @w : tensor<3x2xf32> = dense<[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]>
    lm.param @b : tensor<3xf32> = dense<[0.0, 0.0, 100.0]>
    func.func @project() -> tensor<1x1x3xf32> {
      %x = arith.constant dense<[[[2.0, 3.0]]]> : tensor<1x1x2xf32>
      %y = lm.linear %x, @w bias @b : (tensor<1x1x2xf32>) -> tensor<1x1x3xf32>
      return %y : tensor<1x1x3xf32>
    }
    // @project: tensor<1x1x3xf32> [[[2, 3, 105]]]
    ```
  }];
  let arguments = (ins LM_ActivationOrVectors:$input, FlatSymbolRefAttr:$weight, OptionalAttr<FlatSymbolRefAttr>:$bias);
  let results = (outs LM_ActivationOrVectors:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` $bias^)? attr-dict-with-keyword `:` functional-type(operands, results)
  }];
  let builders = [
    // The result type follows from input and weight. `bias` may be null.
    OpBuilder<(ins "::mlir::Value":$input, "::lmopt::lm::ParamOp":$weight, "::lmopt::lm::ParamOp":$bias)>,
    OpBuilder<(ins "::mlir::Value":$input, "::lmopt::lm::ParamOp":$weight)>
  ];
  let hasVerifier = 1;
}

def LM_NarrowLinearOp : LM_LinearLike<"narrow_linear"> {
  let summary = "product of bf16 activations and bf16 weights, with f32 sums";
  let description = [{
    y[b, t, n] = sum_k x[b, t, k] W[n, k] + bias[n]

    Products of two bf16 numbers are exact in f32; their sum is one of f32, in an order that lowering chooses. (So that
    two ways of adding up may differ in the last bits, as in `lm.linear`.)

    Shapes: x (B, T, K) of bf16, W (N, K) of bf16, bias (N) of f32, y (B, T, N) of f32.

    Constraints:
    - C1: `weight` names a `lm.param` that is a matrix of bf16.
    - C2: its columns are the width of the input.
    - C3: its rows are the width of the result.
    - C4: `bias`, if given, names an f32 vector as long as the result is wide.
    - C5: batch and sequence of input and result agree.

    ```mlir
    lm.param @w : tensor<1x2xbf16> = #lm.narrow<dense<[[1.01, 2.0]]> : tensor<1x2xf32>>
    func.func @narrow_product() -> tensor<1x1x1xf32> {
      %x = arith.constant dense<[[[1.01, 3.0]]]> : tensor<1x1x2xf32>
      %n = lm.narrow %x : (tensor<1x1x2xf32>) -> tensor<1x1x2xbf16>
      %y = lm.narrow_linear %n, @w : (tensor<1x1x2xbf16>) -> tensor<1x1x1xf32>
      return %y : tensor<1x1x1xf32>
    }
    // @narrow_product: tensor<1x1x1xf32> [[[7.01569]]]
    ```
  }];
  let arguments = (ins LM_Halves:$input, FlatSymbolRefAttr:$weight, OptionalAttr<FlatSymbolRefAttr>:$bias);
  let results = (outs LM_Activation:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` $bias^)? attr-dict-with-keyword `:` functional-type(operands, results)
  }];
  let builders = [
    // The result type follows from input and weight. `bias` may be null.
    OpBuilder<(ins "::mlir::Value":$input, "::lmopt::lm::ParamOp":$weight, "::mlir::FlatSymbolRefAttr":$bias)>
  ];
  let hasVerifier = 1;
}

def LM_QuantizedLinearOp : LM_LinearLike<"quantized_linear"> {
  let summary = "product of u8 activations and s8 weights, with exact integer sums";
  let description = [{
    y[b, t, n] = s_a s_w[n] (sum_k q[b, t, k] w[n, k] - zero C[n]) + bias[n],  C[n] = sum_k w[n, k]

    with q the codes, s_a and zero of the token (b, t), w and s_w the codes and scales of the weight. The integer sums
    are exact (int32).

    Shapes: x (B, T, K) of u8 codes, W (N, K), bias (N), y (B, T, N).

    Constraints:
    - C1: `weight` names a `lm.param` of type `!lm.int8` or `!lm.sparse_int8`.
    - C2: its columns are the width of the input.
    - C3: its rows are the width of the result.
    - C4: `bias`, if given, names an f32 vector as long as the result is wide.
    - C5: batch and sequence of input and result agree.
    - C6: K is at most 65536, so that the int32 sums cannot overflow (K * 255 * 127 < 2^31).

    ```mlir
    lm.param @w : !lm.int8<1x4> = #lm.quantize_rows<dense<[[0.5, -1.0, 0.25, 0.125]]> : tensor<1x4xf32>>
    func.func @product() -> tensor<1x1x1xf32> {
      %x = arith.constant dense<[[[-1.0, 0.5, 2.0, 0.25]]]> : tensor<1x1x4xf32>
      %codes = lm.quantize_dynamic %x : (tensor<1x1x4xf32>) -> !lm.codes<1x1x4, u8>
      %y = lm.quantized_linear %codes, @w : (!lm.codes<1x1x4, u8>) -> tensor<1x1x1xf32>
      return %y : tensor<1x1x1xf32>
    }
    // @product: tensor<1x1x1xf32> [[[-0.462992]]]
    ```
  }];
  let arguments = (ins LM_UnsignedCodes:$input, FlatSymbolRefAttr:$weight, OptionalAttr<FlatSymbolRefAttr>:$bias);
  let results = (outs LM_Activation:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` $bias^)? attr-dict-with-keyword `:` functional-type(operands, results)
  }];
  let builders = [
    // The result type follows from input and weight. `bias` may be null.
    OpBuilder<(ins "::mlir::Value":$input, "::lmopt::lm::ParamOp":$weight, "::mlir::FlatSymbolRefAttr":$bias)>
  ];
  let hasVerifier = 1;
}

def LM_GroupedLinearOp : LM_LinearLike<"grouped_linear"> {
  let summary = "product of grouped s8 activations and grouped weights of 4 to 8 bits";
  let description = [{
    y[b, t, n] = sum_g s_a[b, t, g] (s_w[n, g] D + m_w[n, g] A) + bias[n]
                 D = sum_k q[b, t, k] w[n, k],  A = sum_k q[b, t, k]       over the k of group g

    with q and s_a the codes and scales of the token, w, s_w and m_w the codes (or the entries of the codebook that they
    stand for), scales and minima of the weight (no minima: m_w = 0). The sums D and A are exact integers; the groups are
    added up in f32.

    Shapes: x (B, T, K) of s8 codes in groups of G, W (N, K) in groups of G, bias (N), y (B, T, N).

    Constraints:
    - C1: `weight` names a `lm.param` of type `!lm.grouped`, or of type `!lm.codebook` with groups.
    - C2: its columns are the width of the input.
    - C3: its rows are the width of the result.
    - C4: `bias`, if given, names an f32 vector as long as the result is wide.
    - C5: batch and sequence of input and result agree.
    - C6: activations have the same groups as the weight.
    - C7: a group has at most 65536 numbers, so that the int32 sums cannot overflow (G * 128 * 255 < 2^31).

    ```mlir
    lm.param @w : !lm.grouped<1x4, bits = 4, group = 2, min>
        = #lm.quantize_groups<dense<[[0.0, 1.5, -1.0, 2.0]]> : tensor<1x4xf32>, bits = 4, group = 2, min>
    func.func @grouped_product() -> tensor<1x1x1xf32> {
      %x = arith.constant dense<[[[-1.0, 0.5, 0.0, 254.0]]]> : tensor<1x1x4xf32>
      %codes = lm.quantize_groups %x : (tensor<1x1x4xf32>) -> !lm.codes<1x1x4, s8, group = 2>
      %y = lm.grouped_linear %codes, @w : (!lm.codes<1x1x4, s8, group = 2>) -> tensor<1x1x1xf32>
      return %y : tensor<1x1x1xf32>
    }
    // @grouped_product: tensor<1x1x1xf32> [[[508.564]]]
    ```
  }];
  let arguments = (ins LM_SignedCodes:$input, FlatSymbolRefAttr:$weight, OptionalAttr<FlatSymbolRefAttr>:$bias);
  let results = (outs LM_Activation:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` $bias^)? attr-dict-with-keyword `:` functional-type(operands, results)
  }];
  let builders = [
    // The result type follows from input and weight. `bias` may be null.
    OpBuilder<(ins "::mlir::Value":$input, "::lmopt::lm::ParamOp":$weight, "::mlir::FlatSymbolRefAttr":$bias)>
  ];
  let hasVerifier = 1;
}

def LM_CodebookLinearOp : LM_LinearLike<"codebook_linear"> {
  let summary = "product of f32 activations and weights that are entries of a codebook of f32 numbers";
  let description = [{
    y[b, t, n] = s[n] sum_k x[b, t, k] c[w[n, k]] + bias[n]

    with c the codebook, w and s the codes and scales of the weight. (A codebook of integers goes with `lm.grouped_linear`.)

    Shapes: x (B, T, K), W (N, K), bias (N), y (B, T, N).

    Constraints:
    - C1: `weight` names a `lm.param` of type `!lm.codebook` without groups.
    - C2: its columns are the width of the input.
    - C3: its rows are the width of the result.
    - C4: `bias`, if given, names an f32 vector as long as the result is wide.
    - C5: batch and sequence of input and result agree.

    ```mlir
    lm.param @w : !lm.codebook<2x2, entries = 256>
        = #lm.quantize_codebook<dense<[[0.5, -1.0], [0.75, 2.0]]> : tensor<2x2xf32>, entries = 256>
    func.func @codebook_product() -> tensor<1x1x2xf32> {
      %x = arith.constant dense<[[[3.0, 0.5]]]> : tensor<1x1x2xf32>
      %y = lm.codebook_linear %x, @w : (tensor<1x1x2xf32>) -> tensor<1x1x2xf32>
      return %y : tensor<1x1x2xf32>
    }
    // @codebook_product: tensor<1x1x2xf32> [[[1, 3.25]]]
    ```
  }];
  let arguments = (ins LM_Activation:$input, FlatSymbolRefAttr:$weight, OptionalAttr<FlatSymbolRefAttr>:$bias);
  let results = (outs LM_Activation:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` $bias^)? attr-dict-with-keyword `:` functional-type(operands, results)
  }];
  let builders = [
    // The result type follows from input and weight. `bias` may be null.
    OpBuilder<(ins "::mlir::Value":$input, "::lmopt::lm::ParamOp":$weight, "::mlir::FlatSymbolRefAttr":$bias)>
  ];
  let hasVerifier = 1;
}

#endif // LMOPT_DIALECTS_LM_LINEAR_LINEAR_TD
