// A mixture becomes one of codes with all its matrices or stays as it is. Where one cannot be kept, those in codes are an error that
// says why, with others=f32 a warning. Tensors of one matrix must have one format; rows must be whole groups; a matrix may have no
// other reader.
// RUN: split-file %s %t
// RUN: not lmopt-opt %t/floats.mlir --lm-keep-native 2>&1 | FileCheck %s --check-prefix=FLOATS
// RUN: lmopt-opt %t/floats.mlir --lm-keep-native=others=f32 2> %t.warning | FileCheck %s --check-prefix=STAYS
// RUN: FileCheck %s --check-prefix=WARNING < %t.warning
// RUN: lmopt-opt %t/floats.mlir --lm-keep-native=others=f32 --remarks-filter=lm-keep-native -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: not lmopt-opt %t/mixed.mlir --lm-keep-native 2>&1 | FileCheck %s --check-prefix=MIXED
// RUN: not lmopt-opt %t/width.mlir --lm-keep-native 2>&1 | FileCheck %s --check-prefix=WIDTH
// RUN: not lmopt-opt %t/biases.mlir --lm-keep-native 2>&1 | FileCheck %s --check-prefix=BIASES
// RUN: not lmopt-opt %t/shared.mlir --lm-keep-native 2>&1 | FileCheck %s --check-prefix=SHARED
// RUN: not lmopt-opt %t/groups.mlir --lm-keep-native=group=0 2>&1 | FileCheck %s --check-prefix=GROUPS
// RUN: not lmopt-opt %t/none.mlir --lm-keep-native 2>&1 | FileCheck %s --check-prefix=NONE

// FLOATS: error: lm-keep-native: tensor 'gate' of m.gguf in format q4_k (@w) cannot be multiplied as it is: all matrices of its experts must be in codes, but as to @v, its weight is not a tensor in codes of its file as it is; the option others=f32 of this pass has it in f32, the recipes int8, int4 and f32 take all formats
// WARNING: warning: lm-keep-native: tensor 'gate' of m.gguf in format q4_k (@w) becomes f32: all matrices of its experts must be in codes
// WARNING: warning: lm-keep-native: 1 of 3 weights are not in codes and stay in f32, among them @v
// WARNING-NOT: warning
// STAYS: lm.param @w : tensor<512x256xf32> = #lm.reshape<#lm.gguf
// STAYS: lm.param @v : tensor<512x256xf32> = #lm.reshape<#lm.transpose_each<#lm.gguf
// STAYS: lm.experts %{{.*}} by %{{.*}}, @w to @v
// REMARK: [Missed] NotNative{{.*}}Op=ffn.experts, Reason="all matrices of its experts must be in codes, but as to @v, its weight is not a tensor in codes
// MIXED: error: lm-keep-native: tensor 'gate.{{[01]}}' of m.gguf in format {{.*}} (@w) cannot be multiplied as it is: all matrices of its experts must be in codes, but as to @w, its weight is not a tensor in codes of its file as it is
// WIDTH: error: lm-keep-native: tensor 'gate' of m.gguf in format q8_0 (@w) cannot be multiplied as it is: all matrices of its experts must be in codes, but as to @v, groups of 32 do not divide its width
// BIASES: error: lm-keep-native: tensor 'gate' of m.gguf in format q8_0 (@w) cannot be multiplied as it is: experts with biases are multiplied in f32 only
// SHARED: error: lm-keep-native: tensor 'gate' of m.gguf in format q8_0 (@w) cannot be multiplied as it is: its weight @w is also used by 'ffn.more'
// GROUPS: error: lm-keep-native: tensor 'c' of f in format awq (@w) cannot be multiplied as it is: matrices that read one input are in groups of 32 and 48
// NONE: error: lm-keep-native: none of the 2 weights of the selected linears, tables and experts is a tensor in codes

//--- floats.mlir
lm.param @q : tensor<256x256xf32> = #lm.gguf<"m.gguf", "q", q4_k>
lm.param @w : tensor<512x256xf32> = #lm.reshape<#lm.gguf<"m.gguf", "gate", q4_k>, shape = [512, 256]>
lm.param @v : tensor<512x256xf32> = #lm.reshape<#lm.transpose_each<#lm.gguf<"m.gguf", "down", f16>>, shape = [512, 256]>
func.func @forward(%x: tensor<?x?x256xf32>, %g: tensor<?x?x2xf32>) -> tensor<?x?x256xf32> {
  %q = lm.linear %x, @q : (tensor<?x?x256xf32>) -> tensor<?x?x256xf32> loc("attn.q")
  %y = lm.experts %q by %g, @w to @v {kind = silu} : (tensor<?x?x256xf32>, tensor<?x?x2xf32>) -> tensor<?x?x256xf32> loc("ffn.experts")
  return %y : tensor<?x?x256xf32>
}

//--- mixed.mlir
lm.param @w : tensor<64x32xf32> = #lm.concat_rows<[#lm.gguf<"m.gguf", "gate.0", q8_0>, #lm.gguf<"m.gguf", "gate.1", q4_0>]>
lm.param @v : tensor<64x32xf32> = #lm.reshape<#lm.transpose_each<#lm.gguf<"m.gguf", "down", q8_0>>, shape = [64, 32]>
func.func @forward(%x: tensor<?x?x32xf32>, %g: tensor<?x?x2xf32>) -> tensor<?x?x32xf32> {
  %y = lm.experts %x by %g, @w to @v {kind = silu} : (tensor<?x?x32xf32>, tensor<?x?x2xf32>) -> tensor<?x?x32xf32> loc("ffn.experts")
  return %y : tensor<?x?x32xf32>
}

//--- width.mlir
lm.param @w : tensor<96x32xf32> = #lm.reshape<#lm.gguf<"m.gguf", "gate", q8_0>, shape = [96, 32]>
lm.param @v : tensor<96x32xf32> = #lm.reshape<#lm.transpose_each<#lm.gguf<"m.gguf", "down", q8_0>>, shape = [96, 32]>
func.func @forward(%x: tensor<?x?x32xf32>, %g: tensor<?x?x2xf32>) -> tensor<?x?x32xf32> {
  %y = lm.experts %x by %g, @w to @v {kind = silu} : (tensor<?x?x32xf32>, tensor<?x?x2xf32>) -> tensor<?x?x32xf32> loc("ffn.experts")
  return %y : tensor<?x?x32xf32>
}

//--- biases.mlir
lm.param @w : tensor<64x32xf32> = #lm.reshape<#lm.gguf<"m.gguf", "gate", q8_0>, shape = [64, 32]>
lm.param @v : tensor<64x32xf32> = #lm.reshape<#lm.transpose_each<#lm.gguf<"m.gguf", "down", q8_0>>, shape = [64, 32]>
lm.param @c : tensor<2x32xf32> = dense<1.0>
func.func @forward(%x: tensor<?x?x32xf32>, %g: tensor<?x?x2xf32>) -> tensor<?x?x32xf32> {
  %y = lm.experts %x by %g, @w to @v bias @c {kind = silu} : (tensor<?x?x32xf32>, tensor<?x?x2xf32>) -> tensor<?x?x32xf32> loc("ffn.experts")
  return %y : tensor<?x?x32xf32>
}

//--- shared.mlir
lm.param @w : tensor<64x32xf32> = #lm.reshape<#lm.gguf<"m.gguf", "gate", q8_0>, shape = [64, 32]>
lm.param @v : tensor<64x32xf32> = #lm.reshape<#lm.transpose_each<#lm.gguf<"m.gguf", "down", q8_0>>, shape = [64, 32]>
func.func @forward(%x: tensor<?x?x32xf32>, %g: tensor<?x?x2xf32>) -> tensor<?x?x32xf32> {
  %y = lm.experts %x by %g, @w to @v {kind = silu} : (tensor<?x?x32xf32>, tensor<?x?x2xf32>) -> tensor<?x?x32xf32> loc("ffn.experts")
  %z = lm.experts %y by %g, @w to @v {kind = relu} : (tensor<?x?x32xf32>, tensor<?x?x2xf32>) -> tensor<?x?x32xf32> loc("ffn.more")
  return %z : tensor<?x?x32xf32>
}

//--- groups.mlir
lm.param @w : tensor<64x96xf32> = #lm.packed<awq, codes = #lm.integers<"f", "c">, scales = #lm.safetensors<"f", "s", f16>, bits = 4, group = 48, rows = 64, columns = 96>
lm.param @u : tensor<64x96xf32> = #lm.reshape<#lm.gguf<"m.gguf", "up", q8_0>, shape = [64, 96]>
lm.param @v : tensor<64x32xf32> = #lm.reshape<#lm.transpose_each<#lm.gguf<"m.gguf", "down", q8_0>>, shape = [64, 32]>
func.func @forward(%x: tensor<?x?x96xf32>, %g: tensor<?x?x2xf32>) -> tensor<?x?x32xf32> {
  %y = lm.experts %x by %g, @w times @u to @v {kind = silu} : (tensor<?x?x96xf32>, tensor<?x?x2xf32>) -> tensor<?x?x32xf32> loc("ffn.experts")
  return %y : tensor<?x?x32xf32>
}

//--- none.mlir
lm.param @w : tensor<64x32xf32> = #lm.reshape<#lm.gguf<"m.gguf", "gate", f16>, shape = [64, 32]>
lm.param @v : tensor<64x32xf32> = #lm.reshape<#lm.transpose_each<#lm.gguf<"m.gguf", "down", f16>>, shape = [64, 32]>
func.func @forward(%x: tensor<?x?x32xf32>, %g: tensor<?x?x2xf32>) -> tensor<?x?x32xf32> {
  %y = lm.experts %x by %g, @w to @v {kind = silu} : (tensor<?x?x32xf32>, tensor<?x?x2xf32>) -> tensor<?x?x32xf32> loc("ffn.experts")
  return %y : tensor<?x?x32xf32>
}
