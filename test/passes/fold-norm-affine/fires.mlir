// Scale and shift of a norm go into all linears behind it; a linear without bias gets one when there is a shift.
// RUN: lmopt-opt %s --lm-fold-norm-affine | FileCheck %s
// RUN: lmopt-opt %s --lm-fold-norm-affine --remarks-filter=lm-fold-norm-affine -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-fold-norm-affine > %t.once
// RUN: lmopt-opt %s --lm-fold-norm-affine --lm-fold-norm-affine > %t.twice
// RUN: diff %t.once %t.twice

// REMARK: [Passed] FoldedAffine | Category:lm-fold-norm-affine | Linears=2, Op=layers.0.attn_norm
// REMARK: [Passed] FoldedAffine | Category:lm-fold-norm-affine | Linears=2, Op=layers.0.ffn_norm

// The norms' own weights are gone.
// CHECK-NOT: lm.param @g
// CHECK-NOT: lm.param @beta
// CHECK-DAG: lm.param @q : {{.*}} = #lm.scale_columns<dense<1.000000e+00> : tensor<4x2xf32>, dense<[2.000000e+00, 3.000000e+00]> : tensor<2xf32>>
// CHECK-DAG: lm.param @k : {{.*}} = #lm.scale_columns<dense<4.000000e+00> : tensor<2x2xf32>, dense<[2.000000e+00, 3.000000e+00]> : tensor<2xf32>>
// CHECK-DAG: lm.param @up : {{.*}} = #lm.scale_columns<dense<5.000000e+00> : tensor<2x2xf32>, dense<6.000000e+00> : tensor<2xf32>>
// CHECK-DAG: lm.param @up_bias : {{.*}} = #lm.matvec_add<dense<5.000000e+00> : tensor<2x2xf32>, dense<7.000000e+00> : tensor<2xf32>, dense<8.000000e+00> : tensor<2xf32>>
// CHECK-DAG: lm.param @layers.0.ffn.gate.bias : {{.*}} = #lm.matvec_add<dense<9.000000e+00> : tensor<2x2xf32>, dense<7.000000e+00> : tensor<2xf32>>
lm.param @g : tensor<2xf32> = dense<[2.0, 3.0]>
lm.param @q : tensor<4x2xf32> = dense<1.0>
lm.param @k : tensor<2x2xf32> = dense<4.0>
lm.param @g2 : tensor<2xf32> = dense<6.0>
lm.param @beta : tensor<2xf32> = dense<7.0>
lm.param @up : tensor<2x2xf32> = dense<5.0>
lm.param @up_bias : tensor<2xf32> = dense<8.0>
lm.param @gate : tensor<2x2xf32> = dense<9.0>

// CHECK-LABEL: func.func @rms
// CHECK: lm.rms_norm %{{[^,]*}} {eps
func.func @rms(%x: tensor<?x?x2xf32>) -> (tensor<?x?x4xf32>, tensor<?x?x2xf32>) {
  %n = lm.rms_norm %x, @g {eps = 1.0e-5} : tensor<?x?x2xf32> loc("layers.0.attn_norm")
  %q = lm.linear %n, @q : (tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  %k = lm.linear %n, @k : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  return %q, %k : tensor<?x?x4xf32>, tensor<?x?x2xf32>
}

// CHECK-LABEL: func.func @layer
// CHECK: lm.layer_norm %{{[^,]*}} {eps
// CHECK: lm.linear {{.*}}, @up bias @up_bias
// CHECK: lm.linear {{.*}}, @gate bias @layers.0.ffn.gate.bias
func.func @layer(%x: tensor<?x?x2xf32>) -> (tensor<?x?x2xf32>, tensor<?x?x2xf32>) {
  %n = lm.layer_norm %x, @g2, @beta {eps = 1.0e-5} : tensor<?x?x2xf32> loc("layers.0.ffn_norm")
  %q = lm.linear %n, @up bias @up_bias : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %k = lm.linear %n, @gate : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32> loc("layers.0.ffn.gate")
  return %q, %k : tensor<?x?x2xf32>, tensor<?x?x2xf32>
}
