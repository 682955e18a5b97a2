// What several may do with one cache: the layer is read before it is longer, and by others whenever they like.
func.func @readers(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache) -> !lm.cache {
  %one = lm.cache_append %k, %v, %c {layer = 0, kv_heads = 1} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  %a = lm.attend %q, %one {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  %b = lm.attend %q, %one {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  %two = lm.cache_append %k, %v, %one {layer = 1, kv_heads = 1} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  %d = lm.attend %q, %one {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  %y, %three = lm.attention %q, %k, %v, %two {layer = 2, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> (tensor<?x?x12xf32>, !lm.cache)
  %e = lm.attend %q, %two {layer = 1, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  %f = lm.attend %q, %three {layer = 2, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  %four = lm.cache_append %k, %v, %three {layer = 0, kv_heads = 1} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  return %four : !lm.cache
}
