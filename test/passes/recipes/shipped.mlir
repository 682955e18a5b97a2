// The shipped recipes on a decoder with one layer: what is folded, rotated and quantized, and that the end keeps the
// contract. f32 folds the norms; int8 and int4 leave their scales outside the weights (docs/quality.md says why). int4 gives
// the head, and the embedding that shares its table, 8 bits. native refuses a model that is not quantized.
// RUN: lmopt-opt %s --lm-recipe-f32 | FileCheck %s --check-prefixes=BOTH,F32
// RUN: lmopt-opt %s --lm-recipe-int8 | FileCheck %s --check-prefixes=BOTH,INT8
// RUN: lmopt-opt %s --lm-recipe-int4 | FileCheck %s --check-prefixes=BOTH,INT4
// RUN: not lmopt-opt %s --lm-recipe-native 2>&1 | FileCheck %s --check-prefix=NATIVE
// RUN: lmopt-opt %s --lm-recipe-f32 > %t.once
// RUN: lmopt-opt %t.once --lm-recipe-f32 > %t.twice
// RUN: diff %t.once %t.twice
// RUN: lmopt-opt %s --lm-recipe-int8 > %t.once
// RUN: lmopt-opt %t.once --lm-recipe-int8 > %t.twice
// RUN: diff %t.once %t.twice
// RUN: lmopt-opt %s --lm-recipe-int4 --mlir-print-debuginfo > %t.once
// RUN: lmopt-opt %t.once --lm-recipe-int4 --mlir-print-debuginfo > %t.twice
// RUN: diff %t.once %t.twice

// NATIVE: error: lm-keep-native: none of the 5 weights of the selected linears, tables and experts is a tensor in codes
// BOTH-NOT: lm.param @head.weight
// F32-DAG: lm.param @embed.weight : tensor<16x64xf32> = dense<1.000000e+00>
// F32-DAG: lm.param @layers.0.attn.q.weight : tensor<64x64xf32> = #lm.scale_columns<#lm.scale<#lm.permute_rope<dense<3.000000e+00> : tensor<64x64xf32>, heads = 4, from = interleaved>, 2.500000e-01>, dense<2.000000e+00> : tensor<64xf32>>
// F32-DAG: lm.param @layers.0.attn.v.weight : tensor<32x64xf32> = #lm.scale_columns<dense<5.000000e+00> : tensor<32x64xf32>, dense<2.000000e+00> : tensor<64xf32>>
// F32-DAG: lm.param @final_norm.weight
// INT8-DAG: lm.param @embed.weight : !lm.int8<16x64> = #lm.quantize_rows<#lm.rotate_columns<dense<1.000000e+00> : tensor<16x64xf32>, block = 64>> exactness <approximate, error =
// INT8-DAG: lm.param @layers.0.attn.q.weight : !lm.int8<64x64> = #lm.quantize_rows<#lm.rotate_columns<#lm.scale<#lm.permute_rope<dense<3.000000e+00> : tensor<64x64xf32>, heads = 4, from = interleaved>, 2.500000e-01>, block = 64>> exactness <approximate, error =
// INT8-DAG: lm.param @layers.0.attn_norm.weight
// INT4-DAG: lm.param @embed.weight : !lm.grouped<16x64, bits = 8, group = 32> = #lm.quantize_groups<dense<1.000000e+00> : tensor<16x64xf32>, bits = 8, group = 32> exactness <approximate, error =
// INT4-DAG: lm.param @layers.0.attn.q.weight : !lm.grouped<64x64, bits = 4, group = 32, min> = #lm.quantize_groups<#lm.scale<#lm.permute_rope<dense<3.000000e+00> : tensor<64x64xf32>, heads = 4, from = interleaved>, 2.500000e-01>, bits = 4, group = 32, min> exactness <approximate, error =
// INT4-DAG: lm.param @layers.0.attn_norm.weight
lm.param @embed.weight : tensor<16x64xf32> = dense<1.0>
lm.param @layers.0.attn_norm.weight : tensor<64xf32> = dense<2.0>
lm.param @layers.0.attn.q.weight : tensor<64x64xf32> = dense<3.0>
lm.param @layers.0.attn.k.weight : tensor<32x64xf32> = dense<4.0>
lm.param @layers.0.attn.v.weight : tensor<32x64xf32> = dense<5.0>
lm.param @layers.0.attn.o.weight : tensor<64x64xf32> = dense<6.0>
lm.param @final_norm.weight : tensor<64xf32> = dense<7.0>
lm.param @head.weight : tensor<16x64xf32> = dense<1.0>

// BOTH-LABEL: func.func @forward
// F32: lm.embedding {{.*}}, @embed.weight {{.*}}:
// F32: %[[N:.*]] = lm.rms_norm %{{[^,]*}} {eps
// F32-NEXT: lm.linear %[[N]], @layers.0.attn.q.weight
// F32: scale = 1.000000e+00, {{.*}} layout = half
// F32: lm.rms_norm %{{.*}}, @final_norm.weight
// F32: lm.linear {{.*}}, @embed.weight
// INT8: lm.embedding {{.*}}, @embed.weight {rotated = 64}
// INT8: %[[N:.*]] = lm.rms_norm %{{.*}}, @layers.0.attn_norm.weight
// INT8-NEXT: %[[R:.*]] = lm.rotate %[[N]] {block = 64}
// INT8-NEXT: %[[C:.*]] = lm.quantize_dynamic %[[R]] {{.*}}:
// INT8-NEXT: lm.quantized_linear %[[C]], @layers.0.attn.q.weight
// INT8-NEXT: lm.quantized_linear %[[C]], @layers.0.attn.k.weight
// INT8-NEXT: lm.quantized_linear %[[C]], @layers.0.attn.v.weight
// INT8: scale = 1.000000e+00, {{.*}} layout = half
// INT8: lm.quantized_linear {{.*}}, @layers.0.attn.o.weight
// INT8: lm.rms_norm %{{.*}}, @final_norm.weight
// INT8: lm.quantized_linear {{.*}}, @embed.weight
// INT4: lm.embedding {{.*}}, @embed.weight {{.*}}:
// INT4: %[[N:.*]] = lm.rms_norm %{{.*}}, @layers.0.attn_norm.weight
// INT4-NEXT: %[[C:.*]] = lm.quantize_groups %[[N]] {{.*}}:
// INT4-NEXT: lm.grouped_linear %[[C]], @layers.0.attn.q.weight
// INT4-NEXT: lm.grouped_linear %[[C]], @layers.0.attn.k.weight
// INT4-NEXT: lm.grouped_linear %[[C]], @layers.0.attn.v.weight
// INT4: scale = 1.000000e+00, {{.*}} layout = half{{.*}} as bf16
// INT4: lm.grouped_linear {{.*}}, @layers.0.attn.o.weight
// INT4: lm.rms_norm %{{.*}}, @final_norm.weight
// INT4: lm.grouped_linear {{.*}}, @embed.weight
func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x16xf32>, !lm.cache) {
  %x = lm.embedding %ids, @embed.weight : (tensor<?x?xi32>) -> tensor<?x?x64xf32> loc("embed")
  %n = lm.rms_norm %x, @layers.0.attn_norm.weight {eps = 1.0e-5} : tensor<?x?x64xf32> loc("layers.0.attn_norm")
  %q = lm.linear %n, @layers.0.attn.q.weight : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32> loc("layers.0.attn.q")
  %k = lm.linear %n, @layers.0.attn.k.weight : (tensor<?x?x64xf32>) -> tensor<?x?x32xf32> loc("layers.0.attn.k")
  %v = lm.linear %n, @layers.0.attn.v.weight : (tensor<?x?x64xf32>) -> tensor<?x?x32xf32> loc("layers.0.attn.v")
  %a, %c = lm.attention %q, %k, %v, %cache {layer = 0, heads = 4, kv_heads = 2, scale = 0.25, mask = #lm.causal,
                                            rope = #lm.rope<base = 1.0e4, dims = 16, layout = interleaved>}
      : (tensor<?x?x64xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>, !lm.cache) -> (tensor<?x?x64xf32>, !lm.cache)
      loc("layers.0.attn")
  %o = lm.linear %a, @layers.0.attn.o.weight : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32> loc("layers.0.attn.o")
  %h = lm.add %x, %o : tensor<?x?x64xf32> loc("layers.0.attn_residual")
  %f = lm.rms_norm %h, @final_norm.weight {eps = 1.0e-5} : tensor<?x?x64xf32> loc("final_norm")
  %y = lm.linear %f, @head.weight : (tensor<?x?x64xf32>) -> tensor<?x?x16xf32> loc("head")
  return %y, %c : tensor<?x?x16xf32>, !lm.cache
}
