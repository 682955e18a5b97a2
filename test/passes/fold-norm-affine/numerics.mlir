// Four norms of the pre-norm encoder lose scale and shift; its vectors stay. Sums of 16 and 32 products are rounded in another
// order: 32 x 2^-24 through 2 layers is below 1e-5 of the largest number.
// RUN: lmopt-opt %p/../Inputs/prenorm.mlir --lm-interpret -o /dev/null > %t.before
// RUN: lmopt-opt %p/../Inputs/prenorm.mlir --lm-fold-norm-affine > %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: lmopt-opt %t.mlir --lm-interpret -o /dev/null > %t.after
// RUN: python3 %p/../compare.py %t.before %t.after --relative 1e-5
// CHECK-COUNT-4: lm.layer_norm %{{[^,]*}} {eps
