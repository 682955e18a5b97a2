// Linears get weights with codebooks: 256 entries leave activations as they are, fewer entries quantize them once for all
// that read them; a shared table is quantized for both users.
// RUN: lmopt-opt %s --lm-quantize-codebook | FileCheck %s
// RUN: lmopt-opt %s --lm-quantize-codebook --remarks-filter=lm-quantize-codebook -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-quantize-codebook > %t.once
// RUN: lmopt-opt %s --lm-quantize-codebook --lm-quantize-codebook > %t.twice
// RUN: diff %t.once %t.twice
// RUN: lmopt-opt %s --lm-quantize-codebook=entries=256 | FileCheck %s --check-prefix=LARGE
// RUN: lmopt-opt %s --lm-quantize-codebook='entries=8 group=64 layers=*.q,*.k,head' | FileCheck %s --check-prefix=EIGHT
// RUN: lmopt-opt %s --lm-quantize-codebook='entries=4 skip=head,*.ffn.*' | FileCheck %s --check-prefix=SKIP
// RUN: lmopt-opt %s --lm-quantize-codebook='layers=layers.*' --lm-quantize-codebook='entries=256' | FileCheck %s --check-prefix=MIXED
// RUN: lmopt-opt %s --lm-quantize-codebook='layers=*.q' --lm-quantize-groups='bits=8 layers=*.k' | FileCheck %s --check-prefix=SHARED

// REMARK: [Passed] QuantizedToCodebook | Category:lm-quantize-codebook | Op=layers.0.attn.q, Weight=q
// REMARK: [Passed] QuantizedToCodebook | Category:lm-quantize-codebook | Op=layers.0.attn.k, Weight=k
// REMARK: [Passed] QuantizedToCodebook | Category:lm-quantize-codebook | Op=layers.0.ffn.down, Weight=down
// REMARK: [Passed] QuantizedToCodebook | Category:lm-quantize-codebook | Op=head, Weight=table

// CHECK-DAG: lm.param @table : !lm.codebook<8x64, entries = 16, group = 32> = #lm.quantize_codebook<dense<1.000000e+00> : tensor<8x64xf32>, entries = 16, group = 32> exactness <approximate>
// CHECK-DAG: lm.param @q : !lm.codebook<96x64, entries = 16, group = 32> = #lm.quantize_codebook<{{.*}}, entries = 16, group = 32> exactness <approximate>
// CHECK-DAG: lm.param @b : tensor<96xf32> = dense
// LARGE-DAG: lm.param @table : !lm.codebook<8x64, entries = 256> = #lm.quantize_codebook<{{.*}}, entries = 256> exactness <approximate>
// LARGE-DAG: lm.param @down : !lm.codebook<64x96, entries = 256>
// EIGHT-DAG: lm.param @table : !lm.codebook<8x64, entries = 8, group = 64> = #lm.quantize_codebook<{{.*}}, entries = 8, group = 64> exactness <approximate>
// EIGHT-DAG: lm.param @down : tensor<64x96xf32> = dense
// SKIP-DAG: lm.param @table : tensor<8x64xf32> = dense
// SKIP-DAG: lm.param @q : !lm.codebook<96x64, entries = 4, group = 32>
// SKIP-DAG: lm.param @down : tensor<64x96xf32>
// MIXED-DAG: lm.param @table : !lm.codebook<8x64, entries = 256>
// MIXED-DAG: lm.param @down : !lm.codebook<64x96, entries = 16, group = 32>
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
// LARGE: %[[X:.*]] = lm.embedding {{.*}}, @table {{.*}}:
// LARGE-NEXT: lm.codebook_linear %[[X]], @q bias @b attributes {lm.part = "layers.0.attn.q"}
// LARGE-NEXT: lm.codebook_linear %[[X]], @k
// LARGE-NEXT: lm.gated_product
// LARGE-NEXT: %[[D:.*]] = lm.codebook_linear {{.*}}, @down
// LARGE-NEXT: lm.codebook_linear %[[D]], @table
// EIGHT: lm.quantize_groups {{.*}} : (tensor<?x?x64xf32>) -> !lm.codes<?x?x64, s8, group = 64>
// MIXED: %[[D:.*]] = lm.grouped_linear {{.*}}, @down
// MIXED-NEXT: lm.codebook_linear %[[D]], @table
// A codebook and plain codes read the same codes of an activation.
// SHARED: %[[C:.*]] = lm.quantize_groups
// SHARED-NEXT: lm.grouped_linear %[[C]], @q bias @b
// SHARED-NEXT: lm.grouped_linear %[[C]], @k
func.func @forward(%ids: tensor<?x?xi32>) -> tensor<?x?x8xf32> {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x64xf32> loc("embed")
  %q = lm.linear %x, @q bias @b : (tensor<?x?x64xf32>) -> tensor<?x?x96xf32> loc("layers.0.attn.q")
  %k = lm.linear %x, @k : (tensor<?x?x64xf32>) -> tensor<?x?x96xf32> loc("layers.0.attn.k")
  %g = lm.gated_product %q, %k {kind = silu} : tensor<?x?x96xf32>
  %d = lm.linear %g, @down : (tensor<?x?x96xf32>) -> tensor<?x?x64xf32> loc("layers.0.ffn.down")
  %y = lm.linear %d, @table : (tensor<?x?x64xf32>) -> tensor<?x?x8xf32> loc("head")
  return %y : tensor<?x?x8xf32>
}
