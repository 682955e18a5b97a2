// The host's code of a model for GPUs: a list of launches, each with a grid and arguments; of a product one for each number of rows that
// weights are read once for; no lm op is left.
// RUN: lmopt-opt %S/../lower/decoder.mlir --lm-lower-to-nvptx=architecture=sm_80 | FileCheck %s --implicit-check-not=" lm."
// RUN: not lmopt-opt %S/../lower/decoder.mlir --lm-lower-to-nvptx=architecture=sm_10 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// CHECK: func.func @prefill(%[[STEP:.*]]: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64)
// CHECK: llvm.alloca
// CHECK: scf.if
// CHECK: llvm.store %{{.*}} : i32, !llvm.ptr
// CHECK: llvm.call %{{.*}}(%{{.*}}) : !llvm.ptr, (!llvm.ptr, i32, !llvm.ptr, !llvm.ptr) -> ()
// CHECK: func.func @decode(
// The greatest logits: the launches of "decode", then a block for each 2048 of a row, then one for the row.
// CHECK: func.func @decode_top(
// How many: what the step says, or all that there may be.
// CHECK: arith.select %{{.*}}, %c24_i64{{.*}}, %{{.*}} : i64
// CHECK: llvm.call
// CHECK: arith.select %{{.*}}, %c24_i64{{.*}}, %{{.*}} : i64
// CHECK: llvm.call
// CHECK-NOT: llvm.call
// UNKNOWN: 'sm_10'
