// Two schedules of one program: many rows at once in chains of blocks, few rows with shared columns.
// RUN: lmopt-opt %S/../lower/decoder.mlir --plan-form-steps --cpu-choose-layouts --cpu-schedule | FileCheck %s
// RUN: not lmopt-opt %S/../lower/decoder.mlir --plan-form-steps --cpu-schedule 2>&1 | FileCheck %s --check-prefix=EARLY
// RUN: not lmopt-opt %S/../lower/decoder.mlir --plan-form-steps --cpu-choose-layouts --cpu-schedule --cpu-schedule 2>&1 | FileCheck %s --check-prefix=TWICE

// CHECK: plan.program @prefill({{.*}}) attributes {arena_bytes = 98304 : i64, {{.*}}max_rows = 512 : i64
// CHECK-NEXT: plan.chain block = 128
// CHECK-NEXT: plan.step rows tokens() weights [{{.*}}] share rows places [#plan.place<arena at 0, 512 x 64>, #plan.place<block at 0, 128 x 64>]
// CHECK: lm.cache_append
// CHECK: plan.wait
// CHECK-NEXT: plan.step kernel tokens({{.*}}) weights [@rope.packed] share turns
// CHECK: plan.wait
// CHECK-NEXT: plan.chain
// CHECK: plan.step kernel outputs({{.*}}) weights [@embed.weight.packed] share panels places [#plan.place<result at 0, 512 x 96>]
// CHECK: plan.program @decode({{.*}}) attributes {{{.*}}few, {{.*}}max_rows = 16 : i64
// CHECK-NOT: plan.chain
// CHECK: plan.step rows tokens() {{.*}} share all places [#plan.place<thread
// CHECK: plan.step kernel tokens({{.*}}) {{.*}} share panels
// The threads that stored a head attend to it: no wait between.
// CHECK: plan.wait
// CHECK-NEXT: plan.step kernel tokens({{.*}}) weights [@rope.packed] share heads
// CHECK: lm.cache_append
// CHECK-NOT: plan.wait
// CHECK: lm.attend

// EARLY: expected packed weights for CPUs; run cpu-choose-layouts before
// TWICE: expected a program that is not scheduled yet
