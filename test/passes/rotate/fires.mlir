// Two linears that read one value share its rotation; a table shared with the head is rotated once for both.
// RUN: lmopt-opt %s --lm-rotate | FileCheck %s
// RUN: lmopt-opt %s --lm-rotate --remarks-filter=lm-rotate -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-rotate > %t.once
// RUN: lmopt-opt %s --lm-rotate --lm-rotate > %t.twice
// RUN: diff %t.once %t.twice
// RUN: lmopt-opt %s --lm-rotate='block=32 layers=layers.*' | FileCheck %s --check-prefix=LAYERS
// RUN: lmopt-opt %s --lm-rotate='skip=head,*.ffn.*' | FileCheck %s --check-prefix=SKIP

// REMARK: [Passed] Rotated | Category:lm-rotate | Block=64, Op=layers.0.attn.q
// REMARK: [Passed] Rotated | Category:lm-rotate | Block=64, Op=layers.0.attn.k
// REMARK: [Passed] Rotated | Category:lm-rotate | Block=32, Op=layers.0.ffn.down
// REMARK: [Passed] Rotated | Category:lm-rotate | Block=64, Op=embed
// REMARK: [Passed] Rotated | Category:lm-rotate | Block=64, Op=head

// CHECK-DAG: lm.param @table : {{.*}} = #lm.rotate_columns<dense<1.000000e+00> : tensor<8x64xf32>, block = 64>
// CHECK-DAG: lm.param @q : {{.*}} = #lm.rotate_columns<{{.*}}, block = 64>
// CHECK-DAG: lm.param @k : {{.*}} = #lm.rotate_columns<{{.*}}, block = 64>
// CHECK-DAG: lm.param @down : {{.*}} = #lm.rotate_columns<{{.*}}, block = 32>
// LAYERS-DAG: lm.param @table : tensor<8x64xf32> = dense
// LAYERS-DAG: lm.param @q : {{.*}} = #lm.rotate_columns<{{.*}}, block = 32>
// SKIP-DAG: lm.param @table : tensor<8x64xf32> = dense
// SKIP-DAG: lm.param @q : {{.*}} = #lm.rotate_columns<{{.*}}, block = 64>
// SKIP-DAG: lm.param @down : tensor<64x96xf32> = dense
lm.param @table : tensor<8x64xf32> = dense<1.0>
lm.param @q : tensor<96x64xf32> = dense<2.0>
lm.param @k : tensor<96x64xf32> = dense<3.0>
lm.param @down : tensor<64x96xf32> = dense<4.0>

// CHECK-LABEL: func.func @forward
// CHECK: %[[X:.*]] = lm.embedding {{.*}}, @table {rotated = 64}
// CHECK-NEXT: %[[R:.*]] = lm.rotate %[[X]] {block = 64}
// CHECK-NEXT: lm.linear %[[R]], @q
// CHECK-NEXT: lm.linear %[[R]], @k
// CHECK: lm.rotate {{.*}} {block = 32}
// CHECK-NEXT: lm.linear {{.*}}, @down
// CHECK: lm.rotate {{.*}} {block = 64}
// CHECK-NEXT: lm.linear {{.*}}, @table
func.func @forward(%ids: tensor<?x?xi32>) -> tensor<?x?x8xf32> {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x64xf32> loc("embed")
  %q = lm.linear %x, @q : (tensor<?x?x64xf32>) -> tensor<?x?x96xf32> loc("layers.0.attn.q")
  %k = lm.linear %x, @k : (tensor<?x?x64xf32>) -> tensor<?x?x96xf32> loc("layers.0.attn.k")
  %g = lm.gated_product %q, %k {kind = silu} : tensor<?x?x96xf32>
  %d = lm.linear %g, @down : (tensor<?x?x96xf32>) -> tensor<?x?x64xf32> loc("layers.0.ffn.down")
  %y = lm.linear %d, @table : (tensor<?x?x64xf32>) -> tensor<?x?x8xf32> loc("head")
  return %y : tensor<?x?x8xf32>
}
