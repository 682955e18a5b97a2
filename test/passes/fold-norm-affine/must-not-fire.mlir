// The residual also reads the norm (post-norm), a norm of heads, a head tied to the embedding, a weight shared with a linear elsewhere.
// RUN: lmopt-opt %s > %t.before
// RUN: lmopt-opt %s --lm-fold-norm-affine > %t.after
// RUN: diff %t.before %t.after
// RUN: lmopt-opt %s --lm-fold-norm-affine --remarks-filter=lm-fold-norm-affine -o /dev/null 2>&1 | FileCheck %s

// CHECK: [Missed] KeptAffine{{.*}}Op=final_norm, Reason="@table is also used by 'embed'"
// CHECK: [Missed] KeptAffine{{.*}}Op=shared_norm, Reason="@w is also used by 'elsewhere'"
// CHECK: [Missed] KeptAffine{{.*}}Op=heads_norm, Reason="it norms heads by themselves, with one weight for all of them"
// CHECK: [Missed] KeptAffine{{.*}}Op=returned_norm, Reason="its result is also used by 'func.return'"
// CHECK: [Missed] KeptAffine{{.*}}Op=post_norm, Reason="its result is also used by 'lm.add'"
lm.param @g : tensor<2xf32> = dense<[2.0, 3.0]>
lm.param @table : tensor<4x2xf32> = dense<1.0>
lm.param @w : tensor<2x2xf32> = dense<1.0>

func.func @post(%x: tensor<?x?x2xf32>) -> tensor<?x?x2xf32> {
  %n = lm.layer_norm %x, @g, @g {eps = 1.0e-5} : tensor<?x?x2xf32> loc("post_norm")
  %y = lm.linear %n, @w : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32> loc("elsewhere")
  %z = lm.add %n, %y : tensor<?x?x2xf32>
  return %z : tensor<?x?x2xf32>
}
func.func @tied(%ids: tensor<?x?xi32>) -> tensor<?x?x4xf32> {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x2xf32> loc("embed")
  %n = lm.rms_norm %x, @g {eps = 1.0e-5} : tensor<?x?x2xf32> loc("final_norm")
  %y = lm.linear %n, @table : (tensor<?x?x2xf32>) -> tensor<?x?x4xf32> loc("head")
  return %y : tensor<?x?x4xf32>
}
func.func @shared(%x: tensor<?x?x2xf32>) -> tensor<?x?x2xf32> {
  %n = lm.rms_norm %x, @g {eps = 1.0e-5} : tensor<?x?x2xf32> loc("shared_norm")
  %y = lm.linear %n, @w : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  return %y : tensor<?x?x2xf32>
}
lm.param @v : tensor<2x4xf32> = dense<1.0>
func.func @heads(%x: tensor<?x?x4xf32>) -> tensor<?x?x2xf32> {
  %n = lm.rms_norm %x, @g {eps = 1.0e-5, heads = 2} : tensor<?x?x4xf32> loc("heads_norm")
  %y = lm.linear %n, @v : (tensor<?x?x4xf32>) -> tensor<?x?x2xf32>
  return %y : tensor<?x?x2xf32>
}
func.func @returned(%x: tensor<?x?x2xf32>) -> tensor<?x?x2xf32> {
  %n = lm.rms_norm %x, @g {eps = 1.0e-5} : tensor<?x?x2xf32> loc("returned_norm")
  return %n : tensor<?x?x2xf32>
}
