// What cannot be observed is an error that says why.
// RUN: not lmopt-opt %s --split-input-file --lm-observe 2>&1 | FileCheck %s
// RUN: not lmopt-opt %p/fires.mlir --lm-observe=layers=layer.* 2>&1 | FileCheck %s --check-prefix=PATTERN
// RUN: not lmopt-opt %p/fires.mlir --lm-expand-attention --lm-observe 2>&1 | FileCheck %s --check-prefix=HALVES
// PATTERN: error: option 'layers': pattern 'layer.*' matches none
// HALVES: error: cannot be observed: it works on a cache; expected lm.attention (before lm-expand-attention)

// CHECK: error: a model has one function with a body; this module has 0
module {}

// -----
// CHECK: error: a model takes (ids, cache) or (ids, lengths, ...) and has one block; this function has the type '() -> tensor<1x1x2xf32>'
func.func @forward() -> tensor<1x1x2xf32> {
  %x = arith.constant dense<1.0> : tensor<1x1x2xf32>
  return %x : tensor<1x1x2xf32>
}

// -----
// CHECK: error: lm-observe: no linear reads rows that could be observed
lm.param @embed : tensor<10x8xf32> = dense<0.5>
func.func @encode(%ids: tensor<?x?xi32>, %len: tensor<?xi32>) -> tensor<?x?x8xf32> {
  %x = lm.embedding %ids, @embed : (tensor<?x?xi32>) -> tensor<?x?x8xf32>
  return %x : tensor<?x?x8xf32>
}
