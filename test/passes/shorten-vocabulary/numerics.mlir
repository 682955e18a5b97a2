// Token 4 becomes token 2: the logits of those that stay are what they were, to the bit. Logits 5, -1, 5, 4, 8 of token 4.
// RUN: split-file %s %t
// RUN: lmopt-opt %t/model.mlir --lm-interpret='entry=forward ids=4' -o /dev/null | FileCheck %s --check-prefix=BEFORE
// RUN: lmopt-opt %t/model.mlir --lm-shorten-vocabulary=tokens=%t/some --lm-interpret='entry=forward ids=2' -o /dev/null | FileCheck %s
// BEFORE: @forward: tensor<1x1x5xf32> {{\[\[\[}}5, -1, 5, 4, 8{{]]]}}
// CHECK: @forward: tensor<1x1x3xf32> {{\[\[\[}}-1, 4, 8{{]]]}}

//--- some
1 3 4

//--- model.mlir
lm.param @table : tensor<5x2xf32> = dense<[[0.0, 0.0], [9.0, 9.0], [7.0, 7.0], [5.0, 5.0], [2.0, 3.0]]>
lm.param @head : tensor<5x2xf32> = dense<[[1.0, 1.0], [1.0, -1.0], [1.0, 1.0], [2.0, 0.0], [4.0, 0.0]]>
func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x5xf32>, !lm.cache) {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x2xf32> loc("embed")
  %y = lm.linear %x, @head : (tensor<?x?x2xf32>) -> tensor<?x?x5xf32> loc("head")
  return %y, %cache : tensor<?x?x5xf32>, !lm.cache
}
