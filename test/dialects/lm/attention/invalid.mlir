// RUN: lmopt-opt %s -split-input-file -verify-diagnostics

func.func @attention_c1_both(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x4xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C1: expected a cache among operands and results (decoder) or lengths (encoder)}}
  %y, %next = lm.attention %q, %k, %v, %c lengths %n {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache, tensor<?xi32>) -> (tensor<?x?x8xf32>, !lm.cache)
  return
}

// -----

func.func @attention_c1_neither(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x4xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C1: expected a cache among operands and results (decoder) or lengths (encoder)}}
  %y = lm.attention %q, %k, %v {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>) -> tensor<?x?x8xf32>
  return
}

// -----

func.func @attention_c1_lost_cache(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x4xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C1: expected a cache among operands and results (decoder) or lengths (encoder)}}
  %y = lm.attention %q, %k, %v, %c {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> tensor<?x?x8xf32>
  return
}

// -----

func.func @attention_c2_heads(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x4xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C2: 3 heads do not divide the query width 8}}
  %y, %next = lm.attention %q, %k, %v, %c {layer = 0, heads = 3, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache)
  return
}

// -----

func.func @attention_c2_no_heads(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x4xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C2: 0 heads do not divide the query width 8}}
  %y, %next = lm.attention %q, %k, %v, %c {layer = 0, heads = 0, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache)
  return
}

// -----

func.func @attention_c3_heads(%q: tensor<?x?x9xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x4xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C3: 2 kv_heads do not divide the 3 heads and the widths 4 of key and 4 of value}}
  %y, %next = lm.attention %q, %k, %v, %c {layer = 0, heads = 3, kv_heads = 2, scale = 1.0, mask = #lm.causal} : (tensor<?x?x9xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x9xf32>, !lm.cache)
  return
}

// -----

func.func @attention_c3_key(%q: tensor<?x?x8xf32>, %k: tensor<?x?x5xf32>, %v: tensor<?x?x4xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C3: 2 kv_heads do not divide the 2 heads and the widths 5 of key and 4 of value}}
  %y, %next = lm.attention %q, %k, %v, %c {layer = 0, heads = 2, kv_heads = 2, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, tensor<?x?x5xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache)
  return
}

// -----

func.func @attention_c3_negative(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x4xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C3: -1 kv_heads do not divide the 2 heads and the widths 4 of key and 4 of value}}
  %y, %next = lm.attention %q, %k, %v, %c {layer = 0, heads = 2, kv_heads = -1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache)
  return
}

// -----

func.func @attention_c4_widths(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x4xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C4: a head of the query has width 4, one of the key 8}}
  %y, %next = lm.attention %q, %k, %v, %c {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache)
  return
}

// -----

func.func @attention_c5_result(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C5: expected a result of width 12, but found 8}}
  %y, %next = lm.attention %q, %k, %v, %c {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache)
  return
}

// -----

func.func @attention_c6_sequence(%q: tensor<?x2x8xf32>, %k: tensor<?x3x4xf32>, %v: tensor<?x?x4xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C6: batch and sequence of 'tensor<?x2x8xf32>' and 'tensor<?x3x4xf32>' disagree}}
  %y, %next = lm.attention %q, %k, %v, %c {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x2x8xf32>, tensor<?x3x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache)
  return
}

// -----

func.func @attention_c6_lengths(%q: tensor<2x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x4xf32>, %c: !lm.cache, %n: tensor<3xi32>) {
  // expected-error@+1 {{C6: the batch of 'tensor<2x?x8xf32>' and 'tensor<3xi32>' disagree}}
  %y = lm.attention %q, %k, %v lengths %n {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<2x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<3xi32>) -> tensor<?x?x8xf32>
  return
}

// -----

func.func @attention_c7_layer(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x4xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C7: expected a layer from 0 to 65535, but found -1}}
  %y, %next = lm.attention %q, %k, %v, %c {layer = -1, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache)
  return
}

// -----

func.func @attention_c7_large(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x4xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C7: expected a layer from 0 to 65535, but found 65536}}
  %y, %next = lm.attention %q, %k, %v, %c {layer = 65536, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache)
  return
}

// -----

func.func @attention_c8_rope(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x4xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C8: rope turns 6 numbers, but a head has 4}}
  %y, %next = lm.attention %q, %k, %v, %c {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal, rope = #lm.rope<base = 1.0e4, dims = 6, layout = half>} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache)
  return
}

// -----

func.func @attention_c9_scale(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x4xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C9: expected a finite scale, but found}}
  %y, %next = lm.attention %q, %k, %v, %c {layer = 0, heads = 2, kv_heads = 1, scale = 0x7FF0000000000000, mask = #lm.causal} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache)
  return
}

// -----

func.func private @other(!lm.cache)
func.func @attention_c10_cache_twice(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x4xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C10: the cache is used more than once}}
  %y, %next = lm.attention %q, %k, %v, %c {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache)
  func.call @other(%c) : (!lm.cache) -> ()
  return
}

// -----

func.func @attention_c11_mask(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x4xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{C11: with a cache the mask must be #lm.causal, but is #lm.full}}
  %y, %next = lm.attention %q, %k, %v, %c {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.full} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache)
  return
}

// -----

func.func @attention_unknown_mask(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x4xf32>, %c: !lm.cache, %n: tensor<?xi32>) {
  // expected-error@+1 {{attribute 'mask' failed to satisfy constraint: mask pattern}}
  %y, %next = lm.attention %q, %k, %v, %c {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = "text"} : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache)
  return
}

// -----

func.func @attention_c12_element(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x4xf32>, %c: !lm.cache) {
  // expected-error@+1 {{C12: expected f32, bf16 or i8 behind `as`, but found 'i16'}}
  %y, %next = lm.attention %q, %k, %v, %c {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} as i16 : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache)
  return
}

// -----

func.func @attention_c12_odd_bf16(%q: tensor<?x?x6xf32>, %k: tensor<?x?x3xf32>, %v: tensor<?x?x3xf32>, %c: !lm.cache) {
  // expected-error@+1 {{C12: bf16 needs heads of even width, but found 3}}
  %y, %next = lm.attention %q, %k, %v, %c {layer = 0, heads = 2, kv_heads = 1, scale = 1.0, mask = #lm.causal} as bf16 : (tensor<?x?x6xf32>, tensor<?x?x3xf32>, tensor<?x?x3xf32>, !lm.cache) -> (tensor<?x?x6xf32>, !lm.cache)
  return
}

// -----

func.func @attention_c12_wide_i8(%q: tensor<?x?x513xf32>, %len: tensor<?xi32>) {
  // expected-error@+1 {{C12: i8 needs heads of at most 512, but found 513}}
  %y = lm.attention %q, %q, %q lengths %len {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.full} as i8 : (tensor<?x?x513xf32>, tensor<?x?x513xf32>, tensor<?x?x513xf32>, tensor<?xi32>) -> tensor<?x?x513xf32>
  return
}

// -----

func.func @attention_c13_count(%q: tensor<?x?x12xf32>, %k: tensor<?x?x8xf32>, %n: tensor<?xi32>) {
  // expected-error@+1 {{C13: expected groups for 2 kv_heads with 3 heads together, but found 3 with 3}}
  %y = lm.attention %q, %k, %k lengths %n {layer = 0, heads = 3, kv_heads = 2 groups = [1, 1, 1], scale = 1.0, mask = #lm.full} : (tensor<?x?x12xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attention_c13_sum(%q: tensor<?x?x12xf32>, %k: tensor<?x?x8xf32>, %n: tensor<?xi32>) {
  // expected-error@+1 {{C13: expected groups for 2 kv_heads with 3 heads together, but found 2 with 2}}
  %y = lm.attention %q, %k, %k lengths %n {layer = 0, heads = 3, kv_heads = 2 groups = [1, 1], scale = 1.0, mask = #lm.full} : (tensor<?x?x12xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attention_c13_empty(%q: tensor<?x?x12xf32>, %k: tensor<?x?x8xf32>, %n: tensor<?xi32>) {
  // expected-error@+1 {{C13: groups must be positive and at most the 3 heads together, but one has 0}}
  %y = lm.attention %q, %k, %k lengths %n {layer = 0, heads = 3, kv_heads = 2 groups = [3, 0], scale = 1.0, mask = #lm.full} : (tensor<?x?x12xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attention_c13_huge(%q: tensor<?x?x12xf32>, %k: tensor<?x?x8xf32>, %n: tensor<?xi32>) {
  // expected-error@+1 {{C13: groups must be positive and at most the 3 heads together, but one has 9223372036854775807}}
  %y = lm.attention %q, %k, %k lengths %n {layer = 0, heads = 3, kv_heads = 2 groups = [9223372036854775807, 9223372036854775807], scale = 1.0, mask = #lm.full} : (tensor<?x?x12xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x12xf32>
  return
}

// -----

func.func @attention_c14_cache(%q: tensor<?x?x8xf32>, %c: !lm.cache) {
  // expected-error@+1 {{C14: expected project with lengths and without rope, the keys of an encoder}}
  %y, %d = lm.attention %q, %q, %q, %c {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal project = #lm.projection<means, rank = 2>} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache)
  return
}

// -----

func.func @attention_c14_window(%q: tensor<?x?x8xf32>, %n: tensor<?xi32>) {
  // expected-error@+1 {{C14: with project the mask must be #lm.full, but is #lm.full<window = 3>}}
  %y = lm.attention %q, %q, %q lengths %n {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.full<window = 3> project = #lm.projection<means, rank = 2>} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x8xf32>
  return
}

// -----

func.func @attention_c14_rope(%q: tensor<?x?x8xf32>, %n: tensor<?xi32>) {
  // expected-error@+1 {{C14: expected project with lengths and without rope, the keys of an encoder}}
  %y = lm.attention %q, %q, %q lengths %n {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.full, rope = #lm.rope<base = 1.0e4, dims = 4, layout = half> project = #lm.projection<means, rank = 2>} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x8xf32>
  return
}

// -----

func.func @attention_c14_mask(%q: tensor<?x?x8xf32>, %n: tensor<?xi32>) {
  // expected-error@+1 {{C14: with project the mask must be #lm.full, but is #lm.causal}}
  %y = lm.attention %q, %q, %q lengths %n {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal project = #lm.projection<means, rank = 2>} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x8xf32>
  return
}

// -----

func.func @attention_c15_none(%q: tensor<?x?x8xf32>, %n: tensor<?xi32>) {
  // expected-error@+1 {{C15: expected `by` and the two matrices with a learned projection only}}
  %y = lm.attention %q, %q, %q lengths %n {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.full project = #lm.projection<learned, rank = 2>} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x8xf32>
  return
}

// -----

lm.param @e : tensor<2x4xf32> = dense<1.0>
func.func @attention_c15_means(%q: tensor<?x?x8xf32>, %n: tensor<?xi32>) {
  // expected-error@+1 {{C15: expected `by` and the two matrices with a learned projection only}}
  %y = lm.attention %q, %q, %q lengths %n {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.full project = #lm.projection<means, rank = 2> by @e, @e} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x8xf32>
  return
}

// -----

func.func @attention_c15_symbol(%q: tensor<?x?x8xf32>, %n: tensor<?xi32>) {
  // expected-error@+1 {{C15: there is no lm.param @e}}
  %y = lm.attention %q, %q, %q lengths %n {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.full project = #lm.projection<learned, rank = 2> by @e, @e} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x8xf32>
  return
}

// -----

lm.param @e : tensor<3x4xf32> = dense<1.0>
func.func @attention_c15_rows(%q: tensor<?x?x8xf32>, %n: tensor<?xi32>) {
  // expected-error@+1 {{C15: @e is 3x4, but expected 2 rows}}
  %y = lm.attention %q, %q, %q lengths %n {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.full project = #lm.projection<learned, rank = 2> by @e, @e} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x8xf32>
  return
}

// -----

lm.param @e : tensor<2x4xf32> = dense<1.0>
lm.param @f : tensor<2x5xf32> = dense<1.0>
func.func @attention_c15_columns(%q: tensor<?x?x8xf32>, %n: tensor<?xi32>) {
  // expected-error@+1 {{C15: @f is 2x5, but expected 2 rows and as many columns as the other}}
  %y = lm.attention %q, %q, %q lengths %n {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.full project = #lm.projection<learned, rank = 2> by @e, @f} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x8xf32>
  return
}

// -----

lm.param @e : tensor<2x4xf32> = dense<1.0>
func.func @attention_c16_length(%q: tensor<1x5x8xf32>, %n: tensor<1xi32>) {
  // expected-error@+1 {{C16: a sequence of 5 is longer than the 4 columns of @e}}
  %y = lm.attention %q, %q, %q lengths %n {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.full project = #lm.projection<learned, rank = 2> by @e, @e} : (tensor<1x5x8xf32>, tensor<1x5x8xf32>, tensor<1x5x8xf32>, tensor<1xi32>) -> tensor<1x5x8xf32>
  return
}

// -----

func.func @attention_c17_cap(%q: tensor<?x?x8xf32>, %cache: !lm.cache) {
  // expected-error@+1 {{C17: expected a finite cap > 0, but found -2.0}}
  %y, %next = lm.attention %q, %q, %q, %cache {layer = 0, heads = 1, kv_heads = 1, scale = 1.0 soft_cap = -2.0, mask = #lm.causal} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache)
  return
}

// -----

func.func @attention_c18_slopes(%q: tensor<?x?x8xf32>, %cache: !lm.cache) {
  // expected-error@+1 {{C18: expected a slope for each of 2 heads, but found 3}}
  %y, %next = lm.attention %q, %q, %q, %cache {layer = 0, heads = 2, kv_heads = 2, scale = 1.0, mask = #lm.causal bias = #lm.alibi<slopes = [1.0, 0.5, 0.25]>} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache)
  return
}

// -----

func.func @attention_c18_kind(%q: tensor<?x?x8xf32>, %cache: !lm.cache) {
  // expected-error@+1 {{attribute 'position_bias' failed to satisfy constraint: bias of positions: #lm.alibi or a table}}
  %y, %next = lm.attention %q, %q, %q, %cache {layer = 0, heads = 2, kv_heads = 2, scale = 1.0, mask = #lm.causal bias = #lm.full} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache)
  return
}

// -----

func.func @attention_c18_missing(%q: tensor<?x?x8xf32>, %n: tensor<?xi32>) {
  // expected-error@+1 {{C18: there is no lm.param @t}}
  %y = lm.attention %q, %q, %q lengths %n {layer = 0, heads = 2, kv_heads = 2, scale = 1.0, mask = #lm.full bias = @t} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x8xf32>
  return
}

// -----

lm.param @t : tensor<2x4xf32> = dense<1.0>
func.func @attention_c18_even(%q: tensor<?x?x8xf32>, %n: tensor<?xi32>) {
  // expected-error@+1 {{C18: expected 2 rows and an odd number of columns, one for each distance from -D to D, but @t is 2x4}}
  %y = lm.attention %q, %q, %q lengths %n {layer = 0, heads = 2, kv_heads = 2, scale = 1.0, mask = #lm.full bias = @t} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x8xf32>
  return
}

// -----

lm.param @t : tensor<3x5xf32> = dense<1.0>
func.func @attention_c18_rows(%q: tensor<?x?x8xf32>, %n: tensor<?xi32>) {
  // expected-error@+1 {{C18: expected 2 rows and an odd number of columns, one for each distance from -D to D, but @t is 3x5}}
  %y = lm.attention %q, %q, %q lengths %n {layer = 0, heads = 2, kv_heads = 2, scale = 1.0, mask = #lm.full bias = @t} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x8xf32>
  return
}

// -----

func.func @attention_c19(%q: tensor<?x?x8xf32>, %n: tensor<?xi32>) {
  // expected-error@+1 {{C19: rows of a projection have no position that a bias could be of}}
  %y = lm.attention %q, %q, %q lengths %n {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.full bias = #lm.alibi<slopes = [1.0]> project = #lm.projection<means, rank = 2>} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x8xf32>
  return
}
