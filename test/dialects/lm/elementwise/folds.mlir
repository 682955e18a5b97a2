// Folds are exact and make the module smaller; what looks alike but is not stays.
// RUN: lmopt-opt %s -canonicalize -split-input-file | FileCheck %s

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
lm.param @n : tensor<8x8xbf16> = #lm.narrow<dense<1.0> : tensor<8x8xf32>>

// CHECK-LABEL: func.func @bias_of_linear
// CHECK-SAME: %[[X:.*]]: tensor<?x?x8xf32>
// CHECK-NEXT: %[[Y:.*]] = lm.linear %[[X]], @w bias @v
// CHECK-NEXT: return %[[Y]]
func.func @bias_of_linear(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %a = lm.linear %x, @w : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %b = lm.bias_add %a, @v : tensor<?x?x8xf32>
  return %b : tensor<?x?x8xf32>
}

// CHECK-LABEL: func.func @bias_of_narrow_linear
// CHECK-SAME: %[[X:.*]]: tensor<?x?x8xbf16>
// CHECK-NEXT: %[[Y:.*]] = lm.narrow_linear %[[X]], @n bias @v attributes {lm.part = "up"}
// CHECK-NEXT: return %[[Y]]
func.func @bias_of_narrow_linear(%x: tensor<?x?x8xbf16>) -> tensor<?x?x8xf32> {
  %a = lm.narrow_linear %x, @n : (tensor<?x?x8xbf16>) -> tensor<?x?x8xf32>
  %b = lm.bias_add %a, @v attributes {lm.part = "up"} : tensor<?x?x8xf32>
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
