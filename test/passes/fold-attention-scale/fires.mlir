// The scale of scores goes into weight and bias of the query.
// RUN: lmopt-opt %s --lm-fold-attention-scale | FileCheck %s
// RUN: lmopt-opt %s --lm-fold-attention-scale --remarks-filter=lm-fold-attention-scale -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-fold-attention-scale > %t.once
// RUN: lmopt-opt %s --lm-fold-attention-scale --lm-fold-attention-scale > %t.twice
// RUN: diff %t.once %t.twice

// REMARK: [Passed] FoldedScale | Category:lm-fold-attention-scale | Op=layers.0.attn, Scale=1.250000e-01

// CHECK-DAG: lm.param @q : {{.*}} = #lm.scale<dense<1.000000e+00> : tensor<4x2xf32>, 1.250000e-01>
// CHECK-DAG: lm.param @qb : {{.*}} = #lm.scale<dense<2.000000e+00> : tensor<4xf32>, 1.250000e-01>
lm.param @q : tensor<4x2xf32> = dense<1.0>
lm.param @qb : tensor<4xf32> = dense<2.0>

// CHECK-LABEL: func.func @decode
// CHECK: lm.attention {{.*}} scale = 1.000000e+00
func.func @decode(%x: tensor<?x?x2xf32>, %kv: tensor<?x?x4xf32>, %cache: !lm.cache) -> tensor<?x?x4xf32> {
  %q = lm.linear %x, @q bias @qb : (tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  %y, %c = lm.attention %q, %kv, %kv, %cache {layer = 0, heads = 1, kv_heads = 1, scale = 0.125, mask = #lm.causal,
                                              rope = #lm.rope<base = 1.0e4, dims = 4, layout = half>}
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x4xf32>, !lm.cache)
      loc("layers.0.attn")
  return %y : tensor<?x?x4xf32>
}
