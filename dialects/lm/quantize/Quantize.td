// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is done to activations before a product with weights of fewer bits: rounding to bf16, codes of 8 bits for a token or
// for short groups of its numbers or in a trained range, and the block rotation that makes int8 accurate. Tested by
// test/dialects/lm/quantize.

#ifndef LMOPT_DIALECTS_LM_QUANTIZE_QUANTIZE_TD
#define LMOPT_DIALECTS_LM_QUANTIZE_QUANTIZE_TD

include "dialects/lm/LmTypes.td"
include "dialects/lm/LmAttributes.td"

def LM_NarrowOp : LM_Op<"narrow", [Pure]> {
  let summary = "numbers rounded to bf16";
  let description = [{
    y = the bf16 number next to x, half to even: off by at most 2^-9 of x. Numbers must be finite, and so must be the
    result (|x| < 2^128 (1 - 2^-9)).

    Constraints:
    - C1: the result has the shape of the input.

    ```mlir
    func.func @narrowed() -> tensor<1x1x3xbf16> {
      %x = arith.constant dense<[[[1.0, 1.00390625, 1.01]]]> : tensor<1x1x3xf32>
      %y = lm.narrow %x : (tensor<1x1x3xf32>) -> tensor<1x1x3xbf16>
      return %y : tensor<1x1x3xbf16>
    }
    // @narrowed: tensor<1x1x3xbf16> [[[1, 1, 1.00781]]]
    ```
  }];
  let arguments = (ins LM_Activation:$input);
  let results = (outs LM_Halves:$result);
  let assemblyFormat = "$input attr-dict-with-keyword `:` functional-type(operands, results)";
  let builders = [
    // The result type follows from the input.
    OpBuilder<(ins "::mlir::Value":$input)>
  ];
  let hasVerifier = 1;
}

def LM_RotateOp : LM_Op<"rotate", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "y = x H, H the block-diagonal normalized Hadamard matrix";
  let description = [{
    Each block of `block` numbers of the last dimension is multiplied by H_b / sqrt(b), H_b the Hadamard matrix in
    natural (Sylvester) order: H_1 = [1], H_2n = [[H_n, H_n], [H_n, -H_n]]. H is symmetric and orthogonal, so
    rotating twice gives x again (that is the fold), and x Wᵀ = (x H)(W H)ᵀ. It spreads outliers over a block, which is
    what makes per-token int8 activations accurate.

    Constraints:
    - C1: `block` is a power of two from 2 to 65536.
    - C2: it divides the width.

    ```mlir
    func.func @spread() -> tensor<1x1x4xf32> {
      %x = arith.constant dense<[[[8.0, 0.0, 0.0, 0.0]]]> : tensor<1x1x4xf32>
      %y = lm.rotate %x {block = 4} : tensor<1x1x4xf32>
      return %y : tensor<1x1x4xf32>
    }
    // @spread: tensor<1x1x4xf32> [[[4, 4, 4, 4]]]
    ```
  }];
  let arguments = (ins LM_Activation:$input, I64Attr:$block);
  let results = (outs LM_Activation:$result);
  let assemblyFormat = "$input ` ` `{` `block` `=` $block `}` attr-dict-with-keyword `:` type($result)";
  let builders = [OpBuilder<(ins "::mlir::Value":$input, "int64_t":$block)>];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def LM_QuantizeDynamicOp : LM_Op<"quantize_dynamic", [Pure]> {
  let summary = "u8 codes with a scale and a zero point for each token";
  let description = [{
    For each token, as ONNX DynamicQuantizeLinear:

        lo = min(0, min x)      hi = max(0, max x)      scale = (hi - lo) / 255
        zero = clamp(round(-lo / scale), 0, 255)
        code = clamp(round(x / scale) + zero, 0, 255)

    with rounding half to even, all in f32. When all numbers are zero: scale = 1, zero = 0, codes 0. Numbers must be
    finite.

    Constraints:
    - C1: codes have the shape of x.

    The codes, scales and zero points of a result are told one after another:

    ```mlir
    func.func @quantize() -> !lm.codes<1x1x4, u8> {
      %x = arith.constant dense<[[[-1.0, 0.5, 2.0, 0.25]]]> : tensor<1x1x4xf32>
      %codes = lm.quantize_dynamic %x : (tensor<1x1x4xf32>) -> !lm.codes<1x1x4, u8>
      return %codes : !lm.codes<1x1x4, u8>
    }
    // @quantize: tensor<1x1x4xui8> [[[0, 127, 255, 106]]]
    // @quantize: tensor<1x1xf32> [[0.0117647]]
    // @quantize: tensor<1x1xi32> [[85]]
    ```
  }];
  let arguments = (ins LM_Activation:$input);
  let results = (outs LM_UnsignedCodes:$codes);
  let assemblyFormat = "$input attr-dict-with-keyword `:` functional-type(operands, results)";
  let builders = [
    // The result type follows from the input.
    OpBuilder<(ins "::mlir::Value":$input)>
  ];
  let hasVerifier = 1;
}

def LM_QuantizeGroupsOp : LM_Op<"quantize_groups", [Pure]> {
  let summary = "signed 8-bit codes with a scale for each group of a token's numbers";
  let description = [{
    With m the greatest magnitude of a group of a token's numbers, as many as the type of the codes says, all in f32,
    rounding half to even:

        scale = m / 127      code = round(x * (127 / m))

    A group of zeros, or one whose greatest magnitude is below 2^-90 (so that the product of its scale with one of a
    weight is a normal number), has scale and codes 0. Numbers must be finite. Groups as short as the weights' own keep the
    codes accurate without rotation: an outlier costs its own group only.

    Constraints:
    - C1: codes have the shape of x.

    ```mlir
    func.func @quantize_groups() -> !lm.codes<1x1x4, s8, group = 2> {
      %x = arith.constant dense<[[[-1.0, 0.5, 0.0, 254.0]]]> : tensor<1x1x4xf32>
      %codes = lm.quantize_groups %x : (tensor<1x1x4xf32>) -> !lm.codes<1x1x4, s8, group = 2>
      return %codes : !lm.codes<1x1x4, s8, group = 2>
    }
    // @quantize_groups: tensor<1x1x4xsi8> [[[-127, 64, 0, 127]]]
    // @quantize_groups: tensor<1x1x2xf32> [[[0.00787402, 2]]]
    ```
  }];
  let arguments = (ins LM_Activation:$input);
  let results = (outs LM_SignedCodes:$codes);
  let assemblyFormat = "$input attr-dict-with-keyword `:` functional-type(operands, results)";
  let builders = [
    // The result type follows from input and group.
    OpBuilder<(ins "::mlir::Value":$input, "int64_t":$group)>
  ];
  let extraClassDeclaration = "int64_t getGroup() { return getCodes().getType().getGroup(); }";
  let hasVerifier = 1;
}

def LM_FakeQuantizeOp : LM_Op<"fake_quantize", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "each number the nearest of those that the codes of a trained range stand for";
  let description = [{
    With step, factor, zero, least and greatest of `codes` (`#lm.code_range`), all in f32, rounding half to even:

        y = step * clamp(round(x * factor), least - zero, greatest - zero)

    What a model computes that was trained with it in place (quantization-aware training). Twice is once (that is the
    fold). Numbers must be finite.

    ```mlir
    func.func @trained_range() -> tensor<1x1x4xf32> {
      %x = arith.constant dense<[[[-1.0, 0.3, 0.75, 300.0]]]> : tensor<1x1x4xf32>
      %y = lm.fake_quantize %x {codes = <range = 0.5, steps = 1, zero = 1, least = 0, greatest = 255>} : tensor<1x1x4xf32>
      return %y : tensor<1x1x4xf32>
    }
    // @trained_range: tensor<1x1x4xf32> [[[-0.5, 0.5, 1, 127]]]
    ```
  }];
  let arguments = (ins LM_ActivationOrVectors:$input, LM_CodeRangeAttr:$codes);
  let results = (outs LM_ActivationOrVectors:$result);
  let assemblyFormat = "$input ` ` `{` `codes` `=` $codes `}` attr-dict-with-keyword `:` type($result)";
  let builders = [OpBuilder<(ins "::mlir::Value":$input, "::lmopt::lm::CodeRangeAttr":$codes), [{
    build($_builder, $_state, input.getType(), input, codes);
  }]>];
  let hasFolder = 1;
}

def LM_QuantizeStaticOp : LM_Op<"quantize_static", [Pure]> {
  let summary = "u8 codes of a trained range, the same for all tokens";
  let description = [{
    The codes of `#lm.code_range`, each token with its step as scale and its zero as zero point: what `lm.fake_quantize`
    makes of the same numbers, as codes. Those that it made are taken from what it read (that is the fold). Numbers must
    be finite.

    Constraints:
    - C1: codes have the shape of x.

    ```mlir
    func.func @static_codes() -> !lm.codes<1x1x4, u8> {
      %x = arith.constant dense<[[[-1.0, 0.3, 0.75, 300.0]]]> : tensor<1x1x4xf32>
      %q = lm.quantize_static %x {range = <range = 0.5, steps = 1, zero = 1, least = 0, greatest = 255>}
          : (tensor<1x1x4xf32>) -> !lm.codes<1x1x4, u8>
      return %q : !lm.codes<1x1x4, u8>
    }
    // @static_codes: tensor<1x1x4xui8> [[[0, 2, 3, 255]]]
    // @static_codes: tensor<1x1xf32> [[0.5]]
    // @static_codes: tensor<1x1xi32> [[1]]
    ```
  }];
  let arguments = (ins LM_Activation:$input, LM_CodeRangeAttr:$range);
  let results = (outs LM_UnsignedCodes:$codes);
  let assemblyFormat = [{
    $input ` ` `{` `range` `=` $range `}` attr-dict-with-keyword `:` functional-type(operands, results)
  }];
  let builders = [
    // The result type follows from the input.
    OpBuilder<(ins "::mlir::Value":$input, "::lmopt::lm::CodeRangeAttr":$range)>
  ];
  let hasVerifier = 1;
  let hasFolder = 1;
}

#endif // LMOPT_DIALECTS_LM_QUANTIZE_QUANTIZE_TD
