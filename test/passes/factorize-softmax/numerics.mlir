// The second result is the greatest of the first, whatever the format of the head; the first is what it was. W x = 5, -1, 5, 4,
// 8 (the last two rows scaled): of 2, the greatest and the first of two that are equal.
// RUN: lmopt-opt %s --lm-interpret='entry=forward ids=1' -o /dev/null | FileCheck %s --check-prefix=BEFORE
// RUN: lmopt-opt %s --lm-factorize-softmax=count=2 --lm-interpret='entry=forward ids=1' -o /dev/null | FileCheck %s
// RUN: lmopt-opt %s --lm-narrow-weights --lm-factorize-softmax=count=2 --lm-interpret='entry=forward ids=1' -o /dev/null | FileCheck %s

// BEFORE: @forward: tensor<1x1x5xf32> {{\[\[\[}}5, -1, 5, 4, 8{{]]]}}
// CHECK: @forward: tensor<1x1x5xf32> {{\[\[\[}}5, -1, 5, 4, 8{{]]]}}
// CHECK: @forward: tensor<1x1x5xf32> {{\[\[\[}}5, -inf, -inf, -inf, 8{{]]]}}
lm.param @table : tensor<2x2xf32> = dense<[[1.0, 1.0], [2.0, 3.0]]>
lm.param @head : tensor<5x2xf32> = dense<[[1.0, 1.0], [1.0, -1.0], [1.0, 1.0], [2.0, 0.0], [4.0, 0.0]]>
func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x5xf32>, !lm.cache) {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x2xf32> loc("embed")
  %y = lm.linear %x, @head : (tensor<?x?x2xf32>) -> tensor<?x?x5xf32> loc("head")
  return %y, %cache : tensor<?x?x5xf32>, !lm.cache
}
