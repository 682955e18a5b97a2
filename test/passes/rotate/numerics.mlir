// Rotated inputs and weights give the same logits, the tied table included: log2(32) = 5 more roundings on each side of
// sums of 32 numbers, and an outlier 8 times the rest, through 2 layers: below 1e-5 of the largest logit.
// RUN: lmopt-opt %p/../Inputs/llama.mlir --lm-interpret -o /dev/null > %t.before
// RUN: lmopt-opt %p/../Inputs/llama.mlir --lm-rotate > %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: lmopt-opt %t.mlir --lm-interpret -o /dev/null > %t.after
// RUN: python3 %p/../compare.py %t.before %t.after --relative 1e-5
// CHECK-COUNT-2: lm.rotate {{.*}} {block = 16}
