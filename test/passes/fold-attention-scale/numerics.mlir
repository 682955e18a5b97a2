// The scale 8^-0.5 is no power of two, so each weight of the queries is rounded once more: 2^-24 relative, through 2 layers
// below 1e-5 of the largest number.
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-interpret -o /dev/null > %t.before
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-fold-attention-scale > %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: lmopt-opt %t.mlir --lm-interpret -o /dev/null > %t.after
// RUN: python3 %p/../compare.py %t.before %t.after --relative 1e-5
// CHECK-COUNT-2: scale = 1.000000e+00
