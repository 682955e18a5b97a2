// The host's code of a model for GPUs: a list of launches, each with a grid and arguments; of a product one for each number of rows that
// weights are read once for; no lm op is left.
// RUN: lmopt-opt %S/../lower/decoder.mlir --lm-lower-to-nvptx=architecture=sm_80 | FileCheck %s --implicit-check-not=" lm."
// RUN: not lmopt-opt %S/../lower/decoder.mlir --lm-lower-to-nvptx=architecture=sm_10 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// CHECK: func.func @prefill(%[[STEP:.*]]: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64)
// CHECK: llvm.alloca
// CHECK: scf.if
// CHECK: llvm.store %{{.*}} : i32, !llvm.ptr
// CHECK: llvm.call %{{.*}}(%{{.*}}) : !llvm.ptr, (!llvm.ptr, i32, !llvm.ptr, !llvm.ptr) -> ()
// Of a decode step the first launch makes the rows of queries, keys and values itself, where they are one or two; where they are more,
// there is one launch more before the products. Attention stores the keys and values of up to eight rows.
// CHECK: func.func @decode(
// CHECK: %[[NONE:.*]] = arith.constant 0 : i64
// CHECK-NEXT: %[[ANY:.*]] = arith.cmpi slt, %[[NONE]], %[[ROWS:[0-9]+]] : i64
// CHECK-NEXT: %[[MOST:.*]] = arith.constant 3 : i64
// CHECK-NEXT: %[[FEW:.*]] = arith.cmpi slt, %[[ROWS]], %[[MOST]] : i64
// CHECK-NEXT: %[[BOTH:.*]] = arith.andi %[[ANY]], %[[FEW]]
// CHECK-NEXT: scf.if %[[BOTH]]
// CHECK: %[[TWO:.*]] = arith.constant 2 : i64
// CHECK-NEXT: arith.cmpi slt, %[[TWO]], %[[ROWS]] : i64
// CHECK: %[[NINE:.*]] = arith.constant 9 : i64
// CHECK-NEXT: arith.cmpi slt, %[[ROWS]], %[[NINE]] : i64
// The greatest logits: the launches of "decode", then a block for each 2048 of a row, then one for the row.
// CHECK: func.func @decode_top(
// How many: what the step says, or all that there may be.
// CHECK: arith.select %{{.*}}, %c24_i64{{.*}}, %{{.*}} : i64
// CHECK: llvm.call
// CHECK: arith.select %{{.*}}, %c24_i64{{.*}}, %{{.*}} : i64
// CHECK: llvm.call
// CHECK-NOT: llvm.call
// UNKNOWN: 'sm_10'
