// The recipe native on a decoder with one layer: equal tensors are one, rows are permuted for half-split rotary positions,
// and every product is on the codes of the file. No scale is folded into a weight, and nothing is lossy but the activations.
// RUN: lmopt-opt %s --lm-recipe-native | FileCheck %s
// RUN: lmopt-opt %s --lm-recipe-native > %t.once
// RUN: lmopt-opt %t.once --lm-recipe-native > %t.twice
// RUN: diff %t.once %t.twice

// CHECK-NOT: @head.weight
// CHECK-NOT: exactness
// CHECK-DAG: lm.param @embed.weight : !lm.grouped<16x64, bits = 8, group = 32> = #lm.native<#lm.gguf<"m.gguf", "table", q8_0>>
// CHECK-DAG: lm.param @layers.0.attn.q.weight : !lm.grouped<64x64, bits = 4, group = 32, min> = #lm.native<#lm.permute_rope<#lm.gguf<"m.gguf", "q", q4_1>, heads = 4, from = interleaved>>
// CHECK-DAG: lm.param @layers.0.attn.k.weight : !lm.grouped<32x64, bits = 4, group = 32, min> = #lm.native<#lm.permute_rope<#lm.gguf<"m.gguf", "k", q4_1>, heads = 2, from = interleaved>>
// CHECK-DAG: lm.param @layers.0.attn.v.weight : !lm.grouped<32x64, bits = 4, group = 32> = #lm.native<#lm.gguf<"m.gguf", "v", q4_0>>
lm.param @embed.weight : tensor<16x64xf32> = #lm.gguf<"m.gguf", "table", q8_0>
lm.param @layers.0.attn_norm.weight : tensor<64xf32> = #lm.gguf<"m.gguf", "norm", f32>
lm.param @layers.0.attn.q.weight : tensor<64x64xf32> = #lm.gguf<"m.gguf", "q", q4_1>
lm.param @layers.0.attn.k.weight : tensor<32x64xf32> = #lm.gguf<"m.gguf", "k", q4_1>
lm.param @layers.0.attn.v.weight : tensor<32x64xf32> = #lm.gguf<"m.gguf", "v", q4_0>
lm.param @layers.0.attn.o.weight : tensor<64x64xf32> = #lm.gguf<"m.gguf", "o", q4_1>
lm.param @head.weight : tensor<16x64xf32> = #lm.gguf<"m.gguf", "table", q8_0>

// CHECK-LABEL: func.func @forward
// CHECK: lm.embedding {{.*}}, @embed.weight {{.*}}:
// CHECK: %[[N:.*]] = lm.rms_norm %{{.*}}, @layers.0.attn_norm.weight
// CHECK-NEXT: %[[C:.*]] = lm.quantize_groups %[[N]] attributes {lm.part = "layers.0.attn_norm.quantize"} :
// CHECK-NEXT: lm.grouped_linear %[[C]], @layers.0.attn.q.weight
// CHECK-NEXT: lm.grouped_linear %[[C]], @layers.0.attn.k.weight
// CHECK-NEXT: lm.grouped_linear %[[C]], @layers.0.attn.v.weight
// CHECK: scale = 2.500000e-01, {{.*}} layout = half{{.*}} as bf16
// CHECK: lm.grouped_linear {{.*}}, @layers.0.attn.o.weight
// CHECK: lm.grouped_linear {{.*}}, @embed.weight
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
  %y = lm.linear %h, @head.weight : (tensor<?x?x64xf32>) -> tensor<?x?x16xf32> loc("head")
  return %y, %c : tensor<?x?x16xf32>, !lm.cache
}
