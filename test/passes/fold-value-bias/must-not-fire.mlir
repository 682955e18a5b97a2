// Padded rows in the result, shared values, a value with two users, an attention that the residual reads.
// RUN: lmopt-opt %s > %t.before
// RUN: lmopt-opt %s --lm-fold-value-bias > %t.after
// RUN: diff %t.before %t.after
// RUN: lmopt-opt %s --lm-fold-value-bias --remarks-filter=lm-fold-value-bias -o /dev/null 2>&1 | FileCheck %s

// CHECK: [Missed] KeptValueBias{{.*}}Op=padded, Reason="rows beyond the length of a text can be seen in a result"
// CHECK: [Missed] KeptValueBias{{.*}}Op=grouped, Reason="heads share values"
// CHECK: [Missed] KeptValueBias{{.*}}Op=both, Reason="something else uses the values"
// CHECK: [Missed] KeptValueBias{{.*}}Op=residual, Reason="the attention is not read by one linear"
lm.param @v : tensor<4x4xf32> = dense<1.0>
lm.param @vb : tensor<4xf32> = dense<2.0>
lm.param @o : tensor<2x4xf32> = dense<3.0>
lm.param @v2 : tensor<2x4xf32> = dense<5.0>
lm.param @vb2 : tensor<2xf32> = dense<6.0>
func.func @padded(%x: tensor<?x?x4xf32>, %len: tensor<?xi32>) -> tensor<?x?x2xf32> {
  %v = lm.linear %x, @v bias @vb : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %y = lm.attention %x, %x, %v lengths %len {layer = 0, heads = 2, kv_heads = 2, scale = 0.5, mask = #lm.full}
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?xi32>) -> tensor<?x?x4xf32> loc("padded")
  %o = lm.linear %y, @o : (tensor<?x?x4xf32>) -> tensor<?x?x2xf32>
  return %o : tensor<?x?x2xf32>
}
func.func @grouped(%x: tensor<?x?x4xf32>, %k: tensor<?x?x2xf32>, %cache: !lm.cache) -> tensor<?x?x2xf32> {
  %v = lm.linear %x, @v2 bias @vb2 : (tensor<?x?x4xf32>) -> tensor<?x?x2xf32>
  %y, %c = lm.attention %x, %k, %v, %cache {layer = 0, heads = 2, kv_heads = 1, scale = 0.5, mask = #lm.causal}
      : (tensor<?x?x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>, !lm.cache) -> (tensor<?x?x4xf32>, !lm.cache)
      loc("grouped")
  %o = lm.linear %y, @o : (tensor<?x?x4xf32>) -> tensor<?x?x2xf32>
  return %o : tensor<?x?x2xf32>
}
func.func @both(%x: tensor<?x?x4xf32>, %cache: !lm.cache) -> tensor<?x?x2xf32> {
  %v = lm.linear %x, @v bias @vb : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %y, %c = lm.attention %x, %v, %v, %cache {layer = 0, heads = 2, kv_heads = 2, scale = 0.5, mask = #lm.causal}
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x4xf32>, !lm.cache)
      loc("both")
  %o = lm.linear %y, @o : (tensor<?x?x4xf32>) -> tensor<?x?x2xf32>
  return %o : tensor<?x?x2xf32>
}
func.func @residual(%x: tensor<?x?x4xf32>, %cache: !lm.cache) -> tensor<?x?x4xf32> {
  %v = lm.linear %x, @v bias @vb : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %y, %c = lm.attention %x, %x, %v, %cache {layer = 0, heads = 2, kv_heads = 2, scale = 0.5, mask = #lm.causal}
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x4xf32>, !lm.cache)
      loc("residual")
  %z = lm.add %x, %y : tensor<?x?x4xf32>
  return %z : tensor<?x?x4xf32>
}
