// Layouts of GPUs read and print themselves, and refuse what they cannot lay out.
// RUN: lmopt-opt %s --split-input-file --verify-diagnostics | FileCheck %s

// CHECK: plan.weight @a = [@w] as #ptx.fragments<tensor<24x16xf32>> at 0
plan.weight @a = [@w] as #ptx.fragments<tensor<24x16xf32>> at 0
// CHECK: plan.weight @b = [@w, @b] as #ptx.fragments<!lm.int8<24x16>, bias = true> at 64
plan.weight @b = [@w, @b] as #ptx.fragments<!lm.int8<24x16>, bias = true> at 64
// CHECK: plan.weight @e = [@w] as #ptx.fragments<!lm.sparse_int8<32x16, block = 16x4, stored = 5>> at 0
plan.weight @e = [@w] as #ptx.fragments<!lm.sparse_int8<32x16, block = 16x4, stored = 5>> at 0
// CHECK: plan.weight @f = [@w] as #ptx.fragments<!lm.codebook<24x64, entries = 8, group = 32>> at 0
plan.weight @f = [@w] as #ptx.fragments<!lm.codebook<24x64, entries = 8, group = 32>> at 0
// CHECK: plan.weight @g = [@w] as #ptx.fragments<!lm.codebook<24x16, entries = 256>> at 0
plan.weight @g = [@w] as #ptx.fragments<!lm.codebook<24x16, entries = 256>> at 0
// CHECK: plan.weight @c = [@w] as #ptx.table<tensor<20xf32>> at 0
plan.weight @c = [@w] as #ptx.table<tensor<20xf32>> at 0
// CHECK: plan.weight @d = [] as #ptx.angles<#lm.rope<base = 1.000000e+04, dims = 8, layout = half>, positions = 128, switch = 64> at 0
plan.weight @d = [] as #ptx.angles<#lm.rope<base = 1.0e4, dims = 8, layout = half>, positions = 128, switch = 64> at 0
// CHECK: plan.weight @slopes = [] as #ptx.slopes<#lm.alibi<slopes = [5.000000e-01, 2.500000e-01]>> at 0
plan.weight @slopes = [] as #ptx.slopes<#lm.alibi<slopes = [0.5, 0.25]>> at 0
// CHECK: plan.weight @tree = [] as #ptx.word_tree<#lm.word_tree<left = [4, 1], right = [0, 2]>> at 0
plan.weight @tree = [] as #ptx.word_tree<#lm.word_tree<left = [4, 1], right = [0, 2]>> at 0
// CHECK: plan.weight @classes = [] as #ptx.classes<#lm.classes<words = [2, 0, 1], sizes = [1, 2]>> at 0
plan.weight @classes = [] as #ptx.classes<#lm.classes<words = [2, 0, 1], sizes = [1, 2]>> at 0
// CHECK: plan.weight @bounds = [@w, @p] as #ptx.bounds<24, block = 8> at 0
plan.weight @bounds = [@w, @p] as #ptx.bounds<24, block = 8> at 0

// -----

// expected-error @+1 {{C1: expected a row at least, and a block that is 0 or a power of two from 2 to 65536, but found 24 and 3}}
plan.weight @bounds = [@w, @p] as #ptx.bounds<24, block = 3> at 0

// -----

// expected-error @+1 {{C1: expected a matrix of f32 or bf16, !lm.int8, !lm.sparse_int8, !lm.codebook of 256 entries, or !lm.grouped}}
plan.weight @a = [@w] as #ptx.fragments<tensor<24xf32>> at 0

// -----

// expected-error @+1 {{in groups of 16, 32, 64, 128 or 256, but found '!lm.codebook<24x48, entries = 16, group = 48>'}}
plan.weight @a = [@w] as #ptx.fragments<!lm.codebook<24x48, entries = 16, group = 48>> at 0

// -----

// expected-error @+1 {{C1: expected a vector or a matrix of f32, but found 'tensor<20xbf16>'}}
plan.weight @a = [@w] as #ptx.table<tensor<20xbf16>> at 0

// -----

// expected-error @+1 {{C1: expected 1 to 2^31 positions and a switch below, but found 128 and 128}}
plan.weight @a = [] as #ptx.angles<#lm.rope<base = 1.0e4, dims = 8, layout = half>, positions = 128, switch = 128> at 0
