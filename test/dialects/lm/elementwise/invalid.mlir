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

func.func @soft_cap_c1(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C1: expected a finite cap > 0, but found 0.0}}
  %y = lm.soft_cap %x {cap = 0.0} : tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}
