// An encoder, a function whose result no linear makes, one with further results: refused, and none is changed.
// RUN: not lmopt-opt %s --split-input-file --lm-factorize-softmax=count=2 2>&1 | FileCheck %s

// CHECK: error: lm-factorize-softmax: expected a decoder; what an encoder gives is not a choice among tokens
lm.param @table : tensor<20x32xf32> = dense<1.0>
func.func @encode(%ids: tensor<?x?xi32>, %lengths: tensor<?xi32>) -> tensor<?x?x20xf32> {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x32xf32>
  %y = lm.linear %x, @table : (tensor<?x?x32xf32>) -> tensor<?x?x20xf32>
  return %y : tensor<?x?x20xf32>
}

// -----

// CHECK: error: lm-factorize-softmax: expected a function that gives logits, made by a linear, and nothing else
lm.param @table : tensor<20x32xf32> = dense<1.0>
func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x32xf32>, !lm.cache) {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x32xf32>
  return %x, %cache : tensor<?x?x32xf32>, !lm.cache
}

// -----

// CHECK: error: lm-factorize-softmax: expected a function that gives logits, made by a linear, and nothing else
lm.param @table : tensor<20x32xf32> = dense<1.0>
func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x20xf32>, tensor<?x?x32xf32> {lm.result = "head"}, !lm.cache) {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x32xf32>
  %y = lm.linear %x, @table : (tensor<?x?x32xf32>) -> tensor<?x?x20xf32>
  return %y, %x, %cache : tensor<?x?x20xf32>, tensor<?x?x32xf32>, !lm.cache
}
