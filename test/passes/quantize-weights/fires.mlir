// Linears get int8 weights; an activation is quantized once for all that read it; a shared table is int8 for both users.
// RUN: lmopt-opt %s --lm-quantize-weights | FileCheck %s
// RUN: lmopt-opt %s --lm-quantize-weights --remarks-filter=lm-quantize-weights -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-quantize-weights > %t.once
// RUN: lmopt-opt %s --lm-quantize-weights --lm-quantize-weights > %t.twice
// RUN: diff %t.once %t.twice
// RUN: lmopt-opt %s --lm-quantize-weights='skip=head,*.ffn.*' | FileCheck %s --check-prefix=SKIP
// RUN: lmopt-opt %s --lm-quantize-weights='layers=head' | FileCheck %s --check-prefix=LAYERS

// REMARK: [Passed] Quantized | Category:lm-quantize-weights | Op=layers.0.attn.q, Weight=q
// REMARK: [Passed] Quantized | Category:lm-quantize-weights | Op=layers.0.attn.k, Weight=k
// REMARK: [Passed] Quantized | Category:lm-quantize-weights | Op=layers.0.ffn.down, Weight=down
// REMARK: [Passed] Quantized | Category:lm-quantize-weights | Op=head, Weight=table

// CHECK-DAG: lm.param @table : !lm.int8<8x64> = #lm.quantize_rows<dense<1.000000e+00> : tensor<8x64xf32>> exactness <approximate>
// CHECK-DAG: lm.param @q : !lm.int8<96x64> = #lm.quantize_rows<{{.*}}> exactness <approximate>
// CHECK-DAG: lm.param @b : tensor<96xf32> = dense
// SKIP-DAG: lm.param @table : tensor<8x64xf32> = dense
// SKIP-DAG: lm.param @q : !lm.int8<96x64>
// SKIP-DAG: lm.param @down : tensor<64x96xf32>
// LAYERS-DAG: lm.param @table : !lm.int8<8x64>
// LAYERS-DAG: lm.param @q : tensor<96x64xf32>
lm.param @table : tensor<8x64xf32> = dense<1.0>
lm.param @q : tensor<96x64xf32> = dense<2.0>
lm.param @k : tensor<96x64xf32> = dense<3.0>
lm.param @down : tensor<64x96xf32> = dense<4.0>
lm.param @b : tensor<96xf32> = dense<5.0>

// CHECK-LABEL: func.func @forward
// CHECK: %[[X:.*]] = lm.embedding {{.*}}, @table {{.*}}:
// CHECK-NEXT: %[[C:.*]] = lm.quantize_dynamic %[[X]] attributes {lm.part = "embed.quantize"} : (tensor<?x?x64xf32>) -> !lm.codes<?x?x64, u8>
// CHECK-NEXT: lm.quantized_linear %[[C]], @q bias @b
// CHECK-NEXT: lm.quantized_linear %[[C]], @k
// CHECK-NEXT: lm.gated_product
// CHECK-NEXT: lm.quantize_dynamic
// CHECK-NEXT: lm.quantized_linear {{.*}}, @down
// CHECK-NEXT: lm.quantize_dynamic
// CHECK-NEXT: lm.quantized_linear {{.*}}, @table
func.func @forward(%ids: tensor<?x?xi32>) -> tensor<?x?x8xf32> {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x64xf32> loc("embed")
  %q = lm.linear %x, @q bias @b : (tensor<?x?x64xf32>) -> tensor<?x?x96xf32> loc("layers.0.attn.q")
  %k = lm.linear %x, @k : (tensor<?x?x64xf32>) -> tensor<?x?x96xf32> loc("layers.0.attn.k")
  %g = lm.gated_product %q, %k {kind = silu} : tensor<?x?x96xf32>
  %d = lm.linear %g, @down : (tensor<?x?x96xf32>) -> tensor<?x?x64xf32> loc("layers.0.ffn.down")
  %y = lm.linear %d, @table : (tensor<?x?x64xf32>) -> tensor<?x?x8xf32> loc("head")
  return %y : tensor<?x?x8xf32>
}
