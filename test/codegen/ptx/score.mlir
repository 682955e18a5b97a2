// Scores of known words by a tree have a program and an entry of their own on GPUs: a prompt's, whose last kernel goes the way to each
// row's word; all logits are made by "prefill" alone. In each format that scores of nodes have.
// RUN: lmopt-opt %s --lm-factorize-softmax=method=scores --plan-form-steps --ptx-choose-layouts --ptx-schedule | FileCheck %s
// RUN: lmopt-opt %s --lm-quantize-groups='layers=head group=32' --lm-factorize-softmax=method=scores --plan-form-steps --ptx-choose-layouts --ptx-schedule | FileCheck %s --check-prefix=GROUPS
// RUN: lmopt-opt %s --lm-factorize-softmax=method=scores --lm-lower-to-nvptx=architecture=sm_80 | FileCheck %s --check-prefix=HOST

// CHECK-DAG: plan.weight @nodes.packed = [@nodes, @nodes.bias] as #ptx.fragments<tensor<2x32xf32>, bias = true>
// CHECK-DAG: plan.weight @[[TREE:.*]] = [] as #ptx.word_tree<
// CHECK: plan.program @prefill(
// CHECK: lm.tree_logits
// CHECK: plan.program @decode(
// CHECK: lm.tree_logits
// CHECK: plan.program @score({{.*}}input_names = ["targets"], max_positions = 64 : i64, max_rows = 512 : i64
// CHECK: plan.step kernel tokens(%{{.*}}) weights [@nodes.packed, @[[TREE]]] share panels places [#plan.place<arena at {{[0-9]+}}, 512 x 32>]
// CHECK: lm.tree_score
// CHECK-NOT: lm.tree_logits
// GROUPS: plan.program @score(
// GROUPS: lm.quantize_groups
// GROUPS: lm.tree_score {{.*}}(!lm.codes<?x?x32, s8, group = 32>
// HOST: func.func @prefill(
// HOST: func.func @decode(
// HOST: func.func @score(
// HOST: llvm.call

module attributes {lm.config = {vocabulary = 3 : i64, max_positions = 64 : i64}} {
  lm.param @table : tensor<3x32xf32> = dense<1.0>
  lm.param @nodes : tensor<2x32xf32> = dense<0.5>
  lm.param @nodes.bias : tensor<2xf32> = dense<0.25>
  func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x3xf32>, !lm.cache) {
    %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x32xf32> loc("embed")
    %s = lm.linear %x, @nodes bias @nodes.bias : (tensor<?x?x32xf32>) -> tensor<?x?x2xf32> loc("head")
    %y = lm.tree_logits %s {tree = <left = [4, 1], right = [0, 2]>} : (tensor<?x?x2xf32>) -> tensor<?x?x3xf32> loc("head.logits")
    return %y, %cache : tensor<?x?x3xf32>, !lm.cache
  }
}
