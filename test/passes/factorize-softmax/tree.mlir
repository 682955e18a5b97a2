// A decoder whose logits come by a tree already (method=tree needs statistics: test/unit/models/TreeSoftmaxTest.cpp) gets a function that
// scores words that are known, in each format that scores of nodes have; the artifact gets an entry for it.
// RUN: lmopt-opt %s --lm-factorize-softmax=method=scores | FileCheck %s --check-prefixes=CHECK,FLOATS
// RUN: lmopt-opt %s --lm-narrow-weights=layers=head --lm-factorize-softmax=method=scores | FileCheck %s --check-prefixes=CHECK,HALVES
// RUN: lmopt-opt %s --lm-quantize-weights=layers=head --lm-factorize-softmax=method=scores | FileCheck %s --check-prefixes=CHECK,CODES
// RUN: lmopt-opt %s --lm-quantize-groups='layers=head group=32' --lm-factorize-softmax=method=scores | FileCheck %s --check-prefixes=CHECK,GROUPS
// RUN: lmopt-opt %s --lm-factorize-softmax=method=scores --remarks-filter=lm-factorize-softmax -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-factorize-softmax=method=scores > %t.once
// RUN: lmopt-opt %t.once --lm-factorize-softmax=method=scores | diff - %t.once
// RUN: lmopt-opt %s > %t.same
// RUN: lmopt-opt %t.same --lm-factorize-softmax=method=tree | diff - %t.same
// RUN: lmopt-opt %s --lm-factorize-softmax=method=scores --plan-form-steps --cpu-choose-layouts --cpu-schedule | FileCheck %s --check-prefix=PLAN
// RUN: not lmopt-opt %s --lm-factorize-softmax=count=2 2>&1 | FileCheck %s --check-prefix=GREATEST
// RUN: not lmopt-opt %s --lm-factorize-softmax=method=scores --lm-factorize-softmax=count=2 2>&1 | FileCheck %s --check-prefix=BEHIND

// REMARK: [Passed] ScoreFunction | Category:lm-factorize-softmax
// GREATEST: error: {{.*}}its logits come from classes, a tree or a preview by now; method=certified wants one product
// BEHIND: error: {{.*}}a model has one function with a body; this module has 2

module attributes {lm.config = {vocabulary = 3 : i64, max_positions = 64 : i64}} {
lm.param @table : tensor<3x32xf32> = dense<1.0>
lm.param @nodes : tensor<2x32xf32> = dense<0.5>
lm.param @nodes.bias : tensor<2xf32> = dense<0.25>

// CHECK: func.func @forward(
// CHECK: lm.tree_logits
// CHECK: func.func @score(%{{.*}}: tensor<?x?xi32>, %{{.*}}: !lm.cache, %[[T:.*]]: tensor<?x?xi32> {lm.input = "targets"}) -> (tensor<?x?x1xf32> {lm.result = "scores"}, !lm.cache)
// CHECK: %[[X:.*]] = lm.embedding
// HALVES: %[[N:.*]] = lm.narrow
// CODES: %[[N:.*]] = lm.quantize_dynamic
// GROUPS: %[[N:.*]] = lm.quantize_groups
// CHECK-NOT: lm.tree_logits
// FLOATS: %[[S:.*]] = lm.tree_score %[[X]], @nodes bias @nodes.bias of %[[T]] {tree = <left = [4, 1], right = [0, 2]>} attributes {lm.part = "head.logits.score"} : (tensor<?x?x32xf32>, tensor<?x?xi32>) -> tensor<?x?x1xf32>
// HALVES: %[[S:.*]] = lm.tree_score %[[N]], @nodes bias @nodes.bias of %[[T]] {{.*}} : (tensor<?x?x32xbf16>,
// CODES: %[[S:.*]] = lm.tree_score %[[N]], @nodes bias @nodes.bias of %[[T]] {{.*}} : (!lm.codes<?x?x32, u8>,
// GROUPS: %[[S:.*]] = lm.tree_score %[[N]], @nodes bias @nodes.bias of %[[T]] {{.*}} : (!lm.codes<?x?x32, s8, group = 32>,
// CHECK-NEXT: return %[[S]], %{{.*}}

// PLAN: plan.weight @nodes.packed = [@nodes, @nodes.bias] as #cpu.panels
// PLAN-NOT: [@nodes, @nodes.bias]
// PLAN: plan.program @prefill(
// PLAN: plan.program @decode(
// PLAN: plan.program @score({{.*}}) attributes {{.*}}input_names = ["targets"]
func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x3xf32>, !lm.cache) {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x32xf32> loc("embed")
  %s = lm.linear %x, @nodes bias @nodes.bias : (tensor<?x?x32xf32>) -> tensor<?x?x2xf32> loc("head")
  %y = lm.tree_logits %s {tree = <left = [4, 1], right = [0, 2]>} : (tensor<?x?x2xf32>) -> tensor<?x?x3xf32> loc("head.logits")
  return %y, %cache : tensor<?x?x3xf32>, !lm.cache
}
}
