// Linears get bf16 weights; an activation is rounded once for all that read it; a shared table is bf16 for both users.
// RUN: lmopt-opt %s --lm-narrow-weights | FileCheck %s
// RUN: lmopt-opt %s --lm-narrow-weights --remarks-filter=lm-narrow-weights -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-narrow-weights > %t.once
// RUN: lmopt-opt %s --lm-narrow-weights --lm-narrow-weights > %t.twice
// RUN: diff %t.once %t.twice
// RUN: lmopt-opt %s --lm-narrow-weights='skip=head,*.ffn.*' | FileCheck %s --check-prefix=SKIP
// RUN: lmopt-opt %s --lm-narrow-weights='layers=head' | FileCheck %s --check-prefix=LAYERS

// REMARK: [Passed] NarrowedWeight | Category:lm-narrow-weights | Op=layers.0.attn.q, Weight=q
// REMARK: [Passed] NarrowedWeight | Category:lm-narrow-weights | Op=layers.0.attn.k, Weight=k
// REMARK: [Passed] NarrowedWeight | Category:lm-narrow-weights | Op=layers.0.ffn.down, Weight=down
// REMARK: [Passed] NarrowedWeight | Category:lm-narrow-weights | Op=head, Weight=table

// CHECK-DAG: lm.param @table : tensor<8x64xbf16> = #lm.narrow<dense<1.000000e+00> : tensor<8x64xf32>> exactness <approximate>
// CHECK-DAG: lm.param @q : tensor<96x64xbf16> = #lm.narrow<{{.*}}> exactness <approximate>
// CHECK-DAG: lm.param @b : tensor<96xf32> = dense
// SKIP-DAG: lm.param @table : tensor<8x64xf32> = dense
// SKIP-DAG: lm.param @q : tensor<96x64xbf16>
// SKIP-DAG: lm.param @down : tensor<64x96xf32>
// LAYERS-DAG: lm.param @table : tensor<8x64xbf16>
// LAYERS-DAG: lm.param @q : tensor<96x64xf32>
lm.param @table : tensor<8x64xf32> = dense<1.0>
lm.param @q : tensor<96x64xf32> = dense<2.0>
lm.param @k : tensor<96x64xf32> = dense<3.0>
lm.param @down : tensor<64x96xf32> = dense<4.0>
lm.param @b : tensor<96xf32> = dense<5.0>

// CHECK-LABEL: func.func @forward
// CHECK: %[[X:.*]] = lm.embedding {{.*}}, @table {{.*}}:
// CHECK-NEXT: %[[N:.*]] = lm.narrow %[[X]] attributes {lm.part = "embed.narrow"} : (tensor<?x?x64xf32>) -> tensor<?x?x64xbf16>
// CHECK-NEXT: lm.narrow_linear %[[N]], @q bias @b attributes {lm.part = "layers.0.attn.q"} : (tensor<?x?x64xbf16>) -> tensor<?x?x96xf32>
// CHECK-NEXT: lm.narrow_linear %[[N]], @k
// CHECK-NEXT: lm.gated_product
// CHECK-NEXT: lm.narrow
// CHECK-NEXT: lm.narrow_linear {{.*}}, @down
// CHECK-NEXT: lm.narrow
// CHECK-NEXT: lm.narrow_linear {{.*}}, @table
func.func @forward(%ids: tensor<?x?xi32>) -> tensor<?x?x8xf32> {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x64xf32> loc("embed")
  %q = lm.linear %x, @q bias @b attributes {lm.part = "layers.0.attn.q"} : (tensor<?x?x64xf32>) -> tensor<?x?x96xf32> loc("layers.0.attn.q")
  %k = lm.linear %x, @k : (tensor<?x?x64xf32>) -> tensor<?x?x96xf32> loc("layers.0.attn.k")
  %g = lm.gated_product %q, %k {kind = silu} : tensor<?x?x96xf32>
  %d = lm.linear %g, @down : (tensor<?x?x96xf32>) -> tensor<?x?x64xf32> loc("layers.0.ffn.down")
  %y = lm.linear %d, @table : (tensor<?x?x64xf32>) -> tensor<?x?x8xf32> loc("head")
  return %y : tensor<?x?x8xf32>
}
