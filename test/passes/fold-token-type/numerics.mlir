// (x + v) + p and x + (p + v) differ by two roundings, 2^-23, in the input of the model; norms keep that relative: below 1e-5.
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-interpret -o /dev/null > %t.before
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-fold-token-type > %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: lmopt-opt %t.mlir --lm-interpret -o /dev/null > %t.after
// RUN: python3 %p/../compare.py %t.before %t.after --relative 1e-5
// CHECK: lm.param @position.weight : {{.*}} #lm.add_to_rows<
// CHECK-NOT: lm.bias_add
// CHECK: return
