// The tiny Llama (interleaved, shared key/value heads) gives the same logits. A permutation changes no product; only the
// order of sums of d = 8 numbers: 8 x 2^-24, through 2 layers, is below 1e-5.
// RUN: lmopt-opt %p/../Inputs/llama.mlir --lm-interpret -o /dev/null > %t.before
// RUN: lmopt-opt %p/../Inputs/llama.mlir --lm-normalize-rope > %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: lmopt-opt %t.mlir --lm-interpret -o /dev/null > %t.after
// RUN: python3 %p/../compare.py %t.before %t.after --relative 1e-5
// CHECK-COUNT-2: layout = half
