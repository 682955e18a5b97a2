// The halves are the same arithmetic in the same order: every digit stays, with keys and values in f32, bf16 and codes, in a
// decoder and an encoder of two layers, and where the angles depend on the length of the sequence.
// RUN: lmopt-opt %p/../Inputs/llama.mlir --lm-expand-attention | FileCheck %s --check-prefix=HALVES
// HALVES-NOT: lm.attention
// HALVES-COUNT-2: lm.attend
// RUN: lmopt-opt %p/../Inputs/llama.mlir --lm-interpret -o /dev/null > %t.before
// RUN: lmopt-opt %p/../Inputs/llama.mlir --lm-expand-attention --lm-interpret -o /dev/null > %t.after
// RUN: diff %t.before %t.after
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-interpret -o /dev/null > %t.before
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-expand-attention --lm-interpret -o /dev/null > %t.after
// RUN: diff %t.before %t.after
// RUN: lmopt-opt %p/../Inputs/llama.mlir --lm-narrow-attention --lm-interpret -o /dev/null > %t.before
// RUN: lmopt-opt %p/../Inputs/llama.mlir --lm-narrow-attention --lm-expand-attention --lm-interpret -o /dev/null > %t.after
// RUN: diff %t.before %t.after
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-narrow-attention=element=i8 --lm-interpret -o /dev/null > %t.before
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-narrow-attention=element=i8 --lm-expand-attention --lm-interpret -o /dev/null > %t.after
// RUN: diff %t.before %t.after
// RUN: lmopt-opt %p/../../dialects/lm/attention/meaning.mlir --lm-expand-attention --lm-interpret -o /dev/null | FileCheck %s
// RUN: lmopt-opt %p/../../dialects/lm/attention/lengths.mlir --lm-expand-attention --lm-interpret -o /dev/null | FileCheck %s
// CHECK-COUNT-6: as expected
