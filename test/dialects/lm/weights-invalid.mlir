// RUN: lmopt-opt %s -split-input-file -verify-diagnostics

// expected-error@+1 {{C1: expected a file and a tensor name, but found "" and "key"}}
lm.param @gguf_c1_path : tensor<2xf32> = #lm.gguf<"", "key", f32>

// -----

// expected-error@+1 {{C1: expected a file and a tensor name, but found "file" and ""}}
lm.param @safetensors_c1_key : tensor<2xf32> = #lm.safetensors<"file", "", f32>

// -----

// expected-error@+1 {{C1: row 2 does not exist in a matrix of 2 rows}}
lm.param @row_c1_index : tensor<3xf32> = #lm.row<dense<1.0> : tensor<2x3xf32>, 2>

// -----

// expected-error@+1 {{C1: row -1 does not exist}}
lm.param @row_c1_negative : tensor<3xf32> = #lm.row<#lm.gguf<"f", "k", f32>, -1>

// -----

// expected-error@+1 {{C1: the source must have rank 2, but its shape is 3}}
lm.param @row_c1_rank : tensor<3xf32> = #lm.row<dense<1.0> : tensor<3xf32>, 0>

// -----

// expected-error@+1 {{C1: both sources must have one shape, but found 2x3 and 3}}
lm.param @sum_c1_shape : tensor<3xf32> = #lm.sum<dense<1.0> : tensor<2x3xf32>, dense<1.0> : tensor<3xf32>>

// -----

// expected-error@+1 {{C1: the source must be f32, but is int8}}
lm.param @scale_c1_int8 : tensor<2x3xf32> = #lm.scale<#lm.quantize_rows<dense<1.0> : tensor<2x3xf32>>, 2.0>

// -----

// expected-error@+1 {{C1: the source must be a weight (dense f32 or a weight attribute), but is "text"}}
lm.param @scale_c1_not_a_weight : tensor<2x3xf32> = #lm.scale<"text", 2.0>

// -----

// expected-error@+1 {{C1: the source must be a weight (dense f32 or a weight attribute), but is dense<1> : tensor<2xi32>}}
lm.param @scale_c1_integers : tensor<2xf32> = #lm.scale<dense<1> : tensor<2xi32>, 2.0>

// -----

// expected-error@+1 {{C1: the vector must have 3 numbers, but has 2}}
lm.param @scale_columns_c1_length : tensor<2x3xf32> = #lm.scale_columns<dense<1.0> : tensor<2x3xf32>, dense<1.0> : tensor<2xf32>>

// -----

// expected-error@+1 {{C1: the vector must have rank 1, but its shape is 3x1}}
lm.param @matvec_add_c1_rank : tensor<2xf32> = #lm.matvec_add<dense<1.0> : tensor<2x3xf32>, dense<1.0> : tensor<3x1xf32>>

// -----

// expected-error@+1 {{C2: the bias must have 2 numbers, but has 3}}
lm.param @matvec_add_c2_bias : tensor<2xf32> = #lm.matvec_add<dense<1.0> : tensor<2x3xf32>, dense<1.0> : tensor<3xf32>, dense<1.0> : tensor<3xf32>>

// -----

// expected-error@+1 {{C1: a matrix of 2 rows has nothing left without 2}}
lm.param @drop_rows_c1_all : tensor<1x3xf32> = #lm.drop_rows<dense<1.0> : tensor<2x3xf32>, 2>

// -----

// expected-error@+1 {{C1: expected a number of rows that is not negative, found -1}}
lm.param @drop_rows_c1_negative : tensor<3x3xf32> = #lm.drop_rows<dense<1.0> : tensor<2x3xf32>, -1>

// -----

// expected-error@+1 {{C1: the source must have rank 2, but its shape is 3}}
lm.param @drop_rows_c1_vector : tensor<2xf32> = #lm.drop_rows<dense<1.0> : tensor<3xf32>, 1>

// -----

// expected-error@+1 {{C1: the source must have rank 2, but its shape is 4}}
lm.param @distance_buckets_c1 : tensor<1x5xf32> = #lm.distance_buckets<dense<1.0> : tensor<4xf32>, max = 2>

// -----

// expected-error@+1 {{C2: expected a row for each bucket, a multiple of 4, found 6}}
lm.param @distance_buckets_c2 : tensor<2x9xf32> = #lm.distance_buckets<dense<1.0> : tensor<6x2xf32>, max = 4>

// -----

// expected-error@+1 {{C3: expected a largest distance above a quarter of 8 buckets and up to 65536, found 2}}
lm.param @distance_buckets_c3_small : tensor<2x5xf32> = #lm.distance_buckets<dense<1.0> : tensor<8x2xf32>, max = 2>

// -----

// expected-error@+1 {{C3: expected a largest distance above a quarter of 8 buckets and up to 65536, found 65537}}
lm.param @distance_buckets_c3_large : tensor<2x131075xf32> = #lm.distance_buckets<dense<1.0> : tensor<8x2xf32>, max = 65537>

// -----

// expected-error@+1 {{C1: the source must be f32, but is int8}}
lm.param @take_rows_c1_codes : tensor<1x3xf32> = #lm.take_rows<#lm.quantize_rows<dense<1.0> : tensor<2x3xf32>>, kept = [0]>

// -----

// expected-error@+1 {{C2: expected ascending numbers of rows to keep, at least one, each below 2}}
lm.param @take_rows_c2_beyond : tensor<1x3xf32> = #lm.take_rows<dense<1.0> : tensor<2x3xf32>, kept = [2]>

// -----

// expected-error@+1 {{C2: expected ascending numbers of rows to keep, at least one, each below 3}}
lm.param @take_rows_c2_order : tensor<2xf32> = #lm.take_rows<dense<1.0> : tensor<3xf32>, kept = [1, 1]>

// -----

// expected-error@+1 {{C2: expected ascending numbers of rows to keep, at least one}}
lm.param @take_rows_c2_negative : tensor<1xf32> = #lm.take_rows<#lm.safetensors<"a", "b", f32>, kept = [-1]>

// -----

// expected-error@+1 {{C1: the source must be f32, but is int8}}
lm.param @reorder_rows_c1_codes : tensor<2x3xf32> = #lm.reorder_rows<#lm.quantize_rows<dense<1.0> : tensor<2x3xf32>>, order = [1, 0]>

// -----

// expected-error@+1 {{C2: expected each row of the source once, but found an order of 2 rows for 3}}
lm.param @reorder_rows_c2_few : tensor<2x3xf32> = #lm.reorder_rows<dense<1.0> : tensor<3x3xf32>, order = [1, 0]>

// -----

// expected-error@+1 {{C2: expected each row of the source once, but found an order of 3 rows for 3}}
lm.param @reorder_rows_c2_twice : tensor<3xf32> = #lm.reorder_rows<dense<1.0> : tensor<3xf32>, order = [1, 0, 1]>

// -----

// expected-error@+1 {{C2: expected each row of the source once, but found an order of 2 rows}}
lm.param @reorder_rows_c2_beyond : tensor<2xf32> = #lm.reorder_rows<#lm.safetensors<"a", "b", f32>, order = [1, 2]>

// -----

// expected-error@+2 {{C1: expected a file and a tensor name, but found "" and "x"}}
// expected-error@+1 {{failed to parse LM_RefitColumnsAttr parameter 'statistics'}}
lm.param @statistics_c1 : tensor<2x1xf32> = #lm.refit_columns<dense<1.0> : tensor<2x3xf32>, #lm.statistics<"", "x">, kept = [0], damping = 0.1>

// -----

// expected-error@+1 {{C1: the source must have rank 2, but its shape is 3}}
lm.param @refit_columns_c1_vector : tensor<1xf32> = #lm.refit_columns<dense<1.0> : tensor<3xf32>, #lm.statistics<"s", "x">, kept = [0], damping = 0.1>

// -----

// expected-error@+1 {{C2: expected ascending numbers of columns to keep, at least one, each below 3}}
lm.param @refit_columns_c2_beyond : tensor<2x1xf32> = #lm.refit_columns<dense<1.0> : tensor<2x3xf32>, #lm.statistics<"s", "x">, kept = [3], damping = 0.1>

// -----

// expected-error@+1 {{C3: expected a positive damping, found 0.000000e+00}}
lm.param @refit_columns_c3 : tensor<2x1xf32> = #lm.refit_columns<dense<1.0> : tensor<2x3xf32>, #lm.statistics<"s", "x">, kept = [0], damping = 0.0>

// -----

// expected-error@+1 {{C2: the bias must have 2 numbers, but has 3}}
lm.param @refit_bias_c2 : tensor<2xf32> = #lm.refit_bias<<dense<1.0> : tensor<2x3xf32>, <"s", "x">, kept = [0], damping = 0.1>, dense<1.0> : tensor<3xf32>>

// -----

// expected-error@+1 {{C1: the vector must have 2 numbers, but has 3}}
lm.param @scale_rows_c1_length : tensor<2x3xf32> = #lm.scale_rows<dense<1.0> : tensor<2x3xf32>, dense<1.0> : tensor<3xf32>>

// -----

// expected-error@+1 {{C1: the source must be f32, but is int8}}
lm.param @scale_rows_c1_codes : tensor<2x3xf32> = #lm.scale_rows<#lm.quantize_rows<dense<1.0> : tensor<2x3xf32>>, dense<1.0> : tensor<2xf32>>

// -----

// expected-error@+1 {{C1: the source must have rank 2, but its shape is 3}}
lm.param @transpose_c1_vector : tensor<3xf32> = #lm.transpose<dense<1.0> : tensor<3xf32>>

// -----

// expected-error@+1 {{C1: the source must be f32, but is int8}}
lm.param @transpose_c1_codes : tensor<3x2xf32> = #lm.transpose<#lm.quantize_rows<dense<1.0> : tensor<2x3xf32>>>

// -----

// expected-error@+1 {{C1: the source must have rank 3, but its shape is 2x3}}
lm.param @transpose_each_c1_matrix : tensor<2x3xf32> = #lm.transpose_each<dense<1.0> : tensor<2x3xf32>>

// -----

// expected-error@+1 {{C1: the source must be f32, but is int8}}
lm.param @reshape_c1_codes : tensor<6xf32> = #lm.reshape<#lm.quantize_rows<dense<1.0> : tensor<2x3xf32>>, shape = [6]>

// -----

// expected-error@+1 {{C2: expected one to three positive sizes, but found 1x1x2x3}}
lm.param @reshape_c2_rank : tensor<2x3xf32> = #lm.reshape<dense<1.0> : tensor<2x3xf32>, shape = [1, 1, 2, 3]>

// -----

// expected-error@+1 {{C2: expected one to three positive sizes, but found 2x0}}
lm.param @reshape_c2_empty : tensor<2xf32> = #lm.reshape<dense<1.0> : tensor<2x3xf32>, shape = [2, 0]>

// -----

// expected-error@+1 {{C2: expected one to three positive sizes, but found 4294967296x4294967297}}
lm.param @reshape_c2_overflow : tensor<2xf32> = #lm.reshape<dense<1.0> : tensor<2x3xf32>, shape = [4294967296, 4294967297]>

// -----

// expected-error@+1 {{C3: expected a source with as many numbers as 2x2, but found 2x3}}
lm.param @reshape_c3 : tensor<2x2xf32> = #lm.reshape<dense<1.0> : tensor<2x3xf32>, shape = [2, 2]>

// -----

// expected-error@+1 {{C1: the source must have rank 1 to 2, but its shape is 1x2x3}}
lm.param @take_blocks_c1 : tensor<2x3xf32> = #lm.take_blocks<dense<1.0> : tensor<1x2x3xf32>, size = 1, first = 0, step = 1>

// -----

// expected-error@+1 {{C2: expected a positive size and step and a first block below the step, but found 2, 3 and 3}}
lm.param @take_blocks_c2_first : tensor<2x3xf32> = #lm.take_blocks<dense<1.0> : tensor<6x3xf32>, size = 2, first = 3, step = 3>

// -----

// expected-error@+1 {{C2: expected a positive size and step and a first block below the step, but found 0, 3 and 0}}
lm.param @take_blocks_c2_size : tensor<2x3xf32> = #lm.take_blocks<dense<1.0> : tensor<6x3xf32>, size = 0, first = 0, step = 3>

// -----

// expected-error@+1 {{C3: expected rows in groups of 3 blocks of 2, but found 8}}
lm.param @take_blocks_c3 : tensor<2x3xf32> = #lm.take_blocks<dense<1.0> : tensor<8x3xf32>, size = 2, first = 0, step = 3>

// -----

// expected-error@+1 {{C1: the factor must have rank 1, but its shape is 1x1}}
lm.param @sinusoids_c1_matrix : tensor<2x4xf32> = #lm.sinusoids<dense<1.0> : tensor<1x1xf32>, rows = 2, columns = 4>

// -----

// expected-error@+1 {{C1: the factor must be one number, but there are 2}}
lm.param @sinusoids_c1_two : tensor<2x4xf32> = #lm.sinusoids<dense<1.0> : tensor<2xf32>, rows = 2, columns = 4>

// -----

// expected-error@+1 {{C2: expected positive rows and columns, an even number of columns, and at most 2^28 numbers, but found 2 and 3}}
lm.param @sinusoids_c2_odd : tensor<2x3xf32> = #lm.sinusoids<dense<1.0> : tensor<1xf32>, rows = 2, columns = 3>

// -----

// expected-error@+1 {{at most 2^28 numbers, but found 134217729 and 2}}
lm.param @sinusoids_c2_many : tensor<2x3xf32> = #lm.sinusoids<dense<1.0> : tensor<1xf32>, rows = 134217729, columns = 2>

// -----

// expected-error@+1 {{C1: the vector must have 3 numbers, but has 2}}
lm.param @add_to_rows_c1_length : tensor<2x3xf32> = #lm.add_to_rows<dense<1.0> : tensor<2x3xf32>, dense<1.0> : tensor<2xf32>>

// -----

// expected-error@+1 {{C1: the source must have rank 1 to 2, but its shape is 1x2x3}}
lm.param @permute_rope_c1_rank : tensor<1x2x3xf32> = #lm.permute_rope<dense<1.0> : tensor<1x2x3xf32>, heads = 1, from = half>

// -----

// expected-error@+1 {{C2: expected heads that divide the rows (8), but found 3}}
lm.param @permute_rope_c2_heads : tensor<8xf32> = #lm.permute_rope<dense<1.0> : tensor<8xf32>, heads = 3, from = half>

// -----

// expected-error@+1 {{C2: expected heads that divide the rows, but found 0}}
lm.param @permute_rope_c2_no_heads : tensor<8xf32> = #lm.permute_rope<#lm.gguf<"f", "k", f32>, heads = 0, from = half>

// -----

// expected-error@+1 {{C3: expected an even number of dims, at most 4, but found 6}}
lm.param @permute_rope_c3_dims : tensor<8xf32> = #lm.permute_rope<dense<1.0> : tensor<8xf32>, heads = 2, from = half, dims = 6>

// -----

// expected-error@+1 {{C3: expected an even number of dims, at most 3, but found 3}}
lm.param @permute_rope_c3_odd : tensor<6xf32> = #lm.permute_rope<dense<1.0> : tensor<6xf32>, heads = 2, from = half>

// -----

// expected-error@+1 {{C1: the source must have rank 1 to 2, but its shape is 1x2x4}}
lm.param @rotate_columns_c1_rank : tensor<1x2x4xf32> = #lm.rotate_columns<dense<1.0> : tensor<1x2x4xf32>, block = 4>

// -----

// expected-error@+1 {{C2: expected a block that is a power of two from 2 to 65536 and divides the columns (12), but found 8}}
lm.param @rotate_columns_c2_divides : tensor<2x12xf32> = #lm.rotate_columns<dense<1.0> : tensor<2x12xf32>, block = 8>

// -----

// expected-error@+1 {{C2: expected a block that is a power of two from 2 to 65536 and divides the columns, but found 12}}
lm.param @rotate_columns_c2_power : tensor<2x12xf32> = #lm.rotate_columns<#lm.gguf<"f", "k", f32>, block = 12>

// -----

// expected-error@+1 {{C1: the source must be f32, but is grouped}}
lm.param @rotate_columns_c1_grouped : tensor<1x32xf32> = #lm.rotate_columns<#lm.native<#lm.gguf<"f", "k", q4_0>>, block = 32>

// -----

// expected-error@+1 {{C1: the source must be f32, but is grouped}}
lm.param @permute_rope_c1_grouped : !lm.grouped<1x32, bits = 4, group = 32> = #lm.permute_rope<#lm.native<#lm.gguf<"f", "k", q4_0>>, heads = 1, from = half>

// -----

// 2^9 leaves in nine lines: evaluation is bounded.
#a = #lm.sum<dense<1.0> : tensor<2xf32>, dense<2.0> : tensor<2xf32>>
#b = #lm.sum<#a, #a>
#c = #lm.sum<#b, #b>
#d = #lm.sum<#c, #c>
#e = #lm.sum<#d, #d>
#f = #lm.sum<#e, #e>
#g = #lm.sum<#f, #f>
#h = #lm.sum<#g, #g>
#i = #lm.sum<#h, #h>
// expected-error@+1 {{expected a weight at most 64 derivations deep and with at most 256 leaves, but found 11 and 512}}
lm.param @too_many_leaves : tensor<2xf32> = #lm.scale<#i, 2.0>

// -----

// expected-error@+1 {{C1: the source must be f32, but is bf16}}
lm.param @scale_c1_bf16 : tensor<2x3xf32> = #lm.scale<#lm.narrow<dense<1.0> : tensor<2x3xf32>>, 2.0>

// -----

// expected-error@+1 {{C1: the source must have rank 2, but its shape is 3}}
lm.param @low_rank_c1 : tensor<3xf32> = #lm.low_rank<dense<1.0> : tensor<3xf32>, plain, rank = 1>

// -----

// expected-error@+1 {{C2: expected a rank from 1 to the lesser side of the matrix, found 0}}
lm.param @low_rank_c2_none : tensor<2x3xf32> = #lm.low_rank<dense<1.0> : tensor<2x3xf32>, plain, rank = 0>

// -----

// expected-error@+1 {{C2: expected a rank from 1 to the lesser side of the matrix, found 3}}
lm.param @low_rank_c2_beyond : tensor<2x3xf32> = #lm.low_rank<dense<1.0> : tensor<2x3xf32>, plain, rank = 3>

// -----

// expected-error@+1 {{C3: expected statistics with whitened and asvd, and none with plain}}
lm.param @low_rank_c3_none : tensor<2x3xf32> = #lm.low_rank<dense<1.0> : tensor<2x3xf32>, whitened, rank = 1, damping = 0.1>

// -----

// expected-error@+1 {{C3: expected statistics with whitened and asvd, and none with plain}}
lm.param @low_rank_c3_plain : tensor<2x3xf32> = #lm.low_rank<dense<1.0> : tensor<2x3xf32>, plain, rank = 1, statistics = <"s", "x">>

// -----

// expected-error@+1 {{C4: expected a positive damping with whitened and none otherwise, found 0.000000e+00}}
lm.param @low_rank_c4_damping : tensor<2x3xf32> = #lm.low_rank<dense<1.0> : tensor<2x3xf32>, whitened, rank = 1, statistics = <"s", "x">>

// -----

// expected-error@+1 {{C4: expected an alpha in (0, 1] with asvd and none otherwise, found 1.500000e+00}}
lm.param @low_rank_c4_alpha : tensor<2x3xf32> = #lm.low_rank<dense<1.0> : tensor<2x3xf32>, asvd, rank = 1, statistics = <"s", "x">, alpha = 1.5>

// -----

// expected-error@+1 {{C4: type 'tensor<2x3xf32>' does not have the shape [2, 1] of the value}}
lm.param @low_rank_left_shape : tensor<2x3xf32> = #lm.low_rank_left<<dense<1.0> : tensor<2x3xf32>, plain, rank = 1>>

// -----

// expected-error@+1 {{C1: expected a whitened source, found plain}}
lm.param @low_rank_bias_c1 : tensor<2xf32> = #lm.low_rank_bias<<dense<1.0> : tensor<2x3xf32>, plain, rank = 1>>

// -----

// expected-error@+1 {{C2: the bias must have 2 numbers, but has 3}}
lm.param @low_rank_bias_c2 : tensor<2xf32> = #lm.low_rank_bias<<dense<1.0> : tensor<2x3xf32>, whitened, rank = 1, statistics = <"s", "x">, damping = 0.1>, dense<1.0> : tensor<3xf32>>

// -----

// expected-error@+1 {{C1: the second matrix must have rank 2, but its shape is 4}}
lm.param @reduced_heads_c1 : tensor<2x3xf32> = #lm.reduced_heads<scores, first, first = dense<1.0> : tensor<4x3xf32>, second = dense<1.0> : tensor<4xf32>, statistics = <"s", "x">, heads = 2, kv_heads = 2, rank = 1, damping = 0.1>

// -----

// expected-error@+1 {{C1: the first bias must have 4 numbers, but has 3}}
lm.param @reduced_heads_c1_bias : tensor<2x3xf32> = #lm.reduced_heads<scores, first, first = dense<1.0> : tensor<4x3xf32>, second = dense<1.0> : tensor<4x3xf32>, statistics = <"s", "x">, heads = 2, kv_heads = 2, rank = 1, damping = 0.1, first_bias = dense<1.0> : tensor<3xf32>>

// -----

// expected-error@+1 {{C2: expected kv_heads that divide heads, found 3 and 4}}
lm.param @reduced_heads_c2_groups : tensor<2x3xf32> = #lm.reduced_heads<scores, first, first = dense<1.0> : tensor<4x3xf32>, second = dense<1.0> : tensor<3x3xf32>, statistics = <"s", "x">, heads = 4, kv_heads = 3, rank = 1, damping = 0.1>

// -----

// expected-error@+1 {{C2: expected a matrix of 2 heads, but 5 is no multiple}}
lm.param @reduced_heads_c2_heads : tensor<2x3xf32> = #lm.reduced_heads<scores, first, first = dense<1.0> : tensor<5x3xf32>, second = dense<1.0> : tensor<4x3xf32>, statistics = <"s", "x">, heads = 2, kv_heads = 2, rank = 1, damping = 0.1>

// -----

// expected-error@+1 {{C2: expected heads of one width, found 2 and 3}}
lm.param @reduced_heads_c2_width : tensor<2x3xf32> = #lm.reduced_heads<scores, first, first = dense<1.0> : tensor<4x3xf32>, second = dense<1.0> : tensor<6x3xf32>, statistics = <"s", "x">, heads = 2, kv_heads = 2, rank = 1, damping = 0.1>

// -----

// expected-error@+1 {{C3: expected a rank from 1 to the width of a head, found 3}}
lm.param @reduced_heads_c3 : tensor<6x3xf32> = #lm.reduced_heads<scores, first, first = dense<1.0> : tensor<4x3xf32>, second = dense<1.0> : tensor<4x3xf32>, statistics = <"s", "x">, heads = 2, kv_heads = 2, rank = 3, damping = 0.1>

// -----

// expected-error@+1 {{C4: expected a positive damping, found 0.000000e+00}}
lm.param @reduced_heads_c4 : tensor<2x3xf32> = #lm.reduced_heads<scores, first, first = dense<1.0> : tensor<4x3xf32>, second = dense<1.0> : tensor<4x3xf32>, statistics = <"s", "x">, heads = 2, kv_heads = 2, rank = 1, damping = 0.0>

// -----

// expected-error@+1 {{C5: there is no such bias, second_bias}}
lm.param @reduced_heads_c5 : tensor<2xf32> = #lm.reduced_heads<outputs, second_bias, first = dense<1.0> : tensor<3x4xf32>, second = dense<1.0> : tensor<4x3xf32>, statistics = <"s", "x">, heads = 2, kv_heads = 2, rank = 1, damping = 0.1>

// -----

// expected-error@+1 {{C1: expected matrices or vectors, but found both}}
lm.param @concat_rows_c1_both : tensor<4x4xf32> = #lm.concat_rows<[dense<1.0> : tensor<3x4xf32>, dense<1.0> : tensor<4xf32>]>

// -----

// expected-error@+1 {{C1: each source must be f32, but is int8}}
lm.param @concat_rows_c1_codes : tensor<4x4xf32> = #lm.concat_rows<[#lm.quantize_rows<dense<1.0> : tensor<4x4xf32>>]>

// -----

// expected-error@+1 {{C2: expected 4 columns in each matrix, but found 5}}
lm.param @concat_rows_c2 : tensor<6x4xf32> = #lm.concat_rows<[dense<1.0> : tensor<3x4xf32>, dense<1.0> : tensor<3x5xf32>]>

// -----

// expected-error@+1 {{C1: the factor must have rank 2, but its shape is}}
lm.param @absorb_heads_c1 : tensor<4x4xf32> = #lm.absorb_heads<dense<1.0> : tensor<4x4xf32>, factor = dense<1.0> : tensor<4xf32>, heads = 2, kv_heads = 2>

// -----

// expected-error@+1 {{C2: 2 heads and 0 kv_heads: the second must divide the first, and that the rows of the source}}
lm.param @absorb_heads_c2_none : tensor<4x4xf32> = #lm.absorb_heads<dense<1.0> : tensor<4x4xf32>, factor = dense<1.0> : tensor<4x2xf32>, heads = 2, kv_heads = 0>

// -----

// expected-error@+1 {{C2: 3 heads and 3 kv_heads: the second must divide the first, and that the rows of the source}}
lm.param @absorb_heads_c2_rows : tensor<4x4xf32> = #lm.absorb_heads<dense<1.0> : tensor<4x4xf32>, factor = dense<1.0> : tensor<3x2xf32>, heads = 3, kv_heads = 3>

// -----

// expected-error@+1 {{C3: 2 kv_heads do not divide the 3 rows of the factor}}
lm.param @absorb_heads_c3_rows : tensor<4x4xf32> = #lm.absorb_heads<dense<1.0> : tensor<4x4xf32>, factor = dense<1.0> : tensor<3x2xf32>, heads = 2, kv_heads = 2>

// -----

// expected-error@+1 {{C3: expected heads of one width, but found 2 and 3}}
lm.param @absorb_heads_c3_width : tensor<4x4xf32> = #lm.absorb_heads<dense<1.0> : tensor<4x4xf32>, factor = dense<1.0> : tensor<6x2xf32>, heads = 2, kv_heads = 2>

// -----

// expected-error@+2 {{C1: expected a file and a tensor name, but found "f" and ""}}
// expected-error@+1 {{failed to parse LM_PackedAttr parameter 'codes'}}
lm.param @integers_c1 : tensor<8x32xf32> = #lm.packed<awq, codes = #lm.integers<"f", "">, scales = #lm.safetensors<"f", "s", f16>, bits = 4, group = 16, rows = 8, columns = 32>

// -----

// expected-error@+1 {{C1: the scales must be f32, but is bf16}}
lm.param @packed_c1 : tensor<8x32xf32> = #lm.packed<awq, codes = #lm.integers<"f", "c">, scales = #lm.narrow<dense<1.0> : tensor<2x8xf32>>, bits = 4, group = 16, rows = 8, columns = 32>

// -----

// expected-error@+1 {{C2: layout awq has no codes of 8 bits}}
lm.param @packed_c2 : tensor<8x32xf32> = #lm.packed<awq, codes = #lm.integers<"f", "c">, scales = #lm.safetensors<"f", "s", f16>, bits = 8, group = 16, rows = 8, columns = 32>

// -----

// expected-error@+1 {{C2: layout compressed has no codes of 3 bits}}
lm.param @packed_c2_compressed : tensor<8x32xf32> = #lm.packed<compressed, codes = #lm.integers<"f", "c">, scales = #lm.safetensors<"f", "s", f16>, bits = 3, group = 16, rows = 8, columns = 32>

// -----

// expected-error@+1 {{C3: expected positive sizes of at most 2^40 numbers, but found 0x32}}
lm.param @packed_c3_size : tensor<8x32xf32> = #lm.packed<awq, codes = #lm.integers<"f", "c">, scales = #lm.safetensors<"f", "s", f16>, bits = 4, group = 16, rows = 0, columns = 32>

// -----

// expected-error@+1 {{C3: expected a positive group that divides 32 columns, but found 12}}
lm.param @packed_c3_group : tensor<8x32xf32> = #lm.packed<awq, codes = #lm.integers<"f", "c">, scales = #lm.safetensors<"f", "s", f16>, bits = 4, group = 12, rows = 8, columns = 32>

// -----

// expected-error@+1 {{C4: layout awq has no order}}
lm.param @packed_c4 : tensor<8x32xf32> = #lm.packed<awq, codes = #lm.integers<"f", "c">, scales = #lm.safetensors<"f", "s", f16>, order = #lm.integers<"f", "o">, bits = 4, group = 16, rows = 8, columns = 32>

// -----

// expected-error@+1 {{C1: expected codes that can be multiplied as they are, but found codes of 8 bits with zero points}}
lm.param @native_c1_packed : !lm.grouped<8x32, bits = 8, group = 16> = #lm.native<#lm.packed<bytes, codes = #lm.integers<"f", "c">, scales = #lm.safetensors<"f", "s", f32>, zeros = #lm.integers<"f", "z">, bits = 8, group = 16, rows = 8, columns = 32>>

// -----

// expected-error@+1 {{C2: expected parts that divide groups of 32, but found 12}}
lm.param @native_c2 : !lm.grouped<2x32, bits = 4, group = 32> = #lm.native<#lm.gguf<"m", "k", q4_0>, group = 12>
