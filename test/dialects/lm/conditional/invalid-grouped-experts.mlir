// Each constraint of lm.grouped_experts.
// RUN: lmopt-opt %s -split-input-file -verify-diagnostics

lm.param @w : tensor<6x4xf32> = dense<1.0>
lm.param @v : !lm.grouped<15x2, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<15x2xf32>, bits = 4, group = 2>
func.func @grouped_experts_c1_weight(%x: !lm.codes<?x?x4, s8, group = 2>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C1: @w must be a lm.param of type !lm.grouped or !lm.codebook with groups}}
  %y = lm.grouped_experts %x by %g, @w to @v {kind = silu} : (!lm.codes<?x?x4, s8, group = 2>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @v : !lm.grouped<15x2, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<15x2xf32>, bits = 4, group = 2>
func.func @grouped_experts_c1_absent(%x: !lm.codes<?x?x4, s8, group = 2>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C1: @absent must be a lm.param of type !lm.grouped or !lm.codebook with groups}}
  %y = lm.grouped_experts %x by %g, @absent to @v {kind = silu} : (!lm.codes<?x?x4, s8, group = 2>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : !lm.grouped<6x4, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<6x4xf32>, bits = 4, group = 2>
lm.param @v : !lm.grouped<15x2, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<15x2xf32>, bits = 4, group = 2>
lm.param @u : tensor<6x4xf32> = dense<1.0>
func.func @grouped_experts_c1_up(%x: !lm.codes<?x?x4, s8, group = 2>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C1: @u must be a lm.param of type !lm.grouped or !lm.codebook with groups}}
  %y = lm.grouped_experts %x by %g, @w times @u to @v {kind = silu} : (!lm.codes<?x?x4, s8, group = 2>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : !lm.grouped<6x4, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<6x4xf32>, bits = 4, group = 2>
lm.param @v : tensor<15x2xf32> = dense<1.0>
func.func @grouped_experts_c1_values(%x: !lm.codes<?x?x4, s8, group = 2>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C1: @v must be a lm.param of type !lm.grouped or !lm.codebook with groups}}
  %y = lm.grouped_experts %x by %g, @w to @v {kind = silu} : (!lm.codes<?x?x4, s8, group = 2>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : !lm.codebook<6x4, entries = 256> = #lm.quantize_codebook<dense<1.0> : tensor<6x4xf32>, entries = 256>
lm.param @v : !lm.grouped<15x2, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<15x2xf32>, bits = 4, group = 2>
func.func @grouped_experts_c1_codebook(%x: !lm.codes<?x?x4, s8, group = 2>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C1: @w must be a lm.param of type !lm.grouped or !lm.codebook with groups}}
  %y = lm.grouped_experts %x by %g, @w to @v {kind = silu} : (!lm.codes<?x?x4, s8, group = 2>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : !lm.grouped<6x6, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<6x6xf32>, bits = 4, group = 2>
lm.param @v : !lm.grouped<15x2, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<15x2xf32>, bits = 4, group = 2>
func.func @grouped_experts_c2_weight(%x: !lm.codes<?x?x4, s8, group = 2>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C2: @w has 6 columns, but the input has width 4}}
  %y = lm.grouped_experts %x by %g, @w to @v {kind = silu} : (!lm.codes<?x?x4, s8, group = 2>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : !lm.grouped<6x4, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<6x4xf32>, bits = 4, group = 2>
lm.param @v : !lm.grouped<15x2, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<15x2xf32>, bits = 4, group = 2>
lm.param @u : !lm.grouped<6x2, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<6x2xf32>, bits = 4, group = 2>
func.func @grouped_experts_c2_up(%x: !lm.codes<?x?x4, s8, group = 2>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C2: @u has 2 columns, but the input has width 4}}
  %y = lm.grouped_experts %x by %g, @w times @u to @v {kind = silu} : (!lm.codes<?x?x4, s8, group = 2>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : !lm.grouped<7x4, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<7x4xf32>, bits = 4, group = 2>
lm.param @v : !lm.grouped<15x2, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<15x2xf32>, bits = 4, group = 2>
func.func @grouped_experts_c3_weight(%x: !lm.codes<?x?x4, s8, group = 2>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C3: @w has 7 rows, which is no multiple of the 3 gates}}
  %y = lm.grouped_experts %x by %g, @w to @v {kind = silu} : (!lm.codes<?x?x4, s8, group = 2>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : !lm.grouped<6x4, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<6x4xf32>, bits = 4, group = 2>
lm.param @v : !lm.grouped<15x2, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<15x2xf32>, bits = 4, group = 2>
lm.param @u : !lm.grouped<3x4, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<3x4xf32>, bits = 4, group = 2>
func.func @grouped_experts_c3_up(%x: !lm.codes<?x?x4, s8, group = 2>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C3: @u must be 6 x 4, but is 3 x 4}}
  %y = lm.grouped_experts %x by %g, @w times @u to @v {kind = silu} : (!lm.codes<?x?x4, s8, group = 2>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : !lm.grouped<6x4, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<6x4xf32>, bits = 4, group = 2>
lm.param @v : !lm.grouped<15x2, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<15x2xf32>, bits = 4, group = 2>
func.func @grouped_experts_c4_weight(%x: !lm.codes<?x?x4, s8, group = 4>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C4: activations are in groups of 4, but @w is in groups of 2}}
  %y = lm.grouped_experts %x by %g, @w to @v {kind = silu} : (!lm.codes<?x?x4, s8, group = 4>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : !lm.grouped<6x4, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<6x4xf32>, bits = 4, group = 2>
lm.param @v : !lm.grouped<15x2, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<15x2xf32>, bits = 4, group = 2>
lm.param @u : !lm.grouped<6x4, bits = 4, group = 4> = #lm.quantize_groups<dense<1.0> : tensor<6x4xf32>, bits = 4, group = 4>
func.func @grouped_experts_c4_up(%x: !lm.codes<?x?x4, s8, group = 2>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C4: activations are in groups of 2, but @u is in groups of 4}}
  %y = lm.grouped_experts %x by %g, @w times @u to @v {kind = silu} : (!lm.codes<?x?x4, s8, group = 2>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : !lm.grouped<6x4, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<6x4xf32>, bits = 4, group = 2>
lm.param @v : !lm.grouped<5x2, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<5x2xf32>, bits = 4, group = 2>
func.func @grouped_experts_c5_rows(%x: !lm.codes<?x?x4, s8, group = 2>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C5: @v must be 15 x 2, but is 5 x 2}}
  %y = lm.grouped_experts %x by %g, @w to @v {kind = silu} : (!lm.codes<?x?x4, s8, group = 2>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : !lm.grouped<6x4, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<6x4xf32>, bits = 4, group = 2>
lm.param @v : !lm.grouped<6x4, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<6x4xf32>, bits = 4, group = 2>
func.func @grouped_experts_c5_neurons(%x: !lm.codes<?x?x4, s8, group = 2>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C5: @v must be 15 x 2, but is 6 x 4}}
  %y = lm.grouped_experts %x by %g, @w to @v {kind = silu} : (!lm.codes<?x?x4, s8, group = 2>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : !lm.grouped<6x4, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<6x4xf32>, bits = 4, group = 2>
lm.param @v : !lm.grouped<15x2, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<15x2xf32>, bits = 4, group = 2>
func.func @grouped_experts_c6_gates(%x: !lm.codes<2x?x4, s8, group = 2>, %g: tensor<3x?x3xf32>) -> tensor<2x?x5xf32> {
  // expected-error@+1 {{C6: 'tensor<3x?x3xf32>' and the result 'tensor<2x?x5xf32>' disagree in batch or sequence}}
  %y = lm.grouped_experts %x by %g, @w to @v {kind = silu} : (!lm.codes<2x?x4, s8, group = 2>, tensor<3x?x3xf32>) -> tensor<2x?x5xf32>
  return %y : tensor<2x?x5xf32>
}

// -----

lm.param @w : !lm.grouped<6x4, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<6x4xf32>, bits = 4, group = 2>
lm.param @v : !lm.grouped<15x2, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<15x2xf32>, bits = 4, group = 2>
func.func @grouped_experts_c6_input(%x: !lm.codes<2x7x4, s8, group = 2>, %g: tensor<2x8x3xf32>) -> tensor<2x8x5xf32> {
  // expected-error@+1 {{C6: '!lm.codes<2x7x4, s8, group = 2>' and the result 'tensor<2x8x5xf32>' disagree in batch or sequence}}
  %y = lm.grouped_experts %x by %g, @w to @v {kind = silu} : (!lm.codes<2x7x4, s8, group = 2>, tensor<2x8x3xf32>) -> tensor<2x8x5xf32>
  return %y : tensor<2x8x5xf32>
}

// -----

lm.param @w : !lm.grouped<6x65537, bits = 4, group = 65537> = #lm.quantize_groups<dense<1.0> : tensor<6x65537xf32>, bits = 4, group = 65537>
lm.param @v : !lm.grouped<15x2, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<15x2xf32>, bits = 4, group = 2>
func.func @grouped_experts_c7(%x: !lm.codes<?x?x65537, s8, group = 65537>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C7: expected groups of at most 65536 numbers, so that int32 sums cannot overflow, but found 65537}}
  %y = lm.grouped_experts %x by %g, @w to @v {kind = silu} : (!lm.codes<?x?x65537, s8, group = 65537>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}
