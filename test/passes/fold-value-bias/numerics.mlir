// The bias of values takes the way through the output projection; one text is shorter than the batch, so padded rows are
// there and unseen. Another order of sums of 16 numbers: below 1e-5.
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-interpret -o /dev/null > %t.before
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-fold-value-bias > %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: lmopt-opt %t.mlir --lm-interpret -o /dev/null > %t.after
// RUN: python3 %p/../compare.py %t.before %t.after --relative 1e-5
// CHECK-COUNT-2: #lm.matvec_add<
