// All tokens stay: nothing changes. Vectors that are as wide as there are tokens are no logits: their linear stays.
// RUN: split-file %s %t
// RUN: lmopt-opt %t/model.mlir > %t/before
// RUN: lmopt-opt %t/model.mlir --lm-shorten-vocabulary=tokens=%t/all | diff %t/before -
// RUN: lmopt-opt %t/model.mlir --lm-shorten-vocabulary=tokens=%t/some | FileCheck %s
// CHECK-DAG: lm.param @table : tensor<3x5xf32> = #lm.take_rows
// CHECK-DAG: lm.param @project : tensor<5x5xf32> = dense
// CHECK: return %{{.*}} : tensor<?x?x5xf32>

//--- all
0 1 2 3 4
//--- some
1 2 4

//--- model.mlir
lm.param @table : tensor<5x5xf32> = dense<1.0>
lm.param @project : tensor<5x5xf32> = dense<2.0>
func.func @encode(%ids: tensor<?x?xi32>, %lengths: tensor<?xi32>) -> tensor<?x?x5xf32> {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x5xf32>
  %y = lm.linear %x, @project : (tensor<?x?x5xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}
