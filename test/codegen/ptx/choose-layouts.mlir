// Packed weights for GPUs: each once, in the order of first use, a tied table as the fragments of its product; the cache of each layer.
// RUN: lmopt-opt %S/../lower/decoder.mlir --plan-form-steps --ptx-choose-layouts | FileCheck %s

// CHECK: plan.weight @embed.weight.packed = [@embed.weight] as #ptx.fragments<tensor<24x16xf32>> at 0
// CHECK-NEXT: plan.weight @norm.weight.packed = [@norm.weight] as #ptx.table<tensor<16xf32>> at 2048
// CHECK-NEXT: plan.weight @q.weight.packed = [@q.weight] as #ptx.fragments<tensor<16x16xf32>> at 2112
// CHECK-NEXT: plan.weight @k.weight.packed
// CHECK-NEXT: plan.weight @v.weight.packed
// CHECK-NEXT: plan.weight @angles.packed = [] as #ptx.angles<#lm.rope<base = 1.000000e+04, dims = 8, layout = half>, positions = 128>
// CHECK-NEXT: plan.weight @o.weight.packed
// CHECK-NEXT: plan.program @forward({{.*}}) attributes {max_positions = 128 : i64, position_bytes = 128 : i64}
// CHECK: plan.step rows tokens() weights [@embed.weight.packed, @norm.weight.packed]
// CHECK: weights [@angles.packed] state 0 :
// CHECK-NEXT: ^bb0
// CHECK-NEXT: lm.cache_append
// CHECK: weights [@angles.packed] state 0 :
// CHECK-NEXT: ^bb0
// CHECK-NEXT: lm.attend
// CHECK: weights [@angles.packed] state 64 :
// CHECK: weights [@angles.packed] state 64 :
// CHECK: plan.step kernel outputs(%{{.*}}) weights [@embed.weight.packed]
