// Dropping the bias of keys changes no vector beyond the rounding of scores (2^-24 of numbers of size 10): below 1e-5.
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-interpret -o /dev/null > %t.before
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-fold-key-bias > %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: lmopt-opt %t.mlir --lm-interpret -o /dev/null > %t.after
// RUN: python3 %p/../compare.py %t.before %t.after --relative 1e-5
// CHECK-NOT: attn.k.bias
// CHECK: return
