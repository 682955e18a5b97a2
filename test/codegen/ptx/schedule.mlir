// Every step is done by the whole GPU: rows lie in the arena, no chains; waits stand where a grid barrier would have to. An encoder's
// keys and values stay where they were made until they are attended to.
// RUN: lmopt-opt %S/../lower/decoder.mlir --plan-form-steps --ptx-choose-layouts --ptx-schedule | FileCheck %s
// RUN: lmopt-opt %S/../lower/encoder.mlir --plan-form-steps --ptx-choose-layouts --ptx-schedule | FileCheck %s --check-prefix=ENCODER
// RUN: not lmopt-opt %S/../lower/decoder.mlir --plan-form-steps --ptx-schedule 2>&1 | FileCheck %s --check-prefix=EARLY
// RUN: not lmopt-opt %S/../lower/decoder.mlir --plan-form-steps --ptx-choose-layouts --ptx-schedule --ptx-schedule 2>&1 | FileCheck %s --check-prefix=TWICE

// CHECK: plan.program @prefill({{.*}}max_rows = 512 : i64
// CHECK-NOT: plan.chain
// CHECK: plan.step rows tokens() {{.*}} share panels places [#plan.place<arena at 0, 512 x 64>, #plan.place<arena at 32768, 512 x 64>]
// CHECK: plan.wait
// CHECK-NEXT: plan.step kernel tokens(%0#1) weights [@q.weight.packed]
// CHECK-NOT: plan.wait
// CHECK: plan.step kernel tokens(%0#1) weights [@v.weight.packed]
// CHECK: plan.wait
// CHECK: lm.cache_append
// CHECK: plan.wait
// CHECK: lm.attend
// CHECK: plan.step kernel outputs({{.*}}) {{.*}} places [#plan.place<result at 0, 512 x 96>]
// CHECK: plan.program @decode({{.*}}few, {{.*}}max_rows = 64 : i64
// Few rows are made by the launch that reads them: its products lie neither on what is added nor on the sum.
// CHECK: %[[FIRST:.*]]:2 = plan.step rows tokens() {{.*}} places [#plan.place<arena at 0, 64 x 64>, #plan.place<arena at 4096, 64 x 64>]
// CHECK: %[[ADDED:.*]] = plan.step kernel tokens(%{{.*}}) weights [@o.weight.packed] share panels places [#plan.place<arena at 8192, 64 x 64>]
// CHECK: %[[SUM:.*]]:2 = plan.step rows tokens(%[[FIRST]]#0, %[[ADDED]]) {{.*}} places [#plan.place<arena at 4096, 64 x 64>,
// CHECK: plan.step kernel tokens(%[[SUM]]#1) weights [@q.weight.packed] share panels places [#plan.place<arena at 20480, 64 x 64>]

// Codes of 16 inputs take 32 bytes, scale and zero point eight more.
// ENCODER: plan.program @encode({{.*}}max_rows = 512 : i64
// ENCODER: plan.step rows tokens() {{.*}} places [#plan.place<arena at 0, 512 x 40>]
// ENCODER: %[[K:.*]] = plan.step kernel tokens(%0) weights [@qkv.weight.packed] share panels places [#plan.place<arena at 69632, 512 x 96>]
// ENCODER: %[[V:.*]] = plan.step kernel tokens(%0) weights [@qkv.weight.packed] share panels places [#plan.place<arena at 118784, 512 x 96>]
// ENCODER: plan.step kernel tokens(%[[K]], %[[V]])
// ENCODER: lm.cache_append
// ENCODER: plan.step kernel {{.*}} places [#plan.place<arena at 167936, 512 x 96>]
// ENCODER: lm.attend

// EARLY: expected packed weights for GPUs; run ptx-choose-layouts before
// TWICE: expected a program that is not scheduled yet
