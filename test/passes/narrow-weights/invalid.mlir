// A pattern that matches nothing, and a weight beyond the range of bf16, are errors.
// RUN: not lmopt-opt %s --lm-narrow-weights=layers=decoder.* 2>&1 | FileCheck %s --check-prefix=NOTHING
// RUN: not lmopt-opt %s --lm-narrow-weights --lm-measure-weights 2>&1 | FileCheck %s --check-prefix=RANGE
// RUN: not lmopt-opt %s --lm-narrow-weights --lm-interpret 2>&1 | FileCheck %s --check-prefix=READ

// NOTHING: error: option 'layers': pattern 'decoder.*' matches none of the 1 linears
// RANGE: error: lm-measure-weights: the weight @q holds a number that is not finite
// READ: error: weight @q: it holds a number that bf16 cannot; it cannot be narrowed
lm.param @q : tensor<1x2xf32> = dense<[[1.0, 3.4e38]]>
func.func @forward() -> tensor<1x1x1xf32> {
  %x = arith.constant dense<1.0> : tensor<1x1x2xf32>
  %q = lm.linear %x, @q : (tensor<1x1x2xf32>) -> tensor<1x1x1xf32> loc("layers.0.attn.q")
  return %q : tensor<1x1x1xf32>
}
