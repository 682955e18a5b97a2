// Two texts of 6 and 4 tokens. With a rank of 6 no number changes; with 5 the first vector does and the second, which is shorter,
// stays in every digit.
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-interpret='entry=vectors digits=9' -o /dev/null > %t.before
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-project-attention=rank=6 --lm-interpret='entry=vectors digits=9' -o /dev/null > %t.six
// RUN: diff %t.before %t.six
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-project-attention=rank=5 --lm-interpret='entry=vectors digits=9' -o /dev/null > %t.five
// RUN: python3 %p/Inputs/vectors.py %t.before %t.five | FileCheck %s
// CHECK: differs
// CHECK-NEXT: same
