// RUN: lmopt-opt %s -split-input-file -verify-diagnostics

// expected-error@+1 {{C1: expected a tensor of f32 of rank 1 to 4 with static, positive sizes and at most 2^40 elements, a matrix of bf16, an !lm.int8, !lm.sparse_int8, !lm.grouped or !lm.codebook, but the type is 'tensor<?xf32>'}}
lm.param @param_c1_dynamic : tensor<?xf32> = #lm.gguf<"f", "k", f32>

// -----

// expected-error@+1 {{C1: expected a tensor of f32}}
lm.param @param_c1_element : tensor<2xf16> = #lm.gguf<"f", "k", f32>

// -----

// expected-error@+1 {{C1: expected a tensor of f32}}
lm.param @param_c1_scalar : tensor<f32> = #lm.gguf<"f", "k", f32>

// -----

// expected-error@+1 {{C1: expected a tensor of f32}}
lm.param @param_c1_large : tensor<4294967296x4294967296xf32> = #lm.gguf<"f", "k", f32>

// -----

// expected-error@+1 {{C1: expected a tensor of f32}}
lm.param @param_c1_empty : tensor<0xf32> = #lm.gguf<"f", "k", f32>

// -----

// expected-error@+1 {{C2: expected a weight attribute or dense f32 numbers, but the value is "text"}}
lm.param @param_c2_value : tensor<2xf32> = "text"

// -----

// expected-error@+1 {{C2: expected a weight attribute or dense f32 numbers, but the value is dense<1> : tensor<2xi32>}}
"lm.param"() <{sym_name = "param_c2_integers", type = tensor<2xf32>, value = dense<1> : tensor<2xi32>}> : () -> ()

// -----

// expected-error@+1 {{C3: type '!lm.int8<2x3>' does not hold an f32 weight}}
lm.param @param_c3_f32_in_int8 : !lm.int8<2x3> = #lm.gguf<"f", "k", f32>

// -----

// expected-error@+1 {{C3: type 'tensor<2x4xf32>' does not hold an int8 weight}}
lm.param @param_c3_int8_in_f32 : tensor<2x4xf32> = #lm.quantize_rows<#lm.gguf<"f", "k", f32>>

// -----

// expected-error@+1 {{C3: type 'tensor<2x8xf32>' does not hold a grouped weight with bits = 4, group = 4, min}}
lm.param @param_c3_grouped_in_f32 : tensor<2x8xf32> = #lm.quantize_groups<#lm.gguf<"f", "k", f32>, bits = 4, group = 4, min>

// -----

// expected-error@+1 {{C3: type '!lm.int8<2x8>' does not hold a grouped weight with bits = 4, group = 4, min}}
lm.param @param_c3_grouped_in_int8 : !lm.int8<2x8> = #lm.quantize_groups<#lm.gguf<"f", "k", f32>, bits = 4, group = 4, min>

// -----

// expected-error@+1 {{C3: type '!lm.grouped<2x8, bits = 8, group = 4>' does not hold a grouped weight with bits = 4, group = 4, min}}
lm.param @param_c3_bits : !lm.grouped<2x8, bits = 8, group = 4> = #lm.quantize_groups<#lm.gguf<"f", "k", f32>, bits = 4, group = 4, min>

// -----

// expected-error@+1 {{C3: type '!lm.grouped<2x8, bits = 4, group = 2, min>' does not hold a grouped weight with bits = 4, group = 4, min}}
lm.param @param_c3_grouped_group : !lm.grouped<2x8, bits = 4, group = 2, min> = #lm.quantize_groups<#lm.gguf<"f", "k", f32>, bits = 4, group = 4, min>

// -----

// expected-error@+1 {{C3: type '!lm.grouped<2x8, bits = 4, group = 4>' does not hold a grouped weight with bits = 4, group = 4, min}}
lm.param @param_c3_min : !lm.grouped<2x8, bits = 4, group = 4> = #lm.quantize_groups<#lm.gguf<"f", "k", f32>, bits = 4, group = 4, min>

// -----

// expected-error@+1 {{C3: type '!lm.grouped<2x32, bits = 4, group = 32, min>' does not hold a grouped weight with bits = 4, group = 32}}
lm.param @param_c3_no_min : !lm.grouped<2x32, bits = 4, group = 32, min> = #lm.native<#lm.gguf<"f", "k", q4_0>>

// -----

// expected-error@+1 {{C3: type '!lm.grouped<2x32, bits = 4, group = 32>' does not hold a grouped weight with bits = 8, group = 32}}
lm.param @param_c3_native8 : !lm.grouped<2x32, bits = 4, group = 32> = #lm.native<#lm.gguf<"f", "k", q8_0>>

// -----

// expected-error@+1 {{C3: type '!lm.grouped<2x8, bits = 8, group = 4>' does not hold an f32 weight}}
lm.param @param_c3_f32_in_grouped : !lm.grouped<2x8, bits = 8, group = 4> = #lm.gguf<"f", "k", q8_0>

// -----

// expected-error@+1 {{C3: type '!lm.grouped<2x8, bits = 8, group = 4>' does not hold an int8 weight}}
lm.param @param_c3_int8_in_grouped : !lm.grouped<2x8, bits = 8, group = 4> = #lm.quantize_rows<#lm.gguf<"f", "k", f32>>

// -----

// expected-error@+1 {{C4: type '!lm.grouped<2x8, bits = 8, group = 4>' does not have the shape [3, 8] of the value}}
lm.param @param_c4_grouped_shape : !lm.grouped<2x8, bits = 8, group = 4> = #lm.quantize_groups<dense<1.0> : tensor<3x8xf32>, bits = 8, group = 4>

// -----

// expected-error@+1 {{C4: type 'tensor<2x2xf32>' does not have the shape [2, 3] of the value}}
lm.param @param_c4_shape : tensor<2x2xf32> = #lm.scale<dense<1.0> : tensor<2x3xf32>, 2.0>

// -----

// expected-error@+1 {{C5: the type of the dense value, 'vector<2xf32>', is not that of the param}}
"lm.param"() <{sym_name = "param_c5_vector", type = tensor<2xf32>, value = dense<1.0> : vector<2xf32>}> : () -> ()

// -----

func.func @param_inside_function() {
  // expected-error@+1 {{symbol's parent must have the SymbolTable trait}}
  lm.param @inside : tensor<2xf32> = dense<1.0>
  return
}

// -----

// expected-note@+1 {{see existing symbol definition here}}
lm.param @param_twice : tensor<2xf32> = dense<1.0>
// expected-error@+1 {{redefinition of symbol named 'param_twice'}}
lm.param @param_twice : tensor<2xf32> = dense<1.0>

// -----

// expected-error@+1 {{C1: expected a tensor of f32}}
lm.param @param_c1_bf16_vector : tensor<3xbf16> = #lm.gguf<"f", "k", bf16>

// -----

// expected-error@+1 {{C3: type 'tensor<2x3xbf16>' does not hold an f32 weight}}
lm.param @param_c3_bf16 : tensor<2x3xbf16> = #lm.gguf<"f", "k", bf16>

// -----

// expected-error@+1 {{C3: type 'tensor<2x3xf32>' does not hold a bf16 weight}}
lm.param @param_c3_narrowed : tensor<2x3xf32> = #lm.narrow<#lm.gguf<"f", "k", bf16>>

// -----

// expected-error@+1 {{C3: type '!lm.int8<2x4>' does not hold a sparse int8 weight in blocks of 1x1}}
lm.param @param_c3_sparse_in_int8 : !lm.int8<2x4> = #lm.store_sparse<#lm.quantize_rows<#lm.gguf<"f", "k", f32>>, block = 1x1>

// -----

// expected-error@+1 {{C3: type '!lm.sparse_int8<2x4, block = 16x4, stored = 1>' does not hold a sparse int8 weight in blocks of 1x1}}
lm.param @param_c3_sparse_blocks : !lm.sparse_int8<2x4, block = 16x4, stored = 1> = #lm.store_sparse<#lm.quantize_rows<#lm.gguf<"f", "k", f32>>, block = 1x1>

// -----

// expected-error@+1 {{C3: type '!lm.sparse_int8<2x4, block = 16x4, stored = 1>' does not hold an int8 weight}}
lm.param @param_c3_int8_in_sparse : !lm.sparse_int8<2x4, block = 16x4, stored = 1> = #lm.quantize_rows<#lm.gguf<"f", "k", f32>>

// -----

// expected-error@+1 {{C3: type '!lm.codebook<2x8, entries = 16, group = 4>' does not hold a weight with a codebook of 8 entries, group = 4}}
lm.param @param_c3_entries : !lm.codebook<2x8, entries = 16, group = 4> = #lm.quantize_codebook<#lm.gguf<"f", "k", f32>, entries = 8, group = 4>

// -----

// expected-error@+1 {{C3: type 'tensor<2x8xf32>' does not hold a weight with a codebook of 256 entries}}
lm.param @param_c3_codebook_in_f32 : tensor<2x8xf32> = #lm.quantize_codebook<#lm.gguf<"f", "k", f32>, entries = 256>

// -----

// expected-error@+1 {{C3: type '!lm.codebook<2x8, entries = 256>' does not hold an f32 weight}}
lm.param @param_c3_f32_in_codebook : !lm.codebook<2x8, entries = 256> = #lm.gguf<"f", "k", f32>
