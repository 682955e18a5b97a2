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

// -----

// C2
// expected-error @below {{verify-lm-optimized C2: the weight @silent_groups is quantized but has no label; expected exactness <approximate> or <trained>}}
lm.param @silent_groups : !lm.grouped<1x2, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<1x2xf32>, bits = 4, group = 2>

// -----

// C2
// expected-error @below {{verify-lm-optimized C2: the weight @groups_lie is quantized but labelled exact}}
lm.param @groups_lie : !lm.grouped<1x2, bits = 8, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<1x2xf32>, bits = 8, group = 2> exactness <exact>
