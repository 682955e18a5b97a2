// A model of which nothing can be kept is an error that names a weight and a way out; so is a pattern that matches nothing.
// RUN: not lmopt-opt %s --lm-keep-native 2>&1 | FileCheck %s
// RUN: not lmopt-opt %s --lm-recipe-native 2>&1 | FileCheck %s
// RUN: not lmopt-opt %s --lm-keep-native=layers=decoder.* 2>&1 | FileCheck %s --check-prefix=NOTHING

// CHECK: error: lm-keep-native: none of the 2 weights of the selected linears is a q4_0, q4_1 or q8_0 tensor of a GGUF file (@q, for one, is not); use the recipe int8, int4 or f32 for this model
// NOTHING: error: option 'layers': pattern 'decoder.*' matches none of the 2 linears
lm.param @q : tensor<64x64xf32> = #lm.gguf<"missing.gguf", "q", f16>
lm.param @k : tensor<64x64xf32> = #lm.safetensors<"missing.safetensors", "k", bf16>
func.func @forward(%x: tensor<?x?x64xf32>) -> tensor<?x?x64xf32> {
  %q = lm.linear %x, @q : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32> loc("layers.0.attn.q")
  %k = lm.linear %q, @k : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32> loc("layers.0.attn.k")
  return %k : tensor<?x?x64xf32>
}
