// RUN: lmopt-opt %s -split-input-file -verify-diagnostics

// expected-error@+3 {{expected '<'}}
// expected-error@+2 {{failed to parse LM_FitAttr parameter 'statistics'}}
// expected-error@+1 {{failed to parse LM_QuantizeRowsAttr parameter 'fit'}}
lm.param @fit_c1 : !lm.int8<2x3> = #lm.quantize_rows<dense<1.0> : tensor<2x3xf32>, fit = <[], damping = 0.1>>

// -----

// expected-error@+2 {{C2: expected a dense f32 vector to scale by, but found dense<1.000000e+00> : tensor<1x3xf32>}}
// expected-error@+1 {{failed to parse LM_QuantizeRowsAttr parameter 'fit'}}
lm.param @fit_c2 : !lm.int8<2x3> = #lm.quantize_rows<dense<1.0> : tensor<2x3xf32>, fit = <[<"s", "x">], times = dense<1.0> : tensor<1x3xf32>, damping = 0.1>>

// -----

// expected-error@+2 {{C3: expected rotated blocks of a power of two from 2 to 65536, but found 3}}
// expected-error@+1 {{failed to parse LM_QuantizeRowsAttr parameter 'fit'}}
lm.param @fit_c3 : !lm.int8<2x3> = #lm.quantize_rows<dense<1.0> : tensor<2x3xf32>, fit = <[<"s", "x">], rotated = 3, damping = 0.1>>

// -----

// expected-error@+2 {{C4: expected a positive damping, found 0.000000e+00}}
// expected-error@+1 {{failed to parse LM_QuantizeRowsAttr parameter 'fit'}}
lm.param @fit_c4 : !lm.int8<2x3> = #lm.quantize_rows<dense<1.0> : tensor<2x3xf32>, fit = <[<"s", "x">], damping = 0.0>>

// -----

// expected-error@+1 {{C2: expected a fit that scales 3 columns, but found 2}}
lm.param @quantize_rows_c2_times : !lm.int8<2x3> = #lm.quantize_rows<dense<1.0> : tensor<2x3xf32>, fit = <[<"s", "x">], times = dense<1.0> : tensor<2xf32>, damping = 0.1>>

// -----

// expected-error@+1 {{C2: expected a fit whose rotated blocks divide the 3 columns, but found 2}}
lm.param @quantize_rows_c2_rotated : !lm.int8<2x3> = #lm.quantize_rows<dense<1.0> : tensor<2x3xf32>, fit = <[<"s", "x">], rotated = 2, damping = 0.1>>

// -----

// expected-error@+1 {{C5: expected scales of 16 bits, or with minima of 8, but found 8}}
lm.param @quantize_groups_c5 : !lm.grouped<2x6, bits = 4, group = 3> = #lm.quantize_groups<dense<1.0> : tensor<2x6xf32>, bits = 4, group = 3, scales = 8>

// -----

// expected-error@+1 {{C4: expected a fit whose rotated blocks divide the 6 columns, but found 4}}
lm.param @quantize_groups_c4 : !lm.grouped<2x6, bits = 4, group = 3> = #lm.quantize_groups<dense<1.0> : tensor<2x6xf32>, bits = 4, group = 3, fit = <[<"s", "x">], rotated = 4, damping = 0.1>>

// -----

// expected-error@+1 {{C1: the source must have rank 2, but its shape is 4}}
lm.param @quantize_rows_c1_vector : !lm.int8<1x4> = #lm.quantize_rows<dense<1.0> : tensor<4xf32>>

// -----

// expected-error@+1 {{C1: the source must have rank 2, but its shape is 4}}
lm.param @quantize_groups_c1_vector : !lm.grouped<1x4, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<4xf32>, bits = 4, group = 2>

// -----

// expected-error@+1 {{C1: the source must be f32, but is int8}}
lm.param @quantize_groups_c1_int8 : !lm.grouped<1x4, bits = 4, group = 2> = #lm.quantize_groups<#lm.quantize_rows<dense<1.0> : tensor<1x4xf32>>, bits = 4, group = 2>

// -----

// expected-error@+1 {{C1: the source must be f32, but is grouped}}
lm.param @quantize_groups_c1_grouped : !lm.grouped<1x32, bits = 8, group = 32> = #lm.quantize_groups<#lm.native<#lm.gguf<"f", "k", q4_0>>, bits = 8, group = 32>

// -----

// expected-error@+1 {{C2: expected a positive group that divides the columns (4), but found 3}}
lm.param @quantize_groups_c2_divides : !lm.grouped<1x4, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<1x4xf32>, bits = 4, group = 3>

// -----

// expected-error@+1 {{C2: expected a positive group that divides the columns, but found 0}}
lm.param @quantize_groups_c2_zero : !lm.grouped<1x4, bits = 4, group = 2> = #lm.quantize_groups<#lm.gguf<"f", "k", f32>, bits = 4, group = 0>

// -----

// expected-error@+1 {{C3: expected 4 or 8 bits, minima with 4 only, but found 5}}
lm.param @quantize_groups_c3_bits : !lm.grouped<1x4, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<1x4xf32>, bits = 5, group = 2>

// -----

// expected-error@+1 {{C3: expected 4 or 8 bits, minima with 4 only, but found 8 with minima}}
lm.param @quantize_groups_c3_min : !lm.grouped<1x4, bits = 8, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<1x4xf32>, bits = 8, group = 2, min>

// -----

// expected-error@+1 {{expected 'min', 'scales' or 'fit', in this order}}
lm.param @quantize_groups_word : !lm.grouped<1x4, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<1x4xf32>, bits = 4, group = 2, max>

// -----

// expected-error@+1 {{C1: expected a #lm.packed weight, a #lm.gguf one in one of the formats q4_0, q4_1, q5_0, q5_1, q8_0, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs, mxfp4, a #lm.permute_rope, #lm.take_rows, #lm.take_blocks, #lm.scale or #lm.reshape of one, or a #lm.concat_rows of several of one form, but found #lm.gguf<"f", "k", bf16>}}
lm.param @native_c1_format : !lm.grouped<1x32, bits = 4, group = 32> = #lm.native<#lm.gguf<"f", "k", bf16>>

// -----

// expected-error@+1 {{C1: expected a #lm.packed weight, a #lm.gguf one in one of the formats q4_0, q4_1, q5_0, q5_1, q8_0, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs, mxfp4, a #lm.permute_rope, #lm.take_rows, #lm.take_blocks, #lm.scale or #lm.reshape of one, or a #lm.concat_rows of several of one form, but found dense<1.000000e+00> : tensor<1x32xf32>}}
lm.param @native_c1_dense : !lm.grouped<1x32, bits = 4, group = 32> = #lm.native<dense<1.0> : tensor<1x32xf32>>

// -----

// expected-error@+1 {{C1: expected a #lm.packed weight, a #lm.gguf one in one of the formats q4_0, q4_1, q5_0, q5_1, q8_0, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs, mxfp4, a #lm.permute_rope, #lm.take_rows, #lm.take_blocks, #lm.scale or #lm.reshape of one, or a #lm.concat_rows of several of one form, but found #lm.safetensors<"f", "k", i8>}}
lm.param @native_c1_safetensors : !lm.grouped<1x32, bits = 4, group = 32> = #lm.native<#lm.safetensors<"f", "k", i8>>

// -----

// expected-error@+1 {{C1: expected a #lm.packed weight, a #lm.gguf one in one of the formats q4_0, q4_1, q5_0, q5_1, q8_0, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs, mxfp4, a #lm.permute_rope, #lm.take_rows, #lm.take_blocks, #lm.scale or #lm.reshape of one, or a #lm.concat_rows of several of one form, but found #lm.transpose<#lm.gguf<"f", "k", q4_0>>}}
lm.param @native_c1_derived : !lm.grouped<1x32, bits = 4, group = 32> = #lm.native<#lm.transpose<#lm.gguf<"f", "k", q4_0>>>

// -----

// expected-error@+1 {{C1: expected a #lm.packed weight, a #lm.gguf one in one of the formats q4_0, q4_1, q5_0, q5_1, q8_0, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs, mxfp4, a #lm.permute_rope, #lm.take_rows, #lm.take_blocks, #lm.scale or #lm.reshape of one, or a #lm.concat_rows of several of one form, but found #lm.permute_rope<#lm.gguf<"f", "k", f16>, heads = 1, from = half>}}
lm.param @native_c1_permuted : !lm.grouped<1x32, bits = 4, group = 32> = #lm.native<#lm.permute_rope<#lm.gguf<"f", "k", f16>, heads = 1, from = half>>

// -----

// expected-error@+1 {{C1: expected a #lm.packed weight, a #lm.gguf one in one of the formats q4_0, q4_1, q5_0, q5_1, q8_0, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs, mxfp4, a #lm.permute_rope, #lm.take_rows, #lm.take_blocks, #lm.scale or #lm.reshape of one, or a #lm.concat_rows of several of one form, but found #lm.concat_rows<[#lm.gguf<"f", "a", q4_0>, #lm.gguf<"f", "b", f16>]>}}
lm.param @native_c1_concat_floats : !lm.grouped<2x32, bits = 4, group = 32> = #lm.native<#lm.concat_rows<[#lm.gguf<"f", "a", q4_0>, #lm.gguf<"f", "b", f16>]>>

// -----

// expected-error@+1 {{C1: expected a #lm.packed weight, a #lm.gguf one in one of the formats q4_0, q4_1, q5_0, q5_1, q8_0, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs, mxfp4, a #lm.permute_rope, #lm.take_rows, #lm.take_blocks, #lm.scale or #lm.reshape of one, or a #lm.concat_rows of several of one form, but found #lm.concat_rows<[#lm.gguf<"f", "a", q4_0>, #lm.gguf<"f", "b", q8_0>]>}}
lm.param @native_c1_concat_formats : !lm.grouped<2x32, bits = 4, group = 32> = #lm.native<#lm.concat_rows<[#lm.gguf<"f", "a", q4_0>, #lm.gguf<"f", "b", q8_0>]>>

// -----

// expected-error@+1 {{C1: the source must have rank 2, but its shape is 3}}
lm.param @narrow_c1_vector : tensor<1x3xbf16> = #lm.narrow<dense<1.0> : tensor<3xf32>>

// -----

// expected-error@+1 {{C1: the source must be f32, but is int8}}
lm.param @sparsify_c1 : tensor<2x4xf32> = #lm.sparsify<#lm.quantize_rows<dense<1.0> : tensor<2x4xf32>>, ratio = 0.5>

// -----

// expected-error@+1 {{C2: expected a ratio above 0 and below 1, but found 0}}
lm.param @sparsify_c2_zero : tensor<2x4xf32> = #lm.sparsify<dense<1.0> : tensor<2x4xf32>, ratio = 0.0>

// -----

// expected-error@+1 {{C2: expected a ratio above 0 and below 1, but found 1}}
lm.param @sparsify_c2_one : tensor<2x4xf32> = #lm.sparsify<dense<1.0> : tensor<2x4xf32>, ratio = 1.0>

// -----

// expected-error@+1 {{C3: expected blocks of 1 to 65536 outputs and inputs, but found 0x4}}
lm.param @sparsify_c3 : tensor<2x4xf32> = #lm.sparsify<dense<1.0> : tensor<2x4xf32>, ratio = 0.5, block = 0x4>

// -----

// expected-error@+1 {{C4: expected groups of 2 to 256 inputs that divide the columns and whose ratio is a whole number, but found groups of 3 and a ratio of}}
lm.param @sparsify_c4_divides : tensor<2x4xf32> = #lm.sparsify<dense<1.0> : tensor<2x4xf32>, ratio = 0.66666666666666663, group = 3>

// -----

// expected-error@+1 {{C4: expected groups of 2 to 256 inputs that divide the columns and whose ratio is a whole number, but found groups of 4 and a ratio of 3.000000e-01}}
lm.param @sparsify_c4_whole : tensor<2x4xf32> = #lm.sparsify<dense<1.0> : tensor<2x4xf32>, ratio = 0.3, group = 4>

// -----

// expected-error@+1 {{C4: expected groups of 2 to 256}}
lm.param @sparsify_c4_large : tensor<2x512xf32> = #lm.sparsify<dense<1.0> : tensor<2x512xf32>, ratio = 0.5, group = 512>

// -----

// expected-error@+1 {{C4: expected groups of 2 to 256}}
lm.param @sparsify_c4_negative : tensor<2x4xf32> = #lm.sparsify<dense<1.0> : tensor<2x4xf32>, ratio = 0.5, group = -2>

// -----

// expected-error@+1 {{C5: expected blocks of one number in groups, but found 2x1}}
lm.param @sparsify_c5 : tensor<2x4xf32> = #lm.sparsify<dense<1.0> : tensor<2x4xf32>, ratio = 0.5, block = 2x1, group = 4>

// -----

// expected-error@+1 {{C6: expected a fit whose rotated blocks divide the 6 columns, but found 4}}
lm.param @sparsify_c6 : tensor<2x6xf32> = #lm.sparsify<dense<1.0> : tensor<2x6xf32>, ratio = 0.5, fit = <[<"s", "a">], rotated = 4, damping = 1.0>>

// -----

// expected-error@+1 {{expected 'block', 'group' or 'fit', in this order}}
lm.param @sparsify_order : tensor<2x4xf32> = #lm.sparsify<dense<1.0> : tensor<2x4xf32>, ratio = 0.5, group = 4, block = 1x1>

// -----

// expected-error@+1 {{C1: the source must be an int8 matrix that stores all of its codes, but is dense}}
lm.param @store_sparse_c1_f32 : !lm.sparse_int8<2x4, block = 1x1, stored = 1> = #lm.store_sparse<dense<1.0> : tensor<2x4xf32>, block = 1x1>

// -----

// expected-error@+1 {{C1: the source must be an int8 matrix that stores all of its codes, but is #lm.store_sparse}}
lm.param @store_sparse_c1_twice : !lm.sparse_int8<2x4, block = 1x1, stored = 1> = #lm.store_sparse<#lm.store_sparse<#lm.quantize_rows<dense<1.0> : tensor<2x4xf32>>, block = 1x1>, block = 1x1>

// -----

// expected-error@+1 {{C2: expected blocks of 1 to 65536 outputs and inputs, but found 1x0}}
lm.param @store_sparse_c2 : !lm.sparse_int8<2x4, block = 1x1, stored = 1> = #lm.store_sparse<#lm.quantize_rows<dense<1.0> : tensor<2x4xf32>>, block = 1x0>

// -----

// expected-error@+1 {{C6: a fit cannot keep zeros where there are minima: zero need not be one of their numbers}}
lm.param @quantize_groups_c6 : !lm.grouped<2x4, bits = 4, group = 2, min> = #lm.quantize_groups<dense<1.0> : tensor<2x4xf32>, bits = 4, group = 2, min, fit = <[<"s", "a">], damping = 1.0, zeros = true>>

// -----

// expected-error@+1 {{C1: the source must have rank 2, but its shape is 4}}
lm.param @quantize_codebook_c1_vector : !lm.codebook<1x4, entries = 256> = #lm.quantize_codebook<dense<1.0> : tensor<4xf32>, entries = 256>

// -----

// expected-error@+1 {{C1: the source must be f32, but is of a codebook}}
lm.param @quantize_codebook_c1_codebook : !lm.codebook<1x4, entries = 256> = #lm.quantize_codebook<#lm.quantize_codebook<dense<1.0> : tensor<1x4xf32>, entries = 256>, entries = 256>

// -----

// expected-error@+1 {{C2: expected 4, 8 or 16 entries with a group, or 256 without, but found 16 without}}
lm.param @quantize_codebook_c2_no_group : !lm.codebook<1x4, entries = 256> = #lm.quantize_codebook<dense<1.0> : tensor<1x4xf32>, entries = 16>

// -----

// expected-error@+1 {{C2: expected 4, 8 or 16 entries with a group, or 256 without, but found 5 with}}
lm.param @quantize_codebook_c2_entries : !lm.codebook<1x4, entries = 256> = #lm.quantize_codebook<dense<1.0> : tensor<1x4xf32>, entries = 5, group = 2>

// -----

// expected-error@+1 {{C3: expected a positive group that divides the columns (4), but found 3}}
lm.param @quantize_codebook_c3_divides : !lm.codebook<1x4, entries = 16, group = 2> = #lm.quantize_codebook<dense<1.0> : tensor<1x4xf32>, entries = 16, group = 3>

// -----

// expected-error@+1 {{C3: expected a positive group that divides the columns, but found -2}}
lm.param @quantize_codebook_c3_negative : !lm.codebook<1x4, entries = 16, group = 2> = #lm.quantize_codebook<#lm.gguf<"f", "k", f32>, entries = 16, group = -2>

// -----

// expected-error@+1 {{C4: expected a fit whose rotated blocks divide the 6 columns, but found 4}}
lm.param @quantize_codebook_c4 : !lm.codebook<2x6, entries = 256> = #lm.quantize_codebook<dense<1.0> : tensor<2x6xf32>, entries = 256, fit = <[<"s", "x">], rotated = 4, damping = 0.1>>

// -----

// expected-error@+1 {{C5: a fit cannot keep zeros: zero need not be an entry}}
lm.param @quantize_codebook_c5 : !lm.codebook<2x4, entries = 256> = #lm.quantize_codebook<dense<1.0> : tensor<2x4xf32>, entries = 256, fit = <[<"s", "x">], damping = 0.1, zeros = true>>

// -----

// expected-error@+1 {{C1: the source must have rank 2, but its shape is 4}}
lm.param @fake_quantize_c1_vector : tensor<4xf32> = #lm.fake_quantize<dense<1.0> : tensor<4xf32>, ranges = dense<1.0> : tensor<1xf32>>

// -----

// expected-error@+1 {{C1: the source must be f32, but is int8}}
lm.param @fake_quantize_c1_int8 : tensor<1x4xf32> = #lm.fake_quantize<#lm.quantize_rows<dense<1.0> : tensor<1x4xf32>>, ranges = dense<1.0> : tensor<1xf32>>

// -----

// expected-error@+1 {{C2: expected one range or one for each row, but found 3}}
lm.param @fake_quantize_c2_count : tensor<2x4xf32> = #lm.fake_quantize<dense<1.0> : tensor<2x4xf32>, ranges = dense<1.0> : tensor<3xf32>>

// -----

// expected-error@+1 {{C2: expected one range or one for each row, but found 2x4}}
lm.param @fake_quantize_c2_columns : tensor<2x4xf32> = #lm.fake_quantize<dense<1.0> : tensor<2x4xf32>, ranges = dense<1.0> : tensor<2x4xf32>>

// -----

// expected-error@+1 {{C2: the ranges must have rank 1 to 2, but its shape is 2x1x1}}
lm.param @fake_quantize_c2_rank : tensor<2x4xf32> = #lm.fake_quantize<dense<1.0> : tensor<2x4xf32>, ranges = dense<1.0> : tensor<2x1x1xf32>>

// -----

// expected-error@+1 {{C3: expected steps from 1 to 255, but found 0}}
lm.param @fake_quantize_c3_none : tensor<2x4xf32> = #lm.fake_quantize<dense<1.0> : tensor<2x4xf32>, ranges = dense<1.0> : tensor<1xf32>, steps = 0>

// -----

// expected-error@+1 {{C3: expected steps from 1 to 255, but found 256}}
lm.param @fake_quantize_c3_many : tensor<2x4xf32> = #lm.fake_quantize<dense<1.0> : tensor<2x4xf32>, ranges = dense<1.0> : tensor<1xf32>, steps = 256>

// -----

// expected-error@+1 {{C4: expected -127 or -128 as the least code, but found 0}}
lm.param @fake_quantize_c4 : tensor<2x4xf32> = #lm.fake_quantize<dense<1.0> : tensor<2x4xf32>, ranges = dense<1.0> : tensor<1xf32>, least = 0>
