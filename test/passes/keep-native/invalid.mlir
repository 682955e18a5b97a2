// A model of which nothing can be kept is an error that names a weight and a way out; so is a pattern that matches nothing,
// an option that says nothing, and, without others=f32, a weight in blocks that cannot be kept.
// RUN: split-file %s %t
// RUN: not lmopt-opt %t/floats.mlir --lm-keep-native 2>&1 | FileCheck %s
// RUN: not lmopt-opt %t/floats.mlir --lm-recipe-native 2>&1 | FileCheck %s
// RUN: not lmopt-opt %t/floats.mlir --lm-keep-native=layers=decoder.* 2>&1 | FileCheck %s --check-prefix=NOTHING
// RUN: not lmopt-opt %t/floats.mlir --lm-keep-native=others=f16 2>&1 | FileCheck %s --check-prefix=OTHERS
// RUN: not lmopt-opt %t/derived.mlir --lm-keep-native 2>&1 | FileCheck %s --check-prefix=DERIVED
// RUN: not lmopt-opt %t/derived.mlir --lm-recipe-native 2>&1 | FileCheck %s --check-prefix=DERIVED
// RUN: not lmopt-opt %t/narrow.mlir --lm-keep-native 2>&1 | FileCheck %s --check-prefix=NARROW

// CHECK: error: lm-keep-native: none of the 2 weights of the selected linears, tables and experts is a tensor in codes (of GGUF q4_0, q4_1, q5_0, q5_1, q8_0, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs, mxfp4; of GPTQ, AWQ or compressed-tensors) (@q, for one, is not); use the recipe int8, int4, bf16 or f32 for this model
// NOTHING: error: option 'layers': pattern 'decoder.*' matches none of the 2 linears, tables and experts
// OTHERS: error: lm-keep-native: option 'others' must be refuse or f32, found 'f16'
// DERIVED: error: lm-keep-native: tensor 'blk.0.k' of m.gguf in format q4_k (@k) cannot be multiplied as it is: its weight is not a tensor in codes of its file as it is; the option others=f32 of this pass has it in f32, the recipes int8, int4 and f32 take all formats
// NARROW: error: lm-keep-native: tensor 'narrow' of m.gguf in format q4_1 (@narrow) cannot be multiplied as it is: groups of 32 do not divide its width; the option

//--- floats.mlir
lm.param @q : tensor<64x64xf32> = #lm.gguf<"missing.gguf", "q", f16>
lm.param @k : tensor<64x64xf32> = #lm.safetensors<"missing.safetensors", "k", bf16>
func.func @forward(%x: tensor<?x?x64xf32>) -> tensor<?x?x64xf32> {
  %q = lm.linear %x, @q : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32> loc("layers.0.attn.q")
  %k = lm.linear %q, @k : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32> loc("layers.0.attn.k")
  return %k : tensor<?x?x64xf32>
}

//--- derived.mlir
lm.param @q : tensor<256x256xf32> = #lm.gguf<"m.gguf", "blk.0.q", q4_k>
lm.param @k : tensor<256x256xf32> = #lm.rotate_columns<#lm.gguf<"m.gguf", "blk.0.k", q4_k>, block = 64>
func.func @forward(%x: tensor<?x?x256xf32>) -> tensor<?x?x256xf32> {
  %q = lm.linear %x, @q : (tensor<?x?x256xf32>) -> tensor<?x?x256xf32> loc("layers.0.attn.q")
  %k = lm.linear %q, @k : (tensor<?x?x256xf32>) -> tensor<?x?x256xf32> loc("layers.0.attn.k")
  return %k : tensor<?x?x256xf32>
}

//--- narrow.mlir
lm.param @narrow : tensor<32x48xf32> = #lm.gguf<"m.gguf", "narrow", q4_1>
func.func @forward(%x: tensor<?x?x48xf32>) -> tensor<?x?x32xf32> {
  %y = lm.linear %x, @narrow : (tensor<?x?x48xf32>) -> tensor<?x?x32xf32> loc("narrow")
  return %y : tensor<?x?x32xf32>
}
