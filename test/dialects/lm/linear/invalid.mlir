// RUN: lmopt-opt %s -split-input-file -verify-diagnostics

lm.param @w : !lm.int8<4x4> = #lm.quantize_rows<dense<1.0> : tensor<4x4xf32>>
func.func @linear_c1_int8(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C1: @w must be an f32 matrix, but is '!lm.int8<4x4>'}}
  %y = lm.linear %x, @w : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4x5xf32> = dense<1.0>
func.func @linear_c2_columns(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C2: @w has 5 columns, but the input has width 4}}
  %y = lm.linear %x, @w : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<5x4xf32> = dense<1.0>
func.func @linear_c3_rows(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C3: @w has 5 rows, but the result has width 4}}
  %y = lm.linear %x, @w : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4x4xf32> = dense<1.0>
lm.param @b : tensor<5xf32> = dense<1.0>
func.func @linear_c4_bias(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C4: @b must have 4 numbers, but has 5}}
  %y = lm.linear %x, @w bias @b : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4x4xf32> = dense<1.0>
func.func @linear_c4_matrix(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C4: @w must be an f32 vector, but is 'tensor<4x4xf32>'}}
  %y = lm.linear %x, @w bias @w : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4x4xf32> = dense<1.0>
func.func @linear_c5_batch(%x: tensor<2x?x4xf32>) -> tensor<3x?x4xf32> {
  // expected-error@+1 {{C5: input 'tensor<2x?x4xf32>' and result 'tensor<3x?x4xf32>' disagree}}
  %y = lm.linear %x, @w : (tensor<2x?x4xf32>) -> tensor<3x?x4xf32>
  return %y : tensor<3x?x4xf32>
}

// -----

lm.param @w : tensor<4x4xf32> = dense<1.0>
func.func @linear_c5_rank(%x: tensor<?x4xf32>) -> tensor<?x1x4xf32> {
  // expected-error@+1 {{C5: input 'tensor<?x4xf32>' and result 'tensor<?x1x4xf32>' disagree}}
  %y = lm.linear %x, @w : (tensor<?x4xf32>) -> tensor<?x1x4xf32>
  return %y : tensor<?x1x4xf32>
}

// -----

func.func @linear_width_is_static(%x: tensor<?x?x?xf32>) {
  // expected-error@+1 {{operand #0 must be batch x [sequence x] width tensor of f32 with a static, positive width, but got 'tensor<?x?x?xf32>'}}
  %y = lm.linear %x, @w : (tensor<?x?x?xf32>) -> tensor<?x?x4xf32>
  return
}

// -----

lm.param @w : tensor<4x4xf32> = dense<1.0>
func.func @quantized_linear_c1_f32(%q: !lm.codes<?x?x4, u8>) {
  // expected-error@+1 {{C1: @w must be a lm.param of type !lm.int8 or !lm.sparse_int8}}
  %y = lm.quantized_linear %q, @w : (!lm.codes<?x?x4, u8>) -> tensor<?x?x4xf32>
  return
}

// -----

lm.param @w : !lm.int8<4x8> = #lm.quantize_rows<dense<1.0> : tensor<4x8xf32>>
func.func @quantized_linear_c2_columns(%q: !lm.codes<?x?x4, u8>) {
  // expected-error@+1 {{C2: @w has 8 columns, but the input has width 4}}
  %y = lm.quantized_linear %q, @w : (!lm.codes<?x?x4, u8>) -> tensor<?x?x4xf32>
  return
}

// -----

lm.param @w : !lm.int8<8x4> = #lm.quantize_rows<dense<1.0> : tensor<8x4xf32>>
func.func @quantized_linear_c3_rows(%q: !lm.codes<?x?x4, u8>) {
  // expected-error@+1 {{C3: @w has 8 rows, but the result has width 4}}
  %y = lm.quantized_linear %q, @w : (!lm.codes<?x?x4, u8>) -> tensor<?x?x4xf32>
  return
}

// -----

lm.param @w : !lm.int8<4x4> = #lm.quantize_rows<dense<1.0> : tensor<4x4xf32>>
lm.param @b : tensor<3xf32> = dense<1.0>
func.func @quantized_linear_c4_bias(%q: !lm.codes<?x?x4, u8>) {
  // expected-error@+1 {{C4: @b must have 4 numbers, but has 3}}
  %y = lm.quantized_linear %q, @w bias @b : (!lm.codes<?x?x4, u8>) -> tensor<?x?x4xf32>
  return
}

// -----

lm.param @w : !lm.int8<4x4> = #lm.quantize_rows<dense<1.0> : tensor<4x4xf32>>
func.func @quantized_linear_c5_shapes(%q: !lm.codes<?x2x4, u8>) {
  // expected-error@+1 {{C5: input '!lm.codes<?x2x4, u8>' and result 'tensor<?x3x4xf32>' disagree}}
  %y = lm.quantized_linear %q, @w : (!lm.codes<?x2x4, u8>) -> tensor<?x3x4xf32>
  return
}

// -----

func.func @quantized_linear_c6_overflow(%q: !lm.codes<?x?x65540, u8>) {
  // expected-error@+1 {{C6: expected a width of at most 65536, so that int32 sums cannot overflow, but found 65540}}
  %y = lm.quantized_linear %q, @w : (!lm.codes<?x?x65540, u8>) -> tensor<?x?x4xf32>
  return
}

// -----

func.func @grouped_linear_c1_absent(%q: !lm.codes<?x?x4, s8, group = 2>) {
  // expected-error@+1 {{C1: @w must be a lm.param of type !lm.grouped or !lm.codebook with groups}}
  %y = lm.grouped_linear %q, @w : (!lm.codes<?x?x4, s8, group = 2>) -> tensor<?x?x4xf32>
  return
}

// -----

lm.param @w : tensor<4x4xf32> = dense<1.0>
func.func @grouped_linear_c1_f32(%q: !lm.codes<?x?x4, s8, group = 2>) {
  // expected-error@+1 {{C1: @w must be a lm.param of type !lm.grouped or !lm.codebook with groups}}
  %y = lm.grouped_linear %q, @w : (!lm.codes<?x?x4, s8, group = 2>) -> tensor<?x?x4xf32>
  return
}

// -----

lm.param @w : !lm.int8<4x4> = #lm.quantize_rows<dense<1.0> : tensor<4x4xf32>>
func.func @grouped_linear_c1_int8(%q: !lm.codes<?x?x4, s8, group = 2>) {
  // expected-error@+1 {{C1: @w must be a lm.param of type !lm.grouped or !lm.codebook with groups}}
  %y = lm.grouped_linear %q, @w : (!lm.codes<?x?x4, s8, group = 2>) -> tensor<?x?x4xf32>
  return
}

// -----

lm.param @w : !lm.grouped<4x8, bits = 8, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<4x8xf32>, bits = 8, group = 2>
func.func @grouped_linear_c2_columns(%q: !lm.codes<?x?x4, s8, group = 2>) {
  // expected-error@+1 {{C2: @w has 8 columns, but the input has width 4}}
  %y = lm.grouped_linear %q, @w : (!lm.codes<?x?x4, s8, group = 2>) -> tensor<?x?x4xf32>
  return
}

// -----

lm.param @w : !lm.grouped<8x4, bits = 8, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<8x4xf32>, bits = 8, group = 2>
func.func @grouped_linear_c3_rows(%q: !lm.codes<?x?x4, s8, group = 2>) {
  // expected-error@+1 {{C3: @w has 8 rows, but the result has width 4}}
  %y = lm.grouped_linear %q, @w : (!lm.codes<?x?x4, s8, group = 2>) -> tensor<?x?x4xf32>
  return
}

// -----

lm.param @w : !lm.grouped<4x4, bits = 8, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<4x4xf32>, bits = 8, group = 2>
lm.param @b : tensor<3xf32> = dense<1.0>
func.func @grouped_linear_c4_bias(%q: !lm.codes<?x?x4, s8, group = 2>) {
  // expected-error@+1 {{C4: @b must have 4 numbers, but has 3}}
  %y = lm.grouped_linear %q, @w bias @b : (!lm.codes<?x?x4, s8, group = 2>) -> tensor<?x?x4xf32>
  return
}

// -----

lm.param @w : !lm.grouped<4x4, bits = 8, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<4x4xf32>, bits = 8, group = 2>
func.func @grouped_linear_c5_result(%q: !lm.codes<1x?x4, s8, group = 2>) {
  // expected-error@+1 {{C5: input '!lm.codes<1x?x4, s8, group = 2>' and result 'tensor<2x?x4xf32>' disagree}}
  %y = lm.grouped_linear %q, @w : (!lm.codes<1x?x4, s8, group = 2>) -> tensor<2x?x4xf32>
  return
}

// -----

lm.param @w : !lm.grouped<4x4, bits = 8, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<4x4xf32>, bits = 8, group = 2>
func.func @grouped_linear_c6_groups(%q: !lm.codes<?x?x4, s8, group = 4>) {
  // expected-error@+1 {{C6: activations are in groups of 4, but the weight is in groups of 2}}
  %y = lm.grouped_linear %q, @w : (!lm.codes<?x?x4, s8, group = 4>) -> tensor<?x?x4xf32>
  return
}

// -----

lm.param @w : !lm.grouped<4x65540, bits = 8, group = 65540> = #lm.quantize_groups<dense<1.0> : tensor<4x65540xf32>, bits = 8, group = 65540>
func.func @grouped_linear_c7_overflow(%q: !lm.codes<?x?x65540, s8, group = 65540>) {
  // expected-error@+1 {{C7: expected groups of at most 65536 numbers, so that int32 sums cannot overflow, but found 65540}}
  %y = lm.grouped_linear %q, @w : (!lm.codes<?x?x65540, s8, group = 65540>) -> tensor<?x?x4xf32>
  return
}

// -----

func.func @grouped_linear_unsigned(%q: !lm.codes<?x?x4, u8>) {
  // expected-error@+1 {{operand #0 must be s8 codes in groups (!lm.codes<..., s8, group = G>), but got '!lm.codes<?x?x4, u8>'}}
  %y = lm.grouped_linear %q, @w : (!lm.codes<?x?x4, u8>) -> tensor<?x?x4xf32>
  return
}

// -----

lm.param @w : !lm.grouped<4x4, bits = 8, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<4x4xf32>, bits = 8, group = 2>
func.func @linear_c1_grouped(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C1: @w must be an f32 matrix, but is '!lm.grouped<4x4, bits = 8, group = 2>'}}
  %y = lm.linear %x, @w : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : !lm.grouped<4x4, bits = 8, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<4x4xf32>, bits = 8, group = 2>
func.func @quantized_linear_c1_grouped(%q: !lm.codes<?x?x4, u8>) {
  // expected-error@+1 {{C1: @w must be a lm.param of type !lm.int8}}
  %y = lm.quantized_linear %q, @w : (!lm.codes<?x?x4, u8>) -> tensor<?x?x4xf32>
  return
}

// -----

lm.param @w : tensor<4x4xf32> = dense<1.0>
func.func @narrow_linear_c1_f32(%x: tensor<?x?x4xbf16>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C1: @w must be a lm.param that is a matrix of bf16}}
  %y = lm.narrow_linear %x, @w : (tensor<?x?x4xbf16>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4x5xbf16> = #lm.narrow<dense<1.0> : tensor<4x5xf32>>
func.func @narrow_linear_c2_columns(%x: tensor<?x?x4xbf16>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C2: @w has 5 columns, but the input has width 4}}
  %y = lm.narrow_linear %x, @w : (tensor<?x?x4xbf16>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<5x4xbf16> = #lm.narrow<dense<1.0> : tensor<5x4xf32>>
func.func @narrow_linear_c3_rows(%x: tensor<?x?x4xbf16>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C3: @w has 5 rows, but the result has width 4}}
  %y = lm.narrow_linear %x, @w : (tensor<?x?x4xbf16>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4x4xbf16> = #lm.narrow<dense<1.0> : tensor<4x4xf32>>
func.func @narrow_linear_c4_bias(%x: tensor<?x?x4xbf16>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C4: @w must be an f32 vector, but is 'tensor<4x4xbf16>'}}
  %y = lm.narrow_linear %x, @w bias @w : (tensor<?x?x4xbf16>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4x4xbf16> = #lm.narrow<dense<1.0> : tensor<4x4xf32>>
func.func @narrow_linear_c5_batch(%x: tensor<2x?x4xbf16>) -> tensor<3x?x4xf32> {
  // expected-error@+1 {{C5: input 'tensor<2x?x4xbf16>' and result 'tensor<3x?x4xf32>' disagree}}
  %y = lm.narrow_linear %x, @w : (tensor<2x?x4xbf16>) -> tensor<3x?x4xf32>
  return %y : tensor<3x?x4xf32>
}

// -----

lm.param @w : tensor<4x4xbf16> = #lm.narrow<dense<1.0> : tensor<4x4xf32>>
func.func @linear_c1_bf16(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C1: @w must be an f32 matrix, but is 'tensor<4x4xbf16>'}}
  %y = lm.linear %x, @w : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

func.func @codebook_linear_c1_absent(%x: tensor<?x?x4xf32>) {
  // expected-error@+1 {{C1: @w must be a lm.param of type !lm.codebook without groups}}
  %y = lm.codebook_linear %x, @w : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return
}

// -----

lm.param @w : tensor<4x4xf32> = dense<1.0>
func.func @codebook_linear_c1_f32(%x: tensor<?x?x4xf32>) {
  // expected-error@+1 {{C1: @w must be a lm.param of type !lm.codebook without groups}}
  %y = lm.codebook_linear %x, @w : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return
}

// -----

lm.param @w : !lm.codebook<4x4, entries = 16, group = 2> = #lm.quantize_codebook<dense<1.0> : tensor<4x4xf32>, entries = 16, group = 2>
func.func @codebook_linear_c1_groups(%x: tensor<?x?x4xf32>) {
  // expected-error@+1 {{C1: @w must be a lm.param of type !lm.codebook without groups}}
  %y = lm.codebook_linear %x, @w : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return
}

// -----

lm.param @w : !lm.codebook<4x4, entries = 256> = #lm.quantize_codebook<dense<1.0> : tensor<4x4xf32>, entries = 256>
func.func @codebook_linear_c2_columns(%x: tensor<?x?x5xf32>) {
  // expected-error@+1 {{C2: @w has 4 columns, but the input has width 5}}
  %y = lm.codebook_linear %x, @w : (tensor<?x?x5xf32>) -> tensor<?x?x4xf32>
  return
}

// -----

lm.param @w : !lm.codebook<4x4, entries = 256> = #lm.quantize_codebook<dense<1.0> : tensor<4x4xf32>, entries = 256>
func.func @codebook_linear_c3_rows(%x: tensor<?x?x4xf32>) {
  // expected-error@+1 {{C3: @w has 4 rows, but the result has width 6}}
  %y = lm.codebook_linear %x, @w : (tensor<?x?x4xf32>) -> tensor<?x?x6xf32>
  return
}

// -----

lm.param @w : !lm.codebook<4x4, entries = 256> = #lm.quantize_codebook<dense<1.0> : tensor<4x4xf32>, entries = 256>
lm.param @b : tensor<3xf32> = dense<1.0>
func.func @codebook_linear_c4_bias(%x: tensor<?x?x4xf32>) {
  // expected-error@+1 {{C4: @b must have 4 numbers, but has 3}}
  %y = lm.codebook_linear %x, @w bias @b : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return
}

// -----

lm.param @w : !lm.codebook<4x4, entries = 256> = #lm.quantize_codebook<dense<1.0> : tensor<4x4xf32>, entries = 256>
func.func @codebook_linear_c5_result(%x: tensor<1x?x4xf32>) {
  // expected-error@+1 {{C5: input 'tensor<1x?x4xf32>' and result 'tensor<2x?x4xf32>' disagree}}
  %y = lm.codebook_linear %x, @w : (tensor<1x?x4xf32>) -> tensor<2x?x4xf32>
  return
}

// -----

lm.param @w : !lm.codebook<4x4, entries = 256> = #lm.quantize_codebook<dense<1.0> : tensor<4x4xf32>, entries = 256>
func.func @grouped_linear_c1_codebook(%x: !lm.codes<?x?x4, s8, group = 2>) {
  // expected-error@+1 {{C1: @w must be a lm.param of type !lm.grouped or !lm.codebook with groups}}
  %y = lm.grouped_linear %x, @w : (!lm.codes<?x?x4, s8, group = 2>) -> tensor<?x?x4xf32>
  return
}

// -----

lm.param @w : !lm.codebook<4x4, entries = 8, group = 2> = #lm.quantize_codebook<dense<1.0> : tensor<4x4xf32>, entries = 8, group = 2>
func.func @grouped_linear_c6_codebook(%x: !lm.codes<?x?x4, s8, group = 4>) {
  // expected-error@+1 {{C6: activations are in groups of 4, but the weight is in groups of 2}}
  %y = lm.grouped_linear %x, @w : (!lm.codes<?x?x4, s8, group = 4>) -> tensor<?x?x4xf32>
  return
}

// -----

lm.param @w : !lm.codebook<4x4, entries = 256> = #lm.quantize_codebook<dense<1.0> : tensor<4x4xf32>, entries = 256>
func.func @linear_c1_codebook(%x: tensor<?x?x4xf32>) {
  // expected-error@+1 {{C1: @w must be an f32 matrix, but is '!lm.codebook<4x4, entries = 256>'}}
  %y = lm.linear %x, @w : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return
}
