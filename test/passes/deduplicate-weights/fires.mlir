// Two params with the same weight attribute become one; the users follow.
// RUN: lmopt-opt %s --lm-deduplicate-weights | FileCheck %s
// RUN: lmopt-opt %s --lm-deduplicate-weights --remarks-filter=lm-deduplicate-weights -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-deduplicate-weights > %t.once
// RUN: lmopt-opt %s --lm-deduplicate-weights --lm-deduplicate-weights > %t.twice
// RUN: diff %t.once %t.twice

// REMARK: [Passed] SharedWeight | Category:lm-deduplicate-weights | Param=head.weight, SameAs=embed.weight

// CHECK: lm.param @embed.weight
// CHECK-NOT: lm.param @head.weight
lm.param @embed.weight : tensor<4x2xf32> = #lm.gguf<"m.gguf", "token_embd.weight", f32>
lm.param @head.weight : tensor<4x2xf32> = #lm.gguf<"m.gguf", "token_embd.weight", f32>

// CHECK-LABEL: func.func @tied
// CHECK: lm.embedding {{.*}}, @embed.weight
// CHECK: lm.linear {{.*}}, @embed.weight
func.func @tied(%ids: tensor<?x?xi32>) -> tensor<?x?x4xf32> {
  %x = lm.embedding %ids, @embed.weight : (tensor<?x?xi32>) -> tensor<?x?x2xf32>
  %y = lm.linear %x, @head.weight : (tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}
