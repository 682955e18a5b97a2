// The vector of the token type goes into the position table, whichever of the two ops comes first.
// RUN: lmopt-opt %s --lm-fold-token-type | FileCheck %s
// RUN: lmopt-opt %s --lm-fold-token-type --remarks-filter=lm-fold-token-type -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-fold-token-type > %t.once
// RUN: lmopt-opt %s --lm-fold-token-type --lm-fold-token-type > %t.twice
// RUN: diff %t.once %t.twice

// REMARK: [Passed] FoldedVector | Category:lm-fold-token-type | Op=token_type, Table=position.weight
// REMARK: [Passed] FoldedVector | Category:lm-fold-token-type | Op=after, Table=other

// CHECK-DAG: lm.param @position.weight : {{.*}} = #lm.add_to_rows<dense<1.000000e+00> : tensor<4x2xf32>, #lm.row<dense<2.000000e+00> : tensor<2x2xf32>, 0>>
// CHECK-DAG: lm.param @other : {{.*}} = #lm.add_to_rows<
// CHECK-NOT: lm.param @token_type.weight
// CHECK-NOT: lm.bias_add
lm.param @position.weight : tensor<4x2xf32> = dense<1.0>
lm.param @token_type.weight : tensor<2xf32> = #lm.row<dense<2.0> : tensor<2x2xf32>, 0>
lm.param @other : tensor<4x2xf32> = dense<3.0>
lm.param @chained : tensor<4x2xf32> = dense<4.0>
func.func @before(%x: tensor<?x?x2xf32>) -> tensor<?x?x2xf32> {
  %t = lm.bias_add %x, @token_type.weight : tensor<?x?x2xf32> loc("token_type")
  %p = lm.add_positions %t, @position.weight : tensor<?x?x2xf32>
  return %p : tensor<?x?x2xf32>
}
func.func @after(%x: tensor<?x?x2xf32>) -> tensor<?x?x2xf32> {
  %p = lm.add_positions %x, @other : tensor<?x?x2xf32>
  %t = lm.bias_add %p, @token_type.weight : tensor<?x?x2xf32> loc("after")
  return %t : tensor<?x?x2xf32>
}

// Vectors on both sides, one after another.
// CHECK-LABEL: func.func @chain
// CHECK-NEXT: lm.add_positions
// CHECK-NEXT: return
func.func @chain(%x: tensor<?x?x2xf32>) -> tensor<?x?x2xf32> {
  %s = lm.bias_add %x, @token_type.weight : tensor<?x?x2xf32>
  %t = lm.bias_add %s, @token_type.weight : tensor<?x?x2xf32>
  %p = lm.add_positions %t, @chained : tensor<?x?x2xf32>
  %u = lm.bias_add %p, @token_type.weight : tensor<?x?x2xf32>
  return %u : tensor<?x?x2xf32>
}
