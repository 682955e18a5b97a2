// All ops, types and attributes survive printing and parsing: custom and generic text, and bytecode.
// RUN: lmopt-opt %s > %t.1.mlir
// RUN: lmopt-opt %t.1.mlir | diff - %t.1.mlir
// RUN: lmopt-opt %s --mlir-print-op-generic | lmopt-opt | diff - %t.1.mlir
// RUN: lmopt-opt %s --emit-bytecode | lmopt-opt | diff - %t.1.mlir
// RUN: lmopt-opt %s --mlir-print-debuginfo | lmopt-opt --mlir-print-debuginfo | FileCheck %s --check-prefix=LOC
// RUN: FileCheck %s < %t.1.mlir

// CHECK: module attributes {lm.chat_template = "{{.*}}", lm.config = {architecture = "llama", max_positions = 8192 : i64, name = "tiny"}, lm.source = [{path = "m.gguf"}], lm.tokenizer = "tokenizer.bin"}
module attributes {
  lm.config = {architecture = "llama", name = "tiny", max_positions = 8192 : i64},
  lm.tokenizer = "tokenizer.bin", lm.chat_template = "{{ messages }}", lm.source = [{path = "m.gguf"}]
} {
// CHECK: lm.param @dense : tensor<2x3xf32> = dense<{{\[}}[1.000000e+00, 2.000000e+00, 3.000000e+00], [4.000000e+00, 5.000000e+00, 6.000000e+00]]>{{$}}
lm.param @dense : tensor<2x3xf32> = dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]>
// CHECK: lm.param @gguf : tensor<8x64xf32> = #lm.gguf<"m.gguf", "blk.0.attn_q.weight", q4_1>
lm.param @gguf : tensor<8x64xf32> = #lm.gguf<"m.gguf", "blk.0.attn_q.weight", q4_1>
// CHECK: lm.param @safetensors : tensor<8x64xf32> = #lm.safetensors<"m.safetensors", "q \22quoted\22", bf16>
lm.param @safetensors : tensor<8x64xf32> = #lm.safetensors<"m.safetensors", "q \22quoted\22", bf16>
// CHECK: lm.param @codes : !lm.int8<8x64> = #lm.safetensors<"m.safetensors", "q", i8>
lm.param @codes : !lm.int8<8x64> = #lm.safetensors<"m.safetensors", "q", i8>
// CHECK: lm.param @row : tensor<3xf32> = #lm.row<dense<1.000000e+00> : tensor<2x3xf32>, 1>
lm.param @row : tensor<3xf32> = #lm.row<dense<1.0> : tensor<2x3xf32>, 1>
// CHECK: lm.param @packed : tensor<8x32xf32> = #lm.packed<gptq, codes = #lm.integers<"f", "c">, scales = #lm.safetensors<"f", "s", f16>, zeros = #lm.integers<"f", "z">, order = #lm.integers<"f", "o">, bits = 4, group = 16, rows = 8, columns = 32>
lm.param @packed : tensor<8x32xf32> = #lm.packed<gptq, codes = #lm.integers<"f", "c">, scales = #lm.safetensors<"f", "s", f16>, zeros = #lm.integers<"f", "z">, order = #lm.integers<"f", "o">, bits = 4, group = 16, rows = 8, columns = 32>
// CHECK: lm.param @native_packed : !lm.grouped<4x32, bits = 4, group = 16> = #lm.native<#lm.take_blocks<#lm.packed<awq, codes = #lm.integers<"f", "c">, scales = #lm.safetensors<"f", "s", f16>, bits = 4, group = 16, rows = 8, columns = 32>, size = 4, first = 1, step = 2>>
lm.param @native_packed : !lm.grouped<4x32, bits = 4, group = 16> = #lm.native<#lm.take_blocks<#lm.packed<awq, codes = #lm.integers<"f", "c">, scales = #lm.safetensors<"f", "s", f16>, bits = 4, group = 16, rows = 8, columns = 32>, size = 4, first = 1, step = 2>>
// CHECK: lm.param @sum : tensor<2xf32> = #lm.sum<dense<1.000000e+00> : tensor<2xf32>, #lm.gguf<"m", "k", f32>>
lm.param @sum : tensor<2xf32> = #lm.sum<dense<1.0> : tensor<2xf32>, #lm.gguf<"m", "k", f32>>
// CHECK: lm.param @scale : tensor<2xf32> = #lm.scale<dense<1.000000e+00> : tensor<2xf32>, -5.000000e-01>
lm.param @scale : tensor<2xf32> = #lm.scale<dense<1.0> : tensor<2xf32>, -0.5>
// CHECK: lm.param @scale_columns : tensor<2x3xf32> = #lm.scale_columns<dense<1.000000e+00> : tensor<2x3xf32>, dense<2.000000e+00> : tensor<3xf32>>
lm.param @scale_columns : tensor<2x3xf32> = #lm.scale_columns<dense<1.0> : tensor<2x3xf32>, dense<2.0> : tensor<3xf32>>
// CHECK: lm.param @matvec : tensor<2xf32> = #lm.matvec_add<dense<1.000000e+00> : tensor<2x3xf32>, dense<2.000000e+00> : tensor<3xf32>>
lm.param @matvec : tensor<2xf32> = #lm.matvec_add<dense<1.0> : tensor<2x3xf32>, dense<2.0> : tensor<3xf32>>
// CHECK: lm.param @matvec_bias : tensor<2xf32> = #lm.matvec_add<dense<1.000000e+00> : tensor<2x3xf32>, dense<2.000000e+00> : tensor<3xf32>, dense<3.000000e+00> : tensor<2xf32>>
lm.param @matvec_bias : tensor<2xf32> = #lm.matvec_add<dense<1.0> : tensor<2x3xf32>, dense<2.0> : tensor<3xf32>, dense<3.0> : tensor<2xf32>>
// CHECK: lm.param @rows : tensor<2x3xf32> = #lm.add_to_rows<dense<1.000000e+00> : tensor<2x3xf32>, dense<2.000000e+00> : tensor<3xf32>>
lm.param @rows : tensor<2x3xf32> = #lm.add_to_rows<dense<1.0> : tensor<2x3xf32>, dense<2.0> : tensor<3xf32>>
// CHECK: lm.param @fewer_rows : tensor<1x3xf32> = #lm.drop_rows<dense<1.000000e+00> : tensor<3x3xf32>, 2>
lm.param @fewer_rows : tensor<1x3xf32> = #lm.drop_rows<dense<1.0> : tensor<3x3xf32>, 2>
// CHECK: lm.param @concat_rows : tensor<5x3xf32> = #lm.concat_rows<[dense<1.000000e+00> : tensor<3x3xf32>, #lm.take_rows<dense<1.000000e+00> : tensor<3x3xf32>, kept = [0, 2]>]>
lm.param @concat_rows : tensor<5x3xf32> = #lm.concat_rows<[dense<1.0> : tensor<3x3xf32>, #lm.take_rows<dense<1.0> : tensor<3x3xf32>, kept = [0, 2]>]>
// CHECK: lm.param @absorb_heads : tensor<6x3xf32> = #lm.absorb_heads<dense<1.000000e+00> : tensor<4x3xf32>, factor = dense<2.000000e+00> : tensor<2x3xf32>, heads = 2, kv_heads = 1>
lm.param @absorb_heads : tensor<6x3xf32> = #lm.absorb_heads<dense<1.0> : tensor<4x3xf32>, factor = dense<2.0> : tensor<2x3xf32>, heads = 2, kv_heads = 1>
// CHECK: lm.param @other_order : tensor<3x3xf32> = #lm.reorder_rows<dense<1.000000e+00> : tensor<3x3xf32>, order = [2, 0, 1]>
lm.param @other_order : tensor<3x3xf32> = #lm.reorder_rows<dense<1.0> : tensor<3x3xf32>, order = [2, 0, 1]>
// CHECK: lm.param @distances : tensor<2x7xf32> = #lm.distance_buckets<dense<1.000000e+00> : tensor<8x2xf32>, max = 3>
lm.param @distances : tensor<2x7xf32> = #lm.distance_buckets<dense<1.0> : tensor<8x2xf32>, max = 3>
// CHECK: lm.param @some_rows : tensor<2x3xf32> = #lm.take_rows<dense<1.000000e+00> : tensor<3x3xf32>, kept = [0, 2]>
lm.param @some_rows : tensor<2x3xf32> = #lm.take_rows<dense<1.0> : tensor<3x3xf32>, kept = [0, 2]>
// CHECK: lm.param @scale_rows : tensor<2x3xf32> = #lm.scale_rows<dense<1.000000e+00> : tensor<2x3xf32>, dense<2.000000e+00> : tensor<2xf32>>
lm.param @scale_rows : tensor<2x3xf32> = #lm.scale_rows<dense<1.0> : tensor<2x3xf32>, dense<2.0> : tensor<2xf32>>
// CHECK: lm.param @trained_scales : tensor<2x4xf32> = #lm.fake_quantize<dense<1.000000e+00> : tensor<2x4xf32>, ranges = dense<2.000000e+00> : tensor<2xf32>>
lm.param @trained_scales : tensor<2x4xf32> = #lm.fake_quantize<dense<1.0> : tensor<2x4xf32>, ranges = dense<2.0> : tensor<2xf32>>
// CHECK: lm.param @trained_magnitudes : !lm.int8<2x4> = #lm.quantize_rows<#lm.fake_quantize<dense<1.000000e+00> : tensor<2x4xf32>, ranges = dense<2.000000e+00> : tensor<2x1xf32>, steps = 127, least = -128>> exactness <trained>
lm.param @trained_magnitudes : !lm.int8<2x4> = #lm.quantize_rows<#lm.fake_quantize<dense<1.0> : tensor<2x4xf32>, ranges = dense<2.0> : tensor<2x1xf32>, steps = 127, least = -128>> exactness <trained>
// CHECK: lm.param @fitted_rows : !lm.int8<2x4> = #lm.quantize_rows<dense<1.000000e+00> : tensor<2x4xf32>, fit = <[<"s", "a">, <"s", "b">], damping = 1.000000e-02>>
lm.param @fitted_rows : !lm.int8<2x4> = #lm.quantize_rows<dense<1.0> : tensor<2x4xf32>, fit = <[<"s", "a">, <"s", "b">], damping = 0.01>>
// CHECK: lm.param @fitted_groups : !lm.grouped<2x4, bits = 4, group = 2, min> = #lm.quantize_groups<dense<1.000000e+00> : tensor<2x4xf32>, bits = 4, group = 2, min, fit = <[<"s", "a">], times = dense<2.000000e+00> : tensor<4xf32>, rotated = 2, damping = 1.000000e+00>>
lm.param @fitted_groups : !lm.grouped<2x4, bits = 4, group = 2, min> = #lm.quantize_groups<dense<1.0> : tensor<2x4xf32>, bits = 4, group = 2, min, fit = <[<"s", "a">], times = dense<2.0> : tensor<4xf32>, rotated = 2, damping = 1.0>>
// CHECK: lm.param @small_scales : !lm.grouped<2x4, bits = 4, group = 2, min, scales = 8> = #lm.quantize_groups<dense<1.000000e+00> : tensor<2x4xf32>, bits = 4, group = 2, min, scales = 8, fit = <[<"s", "a">], damping = 1.000000e+00>>
lm.param @small_scales : !lm.grouped<2x4, bits = 4, group = 2, min, scales = 8> = #lm.quantize_groups<dense<1.0> : tensor<2x4xf32>, bits = 4, group = 2, min, scales = 8, fit = <[<"s", "a">], damping = 1.0>>
// CHECK: lm.param @fitted_no_minima : !lm.grouped<2x4, bits = 8, group = 2> = #lm.quantize_groups<dense<1.000000e+00> : tensor<2x4xf32>, bits = 8, group = 2, fit = <[<"s", "a">], rotated = 4, damping = 1.000000e+00>>
lm.param @fitted_no_minima : !lm.grouped<2x4, bits = 8, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<2x4xf32>, bits = 8, group = 2, fit = <[<"s", "a">], rotated = 4, damping = 1.0>>
// CHECK: lm.param @some_columns : tensor<3x2xf32> = #lm.refit_columns<dense<1.000000e+00> : tensor<3x3xf32>, <"stats.safetensors", "layers.0.ffn.down">, kept = [0, 2], damping = 1.000000e-02>
lm.param @some_columns : tensor<3x2xf32> = #lm.refit_columns<dense<1.0> : tensor<3x3xf32>, <"stats.safetensors", "layers.0.ffn.down">, kept = [0, 2], damping = 0.01>
// CHECK: lm.param @their_bias : tensor<3xf32> = #lm.refit_bias<<dense<1.000000e+00> : tensor<3x3xf32>, <"stats.safetensors", "layers.0.ffn.down">, kept = [0, 2], damping = 1.000000e-02>, dense<0.000000e+00> : tensor<3xf32>>
lm.param @their_bias : tensor<3xf32> = #lm.refit_bias<<dense<1.0> : tensor<3x3xf32>, <"stats.safetensors", "layers.0.ffn.down">, kept = [0, 2], damping = 0.01>, dense<0.0> : tensor<3xf32>>
// CHECK: lm.param @low_rank : tensor<4x6xf32> = #lm.low_rank<dense<1.000000e+00> : tensor<4x6xf32>, plain, rank = 2>
lm.param @low_rank : tensor<4x6xf32> = #lm.low_rank<dense<1.0> : tensor<4x6xf32>, plain, rank = 2>
// CHECK: lm.param @low_rank_scaled : tensor<4x6xf32> = #lm.low_rank<dense<1.000000e+00> : tensor<4x6xf32>, asvd, rank = 2, statistics = <"stats.safetensors", "layers.0.attn.q">, alpha = 5.000000e-01>
lm.param @low_rank_scaled : tensor<4x6xf32> = #lm.low_rank<dense<1.0> : tensor<4x6xf32>, asvd, rank = 2, statistics = <"stats.safetensors", "layers.0.attn.q">, alpha = 0.5>
// CHECK: lm.param @low_rank_left : tensor<4x2xf32> = #lm.low_rank_left<<dense<1.000000e+00> : tensor<4x6xf32>, whitened, rank = 2, statistics = <"stats.safetensors", "layers.0.attn.q">, damping = 5.000000e-01>>
lm.param @low_rank_left : tensor<4x2xf32> = #lm.low_rank_left<<dense<1.0> : tensor<4x6xf32>, whitened, rank = 2, statistics = <"stats.safetensors", "layers.0.attn.q">, damping = 0.5>>
// CHECK: lm.param @low_rank_right : tensor<2x6xf32> = #lm.low_rank_right<<dense<1.000000e+00> : tensor<4x6xf32>, whitened, rank = 2, statistics = <"stats.safetensors", "layers.0.attn.q">, damping = 5.000000e-01>>
lm.param @low_rank_right : tensor<2x6xf32> = #lm.low_rank_right<<dense<1.0> : tensor<4x6xf32>, whitened, rank = 2, statistics = <"stats.safetensors", "layers.0.attn.q">, damping = 0.5>>
// CHECK: lm.param @low_rank_bias : tensor<4xf32> = #lm.low_rank_bias<<dense<1.000000e+00> : tensor<4x6xf32>, whitened, rank = 2, statistics = <"stats.safetensors", "layers.0.attn.q">, damping = 5.000000e-01>, dense<1.000000e+00> : tensor<4xf32>>
lm.param @low_rank_bias : tensor<4xf32> = #lm.low_rank_bias<<dense<1.0> : tensor<4x6xf32>, whitened, rank = 2, statistics = <"stats.safetensors", "layers.0.attn.q">, damping = 0.5>, dense<1.0> : tensor<4xf32>>
// CHECK: lm.param @reduced_outputs : tensor<6x2xf32> = #lm.reduced_heads<outputs, first, first = dense<1.000000e+00> : tensor<6x4xf32>, second = dense<1.000000e+00> : tensor<2x6xf32>, statistics = <"stats.safetensors", "layers.0.attn.q">, heads = 2, kv_heads = 1, rank = 1, damping = 5.000000e-01>
lm.param @reduced_outputs : tensor<6x2xf32> = #lm.reduced_heads<outputs, first, first = dense<1.0> : tensor<6x4xf32>, second = dense<1.0> : tensor<2x6xf32>, statistics = <"stats.safetensors", "layers.0.attn.q">, heads = 2, kv_heads = 1, rank = 1, damping = 0.5>
// CHECK: lm.param @reduced_scores : tensor<2xf32> = #lm.reduced_heads<scores, first_bias, first = dense<1.000000e+00> : tensor<4x6xf32>, second = dense<1.000000e+00> : tensor<2x6xf32>, statistics = <"stats.safetensors", "layers.0.attn.q">, heads = 2, kv_heads = 1, rank = 1, damping = 5.000000e-01, first_bias = dense<1.000000e+00> : tensor<4xf32>>
lm.param @reduced_scores : tensor<2xf32> = #lm.reduced_heads<scores, first_bias, first = dense<1.0> : tensor<4x6xf32>, second = dense<1.0> : tensor<2x6xf32>, statistics = <"stats.safetensors", "layers.0.attn.q">, heads = 2, kv_heads = 1, rank = 1, damping = 0.5, first_bias = dense<1.0> : tensor<4xf32>>
// CHECK: lm.param @transposed : tensor<3x2xf32> = #lm.transpose<dense<1.000000e+00> : tensor<2x3xf32>>
lm.param @transposed : tensor<3x2xf32> = #lm.transpose<dense<1.0> : tensor<2x3xf32>>
// CHECK: lm.param @each_transposed : tensor<12x4xf32> = #lm.reshape<#lm.transpose_each<dense<1.000000e+00> : tensor<3x4x4xf32>>, shape = [12, 4]>
lm.param @each_transposed : tensor<12x4xf32> = #lm.reshape<#lm.transpose_each<dense<1.0> : tensor<3x4x4xf32>>, shape = [12, 4]>
// CHECK: lm.param @column : tensor<7xf32> = #lm.reshape<dense<1.000000e+00> : tensor<7x1xf32>, shape = [7]>
lm.param @column : tensor<7xf32> = #lm.reshape<dense<1.0> : tensor<7x1xf32>, shape = [7]>
// CHECK: lm.param @keys : tensor<4x2xf32> = #lm.take_blocks<dense<1.000000e+00> : tensor<12x2xf32>, size = 2, first = 1, step = 3>
lm.param @keys : tensor<4x2xf32> = #lm.take_blocks<dense<1.0> : tensor<12x2xf32>, size = 2, first = 1, step = 3>
// CHECK: lm.param @sinusoids : tensor<5x6xf32> = #lm.sinusoids<dense<5.000000e-01> : tensor<1xf32>, rows = 5, columns = 6>
lm.param @sinusoids : tensor<5x6xf32> = #lm.sinusoids<dense<0.5> : tensor<1xf32>, rows = 5, columns = 6>
// CHECK: lm.param @permuted : tensor<8x3xf32> = #lm.permute_rope<dense<1.000000e+00> : tensor<8x3xf32>, heads = 2, from = interleaved>
lm.param @permuted : tensor<8x3xf32> = #lm.permute_rope<dense<1.0> : tensor<8x3xf32>, heads = 2, from = interleaved>
// CHECK: lm.param @permuted_part : tensor<8xf32> = #lm.permute_rope<dense<1.000000e+00> : tensor<8xf32>, heads = 2, from = half, dims = 2>
lm.param @permuted_part : tensor<8xf32> = #lm.permute_rope<dense<1.0> : tensor<8xf32>, heads = 2, from = half, dims = 2>
// CHECK: lm.param @int8 : !lm.int8<2x8> = #lm.quantize_rows<#lm.rotate_columns<dense<1.000000e+00> : tensor<2x8xf32>, block = 8>> exactness <approximate, error = 1.000000e-02>
lm.param @int8 : !lm.int8<2x8> = #lm.quantize_rows<#lm.rotate_columns<dense<1.0> : tensor<2x8xf32>, block = 8>> exactness <approximate, error = 0.01>
// CHECK: lm.param @trained : !lm.int8<2x8> = #lm.quantize_rows<dense<1.000000e+00> : tensor<2x8xf32>> exactness <trained>
lm.param @trained : !lm.int8<2x8> = #lm.quantize_rows<dense<1.0> : tensor<2x8xf32>> exactness <trained>
// CHECK: lm.param @sparse : !lm.sparse_int8<2x8, block = 2x4, stored = 1> = #lm.store_sparse<#lm.quantize_rows<dense<1.000000e+00> : tensor<2x8xf32>>, block = 2x4>
lm.param @sparse : !lm.sparse_int8<2x8, block = 2x4, stored = 1> = #lm.store_sparse<#lm.quantize_rows<dense<1.0> : tensor<2x8xf32>>, block = 2x4>
// CHECK: lm.param @zeros : tensor<2x8xf32> = #lm.sparsify<dense<1.000000e+00> : tensor<2x8xf32>, ratio = 5.000000e-01> exactness <approximate>
lm.param @zeros : tensor<2x8xf32> = #lm.sparsify<dense<1.0> : tensor<2x8xf32>, ratio = 0.5> exactness <approximate>
// CHECK: lm.param @zero_blocks : tensor<2x8xf32> = #lm.sparsify<dense<1.000000e+00> : tensor<2x8xf32>, ratio = 2.500000e-01, block = 16x4, fit = <[<"s", "a">], damping = 1.000000e+00>>
lm.param @zero_blocks : tensor<2x8xf32> = #lm.sparsify<dense<1.0> : tensor<2x8xf32>, ratio = 0.25, block = 16x4, fit = <[<"s", "a">], damping = 1.0>>
// CHECK: lm.param @zero_groups : tensor<2x8xf32> = #lm.sparsify<dense<1.000000e+00> : tensor<2x8xf32>, ratio = 5.000000e-01, group = 4>
lm.param @zero_groups : tensor<2x8xf32> = #lm.sparsify<dense<1.0> : tensor<2x8xf32>, ratio = 0.5, block = 1x1, group = 4>
// CHECK: lm.param @kept_zeros : !lm.int8<2x8> = #lm.quantize_rows<dense<1.000000e+00> : tensor<2x8xf32>, fit = <[<"s", "a">], damping = 1.000000e+00, zeros = true>>
lm.param @kept_zeros : !lm.int8<2x8> = #lm.quantize_rows<dense<1.0> : tensor<2x8xf32>, fit = <[<"s", "a">], damping = 1.0, zeros = true>>
// CHECK: lm.param @groups4 : !lm.grouped<2x8, bits = 4, group = 4> = #lm.quantize_groups<dense<1.000000e+00> : tensor<2x8xf32>, bits = 4, group = 4> exactness <approximate>
lm.param @groups4 : !lm.grouped<2x8, bits = 4, group = 4> = #lm.quantize_groups<dense<1.0> : tensor<2x8xf32>, bits = 4, group = 4> exactness <approximate>
// CHECK: lm.param @groups4m : !lm.grouped<2x8, bits = 4, group = 4, min> = #lm.quantize_groups<dense<1.000000e+00> : tensor<2x8xf32>, bits = 4, group = 4, min>
lm.param @groups4m : !lm.grouped<2x8, bits = 4, group = 4, min> = #lm.quantize_groups<dense<1.0> : tensor<2x8xf32>, bits = 4, group = 4, min>
// CHECK: lm.param @groups8 : !lm.grouped<2x8, bits = 8, group = 8> = #lm.quantize_groups<dense<1.000000e+00> : tensor<2x8xf32>, bits = 8, group = 8>
lm.param @groups8 : !lm.grouped<2x8, bits = 8, group = 8> = #lm.quantize_groups<dense<1.0> : tensor<2x8xf32>, bits = 8, group = 8>
// CHECK: lm.param @codebook256 : !lm.codebook<2x8, entries = 256> = #lm.quantize_codebook<dense<1.000000e+00> : tensor<2x8xf32>, entries = 256> exactness <approximate>
lm.param @codebook256 : !lm.codebook<2x8, entries = 256> = #lm.quantize_codebook<dense<1.0> : tensor<2x8xf32>, entries = 256> exactness <approximate>
// CHECK: lm.param @codebook16 : !lm.codebook<2x8, entries = 16, group = 4> = #lm.quantize_codebook<dense<1.000000e+00> : tensor<2x8xf32>, entries = 16, group = 4, fit = <[<"s", "a">], rotated = 2, damping = 1.000000e+00>>
lm.param @codebook16 : !lm.codebook<2x8, entries = 16, group = 4> = #lm.quantize_codebook<dense<1.0> : tensor<2x8xf32>, entries = 16, group = 4, fit = <[<"s", "a">], rotated = 2, damping = 1.0>>
// CHECK: lm.param @native4 : !lm.grouped<2x32, bits = 4, group = 32> = #lm.native<#lm.gguf<"m", "k", q4_0>>
lm.param @native4 : !lm.grouped<2x32, bits = 4, group = 32> = #lm.native<#lm.gguf<"m", "k", q4_0>>
// CHECK: lm.param @native4m : !lm.grouped<2x32, bits = 4, group = 32, min> = #lm.native<#lm.permute_rope<#lm.gguf<"m", "k", q4_1>, heads = 1, from = interleaved>>
lm.param @native4m : !lm.grouped<2x32, bits = 4, group = 32, min> = #lm.native<#lm.permute_rope<#lm.gguf<"m", "k", q4_1>, heads = 1, from = interleaved>>
// CHECK: lm.param @native_parts : !lm.grouped<2x32, bits = 4, group = 16> = #lm.native<#lm.gguf<"m", "k", q4_0>, group = 16>
lm.param @native_parts : !lm.grouped<2x32, bits = 4, group = 16> = #lm.native<#lm.gguf<"m", "k", q4_0>, group = 16>
// CHECK: lm.param @native_rows : !lm.grouped<2x32, bits = 8, group = 32> = #lm.native<#lm.take_rows<#lm.gguf<"m", "k", q8_0>, kept = [0, 3]>>
lm.param @native_rows : !lm.grouped<2x32, bits = 8, group = 32> = #lm.native<#lm.take_rows<#lm.gguf<"m", "k", q8_0>, kept = [0, 3]>>
// CHECK: lm.param @native8 : !lm.grouped<2x32, bits = 8, group = 32> = #lm.native<#lm.gguf<"m", "k", q8_0>>
lm.param @native8 : !lm.grouped<2x32, bits = 8, group = 32> = #lm.native<#lm.gguf<"m", "k", q8_0>>
// CHECK: lm.param @native5 : !lm.grouped<2x256, bits = 5, group = 32, min> = #lm.native<#lm.take_blocks<#lm.gguf<"m", "k", q5_k>, size = 2, first = 1, step = 3>>
lm.param @native5 : !lm.grouped<2x256, bits = 5, group = 32, min> = #lm.native<#lm.take_blocks<#lm.gguf<"m", "k", q5_k>, size = 2, first = 1, step = 3>>
// CHECK: lm.param @native6 : !lm.grouped<2x256, bits = 6, group = 16> = #lm.native<#lm.scale<#lm.gguf<"m", "k", q6_k>, 2.000000e+00>>
lm.param @native6 : !lm.grouped<2x256, bits = 6, group = 16> = #lm.native<#lm.scale<#lm.gguf<"m", "k", q6_k>, 2.0>>
// CHECK: lm.param @native_entries : !lm.codebook<2x32, entries = 16, group = 32> = #lm.native<#lm.gguf<"m", "k", mxfp4>>
lm.param @native_entries : !lm.codebook<2x32, entries = 16, group = 32> = #lm.native<#lm.gguf<"m", "k", mxfp4>>
lm.param @embed : tensor<9x8xf32> = dense<1.0>
lm.param @vector8 : tensor<8xf32> = dense<1.0>
lm.param @vector2 : tensor<2xf32> = dense<1.0>
lm.param @square : tensor<8x8xf32> = dense<1.0>
lm.param @two : tensor<2x8xf32> = dense<1.0>
lm.param @square.codes : !lm.int8<8x8> = #lm.quantize_rows<dense<1.0> : tensor<8x8xf32>>

// CHECK-LABEL: func.func @all
// CHECK-SAME: %[[IDS:.*]]: tensor<?x?xi32>, %[[LEN:.*]]: tensor<?xi32>, %[[CACHE:.*]]: !lm.cache)
func.func @all(%ids: tensor<?x?xi32>, %len: tensor<?xi32>, %cache: !lm.cache) -> (tensor<?x2xf32>, !lm.cache) {
  // CHECK: lm.embedding %[[IDS]], @embed : (tensor<?x?xi32>) -> tensor<?x?x8xf32>
  %x = lm.embedding %ids, @embed : (tensor<?x?xi32>) -> tensor<?x?x8xf32>
  // CHECK: lm.embedding %[[IDS]], @embed {rotated = 4} : (tensor<?x?xi32>) -> tensor<?x?x8xf32>
  %x2 = lm.embedding %ids, @embed {rotated = 4} : (tensor<?x?xi32>) -> tensor<?x?x8xf32>
  // CHECK: lm.add_positions %{{.*}}, @embed : tensor<?x?x8xf32>
  %p = lm.add_positions %x, @embed : tensor<?x?x8xf32>
  // CHECK: lm.bias_add %{{.*}}, @vector8 attributes {mark = "kept"} : tensor<?x?x8xf32>
  %b = lm.bias_add %p, @vector8 attributes {mark = "kept"} : tensor<?x?x8xf32>
  // CHECK: lm.rms_norm %{{.*}}, @vector8 {eps = 1.000000e-05} : tensor<?x?x8xf32>
  %r = lm.rms_norm %b, @vector8 {eps = 1.0e-5} : tensor<?x?x8xf32>
  // CHECK: lm.rms_norm %{{.*}} {eps = 1.000000e-05, heads = 2} : tensor<?x?x8xf32>
  %heads = lm.rms_norm %b {eps = 1.0e-5, heads = 2} : tensor<?x?x8xf32>
  // CHECK: lm.soft_cap %{{.*}} {cap = 3.000000e+01} : tensor<?x?x8xf32>
  %capped = lm.soft_cap %b {cap = 30.0} : tensor<?x?x8xf32>
  // CHECK: lm.rms_norm %{{.*}} {eps = 1.000000e-05} : tensor<?x?x8xf32>
  %r2 = lm.rms_norm %r {eps = 1.0e-5} : tensor<?x?x8xf32>
  // CHECK: lm.layer_norm %{{.*}}, @vector8, @vector8 {eps = 9.9999999999999998E-13} : tensor<?x?x8xf32>
  %l = lm.layer_norm %r2, @vector8, @vector8 {eps = 1.0e-12} : tensor<?x?x8xf32>
  // CHECK: lm.layer_norm %{{.*}}, @vector8 {eps = 9.9999999999999998E-13} : tensor<?x?x8xf32>
  %l2 = lm.layer_norm %l, @vector8 {eps = 1.0e-12} : tensor<?x?x8xf32>
  // CHECK: lm.layer_norm %{{.*}} {eps = 9.9999999999999998E-13} : tensor<?x?x8xf32>
  %l3 = lm.layer_norm %l2 {eps = 1.0e-12} : tensor<?x?x8xf32>
  // CHECK: lm.linear %{{.*}}, @square bias @vector8 attributes {lm.part = "layers.0.attn.q"} : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  // LOC: lm.linear {{.*}} loc(#[[Q:.*]])
  // LOC: #[[Q]] = loc("layers.0.attn.q")
  %q = lm.linear %l3, @square bias @vector8 : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> loc("layers.0.attn.q")
  // CHECK: lm.top_linear %{{.*}}, @square preview %{{.*}} of %{{.*}}, %{{.*}}, @square.codes {count = 3} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, !lm.codes<?x?x8, u8>) -> tensor<?x?x8xf32>
  %cq = lm.quantize_dynamic %q : (tensor<?x?x8xf32>) -> !lm.codes<?x?x8, u8>
  %t = lm.top_linear %q, @square preview %q of %q, %cq, @square.codes {count = 3} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, !lm.codes<?x?x8, u8>) -> tensor<?x?x8xf32>
  // CHECK: lm.top_linear %{{.*}}, @square bias @vector8 preview %{{.*}} of %{{.*}}, %{{.*}}, @square.codes {count = 3, block = 4} attributes {mark = "kept"} : (tensor<?x?x8xf32>,
  %t2 = lm.top_linear %q, @square bias @vector8 preview %t of %q, %cq, @square.codes {count = 3, block = 4} attributes {mark = "kept"} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, !lm.codes<?x?x8, u8>) -> tensor<?x?x8xf32>
  %s2 = lm.linear %q, @two : (tensor<?x?x8xf32>) -> tensor<?x?x2xf32>
  // CHECK: lm.class_logits %{{.*}}, %{{.*}} {classes = <words = [1, 0, 2, 3, 4, 5, 6, 7], sizes = [4, 4]>} : (tensor<?x?x8xf32>, tensor<?x?x2xf32>) -> tensor<?x?x8xf32>
  %cl = lm.class_logits %t, %s2 {classes = <words = [1, 0, 2, 3, 4, 5, 6, 7], sizes = [4, 4]>} : (tensor<?x?x8xf32>, tensor<?x?x2xf32>) -> tensor<?x?x8xf32>
  // CHECK: lm.top_class_linear %{{.*}}, @square bias @vector8 of %{{.*}} {count = 2, classes = <words = [1, 0, 2, 3, 4, 5, 6, 7], sizes = [4, 4]>} attributes {mark = "kept"} : (tensor<?x?x8xf32>, tensor<?x?x2xf32>) -> tensor<?x?x8xf32>
  %tc = lm.top_class_linear %q, @square bias @vector8 of %s2 {count = 2, classes = <words = [1, 0, 2, 3, 4, 5, 6, 7], sizes = [4, 4]>} attributes {mark = "kept"} : (tensor<?x?x8xf32>, tensor<?x?x2xf32>) -> tensor<?x?x8xf32>
  // CHECK: lm.tree_logits %{{.*}} {tree = <left = [4, 1], right = [0, 2]>} : (tensor<?x?x2xf32>) -> tensor<?x?x3xf32>
  %tl = lm.tree_logits %s2 {tree = <left = [4, 1], right = [0, 2]>} : (tensor<?x?x2xf32>) -> tensor<?x?x3xf32>
  // CHECK: lm.tree_score %{{.*}}, @two of %{{.*}} {tree = <left = [4, 1], right = [0, 2]>} attributes {mark = "kept"} : (tensor<?x?x8xf32>, tensor<?x?xi32>) -> tensor<?x?x1xf32>
  %ts = lm.tree_score %q, @two of %ids {tree = <left = [4, 1], right = [0, 2]>} attributes {mark = "kept"} : (tensor<?x?x8xf32>, tensor<?x?xi32>) -> tensor<?x?x1xf32>
  // CHECK: lm.preview_linear %{{.*}}, @square preview %{{.*}} {count = 3} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %pv = lm.preview_linear %q, @square preview %t {count = 3} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  // CHECK: lm.preview_linear %{{.*}}, @square bias @vector8 preview %{{.*}} {count = 8} attributes {mark = "kept"} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %pv2 = lm.preview_linear %q, @square bias @vector8 preview %pv {count = 8} attributes {mark = "kept"} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  // CHECK: lm.linear %{{.*}}, @square : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %k = lm.linear %q, @square : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  // CHECK: %[[Y:.*]], %[[NEXT:.*]] = lm.attention %{{.*}}, %{{.*}}, %{{.*}}, %[[CACHE]] {layer = 0, heads = 2, kv_heads = 1, scale = 5.000000e-01, mask = #lm.causal, rope = #lm.rope<base = 1.000000e+05, dims = 4, layout = half>} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache)
  %kv = call @narrow(%k) : (tensor<?x?x8xf32>) -> tensor<?x?x4xf32>
  %a, %c1 = lm.attention %q, %kv, %kv, %cache {layer = 0, heads = 2, kv_heads = 1, scale = 0.5, mask = #lm.causal, rope = #lm.rope<base = 1.0e5, dims = 4, layout = half>} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache)
  // CHECK: lm.attention %{{.*}}, %{{.*}}, %{{.*}} lengths %[[LEN]] {layer = 1, heads = 2, kv_heads = 1, scale = 5.000000e-01, mask = #lm.full} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?xi32>) -> tensor<?x?x8xf32>
  %e = lm.attention %a, %kv, %kv lengths %len {layer = 1, heads = 2, kv_heads = 1, scale = 0.5, mask = #lm.full} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?xi32>) -> tensor<?x?x8xf32>
  // CHECK: %[[KEPT:.*]] = lm.cache_append %{{.*}}, %{{.*}}, %[[NEXT]] {layer = 2, kv_heads = 1, rope = #lm.rope<base = 1.000000e+05, dims = 4, layout = half>} as bf16 attributes {mark = "kept"} : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> !lm.cache
  %c2 = lm.cache_append %kv, %kv, %c1 {layer = 2, kv_heads = 1, rope = #lm.rope<base = 1.0e5, dims = 4, layout = half>} as bf16 attributes {mark = "kept"} : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> !lm.cache
  // CHECK: lm.attend %{{.*}}, %[[KEPT]] {layer = 2, heads = 2, kv_heads = 1, scale = 5.000000e-01, mask = #lm.causal, rope = #lm.rope<base = 1.000000e+05, dims = 4, layout = half>} as bf16 attributes {mark = "kept"} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x8xf32>
  %a2 = lm.attend %e, %c2 {layer = 2, heads = 2, kv_heads = 1, scale = 0.5, mask = #lm.causal, rope = #lm.rope<base = 1.0e5, dims = 4, layout = half>} as bf16 attributes {mark = "kept"} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x8xf32>
  // CHECK: %[[OWN:.*]] = lm.cache_append %{{.*}}, %{{.*}} lengths %[[LEN]] {layer = 3, kv_heads = 1} : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?xi32>) -> !lm.cache
  %c3 = lm.cache_append %kv, %kv lengths %len {layer = 3, kv_heads = 1} : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?xi32>) -> !lm.cache
  // CHECK: lm.attention {{.*}} scale = 5.000000e-01 soft_cap = 2.000000e+00, mask = #lm.causal bias = #lm.alibi<slopes = [5.000000e-01, 1.000000e-01]>} as bf16 :
  %eb = lm.attention %a, %kv, %kv lengths %len {layer = 1, heads = 2, kv_heads = 1, scale = 0.5 soft_cap = 2.0, mask = #lm.causal bias = #lm.alibi<slopes = [0.5, 0.1]>} as bf16 : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?xi32>) -> tensor<?x?x8xf32>
  // CHECK: lm.attend {{.*}} mask = #lm.full bias = @distances} :
  %ab = lm.attend %a2, %c3 lengths %len {layer = 3, heads = 2, kv_heads = 1, scale = 0.5, mask = #lm.full bias = @distances} : (tensor<?x?x8xf32>, !lm.cache, tensor<?xi32>) -> tensor<?x?x8xf32>
  // CHECK: lm.attend %{{.*}}, %[[OWN]] lengths %[[LEN]] {layer = 3, heads = 2, kv_heads = 1, scale = 5.000000e-01, mask = #lm.full} : (tensor<?x?x8xf32>, !lm.cache, tensor<?xi32>) -> tensor<?x?x8xf32>
  %a3 = lm.attend %a2, %c3 lengths %len {layer = 3, heads = 2, kv_heads = 1, scale = 0.5, mask = #lm.full} : (tensor<?x?x8xf32>, !lm.cache, tensor<?xi32>) -> tensor<?x?x8xf32>
  // CHECK: lm.add %{{.*}}, %{{.*}} : tensor<?x?x8xf32>
  %s = lm.add %a3, %x2 : tensor<?x?x8xf32>
  // CHECK: lm.activation %{{.*}} {kind = gelu} : tensor<?x?x8xf32>
  %g = lm.activation %s {kind = gelu} : tensor<?x?x8xf32>
  // CHECK: lm.gated_product %{{.*}}, %{{.*}} {kind = silu} : tensor<?x?x8xf32>
  %u = lm.gated_product %g, %s {kind = silu} : tensor<?x?x8xf32>
  // CHECK: lm.rotate %{{.*}} {block = 8} : tensor<?x?x8xf32>
  %h = lm.rotate %u {block = 8} : tensor<?x?x8xf32>
  // CHECK: %[[FAKE:.*]] = lm.fake_quantize %{{.*}} {codes = <range = 2.000000e+00, steps = 127, zero = 128, least = 1, greatest = 255>} : tensor<?x?x8xf32>
  %fake = lm.fake_quantize %h {codes = <range = 2.0, steps = 127, zero = 128, least = 1, greatest = 255>} : tensor<?x?x8xf32>
  // CHECK: lm.quantize_static %[[FAKE]] {range = <range = 2.000000e+00, steps = 1, zero = 0, least = 0, greatest = 127>} : (tensor<?x?x8xf32>) -> !lm.codes<?x?x8, u8>
  %static = lm.quantize_static %fake {range = <range = 2.0, steps = 1, zero = 0, least = 0, greatest = 127>} : (tensor<?x?x8xf32>) -> !lm.codes<?x?x8, u8>
  // CHECK: lm.quantize_dynamic %{{.*}} : (tensor<?x?x8xf32>) -> !lm.codes<?x?x8, u8>
  %d = lm.quantize_dynamic %h : (tensor<?x?x8xf32>) -> !lm.codes<?x?x8, u8>
  // CHECK: lm.quantized_linear %{{.*}}, @int8 bias @vector2 : (!lm.codes<?x?x8, u8>) -> tensor<?x?x2xf32>
  %y = lm.quantized_linear %d, @int8 bias @vector2 : (!lm.codes<?x?x8, u8>) -> tensor<?x?x2xf32>
  // CHECK: %[[G:.*]] = lm.quantize_groups %{{.*}} : (tensor<?x?x8xf32>) -> !lm.codes<?x?x8, s8, group = 4>
  %g4 = lm.quantize_groups %h : (tensor<?x?x8xf32>) -> !lm.codes<?x?x8, s8, group = 4>
  // CHECK: lm.quantized_linear %{{.*}}, @sparse : (!lm.codes<?x?x8, u8>) -> tensor<?x?x2xf32>
  %ys = lm.quantized_linear %d, @sparse : (!lm.codes<?x?x8, u8>) -> tensor<?x?x2xf32>
  // CHECK: lm.grouped_linear %[[G]], @groups4 : (!lm.codes<?x?x8, s8, group = 4>) -> tensor<?x?x2xf32>
  %y4 = lm.grouped_linear %g4, @groups4 : (!lm.codes<?x?x8, s8, group = 4>) -> tensor<?x?x2xf32>
  // CHECK: lm.grouped_linear %[[G]], @groups4m bias @vector2 attributes {mark = "kept"} : (!lm.codes<?x?x8, s8, group = 4>) -> tensor<?x?x2xf32>
  %y4m = lm.grouped_linear %g4, @groups4m bias @vector2 attributes {mark = "kept"} : (!lm.codes<?x?x8, s8, group = 4>) -> tensor<?x?x2xf32>
  // CHECK: lm.grouped_linear %[[G]], @codebook16 : (!lm.codes<?x?x8, s8, group = 4>) -> tensor<?x?x2xf32>
  %yc4 = lm.grouped_linear %g4, @codebook16 : (!lm.codes<?x?x8, s8, group = 4>) -> tensor<?x?x2xf32>
  // CHECK: lm.codebook_linear %{{.*}}, @codebook256 bias @vector2 attributes {mark = "kept"} : (tensor<?x?x8xf32>) -> tensor<?x?x2xf32>
  %yc8 = lm.codebook_linear %h, @codebook256 bias @vector2 attributes {mark = "kept"} : (tensor<?x?x8xf32>) -> tensor<?x?x2xf32>
  // CHECK: lm.quantize_groups %{{.*}} attributes {mark = "kept"} : (tensor<?x?x8xf32>) -> !lm.codes<?x?x8, s8, group = 8>
  %g8 = lm.quantize_groups %h attributes {mark = "kept"} : (tensor<?x?x8xf32>) -> !lm.codes<?x?x8, s8, group = 8>
  // CHECK: lm.grouped_linear %{{.*}}, @groups8 : (!lm.codes<?x?x8, s8, group = 8>) -> tensor<?x?x2xf32>
  %y8 = lm.grouped_linear %g8, @groups8 : (!lm.codes<?x?x8, s8, group = 8>) -> tensor<?x?x2xf32>
  %w = lm.add %y, %y4m : tensor<?x?x2xf32>
  // CHECK: lm.pool %{{.*}}, %[[LEN]] {kind = mean} : (tensor<?x?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32>
  %o = lm.pool %w, %len {kind = mean} : (tensor<?x?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32>
  // CHECK: lm.l2_normalize %{{.*}} : tensor<?x2xf32>
  %n = lm.l2_normalize %o : tensor<?x2xf32>
  return %n, %c2 : tensor<?x2xf32>, !lm.cache
}
func.func private @narrow(tensor<?x?x8xf32>) -> tensor<?x?x4xf32>

lm.param @neurons : tensor<6x8xf32> = dense<1.0>
lm.param @neurons.bf16 : tensor<6x8xbf16> = #lm.narrow<dense<1.0> : tensor<6x8xf32>>
lm.param @neurons.int8 : !lm.int8<6x8> = #lm.quantize_rows<dense<1.0> : tensor<6x8xf32>>
lm.param @neurons.b : tensor<6xf32> = dense<1.0>
lm.param @biases : tensor<2x8xf32> = dense<1.0>
lm.param @one_node : tensor<1x8xf32> = dense<1.0>
lm.param @one_node.b : tensor<1xf32> = dense<1.0>
lm.param @in_codes : !lm.grouped<16x8, bits = 4, group = 4> = #lm.quantize_groups<dense<1.0> : tensor<16x8xf32>, bits = 4, group = 4>

// CHECK-LABEL: func.func @conditional
func.func @conditional(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // CHECK: lm.neuron_tree %{{.*}}, @one_node to @one_node {kind = gelu} : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %a = lm.neuron_tree %x, @one_node to @one_node {kind = gelu} : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  // CHECK: lm.neuron_tree %{{.*}}, @one_node to @one_node {kind = gelu tie_right} : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %b = lm.neuron_tree %a, @one_node to @one_node {kind = gelu tie_right, trees = 1} : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  // CHECK: lm.neuron_tree %{{.*}}, @neurons.bf16 bias @neurons.b to @neurons.int8 {kind = silu tie_right, trees = 2} attributes {mark = "kept"} : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %c = lm.neuron_tree %b, @neurons.bf16 bias @neurons.b to @neurons.int8 {kind = silu tie_right, trees = 2} attributes {mark = "kept"} : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %codes = lm.quantize_dynamic %c : (tensor<?x?x8xf32>) -> !lm.codes<?x?x8, u8>
  // CHECK: lm.neuron_tree %{{.*}}, @neurons bias @neurons.b to @neurons by @neurons.int8 {kind = tanh, trees = 2} : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %d = lm.neuron_tree %c, @neurons bias @neurons.b to @neurons by @neurons.int8 {kind = tanh, trees = 2} : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %halves = lm.narrow %d : (tensor<?x?x8xf32>) -> tensor<?x?x8xbf16>
  // CHECK: lm.neuron_tree %{{.*}}, @neurons to @neurons.bf16 by @neurons.bf16 {kind = relu, trees = 2} : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %e = lm.neuron_tree %d, @neurons to @neurons.bf16 by @neurons.bf16 {kind = relu, trees = 2} : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  // CHECK: lm.tree_gates %{{.*}}, @one_node {count = 1} : (tensor<?x?x8xf32>) -> tensor<?x?x2xf32>
  %g = lm.tree_gates %e, @one_node {count = 1} : (tensor<?x?x8xf32>) -> tensor<?x?x2xf32>
  // CHECK: lm.tree_gates %{{.*}}, @one_node bias @one_node.b {count = 2, tie_right} attributes {mark = "kept"} : (tensor<?x?x8xf32>) -> tensor<?x?x2xf32>
  %h = lm.tree_gates %e, @one_node bias @one_node.b {count = 2, tie_right} attributes {mark = "kept"} : (tensor<?x?x8xf32>) -> tensor<?x?x2xf32>
  // CHECK: lm.top_gates %{{.*}} {count = 1, softmax = "chosen"} attributes {mark = "kept"} : tensor<?x?x2xf32>
  %i = lm.top_gates %h {count = 1, softmax = "chosen"} attributes {mark = "kept"} : tensor<?x?x2xf32>
  // CHECK: lm.experts %{{.*}} by %{{.*}}, @neurons to @neurons {kind = gelu} : (tensor<?x?x8xf32>, tensor<?x?x2xf32>) -> tensor<?x?x8xf32>
  %j = lm.experts %e by %g, @neurons to @neurons {kind = gelu} : (tensor<?x?x8xf32>, tensor<?x?x2xf32>) -> tensor<?x?x8xf32>
  // CHECK: lm.experts %{{.*}} by %{{.*}}, @neurons bias @neurons.b times @neurons to @neurons bias @biases {kind = silu} attributes {mark = "kept"} : (tensor<?x?x8xf32>, tensor<?x?x2xf32>) -> tensor<?x?x8xf32>
  %k = lm.experts %j by %i, @neurons bias @neurons.b times @neurons to @neurons bias @biases {kind = silu} attributes {mark = "kept"} : (tensor<?x?x8xf32>, tensor<?x?x2xf32>) -> tensor<?x?x8xf32>
  // CHECK: lm.grouped_experts %{{.*}} by %{{.*}}, @in_codes to @in_codes {kind = gelu} : (!lm.codes<?x?x8, s8, group = 4>, tensor<?x?x2xf32>) -> tensor<?x?x8xf32>
  %groups = lm.quantize_groups %e : (tensor<?x?x8xf32>) -> !lm.codes<?x?x8, s8, group = 4>
  %in_codes = lm.grouped_experts %groups by %g, @in_codes to @in_codes {kind = gelu} : (!lm.codes<?x?x8, s8, group = 4>, tensor<?x?x2xf32>) -> tensor<?x?x8xf32>
  // CHECK: lm.grouped_experts %{{.*}} by %{{.*}}, @in_codes times @in_codes to @in_codes {kind = silu} attributes {mark = "kept"} : (!lm.codes<?x?x8, s8, group = 4>, tensor<?x?x2xf32>) -> tensor<?x?x8xf32>
  %times = lm.grouped_experts %groups by %i, @in_codes times @in_codes to @in_codes {kind = silu} attributes {mark = "kept"} : (!lm.codes<?x?x8, s8, group = 4>, tensor<?x?x2xf32>) -> tensor<?x?x8xf32>
  // CHECK: lm.nonzero_linear %{{.*}}, @square : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %l = lm.nonzero_linear %k, @square : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  // CHECK: lm.nonzero_linear %{{.*}}, @square bias @vector8 attributes {mark = "kept"} : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %m = lm.nonzero_linear %l, @square bias @vector8 attributes {mark = "kept"} : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  return %m : tensor<?x?x8xf32>
}

// CHECK-LABEL: func.func @uneven_groups
func.func @uneven_groups(%q: tensor<?x?x6xf32>, %kv: tensor<?x?x4xf32>, %len: tensor<?xi32>) -> (tensor<?x?x6xf32>, tensor<?x?x6xf32>) {
  // CHECK: lm.attention %{{.*}}, %{{.*}}, %{{.*}} lengths %{{.*}} {layer = 0, heads = 3, kv_heads = 2 groups = [2, 1], scale = 5.000000e-01, mask = #lm.full} : (tensor<?x?x6xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?xi32>) -> tensor<?x?x6xf32>
  %a = lm.attention %q, %kv, %kv lengths %len {layer = 0, heads = 3, kv_heads = 2 groups = [2, 1], scale = 0.5, mask = #lm.full} : (tensor<?x?x6xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?xi32>) -> tensor<?x?x6xf32>
  // CHECK: lm.attend %{{.*}}, %{{.*}} lengths %{{.*}} {layer = 1, heads = 3, kv_heads = 2 groups = [1, 2], scale = 5.000000e-01, mask = #lm.full, rope = #lm.rope<base = 1.000000e+04, dims = 2, layout = half>} as bf16 : (tensor<?x?x6xf32>, !lm.cache, tensor<?xi32>) -> tensor<?x?x6xf32>
  %d = lm.cache_append %kv, %kv lengths %len {layer = 1, kv_heads = 2, rope = #lm.rope<base = 1.0e4, dims = 2, layout = half>} as bf16 : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?xi32>) -> !lm.cache
  %b = lm.attend %q, %d lengths %len {layer = 1, heads = 3, kv_heads = 2 groups = [1, 2], scale = 0.5, mask = #lm.full, rope = #lm.rope<base = 1.0e4, dims = 2, layout = half>} as bf16 : (tensor<?x?x6xf32>, !lm.cache, tensor<?xi32>) -> tensor<?x?x6xf32>
  return %a, %b : tensor<?x?x6xf32>, tensor<?x?x6xf32>
}

lm.param @project.k : tensor<2x4xf32> = dense<1.0>
lm.param @project.v : tensor<2x4xf32> = dense<2.0>

// CHECK-LABEL: func.func @projected
func.func @projected(%q: tensor<?x?x8xf32>, %len: tensor<?xi32>) -> (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>) {
  // CHECK: lm.attention %{{.*}}, %{{.*}}, %{{.*}} lengths %{{.*}} {layer = 0, heads = 2, kv_heads = 2, scale = 5.000000e-01, mask = #lm.full project = #lm.projection<means, rank = 3>} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x8xf32>
  %a = lm.attention %q, %q, %q lengths %len {layer = 0, heads = 2, kv_heads = 2, scale = 0.5, mask = #lm.full project = #lm.projection<means, rank = 3>} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x8xf32>
  // CHECK: lm.attention %{{.*}}, %{{.*}}, %{{.*}} lengths %{{.*}} {layer = 1, heads = 2, kv_heads = 2, scale = 5.000000e-01, mask = #lm.full project = #lm.projection<learned, rank = 2> by @project.k, @project.v} as bf16 : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x8xf32>
  %b = lm.attention %q, %q, %q lengths %len {layer = 1, heads = 2, kv_heads = 2, scale = 0.5, mask = #lm.full project = #lm.projection<learned, rank = 2> by @project.k, @project.v} as bf16 : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x8xf32>
  // CHECK: lm.cache_append %{{.*}}, %{{.*}} lengths %{{.*}} {layer = 2, kv_heads = 2 project = #lm.projection<learned, rank = 2> by @project.k, @project.k} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> !lm.cache
  %c = lm.cache_append %q, %q lengths %len {layer = 2, kv_heads = 2 project = #lm.projection<learned, rank = 2> by @project.k, @project.k} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> !lm.cache
  // CHECK: lm.attend %{{.*}}, %{{.*}} lengths %{{.*}} {layer = 2, heads = 2, kv_heads = 2, scale = 5.000000e-01, mask = #lm.full project = #lm.projection<learned, rank = 2>} : (tensor<?x?x8xf32>, !lm.cache, tensor<?xi32>) -> tensor<?x?x8xf32>
  %d = lm.attend %q, %c lengths %len {layer = 2, heads = 2, kv_heads = 2, scale = 0.5, mask = #lm.full project = #lm.projection<learned, rank = 2>} : (tensor<?x?x8xf32>, !lm.cache, tensor<?xi32>) -> tensor<?x?x8xf32>
  return %a, %b, %d : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>
}

// CHECK-LABEL: func.func private @scalings
// CHECK-SAME: #lm.rope_scaling<linear, factor = 2.000000e+00>
// CHECK-SAME: #lm.rope_scaling<dynamic, factor = 2.000000e+00, original_positions = 4096>
// CHECK-SAME: #lm.rope_scaling<yarn, factor = 4.000000e+00, original_positions = 4096, beta_fast = 3.000000e+01, beta_slow = 2.000000e+00, attention_factor = 1.100000e+00>
// CHECK-SAME: #lm.rope_scaling<llama3, factor = 8.000000e+00, original_positions = 8192, low_frequency = 1.500000e+00>
// CHECK-SAME: #lm.rope_scaling<longrope, factor = 2.000000e+00, original_positions = 16, short_factors = [1.000000e+00, 1.100000e+00], long_factors = [2.000000e+00, 4.000000e+00]>
func.func private @scalings() attributes {
  a = #lm.rope_scaling<linear, factor = 2.0>,
  b = #lm.rope_scaling<dynamic, factor = 2.0, original_positions = 4096>,
  c = #lm.rope_scaling<yarn, factor = 4.0, original_positions = 4096, beta_fast = 30.0, beta_slow = 2.0, attention_factor = 1.1>,
  d = #lm.rope_scaling<llama3, factor = 8.0, original_positions = 8192, low_frequency = 1.5, high_frequency = 4.0>,
  e = #lm.rope<base = 1.0e4, dims = 4, layout = interleaved, scaling = #lm.rope_scaling<longrope, factor = 2.0, original_positions = 16, short_factors = [1.0, 1.1], long_factors = [2.0, 4.0]>>
}
}
