// Codes of 8 bits: half a step is 1/254 of the largest number of a head, so the two layers of the model move by less than 3 %
// of the largest number; and they do move. What is narrow already stays as it is.
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-interpret -o /dev/null > %t.before
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-narrow-attention=element=i8 > %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: lmopt-opt %t.mlir --lm-interpret -o /dev/null > %t.after
// RUN: not diff %t.before %t.after
// RUN: python3 %p/../compare.py %t.before %t.after --relative 3e-2
// RUN: lmopt-opt %t.mlir --lm-narrow-attention | FileCheck %s
// CHECK-COUNT-2: as i8
// CHECK-NOT: as bf16
