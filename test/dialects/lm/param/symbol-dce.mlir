// Params are private: what no op names goes. Dead ops go too, since all lm ops are pure.
// RUN: lmopt-opt %s -canonicalize -symbol-dce | FileCheck %s

// CHECK-NOT: @unused
// CHECK: lm.param @used
// CHECK-NOT: @only_dead
lm.param @unused : tensor<8xf32> = dense<1.0>
lm.param @used : tensor<8xf32> = dense<1.0>
lm.param @only_dead : tensor<8xf32> = dense<1.0>
func.func @f(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %dead = lm.rms_norm %x, @only_dead {eps = 1.0e-5} : tensor<?x?x8xf32>
  %y = lm.bias_add %x, @used : tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}
