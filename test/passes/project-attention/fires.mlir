// Segment means: every attention, or those that are chosen; a second time it changes nothing.
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-project-attention=rank=3 --remarks-filter=lm-project-attention 2>&1 | FileCheck %s
// CHECK-DAG: [Passed] ProjectedAttention | Category:lm-project-attention | Kind=means, Op=layers.0.attn, Rank=3
// CHECK-DAG: [Passed] ProjectedAttention | Category:lm-project-attention | Kind=means, Op=layers.1.attn, Rank=3
// CHECK-COUNT-2: lm.attention {{.*}}, mask = #lm.full project = #lm.projection<means, rank = 3>}
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-project-attention='rank=3 layers=layers.1.*' | FileCheck %s --check-prefix=ONE
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-project-attention='rank=3 skip=layers.0.attn' | FileCheck %s --check-prefix=ONE
// ONE: lm.attention {{.*}} {layer = 0, {{.*}} mask = #lm.full}
// ONE: lm.attention {{.*}} {layer = 1, {{.*}} mask = #lm.full project = #lm.projection<means, rank = 3>}
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-project-attention=rank=3 > %t.once
// RUN: lmopt-opt %t.once --lm-project-attention=rank=2 --remarks-filter=lm-project-attention -o %t.twice 2>&1 | FileCheck %s --check-prefix=AGAIN
// AGAIN: [Missed] NotProjected | Category:lm-project-attention | Op=layers.0.attn, Reason="it is projected already"
// RUN: diff %t.once %t.twice
// In halves it says the same twice.
// RUN: lmopt-opt %t.once --lm-expand-attention | FileCheck %s --check-prefix=HALVES
// HALVES: lm.cache_append {{.*}} project = #lm.projection<means, rank = 3>}
// HALVES: lm.attend {{.*}} project = #lm.projection<means, rank = 3>}
