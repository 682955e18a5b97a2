// Linears on GGUF tensors in q4_0, q4_1 and q8_0 keep the codes of the file, permuted rows too; an activation is quantized
// once for all that read it; a table that the head shares with the embedding is kept for both. No file is read. Other
// formats: formats.mlir.
// RUN: lmopt-opt %s --lm-keep-native | FileCheck %s
// RUN: lmopt-opt %s --lm-keep-native --remarks-filter=lm-keep-native -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-keep-native > %t.once
// RUN: lmopt-opt %s --lm-keep-native --lm-keep-native > %t.twice
// RUN: diff %t.once %t.twice
// RUN: lmopt-opt %s --lm-keep-native='skip=head,*.ffn.*' | FileCheck %s --check-prefix=SKIP
// RUN: lmopt-opt %s --lm-keep-native='layers=head' | FileCheck %s --check-prefix=LAYERS
// RUN: lmopt-opt %s --lm-normalize-rope --lm-keep-native | FileCheck %s --check-prefix=ROPE
// RUN: lmopt-opt %s --lm-keep-native --verify-lm-optimized -o /dev/null

// REMARK-NOT: warning
// REMARK: [Passed] KeptNative | Category:lm-keep-native | Format=q4_1, Op=layers.0.attn.q, Weight=q
// REMARK: [Passed] KeptNative | Category:lm-keep-native | Format=q4_1, Op=layers.0.attn.k, Weight=k
// REMARK: [Passed] KeptNative | Category:lm-keep-native | Format=q4_0, Op=layers.0.ffn.down, Weight=down
// REMARK: [Passed] KeptNative | Category:lm-keep-native | Format=q8_0, Op=embed, Weight=table
// REMARK: [Passed] KeptNative | Category:lm-keep-native | Format=q8_0, Op=head, Weight=table

// CHECK-DAG: lm.param @table : !lm.grouped<8x64, bits = 8, group = 32> = #lm.native<#lm.gguf<"m.gguf", "table", q8_0>>{{$}}
// CHECK-DAG: lm.param @q : !lm.grouped<64x64, bits = 4, group = 32, min> = #lm.native<#lm.gguf<"m.gguf", "q", q4_1>>{{$}}
// CHECK-DAG: lm.param @k : !lm.grouped<64x64, bits = 4, group = 32, min> = #lm.native<#lm.permute_rope<#lm.gguf<"m.gguf", "k", q4_1>, heads = 2, from = interleaved>>{{$}}
// CHECK-DAG: lm.param @down : !lm.grouped<64x64, bits = 4, group = 32> = #lm.native<#lm.gguf<"m.gguf", "down", q4_0>>{{$}}
// CHECK-DAG: lm.param @b : tensor<64xf32> = #lm.gguf<"m.gguf", "b", f32>
// SKIP-DAG: lm.param @table : tensor<8x64xf32> = #lm.gguf
// SKIP-DAG: lm.param @q : !lm.grouped<64x64, bits = 4, group = 32, min>
// SKIP-DAG: lm.param @down : tensor<64x64xf32>
// LAYERS-DAG: lm.param @table : !lm.grouped<8x64, bits = 8, group = 32>
// LAYERS-DAG: lm.param @q : tensor<64x64xf32>
// ROPE-DAG: lm.param @q : !lm.grouped<64x64, bits = 4, group = 32, min> = #lm.native<#lm.permute_rope<#lm.gguf<"m.gguf", "q", q4_1>, heads = 2, from = interleaved>>{{$}}
lm.param @table : tensor<8x64xf32> = #lm.gguf<"m.gguf", "table", q8_0>
lm.param @q : tensor<64x64xf32> = #lm.gguf<"m.gguf", "q", q4_1>
lm.param @k : tensor<64x64xf32> = #lm.permute_rope<#lm.gguf<"m.gguf", "k", q4_1>, heads = 2, from = interleaved>
lm.param @down : tensor<64x64xf32> = #lm.gguf<"m.gguf", "down", q4_0>
lm.param @b : tensor<64xf32> = #lm.gguf<"m.gguf", "b", f32>

// CHECK-LABEL: func.func @forward
// CHECK: %[[X:.*]] = lm.embedding {{.*}}, @table {{.*}}:
// CHECK-NEXT: %[[C:.*]] = lm.quantize_groups %[[X]] attributes {lm.part = "embed.quantize"} : (tensor<?x?x64xf32>) -> !lm.codes<?x?x64, s8, group = 32>
// CHECK-NEXT: lm.grouped_linear %[[C]], @q bias @b
// CHECK-NEXT: lm.grouped_linear %[[C]], @k
// CHECK-NEXT: lm.attention
// CHECK-NEXT: lm.quantize_groups
// CHECK-NEXT: lm.grouped_linear {{.*}}, @down
// CHECK-NEXT: lm.quantize_groups
// CHECK-NEXT: lm.grouped_linear {{.*}}, @table
func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache) {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x64xf32> loc("embed")
  %q = lm.linear %x, @q bias @b : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32> loc("layers.0.attn.q")
  %k = lm.linear %x, @k : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32> loc("layers.0.attn.k")
  %a, %c = lm.attention %q, %k, %x, %cache {layer = 0, heads = 2, kv_heads = 2, scale = 0.5, mask = #lm.causal,
                                            rope = #lm.rope<base = 1.0e4, dims = 32, layout = interleaved>}
      : (tensor<?x?x64xf32>, tensor<?x?x64xf32>, tensor<?x?x64xf32>, !lm.cache) -> (tensor<?x?x64xf32>, !lm.cache)
  %d = lm.linear %a, @down : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32> loc("layers.0.ffn.down")
  %y = lm.linear %d, @table : (tensor<?x?x64xf32>) -> tensor<?x?x8xf32> loc("head")
  return %y, %c : tensor<?x?x8xf32>, !lm.cache
}
