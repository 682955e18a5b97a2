// RUN: lmopt-opt %s -split-input-file -verify-diagnostics

func.func @pool_c1_width(%x: tensor<?x?x4xf32>, %n: tensor<?xi32>) -> tensor<?x5xf32> {
  // expected-error@+1 {{C1: the input has width 4, of 1 kind(s), but the result 5}}
  %y = lm.pool %x, %n {kind = mean} : (tensor<?x?x4xf32>, tensor<?xi32>) -> tensor<?x5xf32>
  return %y : tensor<?x5xf32>
}

// -----

func.func @pool_c2_batch(%x: tensor<2x?x4xf32>, %n: tensor<3xi32>) -> tensor<2x4xf32> {
  // expected-error@+1 {{C2: the batch sizes of 'tensor<2x?x4xf32>', 'tensor<3xi32>' and 'tensor<2x4xf32>' disagree}}
  %y = lm.pool %x, %n {kind = mean} : (tensor<2x?x4xf32>, tensor<3xi32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// -----

func.func @pool_c1_kinds(%x: tensor<?x?x4xf32>, %n: tensor<?xi32>) -> tensor<?x4xf32> {
  // expected-error@+1 {{C1: the input has width 4, of 2 kind(s), but the result 4}}
  %y = lm.pool %x, %n {kind = mean + max} : (tensor<?x?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

func.func @pool_c3_none(%x: tensor<?x?x4xf32>, %n: tensor<?xi32>) -> tensor<?x4xf32> {
  // expected-error@+1 {{C3: expected 1 to 16 kinds, but found 0}}
  %y = "lm.pool"(%x, %n) {kinds = []} : (tensor<?x?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
