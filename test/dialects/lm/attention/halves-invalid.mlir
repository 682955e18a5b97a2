// RUN: lmopt-opt %s -split-input-file -verify-diagnostics

func.func @cache_append_c1_both(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C1: expected either a cache (decoder) or lengths (encoder)}}
  %kept = lm.cache_append %k, %v, %c lengths %n {layer = 0, kv_heads = 1} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache, tensor<?xi32>) -> !lm.cache
  return
}

// -----

func.func @cache_append_c1_neither(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C1: expected either a cache (decoder) or lengths (encoder)}}
  %kept = lm.cache_append %k, %v {layer = 0, kv_heads = 1} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>) -> !lm.cache
  return
}

// -----

func.func @cache_append_c2_key(%q: tensor<?x?x8xf32>, %k: tensor<?x?x5xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C2: 2 kv_heads do not divide the widths 5 of key and 6 of value}}
  %kept = lm.cache_append %k, %v, %c {layer = 0, kv_heads = 2} : (tensor<?x?x5xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  return
}

// -----

func.func @cache_append_c2_value(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C2: 4 kv_heads do not divide the widths 4 of key and 6 of value}}
  %kept = lm.cache_append %k, %v, %c {layer = 0, kv_heads = 4} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  return
}

// -----

func.func @cache_append_c2_none(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C2: 0 kv_heads do not divide the widths 4 of key and 6 of value}}
  %kept = lm.cache_append %k, %v, %c {layer = 0, kv_heads = 0} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  return
}

// -----

func.func @cache_append_c3_sequence(%q: tensor<?x?x8xf32>, %k: tensor<?x2x4xf32>, %v: tensor<?x3x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C3: batch and sequence of 'tensor<?x2x4xf32>' and 'tensor<?x3x6xf32>' disagree}}
  %kept = lm.cache_append %k, %v, %c {layer = 0, kv_heads = 1} : (tensor<?x2x4xf32>, tensor<?x3x6xf32>, !lm.cache) -> !lm.cache
  return
}

// -----

func.func @cache_append_c3_lengths(%q: tensor<?x?x8xf32>, %k: tensor<2x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<3xi32>) {
  // expected-error@+1 {{C3: the batch of 'tensor<2x?x4xf32>' and 'tensor<3xi32>' disagree}}
  %kept = lm.cache_append %k, %v lengths %n {layer = 0, kv_heads = 1} : (tensor<2x?x4xf32>, tensor<?x?x6xf32>, tensor<3xi32>) -> !lm.cache
  return
}

// -----

func.func @cache_append_c4_layer(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C4: expected a layer from 0 to 65535, but found 65536}}
  %kept = lm.cache_append %k, %v, %c {layer = 65536, kv_heads = 1} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  return
}

// -----

func.func @cache_append_c5_rope(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C5: rope turns 6 numbers, but a head has 4}}
  %kept = lm.cache_append %k, %v, %c {layer = 0, kv_heads = 1, rope = #lm.rope<base = 1.0e4, dims = 6, layout = half>} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  return
}

// -----

func.func @cache_append_c6_element(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C6: expected f32, bf16 or i8 behind `as`, but found 'i16'}}
  %kept = lm.cache_append %k, %v, %c {layer = 0, kv_heads = 1} as i16 : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  return
}

// -----

func.func @cache_append_c6_odd_bf16(%q: tensor<?x?x8xf32>, %k: tensor<?x?x3xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C6: bf16 needs heads of even width, but found 3}}
  %kept = lm.cache_append %k, %v, %c {layer = 0, kv_heads = 1} as bf16 : (tensor<?x?x3xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  return
}

// -----

func.func @cache_append_c6_wide_i8(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x513xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C6: i8 needs heads of at most 512, but found 513}}
  %kept = lm.cache_append %k, %v, %c {layer = 0, kv_heads = 1} as i8 : (tensor<?x?x4xf32>, tensor<?x?x513xf32>, !lm.cache) -> !lm.cache
  return
}

// -----

func.func @cache_append_c7_appended_twice(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C7: the cache is used by another op than lm.attend, or read later}}
  %kept = lm.cache_append %k, %v, %c {layer = 0, kv_heads = 1} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  %other = lm.cache_append %k, %v, %c {layer = 0, kv_heads = 1} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  return
}

// -----

func.func @cache_append_c7_used_by_attention(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C7: the cache is used by another op than lm.attend, or read later}}
  %kept = lm.cache_append %k, %v, %c {layer = 0, kv_heads = 1} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  %y, %next = lm.attention %q, %k, %v, %c {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> (tensor<?x?x12xf32>, !lm.cache)
  return
}

// -----

func.func @cache_append_c7_read_later(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  %one = lm.cache_append %k, %v, %c {layer = 0, kv_heads = 1} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  // expected-error@+1 {{C7: the cache is used by another op than lm.attend, or read later}}
  %two = lm.cache_append %k, %v, %one {layer = 0, kv_heads = 1} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  %y = lm.attend %q, %one {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @cache_append_c8_of_lengths(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  %kept = lm.cache_append %k, %v lengths %n {layer = 0, kv_heads = 1} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, tensor<?xi32>) -> !lm.cache
  // expected-error@+1 {{C8: the cache was made of lengths, so no rows can follow}}
  %more = lm.cache_append %k, %v, %kept {layer = 1, kv_heads = 1} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  return
}

// -----

func.func @attend_c1_query(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C1: 3 heads do not divide the widths 8 of query and 12 of result}}
  %y = lm.attend %q, %c {layer = 0, heads = 3, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attend_c1_result(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C1: 2 heads do not divide the widths 8 of query and 9 of result}}
  %y = lm.attend %q, %c {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x9xf32>
  return
}

// -----

func.func @attend_c1_none(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C1: 0 heads do not divide the widths 8 of query and 12 of result}}
  %y = lm.attend %q, %c {layer = 0, heads = 0, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attend_c2_kv_heads(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C2: 4 kv_heads do not divide the 2 heads}}
  %y = lm.attend %q, %c {layer = 0, heads = 2, kv_heads = 4, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attend_c2_negative(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C2: -1 kv_heads do not divide the 2 heads}}
  %y = lm.attend %q, %c {layer = 0, heads = 2, kv_heads = -1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attend_c3_result(%q: tensor<?x2x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C3: batch and sequence of 'tensor<?x2x8xf32>' and 'tensor<?x3x12xf32>' disagree}}
  %y = lm.attend %q, %c {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x2x8xf32>, !lm.cache) -> tensor<?x3x12xf32>
  return
}

// -----

func.func @attend_c3_lengths(%q: tensor<2x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<3xi32>) {
  // expected-error@+1 {{C3: the batch of 'tensor<2x?x8xf32>' and 'tensor<3xi32>' disagree}}
  %y = lm.attend %q, %c lengths %n {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<2x?x8xf32>, !lm.cache, tensor<3xi32>) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attend_c4_layer(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C4: expected a layer from 0 to 65535, but found -1}}
  %y = lm.attend %q, %c {layer = -1, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attend_c5_rope(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C5: rope turns 6 numbers, but a head has 4}}
  %y = lm.attend %q, %c {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal, rope = #lm.rope<base = 1.0e4, dims = 6, layout = half>} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attend_c6_scale(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C6: expected a finite scale, but found}}
  %y = lm.attend %q, %c {layer = 0, heads = 2, kv_heads = 1, scale = 0x7FF0000000000000, mask = #lm.causal} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attend_c7_mask(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C7: without lengths the mask must be #lm.causal, but is #lm.full}}
  %y = lm.attend %q, %c {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.full} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attend_c8_element(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C8: expected f32, bf16 or i8 behind `as`, but found 'i16'}}
  %y = lm.attend %q, %c {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} as i16 : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attend_c8_odd_bf16(%q: tensor<?x?x6xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C8: bf16 needs heads of even width, but found 3}}
  %y = lm.attend %q, %c {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} as bf16 : (tensor<?x?x6xf32>, !lm.cache) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attend_c8_wide_i8(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C8: i8 needs heads of at most 512, but found 513}}
  %y = lm.attend %q, %c {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal} as i8 : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x513xf32>
  return
}

// -----

func.func @attend_c9_layer(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-note@+1 {{the cache is made here}}
  %kept = lm.cache_append %k, %v, %c {layer = 0, kv_heads = 1} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  // expected-error@+1 {{C9: expected the layer, kv_heads, rope, project and `as` of the op that made the cache}}
  %y = lm.attend %q, %kept {layer = 1, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attend_c9_kv_heads(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-note@+1 {{the cache is made here}}
  %kept = lm.cache_append %k, %v, %c {layer = 0, kv_heads = 2} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  // expected-error@+1 {{C9: expected the layer, kv_heads, rope, project and `as` of the op that made the cache}}
  %y = lm.attend %q, %kept {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attend_c9_rope(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-note@+1 {{the cache is made here}}
  %kept = lm.cache_append %k, %v, %c {layer = 0, kv_heads = 1, rope = #lm.rope<base = 1.0e4, dims = 4, layout = half>} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  // expected-error@+1 {{C9: expected the layer, kv_heads, rope, project and `as` of the op that made the cache}}
  %y = lm.attend %q, %kept {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal, rope = #lm.rope<base = 1.0e5, dims = 4, layout = half>} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attend_c9_no_rope(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-note@+1 {{the cache is made here}}
  %kept = lm.cache_append %k, %v, %c {layer = 0, kv_heads = 1, rope = #lm.rope<base = 1.0e4, dims = 4, layout = half>} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  // expected-error@+1 {{C9: expected the layer, kv_heads, rope, project and `as` of the op that made the cache}}
  %y = lm.attend %q, %kept {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attend_c9_element(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-note@+1 {{the cache is made here}}
  %kept = lm.cache_append %k, %v, %c {layer = 0, kv_heads = 1} as bf16 : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  // expected-error@+1 {{C9: expected the layer, kv_heads, rope, project and `as` of the op that made the cache}}
  %y = lm.attend %q, %kept {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} as i8 : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attend_c9_layer_of_attention(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-note@+1 {{the cache is made here}}
  %y0, %next = lm.attention %q, %k, %v, %c {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> (tensor<?x?x12xf32>, !lm.cache)
  // expected-error@+1 {{C9: expected the layer, kv_heads, rope, project and `as` of the op that made the cache}}
  %y = lm.attend %q, %next {layer = 1, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attend_c10_keys(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-note@+1 {{the cache is made here}}
  %kept = lm.cache_append %k, %v, %c {layer = 0, kv_heads = 1} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  // expected-error@+1 {{C10: heads of the query and result have widths 8 and 12, those of the keys and values 4 and 6}}
  %y = lm.attend %q, %kept {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attend_c10_values(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-note@+1 {{the cache is made here}}
  %kept = lm.cache_append %k, %v, %c {layer = 0, kv_heads = 1} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  // expected-error@+1 {{C10: heads of the query and result have widths 4 and 4, those of the keys and values 4 and 6}}
  %y = lm.attend %q, %kept {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x8xf32>
  return
}

// -----

func.func @attend_c11_no_lengths(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-note@+1 {{the cache is made here}}
  %kept = lm.cache_append %k, %v lengths %n {layer = 0, kv_heads = 1} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, tensor<?xi32>) -> !lm.cache
  // expected-error@+1 {{C11: expected the lengths and the batch of the op that made the cache}}
  %y = lm.attend %q, %kept {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attend_c11_lengths(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-note@+1 {{the cache is made here}}
  %kept = lm.cache_append %k, %v, %c {layer = 0, kv_heads = 1} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  // expected-error@+1 {{C11: expected the lengths and the batch of the op that made the cache}}
  %y = lm.attend %q, %kept lengths %n {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, !lm.cache, tensor<?xi32>) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attend_c11_batch(%q: tensor<3x?x8xf32>, %k: tensor<2x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-note@+1 {{the cache is made here}}
  %kept = lm.cache_append %k, %v, %c {layer = 0, kv_heads = 1} : (tensor<2x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  // expected-error@+1 {{C11: expected the lengths and the batch of the op that made the cache}}
  %y = lm.attend %q, %kept {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<3x?x8xf32>, !lm.cache) -> tensor<3x?x12xf32>
  return
}

// -----

func.func @attend_c11_sequence(%q: tensor<?x3x8xf32>, %k: tensor<?x2x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-note@+1 {{the cache is made here}}
  %kept = lm.cache_append %k, %v lengths %n {layer = 0, kv_heads = 1} : (tensor<?x2x4xf32>, tensor<?x?x6xf32>, tensor<?xi32>) -> !lm.cache
  // expected-error@+1 {{C11: expected the lengths and the batch of the op that made the cache}}
  %y = lm.attend %q, %kept lengths %n {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x3x8xf32>, !lm.cache, tensor<?xi32>) -> tensor<?x3x12xf32>
  return
}

// -----

func.func @attention_c10_read_later(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  %one = lm.cache_append %k, %v, %c {layer = 0, kv_heads = 1} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  // expected-error@+1 {{C10: the cache is used more than once}}
  %y0, %two = lm.attention %q, %k, %v, %one {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> (tensor<?x?x12xf32>, !lm.cache)
  %y = lm.attend %q, %one {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  return
}

// -----

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

// -----

// What stands behind is not asked: it has not been verified.
func.func @maker_behind(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache) {
  // expected-error@+1 {{operand #1 does not dominate this use}}
  %y = lm.attend %q, %kept {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  // expected-note@+1 {{operand defined here (op in the same block)}}
  %kept = lm.cache_append %k, %v, %c {layer = 1, kv_heads = 1} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> !lm.cache
  return
}

// -----

func.func @attend_c12_sum(%q: tensor<?x?x12xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C12: expected groups for 2 kv_heads with 3 heads together, but found 2 with 2}}
  %y = lm.attend %q, %c lengths %n {layer = 0, heads = 3, kv_heads = 2 groups = [1, 1], scale = 1.0, mask = #lm.full} : (tensor<?x?x12xf32>, !lm.cache, tensor<?xi32>) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @append_c9_cache(%k: tensor<?x?x4xf32>, %c: !lm.cache) {
  // expected-error@+1 {{C9: expected project with lengths and without rope, the keys of an encoder}}
  %kept = lm.cache_append %k, %k, %c {layer = 0, kv_heads = 1 project = #lm.projection<means, rank = 2>} : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> !lm.cache
  return
}

// -----

func.func @append_c10_none(%k: tensor<?x?x4xf32>, %n: tensor<?xi32>) {
  // expected-error@+1 {{C10: expected `by` and the two matrices with a learned projection only}}
  %kept = lm.cache_append %k, %k lengths %n {layer = 0, kv_heads = 1 project = #lm.projection<learned, rank = 2>} : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?xi32>) -> !lm.cache
  return
}

// -----

lm.param @e : !lm.int8<2x4> = #lm.quantize_rows<dense<1.0> : tensor<2x4xf32>>
func.func @append_c10_codes(%k: tensor<?x?x4xf32>, %n: tensor<?xi32>) {
  // expected-error@+1 {{C10: @e must be an f32 matrix, but is '!lm.int8<2x4>'}}
  %kept = lm.cache_append %k, %k lengths %n {layer = 0, kv_heads = 1 project = #lm.projection<learned, rank = 2> by @e, @e} : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?xi32>) -> !lm.cache
  return
}

// -----

lm.param @e : tensor<2x4xf32> = dense<1.0>
func.func @append_c11_length(%k: tensor<1x5x4xf32>, %n: tensor<1xi32>) {
  // expected-error@+1 {{C11: a sequence of 5 is longer than the 4 columns of @e}}
  %kept = lm.cache_append %k, %k lengths %n {layer = 0, kv_heads = 1 project = #lm.projection<learned, rank = 2> by @e, @e} : (tensor<1x5x4xf32>, tensor<1x5x4xf32>, tensor<1xi32>) -> !lm.cache
  return
}

// -----

func.func @attend_c9_project(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %n: tensor<?xi32>) {
  // expected-note@+1 {{the cache is made here}}
  %kept = lm.cache_append %k, %v lengths %n {layer = 0, kv_heads = 1 project = #lm.projection<means, rank = 2>} : (tensor<?x?x4xf32>, tensor<?x?x6xf32>, tensor<?xi32>) -> !lm.cache
  // expected-error@+1 {{C9: expected the layer, kv_heads, rope, project and `as` of the op that made the cache}}
  %y = lm.attend %q, %kept lengths %n {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.full} : (tensor<?x?x8xf32>, !lm.cache, tensor<?xi32>) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attend_c13_lengths(%q: tensor<?x?x8xf32>, %c: !lm.cache) {
  // expected-error@+1 {{C13: expected project with lengths and without rope, the keys of an encoder}}
  %y = lm.attend %q, %c {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal project = #lm.projection<means, rank = 2>} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attend_c13_mask(%q: tensor<?x?x8xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C13: with project the mask must be #lm.full, but is #lm.causal}}
  %y = lm.attend %q, %c lengths %n {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal project = #lm.projection<means, rank = 2>} : (tensor<?x?x8xf32>, !lm.cache, tensor<?xi32>) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attend_c14_cap(%q: tensor<?x?x8xf32>, %cache: !lm.cache) {
  // expected-error@+1 {{C14: expected a finite cap > 0, but found 0.0}}
  %y = lm.attend %q, %cache {layer = 0, heads = 1, kv_heads = 1, scale = 1.0 soft_cap = 0.0, mask = #lm.causal} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x8xf32>
  return
}

// -----

func.func @attend_c15_slopes(%q: tensor<?x?x8xf32>, %cache: !lm.cache) {
  // expected-error@+1 {{C15: expected a slope for each of 1 heads, but found 2}}
  %y = lm.attend %q, %cache {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal bias = #lm.alibi<slopes = [1.0, 0.5]>} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x8xf32>
  return
}

// -----

lm.param @t : tensor<1x2xf32> = dense<1.0>
func.func @attend_c15_table(%q: tensor<?x?x8xf32>, %cache: !lm.cache) {
  // expected-error@+1 {{C15: expected 1 rows and an odd number of columns, one for each distance from -D to D, but @t is 1x2}}
  %y = lm.attend %q, %cache {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal bias = @t} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x8xf32>
  return
}

// -----

func.func @attend_c16(%q: tensor<?x?x8xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C16: rows of a projection have no position that a bias could be of}}
  %y = lm.attend %q, %c lengths %n {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.full bias = #lm.alibi<slopes = [1.0]> project = #lm.projection<means, rank = 2>} : (tensor<?x?x8xf32>, !lm.cache, tensor<?xi32>) -> tensor<?x?x8xf32>
  return
}
