// Rounding each factor to 8 bits of mantissa moves a score by at most 2^-8 of its magnitudes, the two layers of the model by
// less than 2 % of the largest number; and it does move them.
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-interpret -o /dev/null > %t.before
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-narrow-attention > %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: lmopt-opt %t.mlir --lm-interpret -o /dev/null > %t.after
// RUN: not diff %t.before %t.after
// RUN: python3 %p/../compare.py %t.before %t.after --relative 2e-2
// CHECK-COUNT-2: as bf16
