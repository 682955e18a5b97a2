// What GPUs have no code for is refused by name, at the op.
// RUN: lmopt-opt %s --split-input-file --verify-diagnostics --plan-form-steps --ptx-choose-layouts

module attributes {lm.config = {architecture = "llama", vocabulary = 24 : i64, max_positions = 128 : i64}} {
  lm.param @embed.weight : tensor<24x12xf32> = dense<0.5>
  lm.param @q.weight : tensor<12x12xf32> = dense<0.25>
  func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x12xf32>, !lm.cache) {
    %x = lm.embedding %ids, @embed.weight : (tensor<?x?xi32>) -> tensor<?x?x12xf32>
    %q = lm.linear %x, @q.weight : (tensor<?x?x12xf32>) -> tensor<?x?x12xf32>
    // expected-error @+1 {{heads of 12 numbers are not supported on GPUs; use a multiple of 8 up to 256}}
    %a, %c = lm.attention %q, %q, %q, %cache {layer = 0, heads = 1, kv_heads = 1, scale = 0.35, mask = #lm.causal} : (tensor<?x?x12xf32>, tensor<?x?x12xf32>, tensor<?x?x12xf32>, !lm.cache) -> (tensor<?x?x12xf32>, !lm.cache)
    return %a, %c : tensor<?x?x12xf32>, !lm.cache
  }
}

// -----

module attributes {lm.config = {architecture = "bert", vocabulary = 24 : i64, max_positions = 128 : i64}} {
  lm.param @embed.weight : tensor<24x48xf32> = dense<0.5>
  lm.param @w : !lm.grouped<16x48, bits = 4, group = 48> = #lm.quantize_groups<dense<0.5> : tensor<16x48xf32>, bits = 4, group = 48>
  func.func @encode(%ids: tensor<?x?xi32>, %len: tensor<?xi32>) -> tensor<?x16xf32> {
    %x = lm.embedding %ids, @embed.weight : (tensor<?x?xi32>) -> tensor<?x?x48xf32>
    // expected-error @+1 {{groups of 48 are not supported on GPUs; use 16, 32, 64 or 128}}
    %c = lm.quantize_groups %x : (tensor<?x?x48xf32>) -> !lm.codes<?x?x48, s8, group = 48>
    %y = lm.grouped_linear %c, @w : (!lm.codes<?x?x48, s8, group = 48>) -> tensor<?x?x16xf32>
    %p = lm.pool %y, %len {kind = mean} : (tensor<?x?x16xf32>, tensor<?xi32>) -> tensor<?x16xf32>
    return %p : tensor<?x16xf32>
  }
}

// -----

module attributes {lm.config = {architecture = "bert", vocabulary = 24 : i64, max_positions = 128 : i64}} {
  lm.param @embed.weight : !lm.grouped<24x48, bits = 4, group = 48> = #lm.quantize_groups<dense<0.5> : tensor<24x48xf32>, bits = 4, group = 48>
  func.func @encode(%ids: tensor<?x?xi32>, %len: tensor<?xi32>) -> tensor<?x48xf32> {
    // expected-error @+1 {{matrices of !lm.grouped<24x48, bits = 4, group = 48> are not supported on GPUs (param 'embed.weight'); use groups of 16, 32, 64, 128 or 256}}
    %x = lm.embedding %ids, @embed.weight : (tensor<?x?xi32>) -> tensor<?x?x48xf32>
    %p = lm.pool %x, %len {kind = mean} : (tensor<?x?x48xf32>, tensor<?xi32>) -> tensor<?x48xf32>
    return %p : tensor<?x48xf32>
  }
}

// -----

module attributes {lm.config = {architecture = "bert", vocabulary = 16 : i64, max_positions = 128 : i64}} {
  lm.param @embed.weight : !lm.sparse_int8<16x8, block = 16x4, stored = 2> = #lm.store_sparse<#lm.quantize_rows<dense<0.5> : tensor<16x8xf32>>, block = 16x4>
  func.func @encode(%ids: tensor<?x?xi32>, %len: tensor<?xi32>) -> tensor<?x8xf32> {
    // expected-error @+1 {{rows of a sparse table cannot be looked up (param 'embed.weight'); store it as !lm.int8}}
    %x = lm.embedding %ids, @embed.weight : (tensor<?x?xi32>) -> tensor<?x?x8xf32>
    %p = lm.pool %x, %len {kind = mean} : (tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
    return %p : tensor<?x8xf32>
  }
}

// -----

module attributes {lm.config = {architecture = "bert", vocabulary = 16 : i64, max_positions = 128 : i64}} {
  lm.param @embed.weight : tensor<16x8xf32> = dense<0.5>
  lm.param @w : tensor<3x8xf32> = dense<0.25>
  lm.param @u : !lm.int8<3x8> = #lm.quantize_rows<dense<0.25> : tensor<3x8xf32>>
  func.func @encode(%ids: tensor<?x?xi32>, %len: tensor<?xi32>) -> tensor<?x8xf32> {
    %x = lm.embedding %ids, @embed.weight : (tensor<?x?xi32>) -> tensor<?x?x8xf32>
    // expected-error @+1 {{trees of neurons with rows of fewer bits beside those that decide are not supported on GPUs}}
    %y = lm.neuron_tree %x, @w to @w by @u {kind = gelu} : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
    %p = lm.pool %y, %len {kind = mean} : (tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
    return %p : tensor<?x8xf32>
  }
}

// -----

module attributes {lm.config = {architecture = "bert", vocabulary = 16 : i64, max_positions = 128 : i64}} {
  lm.param @embed.weight : tensor<16x32xf32> = dense<0.5>
  lm.param @router : tensor<2x32xf32> = dense<0.25>
  lm.param @w : !lm.grouped<64x32, bits = 4, group = 32> = #lm.quantize_groups<dense<0.25> : tensor<64x32xf32>, bits = 4, group = 32>
  func.func @encode(%ids: tensor<?x?xi32>, %len: tensor<?xi32>) -> tensor<?x32xf32> {
    %x = lm.embedding %ids, @embed.weight : (tensor<?x?xi32>) -> tensor<?x?x32xf32>
    %s = lm.linear %x, @router : (tensor<?x?x32xf32>) -> tensor<?x?x2xf32>
    %g = lm.top_gates %s {count = 1, softmax = "chosen"} : tensor<?x?x2xf32>
    %q = lm.quantize_groups %x : (tensor<?x?x32xf32>) -> !lm.codes<?x?x32, s8, group = 32>
    // expected-error @+1 {{op 'lm.grouped_experts' has no kernel for NVIDIA GPUs; leave experts in f32: with the recipe int8, bf16 or f32, or with the option skip of lm-quantize-groups and lm-keep-native}}
    %y = lm.grouped_experts %q by %g, @w to @w {kind = silu} : (!lm.codes<?x?x32, s8, group = 32>, tensor<?x?x2xf32>) -> tensor<?x?x32xf32>
    %p = lm.pool %y, %len {kind = mean} : (tensor<?x?x32xf32>, tensor<?xi32>) -> tensor<?x32xf32>
    return %p : tensor<?x32xf32>
  }
}
