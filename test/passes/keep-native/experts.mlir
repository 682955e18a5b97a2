// A mixture of experts whose matrices are all in codes keeps them: of one tensor with all experts or of a tensor each; the second
// matrices stand as in the file again, a row for each output. Of two that read the input in different groups, the larger are cut.
// The router, which files hold in f32, stays.
// RUN: lmopt-opt %s --lm-keep-native 2> %t.warning | FileCheck %s
// RUN: FileCheck %s --check-prefix=WARNING < %t.warning
// RUN: lmopt-opt %s --lm-recipe-native 2>&1 | FileCheck %s
// RUN: lmopt-opt %s --lm-keep-native --remarks-filter=lm-keep-native -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-keep-native=layers=attn.* 2>&1 | FileCheck %s --check-prefix=LEFT --implicit-check-not=warning
// RUN: lmopt-opt %s --lm-keep-native=skip=ffn.* 2>&1 | FileCheck %s --check-prefix=LEFT --implicit-check-not=warning

// WARNING: warning: lm-keep-native: 1 of 9 weights are not in codes and stay in f32, among them @router
// WARNING-NOT: warning
// REMARK-DAG: [Passed] KeptNative{{.*}}Format=q4_k, Op=ffn.experts, Weight=w
// REMARK-DAG: [Passed] KeptNative{{.*}}Format=q6_k, Op=ffn.experts, Weight=u
// REMARK-DAG: [Passed] KeptNative{{.*}}Format=q8_0, Op=ffn.experts, Weight=v

// CHECK: lm.param @q : !lm.grouped<256x256, bits = 4, group = 32, min> = #lm.native<
// CHECK: lm.param @router : tensor<2x256xf32> = #lm.gguf
// CHECK: lm.param @w : !lm.grouped<512x256, bits = 4, group = 16, min> = #lm.native<#lm.reshape<#lm.gguf<"m.gguf", "gate", q4_k>, shape = [512, 256]>, group = 16> {{.*}}approximate
// CHECK: lm.param @u : !lm.grouped<512x256, bits = 6, group = 16> = #lm.native<#lm.reshape<#lm.gguf<"m.gguf", "up", q6_k>, shape = [512, 256]>>
// CHECK: lm.param @v : !lm.grouped<256x256, bits = 8, group = 32> = #lm.native<#lm.concat_rows<[#lm.gguf<"m.gguf", "down.0", q8_0>, #lm.gguf<"m.gguf", "down.1", q8_0>]>>{{$}}
// CHECK: lm.param @halves : !lm.grouped<512x128, bits = 4, group = 32> = #lm.native<#lm.take_blocks<#lm.reshape<#lm.gguf<"m.gguf", "gate_up", q4_0>, shape = [1024, 128]>, size = 256, first = 1, step = 2>>
// CHECK: lm.param @stack : !lm.codebook<512x256, entries = 16, group = 32> = #lm.native<#lm.reshape<#lm.gguf<"m.gguf", "down", iq4_nl>, shape = [512, 256]>>
// CHECK: lm.param @packed : !lm.grouped<512x32, bits = 4, group = 32> = #lm.native<#lm.concat_rows<[#lm.packed<awq
// CHECK: %[[CODES:.*]] = lm.quantize_groups %{{.*}} : (tensor<?x?x256xf32>) -> !lm.codes<?x?x256, s8, group = 16>
// CHECK: lm.grouped_experts %[[CODES]] by %{{.*}}, @w times @u to @v {kind = silu}{{.*}} : (!lm.codes<?x?x256, s8, group = 16>, tensor<?x?x2xf32>) -> tensor<?x?x128xf32>
// CHECK: %[[CODES:.*]] = lm.quantize_groups %{{.*}} : (tensor<?x?x128xf32>) -> !lm.codes<?x?x128, s8, group = 32>
// CHECK: lm.grouped_experts %[[CODES]] by %{{.*}}, @halves to @stack {kind = gelu}
// CHECK: lm.grouped_experts %{{.*}} by %{{.*}}, @first to @packed {kind = relu}{{.*}} : (!lm.codes<?x?x256, s8, group = 32>,
// LEFT: lm.param @q : !lm.grouped<
// LEFT: lm.param @w : tensor<512x256xf32> = #lm.reshape<#lm.gguf
// LEFT: lm.experts
lm.param @q : tensor<256x256xf32> = #lm.gguf<"m.gguf", "q", q4_k>
lm.param @router : tensor<2x256xf32> = #lm.gguf<"m.gguf", "router", f32>
lm.param @w : tensor<512x256xf32> = #lm.reshape<#lm.gguf<"m.gguf", "gate", q4_k>, shape = [512, 256]>
lm.param @u : tensor<512x256xf32> = #lm.reshape<#lm.gguf<"m.gguf", "up", q6_k>, shape = [512, 256]>
lm.param @v : tensor<512x128xf32> = #lm.concat_rows<[#lm.transpose<#lm.gguf<"m.gguf", "down.0", q8_0>>, #lm.transpose<#lm.gguf<"m.gguf", "down.1", q8_0>>]>
lm.param @halves : tensor<512x128xf32> = #lm.take_blocks<#lm.reshape<#lm.gguf<"m.gguf", "gate_up", q4_0>, shape = [1024, 128]>, size = 256, first = 1, step = 2>
lm.param @stack : tensor<512x256xf32> = #lm.reshape<#lm.transpose_each<#lm.gguf<"m.gguf", "down", iq4_nl>>, shape = [512, 256]>
lm.param @packed : tensor<64x256xf32> = #lm.concat_rows<[
  #lm.transpose<#lm.packed<awq, codes = #lm.integers<"f", "c0">, scales = #lm.safetensors<"f", "s0", f16>, bits = 4, group = 32, rows = 256, columns = 32>>,
  #lm.transpose<#lm.packed<awq, codes = #lm.integers<"f", "c1">, scales = #lm.safetensors<"f", "s1", f16>, bits = 4, group = 32, rows = 256, columns = 32>>]>
lm.param @first : tensor<64x256xf32> = #lm.concat_rows<[#lm.gguf<"m.gguf", "first.0", q5_0>, #lm.gguf<"m.gguf", "first.1", q5_0>]>
func.func @forward(%x: tensor<?x?x256xf32>) -> tensor<?x?x256xf32> {
  %q = lm.linear %x, @q : (tensor<?x?x256xf32>) -> tensor<?x?x256xf32> loc("attn.q")
  %s = lm.linear %q, @router : (tensor<?x?x256xf32>) -> tensor<?x?x2xf32> loc("ffn.router")
  %g = lm.top_gates %s {count = 1, softmax = "chosen"} : tensor<?x?x2xf32> loc("ffn.gates")
  %y = lm.experts %q by %g, @w times @u to @v {kind = silu} : (tensor<?x?x256xf32>, tensor<?x?x2xf32>) -> tensor<?x?x128xf32> loc("ffn.experts")
  %z = lm.experts %y by %g, @halves to @stack {kind = gelu} : (tensor<?x?x128xf32>, tensor<?x?x2xf32>) -> tensor<?x?x256xf32> loc("ffn.more")
  %a = lm.experts %z by %g, @first to @packed {kind = relu} : (tensor<?x?x256xf32>, tensor<?x?x2xf32>) -> tensor<?x?x256xf32> loc("ffn.packed")
  return %a : tensor<?x?x256xf32>
}
