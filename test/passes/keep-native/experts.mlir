// The experts of a mixture are multiplied in f32 only: in codes they are an error that says so, with others=f32 a warning, and
// nothing where an option names other parts. The linears beside them keep their codes; the router, which files hold in f32, stays.
// RUN: not lmopt-opt %s --lm-keep-native 2>&1 | FileCheck %s --check-prefix=ERROR
// RUN: not lmopt-opt %s --lm-recipe-native 2>&1 | FileCheck %s --check-prefix=ERROR
// RUN: lmopt-opt %s --lm-keep-native=others=f32 2> %t.warning | FileCheck %s
// RUN: FileCheck %s --check-prefix=WARNING < %t.warning
// RUN: lmopt-opt %s --lm-keep-native=layers=attn.* 2>&1 | FileCheck %s --implicit-check-not=warning
// RUN: lmopt-opt %s --lm-keep-native=skip=ffn.* 2>&1 | FileCheck %s --implicit-check-not=warning

// ERROR: error: lm-keep-native: tensor 'gate' of m.gguf in format q4_k (@w) cannot be multiplied as it is: experts are multiplied in f32 only; the option others=f32 of this pass has it in f32, the recipes int8, int4 and f32 take all formats
// WARNING: warning: lm-keep-native: tensor 'gate' of m.gguf in format q4_k (@w) becomes f32: experts are multiplied in f32 only
// WARNING: warning: lm-keep-native: tensor 'up' of m.gguf in format q4_k (@u) becomes f32: experts are multiplied in f32 only
// WARNING: warning: lm-keep-native: tensor 'down.1' of m.gguf in format q8_0 (@v) becomes f32: experts are multiplied in f32 only
// WARNING: warning: lm-keep-native: 1 of 2 weights are not in codes and stay in f32, among them @router
// WARNING-NOT: warning

// CHECK: lm.param @q : !lm.grouped<256x256, bits = 4, group = 32, min> = #lm.native<
// CHECK: lm.param @router : tensor<2x256xf32> = #lm.gguf
// CHECK: lm.param @w : tensor<512x256xf32> = #lm.reshape<#lm.gguf
// CHECK: lm.param @v : tensor<512x256xf32> = #lm.concat_rows<
lm.param @q : tensor<256x256xf32> = #lm.gguf<"m.gguf", "q", q4_k>
lm.param @router : tensor<2x256xf32> = #lm.gguf<"m.gguf", "router", f32>
lm.param @w : tensor<512x256xf32> = #lm.reshape<#lm.gguf<"m.gguf", "gate", q4_k>, shape = [512, 256]>
lm.param @u : tensor<512x256xf32> = #lm.reshape<#lm.gguf<"m.gguf", "up", q4_k>, shape = [512, 256]>
lm.param @v : tensor<512x256xf32> = #lm.concat_rows<[#lm.transpose<#lm.gguf<"m.gguf", "down.0", q8_0>>, #lm.transpose<#lm.gguf<"m.gguf", "down.1", q8_0>>]>
func.func @forward(%x: tensor<?x?x256xf32>) -> tensor<?x?x256xf32> {
  %q = lm.linear %x, @q : (tensor<?x?x256xf32>) -> tensor<?x?x256xf32> loc("attn.q")
  %s = lm.linear %q, @router : (tensor<?x?x256xf32>) -> tensor<?x?x2xf32> loc("ffn.router")
  %g = lm.top_gates %s {count = 1, softmax = "chosen"} : tensor<?x?x2xf32> loc("ffn.gates")
  %y = lm.experts %q by %g, @w times @u to @v {kind = silu} : (tensor<?x?x256xf32>, tensor<?x?x2xf32>) -> tensor<?x?x256xf32> loc("ffn.experts")
  return %y : tensor<?x?x256xf32>
}
