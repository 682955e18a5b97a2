// What a half refuses at run time: caches whose maker its function does not show.
// RUN: lmopt-opt %s --lm-interpret -split-input-file -verify-diagnostics

func.func @nothing_appended(%c: !lm.cache) -> tensor<1x2x2xf32> {
  %q = arith.constant dense<1.0> : tensor<1x2x2xf32>
  // expected-error@+1 {{the cache of layer 3 does not hold what the query reads: expected 2 or more positions of 1 sequences, keys of width 2, but found 0 of 0, width 0; append them first}}
  %y = lm.attend %q, %c {layer = 3, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<1x2x2xf32>, !lm.cache) -> tensor<1x2x2xf32>
  return %y : tensor<1x2x2xf32>
}

// -----

func.func private @append(%x: tensor<1x2x2xf32>, %c: !lm.cache) -> !lm.cache {
  %kept = lm.cache_append %x, %x, %c {layer = 0, kv_heads = 1} : (tensor<1x2x2xf32>, tensor<1x2x2xf32>, !lm.cache) -> !lm.cache
  return %kept : !lm.cache
}
func.func @keys_of_another_width(%c: !lm.cache) -> tensor<1x2x8xf32> {
  %x = arith.constant dense<1.0> : tensor<1x2x2xf32>
  %q = arith.constant dense<1.0> : tensor<1x2x8xf32>
  %kept = call @append(%x, %c) : (tensor<1x2x2xf32>, !lm.cache) -> !lm.cache
  // expected-error@+1 {{expected 2 or more positions of 1 sequences, keys of width 8, but found 2 of 1, width 2}}
  %y = lm.attend %q, %kept {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<1x2x8xf32>, !lm.cache) -> tensor<1x2x8xf32>
  return %y : tensor<1x2x8xf32>
}

// -----

func.func private @append(%x: tensor<1x2x2xf32>, %c: !lm.cache) -> !lm.cache {
  %kept = lm.cache_append %x, %x, %c {layer = 0, kv_heads = 1} : (tensor<1x2x2xf32>, tensor<1x2x2xf32>, !lm.cache) -> !lm.cache
  return %kept : !lm.cache
}
func.func @values_of_another_width(%c: !lm.cache) -> tensor<1x2x3xf32> {
  %x = arith.constant dense<1.0> : tensor<1x2x2xf32>
  %kept = call @append(%x, %c) : (tensor<1x2x2xf32>, !lm.cache) -> !lm.cache
  // expected-error@+1 {{at run time a result does not fit its type 'tensor<1x2x3xf32>'}}
  %y = lm.attend %x, %kept {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<1x2x2xf32>, !lm.cache) -> tensor<1x2x3xf32>
  return %y : tensor<1x2x3xf32>
}

// -----

func.func private @append(%x: tensor<1x2x2xf32>, %c: !lm.cache) -> !lm.cache {
  %kept = lm.cache_append %x, %x, %c {layer = 0, kv_heads = 1} : (tensor<1x2x2xf32>, tensor<1x2x2xf32>, !lm.cache) -> !lm.cache
  return %kept : !lm.cache
}
func.func @another_rope(%c: !lm.cache) -> tensor<1x2x2xf32> {
  %x = arith.constant dense<1.0> : tensor<1x2x2xf32>
  %kept = call @append(%x, %c) : (tensor<1x2x2xf32>, !lm.cache) -> !lm.cache
  // expected-error@+1 {{the keys in the cache of layer 0 are turned otherwise than the queries would be; attend with the rope of what appended them}}
  %y = lm.attend %x, %kept {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal, rope = #lm.rope<base = 1.0e4, dims = 2, layout = half>} : (tensor<1x2x2xf32>, !lm.cache) -> tensor<1x2x2xf32>
  return %y : tensor<1x2x2xf32>
}

// -----

func.func private @append(%x: tensor<1x2x2xf32>, %c: !lm.cache) -> !lm.cache {
  %kept = lm.cache_append %x, %x, %c {layer = 0, kv_heads = 1} : (tensor<1x2x2xf32>, tensor<1x2x2xf32>, !lm.cache) -> !lm.cache
  return %kept : !lm.cache
}
func.func @lengths_at_the_end(%c: !lm.cache) -> tensor<1x2x2xf32> {
  %x = arith.constant dense<1.0> : tensor<1x2x2xf32>
  %n = arith.constant dense<2> : tensor<1xi32>
  %kept = call @append(%x, %c) : (tensor<1x2x2xf32>, !lm.cache) -> !lm.cache
  // expected-error@+1 {{the cache of layer 0 was made without lengths; attend to it without them}}
  %y = lm.attend %x, %kept lengths %n {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.full} : (tensor<1x2x2xf32>, !lm.cache, tensor<1xi32>) -> tensor<1x2x2xf32>
  return %y : tensor<1x2x2xf32>
}

// -----

func.func private @ofLengths(%x: tensor<1x2x2xf32>) -> !lm.cache {
  %n = arith.constant dense<1> : tensor<1xi32>
  %kept = lm.cache_append %x, %x lengths %n {layer = 0, kv_heads = 1} : (tensor<1x2x2xf32>, tensor<1x2x2xf32>, tensor<1xi32>) -> !lm.cache
  return %kept : !lm.cache
}
func.func @rows_follow() -> !lm.cache {
  %x = arith.constant dense<1.0> : tensor<1x2x2xf32>
  %kept = call @ofLengths(%x) : (tensor<1x2x2xf32>) -> !lm.cache
  // expected-error@+1 {{the cache of layer 0 was made of lengths, so no rows can follow}}
  %more = lm.cache_append %x, %x, %kept {layer = 0, kv_heads = 1} : (tensor<1x2x2xf32>, tensor<1x2x2xf32>, !lm.cache) -> !lm.cache
  return %more : !lm.cache
}

// -----

func.func private @ofLengths(%x: tensor<1x2x2xf32>) -> !lm.cache {
  %n = arith.constant dense<1> : tensor<1xi32>
  %kept = lm.cache_append %x, %x lengths %n {layer = 0, kv_heads = 1} : (tensor<1x2x2xf32>, tensor<1x2x2xf32>, tensor<1xi32>) -> !lm.cache
  return %kept : !lm.cache
}
func.func @no_lengths_at_the_end() -> tensor<1x2x2xf32> {
  %x = arith.constant dense<1.0> : tensor<1x2x2xf32>
  %kept = call @ofLengths(%x) : (tensor<1x2x2xf32>) -> !lm.cache
  // expected-error@+1 {{the cache of layer 0 was made of lengths; attend to it with the same ones}}
  %y = lm.attend %x, %kept {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<1x2x2xf32>, !lm.cache) -> tensor<1x2x2xf32>
  return %y : tensor<1x2x2xf32>
}
