// A decoder that also gives its greatest logits becomes two programs, each with what it needs alone: all layers are in both, the
// head in the first, its preview and what is made of it in the second. Weights are packed once for both.
// RUN: lmopt-opt %S/../lower/decoder.mlir --lm-factorize-softmax=count=3 --plan-form-steps --cpu-choose-layouts > %t
// RUN: FileCheck %s --implicit-check-not=func.func < %t
// RUN: lmopt-opt %t --cpu-schedule | FileCheck %s --check-prefix=SCHEDULE

// CHECK: plan.weight @embed.weight.packed = [@embed.weight] as #cpu.panels<tensor<24x16xf32>>
// CHECK: plan.program @forward(
// CHECK-COUNT-2: lm.attend
// CHECK-NOT: lm.top_linear
// CHECK: lm.linear %{{.*}}, @embed.weight
// CHECK-NOT: lm.quantized_linear
// CHECK: plan.return %{{.*}} as ["logits"] : !plan.rows<outputs, 24 x f32>
// CHECK-NOT: plan.weight
// CHECK: plan.weight @embed.weight.preview.packed = [@embed.weight.preview] as #cpu.panels<!lm.int8<24x16>>
// CHECK-NEXT: plan.weight @embed.weight.packed_0 = [@embed.weight, @embed.weight.preview] as #cpu.bounds<24, block = 16>
// CHECK: plan.program @forward_top(
// CHECK-COUNT-2: lm.attend
// CHECK-NOT: lm.linear %{{.*}}, @embed.weight
// CHECK: plan.step rows outputs
// CHECK: lm.rotate
// CHECK-NEXT: lm.quantize_dynamic
// CHECK: plan.step kernel outputs
// CHECK-SAME: weights [@embed.weight.preview.packed]
// CHECK: plan.step kernel outputs
// CHECK-SAME: weights [@embed.weight.packed, @embed.weight.packed_0]
// CHECK: lm.top_linear
// CHECK: plan.return %{{.*}} as ["logits"] : !plan.rows<outputs, 24 x f32>

// SCHEDULE: plan.program @prefill(
// SCHEDULE: plan.program @decode(
// SCHEDULE-SAME: few
// SCHEDULE: plan.program @decode_top(
// SCHEDULE-SAME: few
// A row of results belongs to one thread, which needs all of its preview.
// SCHEDULE: plan.step kernel outputs{{.*}} weights [@embed.weight.preview.packed] share panels
// SCHEDULE: plan.wait
// SCHEDULE-NEXT: plan.step kernel outputs{{.*}}packed_0] share rows
