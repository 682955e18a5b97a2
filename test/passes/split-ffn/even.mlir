// All experts are of one size, whatever points where: of 20 neurons in one direction and 16 in another, two go with those.
// RUN: lmopt-opt %s --lm-split-ffn='experts=2 count=1 most=0.5 pays=false' | FileCheck %s
// CHECK: order = [0, 1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 32, 33, 34, 35]>
lm.param @up : tensor<36x2xf32> = dense<[[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]>
lm.param @down : tensor<1x36xf32> = dense<1.0>
func.func @f(%x: tensor<?x?x2xf32>) -> tensor<?x?x1xf32> {
  %u = lm.linear %x, @up : (tensor<?x?x2xf32>) -> tensor<?x?x36xf32>
  %a = lm.activation %u {kind = relu} : tensor<?x?x36xf32>
  %y = lm.linear %a, @down : (tensor<?x?x36xf32>) -> tensor<?x?x1xf32>
  return %y : tensor<?x?x1xf32>
}
