// RUN: lmopt-opt %s -split-input-file -verify-diagnostics

lm.param @w : tensor<8x4xbf16> = #lm.narrow<dense<1.0> : tensor<8x4xf32>>
lm.param @p : !lm.int8<8x4> = #lm.quantize_rows<dense<1.0> : tensor<8x4xf32>>
func.func @top_linear_c1_type(%x: tensor<?x?x4xf32>, %c: !lm.codes<?x?x4, u8>, %p: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error@+1 {{C1: @w must be a lm.param that is a matrix of 'f32'}}
  %y = lm.top_linear %x, @w preview %p of %x, %c, @p {count = 2} : (tensor<?x?x4xf32>, tensor<?x?x8xf32>, tensor<?x?x4xf32>, !lm.codes<?x?x4, u8>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

lm.param @w : tensor<8x5xf32> = dense<1.0>
lm.param @p : !lm.int8<8x4> = #lm.quantize_rows<dense<1.0> : tensor<8x4xf32>>
func.func @top_linear_c2_columns(%x: tensor<?x?x4xf32>, %c: !lm.codes<?x?x4, u8>, %p: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error@+1 {{C2: @w has 5 columns, but the input has width 4}}
  %y = lm.top_linear %x, @w preview %p of %x, %c, @p {count = 2} : (tensor<?x?x4xf32>, tensor<?x?x8xf32>, tensor<?x?x4xf32>, !lm.codes<?x?x4, u8>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

lm.param @w : tensor<9x4xf32> = dense<1.0>
lm.param @p : !lm.int8<9x4> = #lm.quantize_rows<dense<1.0> : tensor<9x4xf32>>
func.func @top_linear_c3_rows(%x: tensor<?x?x4xf32>, %c: !lm.codes<?x?x4, u8>, %p: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error@+1 {{C3: @w has 9 rows, but the result has width 8}}
  %y = lm.top_linear %x, @w preview %p of %x, %c, @p {count = 2} : (tensor<?x?x4xf32>, tensor<?x?x8xf32>, tensor<?x?x4xf32>, !lm.codes<?x?x4, u8>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

lm.param @w : tensor<8x4xf32> = dense<1.0>
lm.param @b : tensor<7xf32> = dense<1.0>
lm.param @p : !lm.int8<8x4> = #lm.quantize_rows<dense<1.0> : tensor<8x4xf32>>
func.func @top_linear_c4_bias(%x: tensor<?x?x4xf32>, %c: !lm.codes<?x?x4, u8>, %p: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error@+1 {{C4: @b must have 8 numbers, but has 7}}
  %y = lm.top_linear %x, @w bias @b preview %p of %x, %c, @p {count = 2} : (tensor<?x?x4xf32>, tensor<?x?x8xf32>, tensor<?x?x4xf32>, !lm.codes<?x?x4, u8>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

lm.param @w : tensor<8x4xf32> = dense<1.0>
lm.param @p : !lm.int8<8x4> = #lm.quantize_rows<dense<1.0> : tensor<8x4xf32>>
func.func @top_linear_c5_preview(%x: tensor<?x?x4xf32>, %c: !lm.codes<?x?x4, u8>, %p: tensor<?x?x4xf32>) -> tensor<?x?x8xf32> {
  // expected-error@+1 {{C5: input 'tensor<?x?x4xf32>', result 'tensor<?x?x8xf32>' and 'tensor<?x?x4xf32>' disagree}}
  %y = lm.top_linear %x, @w preview %p of %x, %c, @p {count = 2} : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.codes<?x?x4, u8>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

lm.param @w : tensor<8x4xf32> = dense<1.0>
lm.param @p : !lm.int8<8x4> = #lm.quantize_rows<dense<1.0> : tensor<8x4xf32>>
func.func @top_linear_c5_batch(%x: tensor<2x?x4xf32>, %c: !lm.codes<3x?x4, u8>, %p: tensor<2x?x8xf32>) -> tensor<2x?x8xf32> {
  // expected-error@+1 {{C5: input 'tensor<2x?x4xf32>', result 'tensor<2x?x8xf32>' and '!lm.codes<3x?x4, u8>' disagree}}
  %y = lm.top_linear %x, @w preview %p of %x, %c, @p {count = 2} : (tensor<2x?x4xf32>, tensor<2x?x8xf32>, tensor<2x?x4xf32>, !lm.codes<3x?x4, u8>) -> tensor<2x?x8xf32>
  return %y : tensor<2x?x8xf32>
}

// -----

lm.param @w : tensor<8x4xf32> = dense<1.0>
lm.param @p : !lm.int8<4x4> = #lm.quantize_rows<dense<1.0> : tensor<4x4xf32>>
func.func @top_linear_c6_sizes(%x: tensor<?x?x4xf32>, %c: !lm.codes<?x?x4, u8>, %p: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error@+1 {{C6: @p must be a lm.param of type !lm.int8 with the sizes of @w}}
  %y = lm.top_linear %x, @w preview %p of %x, %c, @p {count = 2} : (tensor<?x?x4xf32>, tensor<?x?x8xf32>, tensor<?x?x4xf32>, !lm.codes<?x?x4, u8>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

lm.param @w : tensor<8x4xf32> = dense<1.0>
lm.param @p : !lm.int8<8x4> = #lm.quantize_rows<dense<1.0> : tensor<8x4xf32>>
func.func @top_linear_c7_count(%x: tensor<?x?x4xf32>, %c: !lm.codes<?x?x4, u8>, %p: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error@+1 {{C7: expected a count from 1 to 8, but found 9}}
  %y = lm.top_linear %x, @w preview %p of %x, %c, @p {count = 9} : (tensor<?x?x4xf32>, tensor<?x?x8xf32>, tensor<?x?x4xf32>, !lm.codes<?x?x4, u8>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

lm.param @w : tensor<8x4xf32> = dense<1.0>
lm.param @p : !lm.int8<8x4> = #lm.quantize_rows<dense<1.0> : tensor<8x4xf32>>
func.func @top_linear_c8_block(%x: tensor<?x?x4xf32>, %c: !lm.codes<?x?x4, u8>, %p: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error@+1 {{C8: expected a block that is a power of two from 2 to 65536 and divides 4, but found 8}}
  %y = lm.top_linear %x, @w preview %p of %x, %c, @p {count = 2, block = 8} : (tensor<?x?x4xf32>, tensor<?x?x8xf32>, tensor<?x?x4xf32>, !lm.codes<?x?x4, u8>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}
