// An encoder whose attentions see few keys and values: what makes them so is launched before attention, into scratch; as encoders keep no
// cache, an append launches nothing. Learned matrices belong to the step that attends.
// RUN: lmopt-opt %S/../lower/projected.mlir --plan-form-steps --ptx-choose-layouts --ptx-schedule | FileCheck %s --check-prefix=PLAN
// RUN: lmopt-opt %S/../lower/projected.mlir --lm-lower-to-nvptx=architecture=sm_80 | FileCheck %s --implicit-check-not=" lm."

// PLAN: plan.program @encode({{.*}}) attributes {{{.*}}max_positions = 30 : i64
// PLAN: lm.cache_append
// PLAN: plan.step kernel tokens({{.*}}) weights [@project.k.packed, @project.v.packed]
// PLAN-NEXT: ^bb0
// PLAN-NEXT: lm.attend

// CHECK: func.func @encode(
// CHECK-COUNT-18: llvm.call %{{.*}} : !llvm.ptr, (!llvm.ptr, i32, !llvm.ptr, !llvm.ptr) -> ()
// CHECK-NOT: llvm.call
