// Every mistake in the options is an error that says what was found and what is possible.
// RUN: not lmopt-opt %s --lm-low-rank='method=guess' 2>&1 | FileCheck %s --check-prefix=METHOD
// RUN: not lmopt-opt %s --lm-low-rank='method=plain' 2>&1 | FileCheck %s --check-prefix=NEITHER
// RUN: not lmopt-opt %s --lm-low-rank='method=plain rank=4 ratio=0.5' 2>&1 | FileCheck %s --check-prefix=BOTH
// RUN: not lmopt-opt %s --lm-low-rank='method=plain rank=0' 2>&1 | FileCheck %s --check-prefix=ZERO
// RUN: not lmopt-opt %s --lm-low-rank='method=plain rank=8' 2>&1 | FileCheck %s --check-prefix=PAYS
// RUN: not lmopt-opt %s --lm-low-rank='method=plain ratio=1.5' 2>&1 | FileCheck %s --check-prefix=RATIO
// RUN: not lmopt-opt %s --lm-low-rank='method=plain ratio=0.5 multiple=0' 2>&1 | FileCheck %s --check-prefix=MULTIPLE
// RUN: not lmopt-opt %s --lm-low-rank='method=plain ratio=0.5 budget=some' 2>&1 | FileCheck %s --check-prefix=BUDGET
// RUN: not lmopt-opt %s --lm-low-rank='method=plain rank=4 budget=global' 2>&1 | FileCheck %s --check-prefix=SHARED
// RUN: not lmopt-opt %s --lm-low-rank='method=plain ratio=0.99 multiple=1 budget=global' 2>&1 | FileCheck %s --check-prefix=LEAST
// RUN: not lmopt-opt %s --lm-low-rank='rank=4' 2>&1 | FileCheck %s --check-prefix=STATS
// RUN: not lmopt-opt %s --lm-low-rank='rank=4 stats=%s' 2>&1 | FileCheck %s --check-prefix=FILE
// RUN: not lmopt-opt %s --lm-low-rank='method=plain rank=4 damping=0' 2>&1 | FileCheck %s --check-prefix=DAMPING
// RUN: not lmopt-opt %s --lm-low-rank='method=plain rank=4 alpha=2' 2>&1 | FileCheck %s --check-prefix=ALPHA
// RUN: not lmopt-opt %s --lm-low-rank='method=plain rank=4 layers=layer.*' 2>&1 | FileCheck %s --check-prefix=NOTHING

// METHOD: error: lm-low-rank: option 'method' must be whitened, plain or asvd, found 'guess'
// NEITHER: error: lm-low-rank: option 'ratio' must be between 0 and 1, found 0.0{{.*}}; or give a 'rank'
// BOTH: error: lm-low-rank: option 'rank' and 'ratio' were both given; expected one of them
// ZERO: error: lm-low-rank: option 'rank' must be at least 1, found 0
// PAYS: lm-low-rank: option 'rank': 8 for 'layers.0.attn.q' of 16x16 costs no less than the linear itself; expected less than 8, or its name among those to 'skip'
// RATIO: error: lm-low-rank: option 'ratio' must be between 0 and 1, found 1.5
// MULTIPLE: error: lm-low-rank: option 'multiple' must be at least 1, found 0
// BUDGET: error: lm-low-rank: option 'budget' must be uniform or global, found 'some'
// SHARED: error: lm-low-rank: option 'budget=global' shares out a 'ratio'; it cannot go with 'rank'
// LEAST: error: lm-low-rank: option 'ratio': {{.*}} of the products is more than goes with ranks of 1, the least 'multiple'
// STATS: error: lm-low-rank: option 'stats' is missing; expected a file made by `lmopt calibrate`
// FILE: error: statistics: {{.*}}options-invalid.mlir
// DAMPING: error: lm-low-rank: option 'damping' must be positive, found 0
// ALPHA: error: lm-low-rank: option 'alpha' must be above 0 and at most 1, found 2
// NOTHING: error: option 'layers': pattern 'layer.*' matches none of the 1 linears of this model; the first is 'layers.0.attn.q'
lm.param @q : tensor<16x16xf32> = dense<2.0>
func.func @forward(%x: tensor<?x?x16xf32>) -> tensor<?x?x16xf32> {
  %q = lm.linear %x, @q : (tensor<?x?x16xf32>) -> tensor<?x?x16xf32> loc("layers.0.attn.q")
  return %q : tensor<?x?x16xf32>
}
