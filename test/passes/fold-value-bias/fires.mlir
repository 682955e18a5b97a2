// The bias of values becomes part of the bias of the output projection, which may have had none.
// RUN: lmopt-opt %s --lm-fold-value-bias | FileCheck %s
// RUN: lmopt-opt %s --lm-fold-value-bias --remarks-filter=lm-fold-value-bias -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-fold-value-bias > %t.once
// RUN: lmopt-opt %s --lm-fold-value-bias --lm-fold-value-bias > %t.twice
// RUN: diff %t.once %t.twice

// REMARK: [Passed] FoldedValueBias | Category:lm-fold-value-bias | Op=layers.0.attn
// REMARK: [Passed] FoldedValueBias | Category:lm-fold-value-bias | Op=layers.1.attn

// CHECK-NOT: lm.param @vb
// CHECK-DAG: lm.param @ob : {{.*}} = #lm.matvec_add<dense<3.000000e+00> : tensor<2x4xf32>, dense<2.000000e+00> : tensor<4xf32>, dense<4.000000e+00> : tensor<2xf32>>
// CHECK-DAG: lm.param @layers.1.attn.o.bias : {{.*}} = #lm.matvec_add<dense<3.000000e+00> : tensor<2x4xf32>, dense<2.000000e+00> : tensor<4xf32>>
lm.param @v : tensor<4x4xf32> = dense<1.0>
lm.param @vb : tensor<4xf32> = dense<2.0>
lm.param @o : tensor<2x4xf32> = dense<3.0>
lm.param @ob : tensor<2xf32> = dense<4.0>

// CHECK-LABEL: func.func @encode
// CHECK: lm.linear %{{[^,]*}}, @v {{(attributes .* )?}}:
// CHECK: lm.linear %{{[^,]*}}, @o bias @ob
func.func @encode(%x: tensor<?x?x4xf32>, %len: tensor<?xi32>) -> tensor<?x2xf32> {
  %v = lm.linear %x, @v bias @vb : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %y = lm.attention %x, %x, %v lengths %len {layer = 0, heads = 2, kv_heads = 2, scale = 0.5, mask = #lm.full}
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?xi32>) -> tensor<?x?x4xf32>
      loc("layers.0.attn")
  %o = lm.linear %y, @o bias @ob : (tensor<?x?x4xf32>) -> tensor<?x?x2xf32>
  %p = lm.pool %o, %len {kind = mean} : (tensor<?x?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32>
  return %p : tensor<?x2xf32>
}

// Two layers with the same weights have the same derived bias, which stands once.
// CHECK-DAG: lm.param @shared.o.bias_1 : {{.*}} = #lm.matvec_add<dense<3.000000e+00> : tensor<4x4xf32>, dense<2.000000e+00> : tensor<4xf32>, dense<4.000000e+00> : tensor<4xf32>>
// CHECK-NOT: lm.param @shared.o.bias
lm.param @sv : tensor<4x4xf32> = dense<1.0>
lm.param @svb : tensor<4xf32> = dense<2.0>
lm.param @so : tensor<4x4xf32> = dense<3.0>
lm.param @shared.o.bias : tensor<4xf32> = dense<4.0>

// CHECK-LABEL: func.func @shared
// CHECK-COUNT-2: lm.linear %{{[^,]*}}, @so bias @shared.o.bias_1
func.func @shared(%x: tensor<?x?x4xf32>, %len: tensor<?xi32>) -> tensor<?x4xf32> {
  %v = lm.linear %x, @sv bias @svb : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %y = lm.attention %x, %x, %v lengths %len {layer = 0, heads = 2, kv_heads = 2, scale = 0.5, mask = #lm.full}
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?xi32>) -> tensor<?x?x4xf32>
  %o = lm.linear %y, @so bias @shared.o.bias : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32> loc("shared.o")
  %v2 = lm.linear %o, @sv bias @svb : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %y2 = lm.attention %o, %o, %v2 lengths %len {layer = 1, heads = 2, kv_heads = 2, scale = 0.5, mask = #lm.full}
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?xi32>) -> tensor<?x?x4xf32>
  %o2 = lm.linear %y2, @so bias @shared.o.bias : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32> loc("shared.o")
  %p = lm.pool %o2, %len {kind = mean} : (tensor<?x?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  return %p : tensor<?x4xf32>
}

// With a cache every row sees itself, so all rows may be returned.
// CHECK-LABEL: func.func @decode
// CHECK: lm.linear %{{[^,]*}}, @v {{(attributes .* )?}}:
// CHECK: lm.linear %{{[^,]*}}, @o bias @layers.1.attn.o.bias
func.func @decode(%x: tensor<?x?x4xf32>, %cache: !lm.cache) -> tensor<?x?x2xf32> {
  %v = lm.linear %x, @v bias @vb : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %y, %c = lm.attention %x, %x, %v, %cache {layer = 0, heads = 2, kv_heads = 2, scale = 0.5, mask = #lm.causal}
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x4xf32>, !lm.cache)
      loc("layers.1.attn")
  %o = lm.linear %y, @o : (tensor<?x?x4xf32>) -> tensor<?x?x2xf32> loc("layers.1.attn.o")
  return %o : tensor<?x?x2xf32>
}
