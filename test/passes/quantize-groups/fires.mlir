// Linears get grouped weights; an activation is quantized once for all that read it; a shared table is grouped for both users.
// RUN: lmopt-opt %s --lm-quantize-groups | FileCheck %s
// RUN: lmopt-opt %s --lm-quantize-groups --remarks-filter=lm-quantize-groups -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-quantize-groups > %t.once
// RUN: lmopt-opt %s --lm-quantize-groups --lm-quantize-groups > %t.twice
// RUN: diff %t.once %t.twice
// RUN: lmopt-opt %s --lm-quantize-groups=min=true | FileCheck %s --check-prefix=MIN
// RUN: lmopt-opt %s --lm-quantize-groups='min=true scales=8' | FileCheck %s --check-prefix=SMALL
// RUN: lmopt-opt %s --lm-quantize-groups='bits=8 group=64 layers=*.q,*.k,head' | FileCheck %s --check-prefix=EIGHT
// RUN: lmopt-opt %s --lm-quantize-groups='skip=head,*.ffn.*' | FileCheck %s --check-prefix=SKIP
// RUN: lmopt-opt %s --lm-quantize-groups='layers=head' | FileCheck %s --check-prefix=LAYERS
// RUN: lmopt-opt %s --lm-quantize-groups='layers=*.q' --lm-quantize-groups='bits=8 layers=*.k' | FileCheck %s --check-prefix=MIXED

// REMARK: [Passed] QuantizedGroups | Category:lm-quantize-groups | Op=layers.0.attn.q, Weight=q
// REMARK: [Passed] QuantizedGroups | Category:lm-quantize-groups | Op=layers.0.attn.k, Weight=k
// REMARK: [Passed] QuantizedGroups | Category:lm-quantize-groups | Op=layers.0.ffn.down, Weight=down
// REMARK: [Passed] QuantizedGroups | Category:lm-quantize-groups | Op=head, Weight=table

// CHECK-DAG: lm.param @table : !lm.grouped<8x64, bits = 4, group = 32> = #lm.quantize_groups<dense<1.000000e+00> : tensor<8x64xf32>, bits = 4, group = 32> exactness <approximate>
// CHECK-DAG: lm.param @q : !lm.grouped<96x64, bits = 4, group = 32> = #lm.quantize_groups<{{.*}}, bits = 4, group = 32> exactness <approximate>
// CHECK-DAG: lm.param @b : tensor<96xf32> = dense
// MIN-DAG: lm.param @table : !lm.grouped<8x64, bits = 4, group = 32, min> = #lm.quantize_groups<{{.*}}, bits = 4, group = 32, min> exactness <approximate>
// SMALL-DAG: lm.param @table : !lm.grouped<8x64, bits = 4, group = 32, min, scales = 8> = #lm.quantize_groups<{{.*}}, bits = 4, group = 32, min, scales = 8> exactness <approximate>
// EIGHT-DAG: lm.param @table : !lm.grouped<8x64, bits = 8, group = 64> = #lm.quantize_groups<{{.*}}, bits = 8, group = 64> exactness <approximate>
// EIGHT-DAG: lm.param @down : tensor<64x96xf32> = dense
// SKIP-DAG: lm.param @table : tensor<8x64xf32> = dense
// SKIP-DAG: lm.param @q : !lm.grouped<96x64
// SKIP-DAG: lm.param @down : tensor<64x96xf32>
// LAYERS-DAG: lm.param @table : !lm.grouped<8x64
// LAYERS-DAG: lm.param @q : tensor<96x64xf32>
lm.param @table : tensor<8x64xf32> = dense<1.0>
lm.param @q : tensor<96x64xf32> = dense<2.0>
lm.param @k : tensor<96x64xf32> = dense<3.0>
lm.param @down : tensor<64x96xf32> = dense<4.0>
lm.param @b : tensor<96xf32> = dense<5.0>

// CHECK-LABEL: func.func @forward
// CHECK: %[[X:.*]] = lm.embedding {{.*}}, @table {{.*}}:
// CHECK-NEXT: %[[C:.*]] = lm.quantize_groups %[[X]] attributes {lm.part = "embed.quantize"} : (tensor<?x?x64xf32>) -> !lm.codes<?x?x64, s8, group = 32>
// CHECK-NEXT: lm.grouped_linear %[[C]], @q bias @b
// CHECK-NEXT: lm.grouped_linear %[[C]], @k
// CHECK-NEXT: lm.gated_product
// CHECK-NEXT: lm.quantize_groups
// CHECK-NEXT: lm.grouped_linear {{.*}}, @down
// CHECK-NEXT: lm.quantize_groups
// CHECK-NEXT: lm.grouped_linear {{.*}}, @table
// EIGHT: lm.quantize_groups {{.*}} attributes {lm.part = "embed.quantize"} : (tensor<?x?x64xf32>) -> !lm.codes<?x?x64, s8, group = 64>
// 4 and 8 bits read the same codes of an activation.
// MIXED: %[[C:.*]] = lm.quantize_groups
// MIXED-NEXT: lm.grouped_linear %[[C]], @q bias @b
// MIXED-NEXT: lm.grouped_linear %[[C]], @k
func.func @forward(%ids: tensor<?x?xi32>) -> tensor<?x?x8xf32> {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x64xf32> loc("embed")
  %q = lm.linear %x, @q bias @b : (tensor<?x?x64xf32>) -> tensor<?x?x96xf32> loc("layers.0.attn.q")
  %k = lm.linear %x, @k : (tensor<?x?x64xf32>) -> tensor<?x?x96xf32> loc("layers.0.attn.k")
  %g = lm.gated_product %q, %k {kind = silu} : tensor<?x?x96xf32>
  %d = lm.linear %g, @down : (tensor<?x?x96xf32>) -> tensor<?x?x64xf32> loc("layers.0.ffn.down")
  %y = lm.linear %d, @table : (tensor<?x?x64xf32>) -> tensor<?x?x8xf32> loc("head")
  return %y : tensor<?x?x8xf32>
}
