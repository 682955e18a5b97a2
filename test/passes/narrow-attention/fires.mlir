// Keys and values become bf16, once.
// RUN: lmopt-opt %s --lm-narrow-attention | FileCheck %s
// RUN: lmopt-opt %s --lm-narrow-attention --remarks-filter=lm-narrow-attention -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-narrow-attention > %t.once
// RUN: lmopt-opt %s --lm-narrow-attention --lm-narrow-attention > %t.twice
// RUN: diff %t.once %t.twice

// REMARK: [Passed] NarrowedAttention | Category:lm-narrow-attention | Op=layers.0.attn

// CHECK-LABEL: func.func @decode
// CHECK: lm.attention {{.*}} as bf16
func.func @decode(%q: tensor<?x?x4xf32>, %kv: tensor<?x?x4xf32>, %cache: !lm.cache) -> tensor<?x?x4xf32> {
  %y, %c = lm.attention %q, %kv, %kv, %cache {layer = 0, heads = 1, kv_heads = 1, scale = 0.5, mask = #lm.causal}
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x4xf32>, !lm.cache)
      loc("layers.0.attn")
  return %y : tensor<?x?x4xf32>
}
