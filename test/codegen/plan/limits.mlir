// What no target has code for (codegen/plan/Limits.h): rows side by side, and norms of parts of a row, that are not whole
// vectors of 16.
// RUN: not lmopt-opt %s -split-input-file --plan-form-steps --cpu-choose-layouts 2>&1 | FileCheck %s
// RUN: not lmopt-opt %s -split-input-file --plan-form-steps --ptx-choose-layouts 2>&1 | FileCheck %s

// CHECK: error: {{.*}}several kinds of pooling of 24 numbers are not supported; use a multiple of 16
module attributes {lm.config = {max_positions = 8 : i64, vocabulary = 8 : i64}} {
lm.param @w : tensor<8x24xf32> = dense<1.0>
func.func @encode(%ids: tensor<?x?xi32>, %n: tensor<?xi32>) -> tensor<?x48xf32> {
  %x = lm.embedding %ids, @w : (tensor<?x?xi32>) -> tensor<?x?x24xf32>
  %y = lm.pool %x, %n {kind = cls + mean} : (tensor<?x?x24xf32>, tensor<?xi32>) -> tensor<?x48xf32>
  return %y : tensor<?x48xf32>
}
}

// -----

// CHECK: error: {{.*}}norms of heads of 24 numbers are not supported; use a multiple of 16
module attributes {lm.config = {max_positions = 8 : i64, vocabulary = 8 : i64}} {
lm.param @w : tensor<8x48xf32> = dense<1.0>
func.func @encode(%ids: tensor<?x?xi32>, %n: tensor<?xi32>) -> tensor<?x48xf32> {
  %x = lm.embedding %ids, @w : (tensor<?x?xi32>) -> tensor<?x?x48xf32>
  %z = lm.rms_norm %x {eps = 1.0e-6, heads = 2} : tensor<?x?x48xf32>
  %y = lm.pool %z, %n {kind = mean} : (tensor<?x?x48xf32>, tensor<?xi32>) -> tensor<?x48xf32>
  return %y : tensor<?x48xf32>
}
}
