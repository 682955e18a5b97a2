// RUN: lmopt-opt %s -split-input-file -verify-diagnostics

lm.param @v : tensor<5xf32> = dense<1.0>
func.func @bias_add_c1_length(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C1: @v must have 4 numbers, but has 5}}
  %y = lm.bias_add %x, @v : tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

func.func @gated_product_c1_tanh(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C1: expected gelu, gelu_tanh, silu or relu, but found tanh}}
  %y = lm.gated_product %x, %x {kind = tanh} : tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

func.func @activation_unknown_kind(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+2 {{expected ::lmopt::lm::ActivationKind to be one of: gelu, gelu_tanh, silu, relu, tanh}}
  // expected-error@+1 {{failed to parse LM_ActivationKindAttr parameter 'value'}}
  %y = lm.activation %x {kind = swish} : tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

func.func @pool_c1_width(%x: tensor<?x?x4xf32>, %n: tensor<?xi32>) -> tensor<?x5xf32> {
  // expected-error@+1 {{C1: the input has width 4, but the result 5}}
  %y = lm.pool %x, %n {kind = mean} : (tensor<?x?x4xf32>, tensor<?xi32>) -> tensor<?x5xf32>
  return %y : tensor<?x5xf32>
}

// -----

func.func @pool_c2_batch(%x: tensor<2x?x4xf32>, %n: tensor<3xi32>) -> tensor<2x4xf32> {
  // expected-error@+1 {{C2: the batch sizes of 'tensor<2x?x4xf32>', 'tensor<3xi32>' and 'tensor<2x4xf32>' disagree}}
  %y = lm.pool %x, %n {kind = mean} : (tensor<2x?x4xf32>, tensor<3xi32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}
