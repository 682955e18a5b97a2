// Folds are exact and make the module smaller; what looks alike but is not stays.
// RUN: lmopt-opt %s -canonicalize -split-input-file | FileCheck %s

// CHECK-LABEL: func.func @rotate_twice
// CHECK-SAME: %[[X:.*]]: tensor<?x?x8xf32>
// CHECK-NEXT: return %[[X]]
func.func @rotate_twice(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %a = lm.rotate %x {block = 8} : tensor<?x?x8xf32>
  %b = lm.rotate %a {block = 8} : tensor<?x?x8xf32>
  return %b : tensor<?x?x8xf32>
}

// CHECK-LABEL: func.func @rotate_other_block
// CHECK: lm.rotate %{{.*}} {block = 8}
// CHECK: lm.rotate %{{.*}} {block = 4}
func.func @rotate_other_block(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %a = lm.rotate %x {block = 8} : tensor<?x?x8xf32>
  %b = lm.rotate %a {block = 4} : tensor<?x?x8xf32>
  return %b : tensor<?x?x8xf32>
}

// CHECK-LABEL: func.func @relu_twice
// CHECK: %[[Y:.*]] = lm.activation %{{.*}} {kind = relu}
// CHECK-NEXT: return %[[Y]]
func.func @relu_twice(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %a = lm.activation %x {kind = relu} : tensor<?x?x8xf32>
  %b = lm.activation %a {kind = relu} : tensor<?x?x8xf32>
  return %b : tensor<?x?x8xf32>
}

// CHECK-LABEL: func.func @gelu_twice
// CHECK: lm.activation
// CHECK: lm.activation
func.func @gelu_twice(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %a = lm.activation %x {kind = gelu} : tensor<?x?x8xf32>
  %b = lm.activation %a {kind = gelu} : tensor<?x?x8xf32>
  return %b : tensor<?x?x8xf32>
}

// -----

lm.param @w : tensor<8x8xf32> = dense<1.0>
lm.param @v : tensor<8xf32> = dense<1.0>

// CHECK-LABEL: func.func @bias_of_linear
// CHECK-SAME: %[[X:.*]]: tensor<?x?x8xf32>
// CHECK-NEXT: %[[Y:.*]] = lm.linear %[[X]], @w bias @v
// CHECK-NEXT: return %[[Y]]
func.func @bias_of_linear(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %a = lm.linear %x, @w : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %b = lm.bias_add %a, @v : tensor<?x?x8xf32>
  return %b : tensor<?x?x8xf32>
}

// CHECK-LABEL: func.func @linear_has_bias
// CHECK: lm.linear
// CHECK: lm.bias_add
func.func @linear_has_bias(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %a = lm.linear %x, @w bias @v : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %b = lm.bias_add %a, @v : tensor<?x?x8xf32>
  return %b : tensor<?x?x8xf32>
}

// CHECK-LABEL: func.func @linear_used_twice
// CHECK: lm.linear
// CHECK: lm.bias_add
func.func @linear_used_twice(%x: tensor<?x?x8xf32>) -> (tensor<?x?x8xf32>, tensor<?x?x8xf32>) {
  %a = lm.linear %x, @w : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %b = lm.bias_add %a, @v : tensor<?x?x8xf32>
  return %a, %b : tensor<?x?x8xf32>, tensor<?x?x8xf32>
}

// -----

// CHECK: lm.param @scale_by_one : tensor<2xf32> = #lm.gguf<"f", "k", f32>
lm.param @scale_by_one : tensor<2xf32> = #lm.scale<#lm.gguf<"f", "k", f32>, 1.0>
// CHECK: lm.param @scale_by_two : tensor<2xf32> = #lm.scale<
lm.param @scale_by_two : tensor<2xf32> = #lm.scale<#lm.gguf<"f", "k", f32>, 2.0>
// CHECK: lm.param @rotated_twice : tensor<2x4xf32> = #lm.gguf<"f", "k", f32>
lm.param @rotated_twice : tensor<2x4xf32> = #lm.rotate_columns<#lm.rotate_columns<#lm.gguf<"f", "k", f32>, block = 4>, block = 4>
// CHECK: lm.param @rotated_differently : tensor<2x4xf32> = #lm.rotate_columns<#lm.rotate_columns<
lm.param @rotated_differently : tensor<2x4xf32> = #lm.rotate_columns<#lm.rotate_columns<#lm.gguf<"f", "k", f32>, block = 4>, block = 2>
