// Every mistake in the options is an error that says what was found.
// RUN: not lmopt-opt %s --lm-split-ffn 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not lmopt-opt %s --lm-split-ffn='experts=-1 count=1' 2>&1 | FileCheck %s --check-prefix=EXPERTS
// RUN: not lmopt-opt %s --lm-split-ffn='experts=4 count=-1' 2>&1 | FileCheck %s --check-prefix=COUNT
// RUN: not lmopt-opt %s --lm-split-ffn='experts=4 share=1.5' 2>&1 | FileCheck %s --check-prefix=SHARE
// RUN: not lmopt-opt %s --lm-split-ffn='experts=4 count=1 share=0.5' 2>&1 | FileCheck %s --check-prefix=BOTH
// RUN: not lmopt-opt %s --lm-split-ffn='experts=4 count=5' 2>&1 | FileCheck %s --check-prefix=MANY
// RUN: not lmopt-opt %s --lm-split-ffn='experts=4 count=1 router=words' 2>&1 | FileCheck %s --check-prefix=ROUTER
// RUN: not lmopt-opt %s --lm-split-ffn='experts=6 count=1 router=tree' 2>&1 | FileCheck %s --check-prefix=TREE
// RUN: not lmopt-opt %s --lm-split-ffn='experts=1 count=1 router=tree' 2>&1 | FileCheck %s --check-prefix=ONE
// RUN: not lmopt-opt %s --lm-split-ffn='experts=4 count=1 most=0' 2>&1 | FileCheck %s --check-prefix=MOST
// RUN: not lmopt-opt %s --lm-split-ffn='experts=4 count=1 limit=-1' 2>&1 | FileCheck %s --check-prefix=LIMIT
// RUN: not lmopt-opt %s --lm-split-ffn='experts=8 count=1' 2>&1 | FileCheck %s --check-prefix=DIVIDE
// RUN: not lmopt-opt %s --lm-split-ffn='experts=4 count=1 layers=decoder.*' 2>&1 | FileCheck %s --check-prefix=NOTHING
// RUN: not lmopt-opt %s --lm-split-ffn='experts=4 count=1 stats=%t.absent' 2>&1 | FileCheck %s --check-prefix=ABSENT
// RUN: not lmopt-opt %s --lm-split-ffn='experts=4 count=1 most=1 pays=false' 2>&1 | FileCheck %s --check-prefix=WEIGHT

// NONE: error: lm-split-ffn: option 'count' or 'share' must say how many experts are used; only with 'stats' is it known what keeps 'limit'
// EXPERTS: error: lm-split-ffn: option 'experts' must not be negative, found -1
// COUNT: error: lm-split-ffn: option 'count' must be from 1 to the number of experts (0: as few as keep 'limit'), found -1
// MANY: error: lm-split-ffn: option 'count' must be from 1 to the number of experts (0: as few as keep 'limit'), found 5
// SHARE: error: lm-split-ffn: option 'share' must be above 0 and at most 1, found {{1.5|1.500000e\+00}}
// BOTH: error: lm-split-ffn: option 'count' and 'share' both say how many experts are used; give one of them
// ROUTER: error: lm-split-ffn: option 'router' must be means or tree, found 'words'
// TREE: error: lm-split-ffn: option 'experts' must be a power of two from 2 on for a tree, found 6
// ONE: error: lm-split-ffn: option 'experts' must be a power of two from 2 on for a tree, found 1
// MOST: error: lm-split-ffn: option 'most' must be above 0 and at most 1, found 0
// LIMIT: error: lm-split-ffn: option 'limit' must not be negative, found -1
// DIVIDE: error: lm-split-ffn: option 'experts': 8 do not divide the 12 neurons of 'layers.0.ffn.down'; expected a divisor, or its name among those to 'skip'
// NOTHING: error: option 'layers': pattern 'decoder.*' matches none of the 2 linears
// ABSENT: error: statistics: {{.*}}absent
// WEIGHT: error: {{.*}}missing.gguf
lm.param @up : tensor<12x2xf32> = #lm.gguf<"missing.gguf", "up", f32>
lm.param @down : tensor<2x12xf32> = #lm.gguf<"missing.gguf", "down", f32>
func.func @f(%x: tensor<?x?x2xf32>) -> tensor<?x?x2xf32> {
  %u = lm.linear %x, @up attributes {lm.part = "layers.0.ffn.up"} : (tensor<?x?x2xf32>) -> tensor<?x?x12xf32>
  %a = lm.activation %u {kind = relu} : tensor<?x?x12xf32>
  %y = lm.linear %a, @down attributes {lm.part = "layers.0.ffn.down"} : (tensor<?x?x12xf32>) -> tensor<?x?x2xf32>
  return %y : tensor<?x?x2xf32>
}
