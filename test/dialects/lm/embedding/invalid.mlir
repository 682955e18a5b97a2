// RUN: lmopt-opt %s -split-input-file -verify-diagnostics

func.func @embedding_c1_absent(%ids: tensor<?x?xi32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C1: @w must be a lm.param that is a matrix}}
  %y = lm.embedding %ids, @w : (tensor<?x?xi32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4xf32> = dense<1.0>
func.func @embedding_c1_vector(%ids: tensor<?x?xi32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C1: @w must be a lm.param that is a matrix}}
  %y = lm.embedding %ids, @w : (tensor<?x?xi32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

func.func private @w()
func.func @embedding_c1_function(%ids: tensor<?x?xi32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C1: @w must be a lm.param that is a matrix}}
  %y = lm.embedding %ids, @w : (tensor<?x?xi32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4x5xf32> = dense<1.0>
func.func @embedding_c2_width(%ids: tensor<?x?xi32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C2: @w has 5 columns, but the result has width 4}}
  %y = lm.embedding %ids, @w : (tensor<?x?xi32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4x4xf32> = dense<1.0>
func.func @embedding_c3_sequence(%ids: tensor<1x3xi32>) -> tensor<1x4x4xf32> {
  // expected-error@+1 {{C3: ids 'tensor<1x3xi32>' and result 'tensor<1x4x4xf32>' disagree}}
  %y = lm.embedding %ids, @w : (tensor<1x3xi32>) -> tensor<1x4x4xf32>
  return %y : tensor<1x4x4xf32>
}

// -----

lm.param @w : tensor<4x12xf32> = dense<1.0>
func.func @embedding_c4_divides(%ids: tensor<?x?xi32>) -> tensor<?x?x12xf32> {
  // expected-error@+1 {{C4: expected rotated to be a power of two from 2 to 65536 that divides the width 12, but found 8}}
  %y = lm.embedding %ids, @w {rotated = 8} : (tensor<?x?xi32>) -> tensor<?x?x12xf32>
  return %y : tensor<?x?x12xf32>
}

// -----

lm.param @w : tensor<4x12xf32> = dense<1.0>
func.func @embedding_c4_negative(%ids: tensor<?x?xi32>) -> tensor<?x?x12xf32> {
  // expected-error@+1 {{C4: expected rotated to be a power of two from 2 to 65536 that divides the width 12, but found -4}}
  %y = lm.embedding %ids, @w {rotated = -4} : (tensor<?x?xi32>) -> tensor<?x?x12xf32>
  return %y : tensor<?x?x12xf32>
}

// -----

lm.param @w : !lm.int8<4x4> = #lm.quantize_rows<dense<1.0> : tensor<4x4xf32>>
func.func @add_positions_c1_int8(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C1: @w must be an f32 matrix, but is '!lm.int8<4x4>'}}
  %y = lm.add_positions %x, @w : tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : !lm.grouped<4x8, bits = 8, group = 4> = #lm.quantize_groups<dense<1.0> : tensor<4x8xf32>, bits = 8, group = 4>
func.func @embedding_c2_grouped(%ids: tensor<?x?xi32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C2: @w has 8 columns, but the result has width 4}}
  %y = lm.embedding %ids, @w : (tensor<?x?xi32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : !lm.grouped<4x4, bits = 8, group = 4> = #lm.quantize_groups<dense<1.0> : tensor<4x4xf32>, bits = 8, group = 4>
func.func @add_positions_c1_grouped(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C1: @w must be an f32 matrix, but is '!lm.grouped<4x4, bits = 8, group = 4>'}}
  %y = lm.add_positions %x, @w : tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

func.func @add_positions_c1_absent(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C1: there is no lm.param @w}}
  %y = lm.add_positions %x, @w : tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4x5xf32> = dense<1.0>
func.func @add_positions_c2_width(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C2: @w has 5 columns, but the input has width 4}}
  %y = lm.add_positions %x, @w : tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4x5xf32> = dense<1.0>
func.func @add_positions_c3_length(%x: tensor<?x6x5xf32>) -> tensor<?x6x5xf32> {
  // expected-error@+1 {{C3: a sequence of 6 is longer than the 4 positions of @w}}
  %y = lm.add_positions %x, @w : tensor<?x6x5xf32>
  return %y : tensor<?x6x5xf32>
}
