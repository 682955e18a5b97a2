// Without rotary positions the bias of keys goes; a param that nothing else uses goes with it.
// RUN: lmopt-opt %s --lm-fold-key-bias | FileCheck %s
// RUN: lmopt-opt %s --lm-fold-key-bias --remarks-filter=lm-fold-key-bias -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-fold-key-bias > %t.once
// RUN: lmopt-opt %s --lm-fold-key-bias --lm-fold-key-bias > %t.twice
// RUN: diff %t.once %t.twice

// REMARK: [Passed] DroppedKeyBias | Category:lm-fold-key-bias | Op=layers.0.attn

// CHECK: lm.param @k :
// CHECK-NOT: lm.param @kb
// CHECK: lm.param @shared_bias
lm.param @k : tensor<4x4xf32> = dense<1.0>
lm.param @kb : tensor<4xf32> = dense<2.0>
lm.param @shared_bias : tensor<4xf32> = dense<3.0>

// CHECK-LABEL: func.func @encode
// CHECK: lm.linear %{{[^,]*}}, @k {{(attributes .* )?}}:
func.func @encode(%x: tensor<?x?x4xf32>, %len: tensor<?xi32>) -> tensor<?x?x4xf32> {
  %k = lm.linear %x, @k bias @kb : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %y = lm.attention %x, %k, %x lengths %len {layer = 0, heads = 2, kv_heads = 2, scale = 0.5, mask = #lm.full}
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?xi32>) -> tensor<?x?x4xf32>
      loc("layers.0.attn")
  return %y : tensor<?x?x4xf32>
}

// The bias of the keys is also the bias of the values: only the keys lose it.
// CHECK-LABEL: func.func @shared
// CHECK: lm.linear %{{[^,]*}}, @k {{(attributes .* )?}}:
// CHECK: lm.linear %{{[^,]*}}, @k bias @shared_bias
func.func @shared(%x: tensor<?x?x4xf32>, %cache: !lm.cache) -> tensor<?x?x4xf32> {
  %k = lm.linear %x, @k bias @shared_bias : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %v = lm.linear %x, @k bias @shared_bias : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %y, %c = lm.attention %x, %k, %v, %cache {layer = 0, heads = 2, kv_heads = 2, scale = 0.5, mask = #lm.causal}
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x4xf32>, !lm.cache)
  return %y : tensor<?x?x4xf32>
}
