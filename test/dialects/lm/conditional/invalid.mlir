// RUN: lmopt-opt %s -split-input-file -verify-diagnostics

func.func @tree_gates_c1_missing(%x: tensor<?x?x4xf32>) -> tensor<?x?x8xf32> {
  // expected-error@+1 {{C1: there is no lm.param @absent}}
  %y = lm.tree_gates %x, @absent {count = 1} : (tensor<?x?x4xf32>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

lm.param @w : tensor<7x4xbf16> = #lm.narrow<dense<1.0> : tensor<7x4xf32>>
func.func @tree_gates_c1_narrow(%x: tensor<?x?x4xf32>) -> tensor<?x?x8xf32> {
  // expected-error@+1 {{C1: @w must be an f32 matrix, but is 'tensor<7x4xbf16>'}}
  %y = lm.tree_gates %x, @w {count = 1} : (tensor<?x?x4xf32>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

lm.param @w : tensor<7x5xf32> = dense<1.0>
func.func @tree_gates_c2_columns(%x: tensor<?x?x4xf32>) -> tensor<?x?x8xf32> {
  // expected-error@+1 {{C2: @w has 5 columns, but the input has width 4}}
  %y = lm.tree_gates %x, @w {count = 1} : (tensor<?x?x4xf32>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

lm.param @w : tensor<8x4xf32> = dense<1.0>
func.func @tree_gates_c3_rows(%x: tensor<?x?x4xf32>) -> tensor<?x?x8xf32> {
  // expected-error@+1 {{C3: @w has 8 rows and the result is 8 wide, which are not 2^D - 1 and 2^D with D from 1 to 20}}
  %y = lm.tree_gates %x, @w {count = 1} : (tensor<?x?x4xf32>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

lm.param @w : tensor<5x4xf32> = dense<1.0>
func.func @tree_gates_c3_width(%x: tensor<?x?x4xf32>) -> tensor<?x?x6xf32> {
  // expected-error@+1 {{C3: @w has 5 rows and the result is 6 wide, which are not 2^D - 1 and 2^D with D from 1 to 20}}
  %y = lm.tree_gates %x, @w {count = 1} : (tensor<?x?x4xf32>) -> tensor<?x?x6xf32>
  return %y : tensor<?x?x6xf32>
}

// -----

lm.param @w : tensor<2097151x4xf32> = dense<1.0>
func.func @tree_gates_c3_levels(%x: tensor<?x?x4xf32>) -> tensor<?x?x2097152xf32> {
  // expected-error@+1 {{C3: @w has 2097151 rows and the result is 2097152 wide, which are not 2^D - 1 and 2^D with D from 1 to 20}}
  %y = lm.tree_gates %x, @w {count = 1} : (tensor<?x?x4xf32>) -> tensor<?x?x2097152xf32>
  return %y : tensor<?x?x2097152xf32>
}

// -----

lm.param @w : tensor<7x4xf32> = dense<1.0>
lm.param @b : tensor<8xf32> = dense<1.0>
func.func @tree_gates_c4_bias(%x: tensor<?x?x4xf32>) -> tensor<?x?x8xf32> {
  // expected-error@+1 {{C4: @b must have 7 numbers, but has 8}}
  %y = lm.tree_gates %x, @w bias @b {count = 1} : (tensor<?x?x4xf32>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

lm.param @w : tensor<7x4xf32> = dense<1.0>
func.func @tree_gates_c5_batch(%x: tensor<2x?x4xf32>) -> tensor<3x?x8xf32> {
  // expected-error@+1 {{C5: 'tensor<2x?x4xf32>' and the result 'tensor<3x?x8xf32>' disagree in batch or sequence}}
  %y = lm.tree_gates %x, @w {count = 1} : (tensor<2x?x4xf32>) -> tensor<3x?x8xf32>
  return %y : tensor<3x?x8xf32>
}

// -----

lm.param @w : tensor<7x4xf32> = dense<1.0>
func.func @tree_gates_c6_none(%x: tensor<?x?x4xf32>) -> tensor<?x?x8xf32> {
  // expected-error@+1 {{C6: expected a count from 1 to 8, but found 0}}
  %y = lm.tree_gates %x, @w {count = 0} : (tensor<?x?x4xf32>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

lm.param @w : tensor<7x4xf32> = dense<1.0>
func.func @tree_gates_c6_many(%x: tensor<?x?x4xf32>) -> tensor<?x?x8xf32> {
  // expected-error@+1 {{C6: expected a count from 1 to 8, but found 9}}
  %y = lm.tree_gates %x, @w {count = 9} : (tensor<?x?x4xf32>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

func.func @top_gates_c1_none(%s: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C1: expected a count from 1 to 4, but found 0}}
  %y = lm.top_gates %s {count = 0, softmax = "all"} : tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

func.func @top_gates_c1_many(%s: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C1: expected a count from 1 to 4, but found 5}}
  %y = lm.top_gates %s {count = 5, softmax = "all"} : tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

func.func @top_gates_c2_softmax(%s: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C2: softmax must be "chosen", "all" or "none", but is "some"}}
  %y = lm.top_gates %s {count = 2, softmax = "some"} : tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<6x4xbf16> = #lm.narrow<dense<1.0> : tensor<6x4xf32>>
lm.param @v : tensor<6x5xf32> = dense<1.0>
func.func @experts_c1_weight(%x: tensor<?x?x4xf32>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C1: @w must be an f32 matrix, but is 'tensor<6x4xbf16>'}}
  %y = lm.experts %x by %g, @w to @v {kind = silu} : (tensor<?x?x4xf32>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<6x4xf32> = dense<1.0>
lm.param @v : tensor<6x5xf32> = dense<1.0>
func.func @experts_c1_up(%x: tensor<?x?x4xf32>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C1: there is no lm.param @absent}}
  %y = lm.experts %x by %g, @w times @absent to @v {kind = silu} : (tensor<?x?x4xf32>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<6x5xf32> = dense<1.0>
lm.param @v : tensor<6x5xf32> = dense<1.0>
func.func @experts_c2_columns(%x: tensor<?x?x4xf32>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C2: @w has 5 columns, but the input has width 4}}
  %y = lm.experts %x by %g, @w to @v {kind = silu} : (tensor<?x?x4xf32>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<6x4xf32> = dense<1.0>
lm.param @v : tensor<6x5xf32> = dense<1.0>
lm.param @u : tensor<6x5xf32> = dense<1.0>
func.func @experts_c2_up(%x: tensor<?x?x4xf32>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C2: @u has 5 columns, but the input has width 4}}
  %y = lm.experts %x by %g, @w times @u to @v {kind = silu} : (tensor<?x?x4xf32>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<7x4xf32> = dense<1.0>
lm.param @v : tensor<6x5xf32> = dense<1.0>
func.func @experts_c3_rows(%x: tensor<?x?x4xf32>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C3: @w has 7 rows, which is no multiple of the 3 gates}}
  %y = lm.experts %x by %g, @w to @v {kind = silu} : (tensor<?x?x4xf32>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<6x4xf32> = dense<1.0>
lm.param @v : tensor<6x5xf32> = dense<1.0>
lm.param @u : tensor<3x4xf32> = dense<1.0>
func.func @experts_c3_up(%x: tensor<?x?x4xf32>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C3: @u must be 6 x 4, but is 3 x 4}}
  %y = lm.experts %x by %g, @w times @u to @v {kind = silu} : (tensor<?x?x4xf32>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<6x4xf32> = dense<1.0>
lm.param @v : tensor<6x5xf32> = dense<1.0>
lm.param @b : tensor<3xf32> = dense<1.0>
func.func @experts_c4_bias(%x: tensor<?x?x4xf32>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C4: @b must have 6 numbers, but has 3}}
  %y = lm.experts %x by %g, @w bias @b to @v {kind = silu} : (tensor<?x?x4xf32>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<6x4xf32> = dense<1.0>
lm.param @v : tensor<6x5xbf16> = #lm.narrow<dense<1.0> : tensor<6x5xf32>>
func.func @experts_c5_narrow(%x: tensor<?x?x4xf32>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C5: @v must be an f32 matrix, but is 'tensor<6x5xbf16>'}}
  %y = lm.experts %x by %g, @w to @v {kind = silu} : (tensor<?x?x4xf32>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<6x4xf32> = dense<1.0>
lm.param @v : tensor<3x5xf32> = dense<1.0>
func.func @experts_c5_rows(%x: tensor<?x?x4xf32>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C5: @v must be 6 x 5, but is 3 x 5}}
  %y = lm.experts %x by %g, @w to @v {kind = silu} : (tensor<?x?x4xf32>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<6x4xf32> = dense<1.0>
lm.param @v : tensor<6x6xf32> = dense<1.0>
func.func @experts_c5_columns(%x: tensor<?x?x4xf32>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C5: @v must be 6 x 5, but is 6 x 6}}
  %y = lm.experts %x by %g, @w to @v {kind = silu} : (tensor<?x?x4xf32>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<6x4xf32> = dense<1.0>
lm.param @v : tensor<6x5xf32> = dense<1.0>
lm.param @c : tensor<5xf32> = dense<1.0>
func.func @experts_c6_vector(%x: tensor<?x?x4xf32>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C6: @c must be an f32 matrix, but is 'tensor<5xf32>'}}
  %y = lm.experts %x by %g, @w to @v bias @c {kind = silu} : (tensor<?x?x4xf32>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<6x4xf32> = dense<1.0>
lm.param @v : tensor<6x5xf32> = dense<1.0>
lm.param @c : tensor<6x5xf32> = dense<1.0>
func.func @experts_c6_rows(%x: tensor<?x?x4xf32>, %g: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C6: @c must be 3 x 5, but is 6 x 5}}
  %y = lm.experts %x by %g, @w to @v bias @c {kind = silu} : (tensor<?x?x4xf32>, tensor<?x?x3xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @w : tensor<6x4xf32> = dense<1.0>
lm.param @v : tensor<6x5xf32> = dense<1.0>
func.func @experts_c7_gates(%x: tensor<2x?x4xf32>, %g: tensor<3x?x3xf32>) -> tensor<2x?x5xf32> {
  // expected-error@+1 {{C7: 'tensor<3x?x3xf32>' and the result 'tensor<2x?x5xf32>' disagree in batch or sequence}}
  %y = lm.experts %x by %g, @w to @v {kind = silu} : (tensor<2x?x4xf32>, tensor<3x?x3xf32>) -> tensor<2x?x5xf32>
  return %y : tensor<2x?x5xf32>
}

// -----

lm.param @w : tensor<6x4xf32> = dense<1.0>
lm.param @v : tensor<6x5xf32> = dense<1.0>
func.func @experts_c7_input(%x: tensor<?x3x4xf32>, %g: tensor<?x2x3xf32>) -> tensor<?x2x5xf32> {
  // expected-error@+1 {{C7: 'tensor<?x3x4xf32>' and the result 'tensor<?x2x5xf32>' disagree in batch or sequence}}
  %y = lm.experts %x by %g, @w to @v {kind = silu} : (tensor<?x3x4xf32>, tensor<?x2x3xf32>) -> tensor<?x2x5xf32>
  return %y : tensor<?x2x5xf32>
}

// -----

func.func @nonzero_linear_c1_missing(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C1: @absent must be a lm.param that is a matrix of f32 or bf16 or of type !lm.int8}}
  %y = lm.nonzero_linear %x, @absent : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @v : tensor<4xf32> = dense<1.0>
func.func @nonzero_linear_c1_vector(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C1: @v must be a lm.param that is a matrix of f32 or bf16 or of type !lm.int8}}
  %y = lm.nonzero_linear %x, @v : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @v : tensor<5x5xf32> = dense<1.0>
func.func @nonzero_linear_c2_rows(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C2: @v has 5 rows, but the input has width 4}}
  %y = lm.nonzero_linear %x, @v : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @v : !lm.int8<5x4> = #lm.quantize_rows<dense<1.0> : tensor<5x4xf32>>
func.func @nonzero_linear_c2_turned(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C2: @v has 5 rows, but the input has width 4}}
  %y = lm.nonzero_linear %x, @v : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @v : tensor<4x6xbf16> = #lm.narrow<dense<1.0> : tensor<4x6xf32>>
func.func @nonzero_linear_c3_columns(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C3: @v has 6 columns, but the result has width 5}}
  %y = lm.nonzero_linear %x, @v : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @v : tensor<4x5xf32> = dense<1.0>
lm.param @b : tensor<4xf32> = dense<1.0>
func.func @nonzero_linear_c4_bias(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // expected-error@+1 {{C4: @b must have 5 numbers, but has 4}}
  %y = lm.nonzero_linear %x, @v bias @b : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}

// -----

lm.param @v : tensor<4x5xf32> = dense<1.0>
func.func @nonzero_linear_c5_batch(%x: tensor<2x?x4xf32>) -> tensor<3x?x5xf32> {
  // expected-error@+1 {{C5: 'tensor<2x?x4xf32>' and the result 'tensor<3x?x5xf32>' disagree in batch or sequence}}
  %y = lm.nonzero_linear %x, @v : (tensor<2x?x4xf32>) -> tensor<3x?x5xf32>
  return %y : tensor<3x?x5xf32>
}
