// Layouts read and print themselves, and refuse what they cannot lay out.
// RUN: lmopt-opt %s --split-input-file --verify-diagnostics | FileCheck %s

// CHECK: plan.weight @a = [@w] as #cpu.panels<tensor<24x16xf32>> at 0
plan.weight @a = [@w] as #cpu.panels<tensor<24x16xf32>> at 0
// CHECK: plan.weight @b = [@w, @b] as #cpu.panels<!lm.int8<24x16>, bias = true> at 64
plan.weight @b = [@w, @b] as #cpu.panels<!lm.int8<24x16>, bias = true> at 64
// CHECK: plan.weight @c = [@w] as #cpu.rows<tensor<20xf32>> at 0
plan.weight @c = [@w] as #cpu.rows<tensor<20xf32>> at 0
// CHECK: plan.weight @d = [] as #cpu.rope<#lm.rope<base = 1.000000e+04, dims = 8, layout = half>, positions = 128, switch = 64> at 0
plan.weight @d = [] as #cpu.rope<#lm.rope<base = 1.0e4, dims = 8, layout = half>, positions = 128, switch = 64> at 0
// CHECK: plan.weight @slopes = [] as #cpu.slopes<#lm.alibi<slopes = [5.000000e-01, 2.500000e-01]>> at 0
plan.weight @slopes = [] as #cpu.slopes<#lm.alibi<slopes = [0.5, 0.25]>> at 0
// CHECK: plan.weight @distances = [@w] as #cpu.distances<tensor<2x7xf32>> at 0
plan.weight @distances = [@w] as #cpu.distances<tensor<2x7xf32>> at 0
// CHECK: plan.weight @e = [@w, @p] as #cpu.bounds<300, block = 64> at 128
plan.weight @e = [@w, @p] as #cpu.bounds<300, block = 64> at 128
// CHECK: plan.weight @f = [] as #cpu.classes<#lm.classes<words = [2, 0, 1], sizes = [1, 2]>> at 192
plan.weight @f = [] as #cpu.classes<#lm.classes<words = [2, 0, 1], sizes = [1, 2]>> at 192
// CHECK: plan.weight @g = [] as #cpu.word_tree<#lm.word_tree<left = [4, 1], right = [0, 2]>> at 256
plan.weight @g = [] as #cpu.word_tree<#lm.word_tree<left = [4, 1], right = [0, 2]>> at 256
// CHECK: plan.weight @h = [@w] as #cpu.neurons<tensor<7x4xf32>> at 320
plan.weight @h = [@w] as #cpu.neurons<tensor<7x4xf32>> at 320
// CHECK: plan.weight @i = [@w, @b] as #cpu.neurons<tensor<7x4xbf16>, bias = true> at 384
plan.weight @i = [@w, @b] as #cpu.neurons<tensor<7x4xbf16>, bias = true> at 384
// CHECK: plan.weight @j = [@w, @v] as #cpu.neurons<tensor<7x4xf32> to tensor<7x8xbf16>> at 448
plan.weight @j = [@w, @v] as #cpu.neurons<tensor<7x4xf32> to tensor<7x8xbf16>, bias = false> at 448
// CHECK: plan.weight @k = [@w, @b, @v] as #cpu.neurons<tensor<7x4xbf16> to !lm.int8<7x8>, bias = true> at 512
plan.weight @k = [@w, @b, @v] as #cpu.neurons<tensor<7x4xbf16> to !lm.int8<7x8>, bias = true> at 512
// CHECK: plan.weight @l = [@w, @v, @u] as #cpu.neurons<tensor<7x4xf32> to tensor<7x8xf32> by !lm.int8<7x4>> at 576
plan.weight @l = [@w, @v, @u] as #cpu.neurons<tensor<7x4xf32> to tensor<7x8xf32> by !lm.int8<7x4>> at 576
// CHECK: plan.weight @m = [@w, @v] as #cpu.experts<2, tensor<8x4xf32>, to tensor<8x6xf32>> at 640
plan.weight @m = [@w, @v] as #cpu.experts<2, tensor<8x4xf32>, to tensor<8x6xf32>, bias = false> at 640
// CHECK: plan.weight @n = [@w, @b, @u, @v, @c] as #cpu.experts<2, tensor<8x4xf32>, to tensor<8x6xf32>, bias = true, up = true, biases = true> at 704
plan.weight @n = [@w, @b, @u, @v, @c] as #cpu.experts<2, tensor<8x4xf32>, to tensor<8x6xf32>, bias = true, up = true, biases = true> at 704
// CHECK: plan.weight @o = [@v, @b] as #cpu.added_rows<!lm.int8<8x6>, bias = true> at 768
plan.weight @o = [@v, @b] as #cpu.added_rows<!lm.int8<8x6>, bias = true> at 768
// CHECK: plan.weight @p = [@w, @v] as #cpu.grouped_experts<2, !lm.grouped<64x16, bits = 4, group = 16, min> to !lm.codebook<24x32, entries = 16, group = 32>> at 832
plan.weight @p = [@w, @v] as #cpu.grouped_experts<2, !lm.grouped<64x16, bits = 4, group = 16, min> to !lm.codebook<24x32, entries = 16, group = 32>> at 832
// CHECK: plan.weight @q = [@w, @u, @v] as #cpu.grouped_experts<2, !lm.grouped<64x16, bits = 4, group = 16> times !lm.grouped<64x16, bits = 8, group = 16> to !lm.grouped<24x32, bits = 6, group = 16>> at 896
plan.weight @q = [@w, @u, @v] as #cpu.grouped_experts<2, !lm.grouped<64x16, bits = 4, group = 16> times !lm.grouped<64x16, bits = 8, group = 16> to !lm.grouped<24x32, bits = 6, group = 16>> at 896

// -----

// expected-error @+1 {{C1: expected a matrix of f32, bf16, !lm.int8, !lm.sparse_int8 (in blocks of 16x4 or 1x1), !lm.grouped or !lm.codebook (in groups of a multiple of 16, of 32 with 8 entries or 5 bits), but found 'tensor<24xf32>'}}
plan.weight @a = [@w] as #cpu.panels<tensor<24xf32>> at 0

// -----

// expected-error @+1 {{C1: expected a matrix of f32, bf16, !lm.int8, !lm.sparse_int8 (in blocks of 16x4 or 1x1), !lm.grouped or !lm.codebook (in groups of a multiple of 16, of 32 with 8 entries or 5 bits), but found '!lm.grouped<16x16, bits = 4, group = 8>'}}
plan.weight @a = [@w] as #cpu.panels<!lm.grouped<16x16, bits = 4, group = 8>> at 0

// -----

// expected-error @+1 {{C1: expected a matrix of f32, bf16, !lm.int8, !lm.sparse_int8 (in blocks of 16x4 or 1x1), !lm.grouped or !lm.codebook (in groups of a multiple of 16, of 32 with 8 entries or 5 bits), but found '!lm.grouped<16x48, bits = 5, group = 16>'}}
plan.weight @a = [@w] as #cpu.panels<!lm.grouped<16x48, bits = 5, group = 16>> at 0

// -----

// expected-error @+1 {{C1: expected a matrix of f32, bf16, !lm.int8, !lm.sparse_int8 (in blocks of 16x4 or 1x1), !lm.grouped or !lm.codebook (in groups of a multiple of 16, of 32 with 8 entries or 5 bits), but found '!lm.sparse_int8<16x16, block = 16x1, stored = 3>'}}
plan.weight @a = [@w] as #cpu.panels<!lm.sparse_int8<16x16, block = 16x1, stored = 3>> at 0

// -----

// expected-error @+1 {{C1: expected a vector or a matrix of f32, but found 'tensor<4x?xf32>'}}
plan.weight @a = [@w] as #cpu.rows<tensor<4x?xf32>> at 0

// -----

// expected-error @+1 {{C1: expected 1 to 2^31 positions and a switch below, but found 8 and 8}}
plan.weight @a = [] as #cpu.rope<#lm.rope<base = 1.0e4, dims = 8, layout = half>, positions = 8, switch = 8> at 0

// -----

// expected-error @+1 {{C1: expected a row at least, and a block that is 0 or a power of two from 2 to 65536, but found 4 and 12}}
plan.weight @a = [@w, @p] as #cpu.bounds<4, block = 12> at 0

// -----

// expected-error @+1 {{C1: expected matrices of f32 or bf16, others than the first perhaps of !lm.int8, of as many rows, but found 'tensor<7xf32>'}}
plan.weight @a = [@w] as #cpu.neurons<tensor<7xf32>> at 0

// -----

// expected-error @+1 {{C1: expected matrices of f32 or bf16, others than the first perhaps of !lm.int8, of as many rows, but found '!lm.int8<7x4>'}}
plan.weight @a = [@w] as #cpu.neurons<!lm.int8<7x4>> at 0

// -----

// expected-error @+1 {{C1: expected matrices of f32 or bf16, others than the first perhaps of !lm.int8, of as many rows, but found 'tensor<7x?xf32>'}}
plan.weight @a = [@w] as #cpu.neurons<tensor<7x?xf32>> at 0

// -----

// expected-error @+1 {{C1: expected matrices of f32 or bf16, others than the first perhaps of !lm.int8, of as many rows, but found 'tensor<7x4xf32>' and 'tensor<8x4xf32>'}}
plan.weight @a = [@w] as #cpu.neurons<tensor<7x4xf32> to tensor<8x4xf32>> at 0

// -----

// expected-error @+1 {{C1: expected matrices of f32 or bf16, others than the first perhaps of !lm.int8, of as many rows, but found 'tensor<7x4xf32>' and '!lm.int8<4x7>'}}
plan.weight @a = [@w] as #cpu.neurons<tensor<7x4xf32> to !lm.int8<4x7>> at 0

// -----

// expected-error @+1 {{C1: expected matrices of f32 or bf16, others than the first perhaps of !lm.int8, of as many rows, but found 'tensor<7x4xf32>' and 'tensor<7x4xi8>'}}
plan.weight @a = [@w] as #cpu.neurons<tensor<7x4xf32> to tensor<7x4xi8>> at 0

// -----

// expected-error @+1 {{invalid kind of attribute specified}}
plan.weight @a = [@w] as "rows" at 0

// -----

// expected-error @+1 {{C1: expected matrices of f32 or bf16, others than the first perhaps of !lm.int8, of as many rows, but found 'tensor<7x4xf32>' and '!lm.int8<7x5>'}}
plan.weight @a = [@w, @u] as #cpu.neurons<tensor<7x4xf32> by !lm.int8<7x5>> at 0

// -----

// expected-error @+1 {{C1: expected matrices of f32 of as many rows, a multiple of the experts, but found 3, 'tensor<8x4xf32>' and 'tensor<8x6xf32>'}}
plan.weight @a = [@w, @v] as #cpu.experts<3, tensor<8x4xf32>, to tensor<8x6xf32>> at 0

// -----

// expected-error @+1 {{C1: expected a matrix of f32, bf16 or !lm.int8, but found 'tensor<8xf32>'}}
plan.weight @a = [@v] as #cpu.added_rows<tensor<8xf32>> at 0

// -----

// expected-error @+1 {{C1: expected a matrix of f32 with an odd number of columns, but found 'tensor<2x6xf32>'}}
plan.weight @a = [@w] as #cpu.distances<tensor<2x6xf32>> at 0

// -----

// expected-error @+1 {{C1: expected !lm.grouped or !lm.codebook in groups of a multiple of 16, but found 'tensor<64x16xf32>'}}
plan.weight @a = [@w, @v] as #cpu.grouped_experts<2, tensor<64x16xf32> to !lm.grouped<24x32, bits = 4, group = 32>> at 0

// -----

// expected-error @+1 {{C1: expected !lm.grouped or !lm.codebook in groups of a multiple of 32, but found '!lm.grouped<24x32, bits = 5, group = 16>'}}
plan.weight @a = [@w, @v] as #cpu.grouped_experts<2, !lm.grouped<64x16, bits = 4, group = 16> to !lm.grouped<24x32, bits = 5, group = 16>> at 0

// -----

// expected-error @+1 {{C2: the matrices are not those of 3 experts}}
plan.weight @a = [@w, @v] as #cpu.grouped_experts<3, !lm.grouped<64x16, bits = 4, group = 16> to !lm.grouped<24x32, bits = 4, group = 16>> at 0

// -----

// expected-error @+1 {{C2: the matrices are not those of 2 experts}}
plan.weight @a = [@w, @v] as #cpu.grouped_experts<2, !lm.grouped<64x16, bits = 4, group = 16> to !lm.grouped<24x16, bits = 4, group = 16>> at 0

// -----

// expected-error @+1 {{C2: the matrices are not those of 2 experts}}
plan.weight @a = [@w, @u, @v] as #cpu.grouped_experts<2, !lm.grouped<64x16, bits = 4, group = 16> times !lm.grouped<32x16, bits = 4, group = 16> to !lm.grouped<24x32, bits = 4, group = 16>> at 0
