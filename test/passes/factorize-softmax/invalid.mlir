// Options out of range, and heads that have nothing to gain.
// RUN: not lmopt-opt %s --lm-factorize-softmax=method=magic 2>&1 | FileCheck %s --check-prefix=METHOD
// RUN: not lmopt-opt %s --lm-factorize-softmax=count=0 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not lmopt-opt %s --lm-factorize-softmax=count=21 2>&1 | FileCheck %s --check-prefix=MANY
// RUN: not lmopt-opt %s --lm-quantize-weights --lm-factorize-softmax=count=2 2>&1 | FileCheck %s --check-prefix=INT8
// RUN: not lmopt-opt %s --lm-quantize-groups=group=32 --lm-factorize-softmax=count=2 2>&1 | FileCheck %s --check-prefix=GROUPS

// RUN: not lmopt-opt %s --lm-factorize-softmax=method=classes 2>&1 | FileCheck %s --check-prefix=STATS
// RUN: not lmopt-opt %s --lm-factorize-softmax='method=classes stats=%t.absent' 2>&1 | FileCheck %s --check-prefix=ABSENT
// RUN: not lmopt-opt %s --lm-quantize-weights --lm-factorize-softmax=method=classes 2>&1 | FileCheck %s --check-prefix=LATE
// RUN: not lmopt-opt %s --lm-factorize-softmax=count=2 --lm-factorize-softmax=method=classes 2>&1 | FileCheck %s --check-prefix=BEHIND

// METHOD: error: lm-factorize-softmax: option 'method' must be certified, preview, classes, adaptive, tree or scores, found 'magic'
// NONE: error: lm-factorize-softmax: option 'count' must be from 1 to the 20 tokens, found 0
// MANY: error: lm-factorize-softmax: option 'count' must be from 1 to the 20 tokens, found 21
// INT8: error: {{.*}}lm-factorize-softmax: expected a head in f32 or bf16, found '!lm.int8<20x32>'; with 8 bits a number there is nothing to gain: leave this pass out
// GROUPS: error: {{.*}}lm-factorize-softmax: expected a head in f32 or bf16, found '!lm.grouped<20x32, bits = 4, group = 32>'
// STATS: error: {{.*}}lm-factorize-softmax: method 'classes' needs option 'stats', a file that `lmopt calibrate` made of this model
// ABSENT: error: {{.*}}statistics: {{.*}}.absent
// LATE: error: {{.*}}lm-factorize-softmax: expected a head in f32; method=classes comes before the passes that choose the format of weights
// BEHIND: error: {{.*}}lm-factorize-softmax: it gives its greatest logits already; method=classes comes before method=certified
lm.param @table : tensor<20x32xf32> = dense<1.0>
func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x20xf32>, !lm.cache) {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x32xf32> loc("embed")
  %y = lm.linear %x, @table : (tensor<?x?x32xf32>) -> tensor<?x?x20xf32> loc("head")
  return %y, %cache : tensor<?x?x20xf32>, !lm.cache
}
