// RUN: lmopt-opt %s -split-input-file -verify-diagnostics

lm.param @v : tensor<7x5xf32> = dense<1.0>
func.func @neuron_tree_c1_missing(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C1: @absent must be a lm.param that is a matrix of f32 or bf16}}
  %y = lm.neuron_tree %x, @absent to @v {kind = gelu} : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<7xf32> = dense<1.0>
lm.param @v : tensor<7x5xf32> = dense<1.0>
func.func @neuron_tree_c1_vector(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C1: @w must be a lm.param that is a matrix of f32 or bf16}}
  %y = lm.neuron_tree %x, @w to @v {kind = gelu} : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : !lm.int8<7x4> = #lm.quantize_rows<dense<1.0> : tensor<7x4xf32>>
lm.param @v : tensor<7x5xf32> = dense<1.0>
func.func @neuron_tree_c1_codes(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C1: @w must be a lm.param that is a matrix of f32 or bf16}}
  %y = lm.neuron_tree %x, @w to @v {kind = gelu} : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<7x3xf32> = dense<1.0>
lm.param @v : tensor<7x5xf32> = dense<1.0>
func.func @neuron_tree_c2_columns(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C2: @w has 3 columns, but the input has width 4}}
  %y = lm.neuron_tree %x, @w to @v {kind = gelu} : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<6x4xf32> = dense<1.0>
lm.param @v : tensor<7x5xf32> = dense<1.0>
func.func @neuron_tree_c3_even(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C3: @w has 6 rows, which is not 1 times 2^L - 1 with L from 1 to 24}}
  %y = lm.neuron_tree %x, @w to @v {kind = gelu} : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<8x4xf32> = dense<1.0>
lm.param @v : tensor<7x5xf32> = dense<1.0>
func.func @neuron_tree_c3_power(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C3: @w has 8 rows, which is not 1 times 2^L - 1 with L from 1 to 24}}
  %y = lm.neuron_tree %x, @w to @v {kind = gelu} : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<7x4xf32> = dense<1.0>
lm.param @v : tensor<7x5xf32> = dense<1.0>
func.func @neuron_tree_c3_no_multiple(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C3: @w has 7 rows, which is not 2 times 2^L - 1 with L from 1 to 24}}
  %y = lm.neuron_tree %x, @w to @v {kind = gelu, trees = 2} : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<10x4xf32> = dense<1.0>
lm.param @v : tensor<7x5xf32> = dense<1.0>
func.func @neuron_tree_c3_multiple(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C3: @w has 10 rows, which is not 2 times 2^L - 1 with L from 1 to 24}}
  %y = lm.neuron_tree %x, @w to @v {kind = gelu, trees = 2} : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<33554431x1xf32> = dense<1.0>
lm.param @v : tensor<7x5xf32> = dense<1.0>
func.func @neuron_tree_c3_levels(%x: tensor<?x?x1xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C3: @w has 33554431 rows, which is not 1 times 2^L - 1 with L from 1 to 24}}
  %y = lm.neuron_tree %x, @w to @v {kind = gelu} : (tensor<?x?x1xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<7x4xf32> = dense<1.0>
lm.param @v : tensor<7x5xf32> = dense<1.0>
lm.param @b : tensor<6xf32> = dense<1.0>
func.func @neuron_tree_c4_short(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C4: @b must have 7 numbers, but has 6}}
  %y = lm.neuron_tree %x, @w bias @b to @v {kind = gelu} : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<7x4xf32> = dense<1.0>
lm.param @v : tensor<7x5xf32> = dense<1.0>
lm.param @b : tensor<7x1xf32> = dense<1.0>
func.func @neuron_tree_c4_matrix(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C4: @b must be an f32 vector, but is 'tensor<7x1xf32>'}}
  %y = lm.neuron_tree %x, @w bias @b to @v {kind = gelu} : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<7x4xf32> = dense<1.0>
func.func @neuron_tree_c5_missing(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C5: @absent must be a lm.param that is a matrix of f32 or bf16 or of type !lm.int8}}
  %y = lm.neuron_tree %x, @w to @absent {kind = gelu} : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<7x4xf32> = dense<1.0>
lm.param @v : tensor<8x5xf32> = dense<1.0>
func.func @neuron_tree_c5_rows(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C5: @v must be 7 x 5, but is 8 x 5}}
  %y = lm.neuron_tree %x, @w to @v {kind = gelu} : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<7x4xf32> = dense<1.0>
lm.param @v : tensor<5x7xf32> = dense<1.0>
func.func @neuron_tree_c5_turned(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C5: @v must be 7 x 5, but is 5 x 7}}
  %y = lm.neuron_tree %x, @w to @v {kind = gelu} : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<7x4xf32> = dense<1.0>
lm.param @v : !lm.int8<7x4> = #lm.quantize_rows<dense<1.0> : tensor<7x4xf32>>
func.func @neuron_tree_c5_columns(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C5: @v must be 7 x 5, but is 7 x 4}}
  %y = lm.neuron_tree %x, @w to @v {kind = gelu} : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<7x4xf32> = dense<1.0>
lm.param @v : tensor<7x5xf32> = dense<1.0>
func.func @neuron_tree_c6_batch(%x: tensor<2x?x4xf32>) -> tensor<3x?x5xf32> {
  // expected-error@+1 {{C6: 'tensor<2x?x4xf32>' and the result 'tensor<3x?x5xf32>' disagree in batch or sequence}}
  %y = lm.neuron_tree %x, @w to @v {kind = gelu} : (tensor<2x?x4xf32>) -> tensor<3x?x5xf32>
  return %y : tensor<3x?x5xf32>
}

// -----

lm.param @w : tensor<7x4xf32> = dense<1.0>
lm.param @v : tensor<7x5xf32> = dense<1.0>
func.func @neuron_tree_c6_sequence(%x: tensor<?x2x4xf32>) -> tensor<?x3x5xf32> {
  // expected-error@+1 {{C6: 'tensor<?x2x4xf32>' and the result 'tensor<?x3x5xf32>' disagree in batch or sequence}}
  %y = lm.neuron_tree %x, @w to @v {kind = gelu} : (tensor<?x2x4xf32>) -> tensor<?x3x5xf32>
  return %y : tensor<?x3x5xf32>
}

// -----

lm.param @w : tensor<7x4xf32> = dense<1.0>
lm.param @v : tensor<7x5xf32> = dense<1.0>
func.func @neuron_tree_c7_missing(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C7: @absent must be a lm.param that is a matrix of f32 or bf16 or of type !lm.int8}}
  %y = lm.neuron_tree %x, @w to @v by @absent {kind = gelu} : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<7x4xf32> = dense<1.0>
lm.param @v : tensor<7x5xf32> = dense<1.0>
lm.param @u : tensor<3x4xbf16> = #lm.narrow<dense<1.0> : tensor<3x4xf32>>
func.func @neuron_tree_c7_rows(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C7: @u must be 7 x 4, but is 3 x 4}}
  %y = lm.neuron_tree %x, @w to @v by @u {kind = gelu} : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<7x4xf32> = dense<1.0>
lm.param @v : tensor<7x5xf32> = dense<1.0>
lm.param @u : tensor<7x5xbf16> = #lm.narrow<dense<1.0> : tensor<7x5xf32>>
func.func @neuron_tree_c7_columns(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C7: @u must be 7 x 4, but is 7 x 5}}
  %y = lm.neuron_tree %x, @w to @v by @u {kind = gelu} : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<7x4xbf16> = #lm.narrow<dense<1.0> : tensor<7x4xf32>>
lm.param @v : tensor<7x5xf32> = dense<1.0>
lm.param @u : !lm.int8<7x4> = #lm.quantize_rows<dense<1.0> : tensor<7x4xf32>>
func.func @neuron_tree_c7_decided_by_bf16(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C7: @w must be an f32 matrix, but is 'tensor<7x4xbf16>'}}
  %y = lm.neuron_tree %x, @w to @v by @u {kind = gelu} : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<7x4xf32> = dense<1.0>
lm.param @v : tensor<7x5xf32> = dense<1.0>
func.func @neuron_tree_c8_none(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C8: expected a tree at least, but found 0}}
  %y = lm.neuron_tree %x, @w to @v {kind = gelu, trees = 0} : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<7x4xf32> = dense<1.0>
lm.param @v : tensor<7x5xf32> = dense<1.0>
func.func @neuron_tree_c8_negative(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C8: expected a tree at least, but found -1}}
  %y = lm.neuron_tree %x, @w to @v {kind = gelu, trees = -1} : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<7x4xf32> = dense<1.0>
lm.param @v : tensor<7x5xf32> = dense<1.0>
func.func @neuron_tree_c2_exchanged(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C2: @v has 5 columns, but the input has width 4}}
  %y = lm.neuron_tree %x, @v to @w {kind = gelu} : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<7x4xf32> = dense<1.0>
lm.param @v : tensor<7x5xf32> = dense<1.0>
lm.param @u : tensor<7x4xbf16> = #lm.narrow<dense<1.0> : tensor<7x4xf32>>
func.func @neuron_tree_syntax_by_first(%x: tensor<?x?x4xf32>, %z: tensor<?x?x4xbf16>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{expected 'to'}}
  %y = lm.neuron_tree %x, @w by @u to @v {kind = gelu} : (tensor<?x?x4xf32>, tensor<?x?x4xbf16>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<7x4xf32> = dense<1.0>
lm.param @v : tensor<7x5xf32> = dense<1.0>
lm.param @b : tensor<7xf32> = dense<1.0>
func.func @neuron_tree_syntax_bias_last(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{expected '{'}}
  %y = lm.neuron_tree %x, @w to @v bias @b {kind = gelu} : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}
