// An encoder with a row for each token: its last op writes them without padding, whatever it is.
// RUN: lmopt-opt %s --lm-interpret | FileCheck %s
// RUN: lmopt-opt %s --lm-run-compiled='tolerance=2e-06 threads=2' | FileCheck %s
// CHECK: @product: as expected
// CHECK: @rows: as expected

lm.param @table : tensor<3x2xf32> = dense<[[1.0, 2.0], [3.0, 4.0], [-1.0, 0.5]]>
lm.param @nothing : tensor<2x2xf32> = dense<0.0>
lm.param @sum : tensor<3x2xf32> = dense<[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]>

// Queries of zeros see the mean of all values.
func.func @product() -> tensor<2x2x3xf32> attributes {lm.tolerance = 1.0e-6 : f64, lm.expect = [dense<[[[3.0, 5.0, 8.0], [5.0, 7.0, 12.0]], [[-1.0, 1.75, 0.75], [1.0, 3.25, 4.25]]]> : tensor<2x2x3xf32>]} {
  %ids = arith.constant dense<[[0, 1], [2, 0]]> : tensor<2x2xi32>
  %n = arith.constant dense<2> : tensor<2xi32>
  %x = lm.embedding %ids, @table : (tensor<2x2xi32>) -> tensor<2x2x2xf32>
  %q = lm.linear %x, @nothing : (tensor<2x2x2xf32>) -> tensor<2x2x2xf32>
  %a = lm.attention %q, %x, %x lengths %n {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.full} : (tensor<2x2x2xf32>, tensor<2x2x2xf32>, tensor<2x2x2xf32>, tensor<2xi32>) -> tensor<2x2x2xf32>
  %s = lm.add %a, %x : tensor<2x2x2xf32>
  %y = lm.linear %s, @sum : (tensor<2x2x2xf32>) -> tensor<2x2x3xf32>
  return %y : tensor<2x2x3xf32>
}

func.func @rows() -> tensor<2x2x2xf32> attributes {lm.tolerance = 1.0e-6 : f64, lm.expect = [dense<[[[3.0, 5.0], [5.0, 7.0]], [[-1.0, 1.75], [1.0, 3.25]]]> : tensor<2x2x2xf32>]} {
  %ids = arith.constant dense<[[0, 1], [2, 0]]> : tensor<2x2xi32>
  %n = arith.constant dense<2> : tensor<2xi32>
  %x = lm.embedding %ids, @table : (tensor<2x2xi32>) -> tensor<2x2x2xf32>
  %q = lm.linear %x, @nothing : (tensor<2x2x2xf32>) -> tensor<2x2x2xf32>
  %a = lm.attention %q, %x, %x lengths %n {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.full} : (tensor<2x2x2xf32>, tensor<2x2x2xf32>, tensor<2x2x2xf32>, tensor<2xi32>) -> tensor<2x2x2xf32>
  %s = lm.add %a, %x : tensor<2x2x2xf32>
  return %s : tensor<2x2x2xf32>
}
