// Linears behind ReLU read the rows of their turned matrix; bias and name stay, a matrix that was turned is turned back.
// Numbers are the same: of sums of two products of small whole numbers each is exact.
// RUN: lmopt-opt %s --lm-skip-zeros=most=0.5 -o %t.mlir --remarks-filter=lm-skip-zeros 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: FileCheck %s < %t.mlir
// RUN: lmopt-opt %s --lm-interpret -o /dev/null | FileCheck %s --check-prefix=EQUAL
// RUN: lmopt-opt %t.mlir --lm-interpret -o /dev/null | FileCheck %s --check-prefix=EQUAL
// RUN: lmopt-opt %t.mlir --lm-run-compiled=tolerance=1e-6 -o /dev/null | FileCheck %s --check-prefix=EQUAL
// RUN: lmopt-opt %t.mlir --lm-skip-zeros=most=0.5 | diff %t.mlir -
// RUN: lmopt-opt %s --lm-skip-zeros='most=0.5 layers=plain skip=turned' | FileCheck %s --check-prefix=CHOSEN

// REMARK: remark: [Passed] SkippedZeros | Category:lm-skip-zeros | Op=plain, Share=5.000000e-01
// REMARK: remark: [Passed] SkippedZeros | Category:lm-skip-zeros | Op=turned, Share=5.000000e-01
// EQUAL: @behind_relu: as expected
// EQUAL-NEXT: @turned: as expected
// CHOSEN: lm.nonzero_linear %{{.*}}, @down bias @b
// CHOSEN: lm.linear %{{.*}}, @up

// CHECK: lm.param @down : tensor<4x2xf32> = #lm.transpose<dense<{{.*}}> : tensor<2x4xf32>>
lm.param @down : tensor<2x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, -8.0]]>
lm.param @b : tensor<2xf32> = dense<[0.5, -0.5]>
// CHECK: func.func @behind_relu
func.func @behind_relu() -> tensor<1x3x2xf32> attributes {lm.expect = [dense<[[[7.5, 18.5], [0.5, -0.5], [17.5, -29.5]]]> : tensor<1x3x2xf32>]} {
  %x = arith.constant dense<[[[1.0, -1.0, 2.0, 0.0], [-1.0, -2.0, -3.0, 0.0], [-1.0, 0.5, 0.0, 4.0]]]> : tensor<1x3x4xf32>
  %a = lm.activation %x {kind = relu} : tensor<1x3x4xf32>
  // CHECK: lm.nonzero_linear %{{.*}}, @down bias @b attributes {lm.part = "plain"} : (tensor<1x3x4xf32>) -> tensor<1x3x2xf32>
  %y = lm.linear %a, @down bias @b attributes {lm.part = "plain"} : (tensor<1x3x4xf32>) -> tensor<1x3x2xf32>
  return %y : tensor<1x3x2xf32>
}

// CHECK: lm.param @up : tensor<2x1xf32> = dense<
lm.param @up : tensor<1x2xf32> = #lm.transpose<dense<[[3.0], [5.0]]> : tensor<2x1xf32>>
func.func @turned() -> tensor<1x1x1xf32> attributes {lm.expect = [dense<[[[10.0]]]> : tensor<1x1x1xf32>]} {
  %x = arith.constant dense<[[[-1.0, 2.0]]]> : tensor<1x1x2xf32>
  %a = lm.activation %x {kind = relu} : tensor<1x1x2xf32>
  %y = lm.linear %a, @up attributes {lm.part = "turned"} : (tensor<1x1x2xf32>) -> tensor<1x1x1xf32>
  return %y : tensor<1x1x1xf32>
}
