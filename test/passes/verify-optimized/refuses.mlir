// RUN: lmopt-opt %s --verify-lm-optimized -split-input-file -verify-diagnostics

// C1
func.func @foreign(%x: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error @below {{verify-lm-optimized C1: 'arith.addf' is left after optimization; expected only ops of the lm dialect, functions and returns}}
  %y = arith.addf %x, %x : tensor<2xf32>
  return %y : tensor<2xf32>
}

// -----

// C2
// expected-error @below {{verify-lm-optimized C2: the weight @silent is quantized but has no label; expected exactness <approximate> or <trained>}}
lm.param @silent : !lm.int8<2x2> = #lm.quantize_rows<dense<1.0> : tensor<2x2xf32>>

// -----

// C2
// expected-error @below {{verify-lm-optimized C2: the weight @lie is quantized but labelled exact}}
lm.param @lie : !lm.int8<2x2> = #lm.quantize_rows<dense<1.0> : tensor<2x2xf32>> exactness <exact>
