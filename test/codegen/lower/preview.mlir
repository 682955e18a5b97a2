// A decoder whose head is computed anew where a preview is great: one kernel calls that of the whole product, and the table that the
// head shares with the embedding is packed once, as the panels of that product.
// RUN: lmopt-opt %S/decoder.mlir --lm-factorize-softmax='method=preview rank=5 rescored=3' --lm-lower-to-cpu=target-cpu=icelake-server | FileCheck %s --implicit-check-not=" lm."
// RUN: lmopt-opt %S/decoder.mlir --lm-factorize-softmax='method=preview rank=5 rescored=3' --plan-form-steps --cpu-choose-layouts | FileCheck %s --check-prefix=LAYOUT

// CHECK: func.func @decode(
// CHECK: call @linear_f32_n5_k16
// CHECK: call @linear_f32_n24_k5
// CHECK: call @preview3_of_[[HEAD:linear_f32_n24_k16_packed]]
// CHECK: return

// LAYOUT: plan.weight @embed.weight.packed = [@embed.weight] as #cpu.panels<tensor<24x16xf32>>
// LAYOUT-NOT: [@embed.weight]
// LAYOUT: plan.step rows tokens() weights [@embed.weight.packed,
// LAYOUT: plan.step kernel outputs(%{{.*}}) weights [@embed.weight.packed]
