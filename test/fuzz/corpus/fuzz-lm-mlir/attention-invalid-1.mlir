func.func @attention_c2_heads(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x4xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  %y, %next = lm.attention %q, %k, %v, %c {layer = 0, heads = 3, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache)
  return
}
