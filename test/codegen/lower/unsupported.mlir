// What code generation lacks is said at the op, with the op's own words and a remedy where there is one.
// RUN: lmopt-opt %s --split-input-file --verify-diagnostics --lm-lower-to-cpu=target-cpu=x86-64-v3

// expected-error @+1 {{code generation: expects one function, @forward (decoder) or @encode (encoder)}}
module attributes {lm.config = {vocabulary = 8 : i64, max_positions = 16 : i64}} {
}

// -----

// expected-error @+1 {{code generation: expects the module attribute lm.config (written by `lmopt import`)}}
module {
  lm.param @t : tensor<8x16xf32> = dense<0.5>
  func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x16xf32>, !lm.cache) {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    return %x, %cache : tensor<?x?x16xf32>, !lm.cache
  }
}

// -----

// expected-error @+1 {{code generation: lm.config: expects a positive integer 'max_positions'}}
module attributes {lm.config = {vocabulary = 8 : i64, max_positions = 0 : i64}} {
  lm.param @t : tensor<8x16xf32> = dense<0.5>
  func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x16xf32>, !lm.cache) {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    return %x, %cache : tensor<?x?x16xf32>, !lm.cache
  }
}

// -----

module attributes {lm.config = {vocabulary = 8 : i64, max_positions = 16 : i64}} {
  lm.param @t : tensor<8x16xf32> = dense<0.5>
  func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x16xf32>, !lm.cache) {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    // expected-error @+1 {{code generation: dynamic rope scaling turns the whole sequence otherwise with every token beyond its 15 original positions; set max_positions of lm.config to that (found 16)}}
    %a, %c = lm.attention %x, %x, %x, %cache {layer = 0, heads = 2, kv_heads = 2, scale = 0.35, mask = #lm.causal, rope = #lm.rope<base = 1.0e4, dims = 4, layout = half, scaling = #lm.rope_scaling<dynamic, factor = 2.0, original_positions = 15>>} : (tensor<?x?x16xf32>, tensor<?x?x16xf32>, tensor<?x?x16xf32>, !lm.cache) -> (tensor<?x?x16xf32>, !lm.cache)
    return %a, %c : tensor<?x?x16xf32>, !lm.cache
  }
}

// -----

module attributes {lm.config = {vocabulary = 8 : i64, max_positions = 16 : i64}} {
  lm.param @t : tensor<8x16xf32> = dense<0.5>
  func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x16xf32>, !lm.cache) {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    %a, %c = lm.attention %x, %x, %x, %cache {layer = 0, heads = 2, kv_heads = 2, scale = 0.35, mask = #lm.causal, rope = #lm.rope<base = 1.0e4, dims = 4, layout = half, scaling = #lm.rope_scaling<longrope, factor = 2.0, original_positions = 8, short_factors = [1.0, 1.0], long_factors = [2.0, 2.0]>>} : (tensor<?x?x16xf32>, tensor<?x?x16xf32>, tensor<?x?x16xf32>, !lm.cache) -> (tensor<?x?x16xf32>, !lm.cache)
    // expected-error @+1 {{code generation: rope scaling changes beyond 12 positions here and beyond 8 in another layer; they must agree}}
    %b, %d = lm.attention %x, %x, %x, %c {layer = 1, heads = 2, kv_heads = 2, scale = 0.35, mask = #lm.causal, rope = #lm.rope<base = 1.0e4, dims = 4, layout = half, scaling = #lm.rope_scaling<longrope, factor = 2.0, original_positions = 12, short_factors = [1.0, 1.0], long_factors = [2.0, 2.0]>>} : (tensor<?x?x16xf32>, tensor<?x?x16xf32>, tensor<?x?x16xf32>, !lm.cache) -> (tensor<?x?x16xf32>, !lm.cache)
    return %b, %d : tensor<?x?x16xf32>, !lm.cache
  }
}

// -----

module attributes {lm.config = {vocabulary = 8 : i64, max_positions = 16 : i64}} {
  lm.param @t : tensor<8x16xf32> = dense<0.5>
  func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x16xf32>, !lm.cache) {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    // expected-error @+1 {{code generation: interleaved rope reaches code generation; run the pass lm-normalize-rope before}}
    %a, %c = lm.attention %x, %x, %x, %cache {layer = 0, heads = 2, kv_heads = 2, scale = 0.35, mask = #lm.causal, rope = #lm.rope<base = 1.0e4, dims = 8, layout = interleaved>} : (tensor<?x?x16xf32>, tensor<?x?x16xf32>, tensor<?x?x16xf32>, !lm.cache) -> (tensor<?x?x16xf32>, !lm.cache)
    return %a, %c : tensor<?x?x16xf32>, !lm.cache
  }
}

// -----

// A product must use scale and zero point of its own codes: they travel in one row.
module attributes {lm.config = {vocabulary = 8 : i64, max_positions = 16 : i64}} {
  lm.param @t : tensor<8x16xf32> = dense<0.5>
  lm.param @w : !lm.int8<16x16> = #lm.quantize_rows<dense<0.5> : tensor<16x16xf32>>
  func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x16xf32>, !lm.cache) {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    %z = lm.add %x, %x : tensor<?x?x16xf32>
    %codes, %scale, %zero = lm.quantize_dynamic %x : (tensor<?x?x16xf32>) -> (tensor<?x?x16xui8>, tensor<?x?xf32>, tensor<?x?xi32>)
    %codes1, %scale1, %zero1 = lm.quantize_dynamic %z : (tensor<?x?x16xf32>) -> (tensor<?x?x16xui8>, tensor<?x?xf32>, tensor<?x?xi32>)
    // expected-error @+1 {{code generation: codes, scale and zero must come from one lm.quantize_dynamic}}
    %y = lm.quantized_linear %codes, %scale1, %zero1, @w : (tensor<?x?x16xui8>, tensor<?x?xf32>, tensor<?x?xi32>) -> tensor<?x?x16xf32>
    return %y, %cache : tensor<?x?x16xf32>, !lm.cache
  }
}

// -----

module attributes {lm.config = {vocabulary = 8 : i64, max_positions = 16 : i64}} {
  lm.param @t : tensor<8x1024xf32> = dense<0.5>
  func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x1024xf32>, !lm.cache) {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x1024xf32>
    // expected-error @+1 {{code generation: rotation by blocks above 512 is not supported}}
    %r = lm.rotate %x {block = 1024} : tensor<?x?x1024xf32>
    return %r, %cache : tensor<?x?x1024xf32>, !lm.cache
  }
}

// -----

module attributes {lm.config = {vocabulary = 8 : i64, max_positions = 16 : i64}} {
  lm.param @t : tensor<8x16xf32> = dense<0.5>
  func.func @encode(%ids: tensor<?x?xi32>, %len: tensor<?xi32>) -> (tensor<?x?x16xf32>, tensor<?x?x16xf32>) {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    // expected-error @+1 {{code generation: the same value is returned twice}}
    return %x, %x : tensor<?x?x16xf32>, tensor<?x?x16xf32>
  }
}

// -----

module attributes {lm.config = {vocabulary = 8 : i64, max_positions = 16 : i64}} {
  lm.param @t : tensor<8x16xf32> = dense<0.5>
  func.func @encode(%ids: tensor<?x?xi32>, %len: tensor<?xi32>) -> (tensor<?x?x16xf32>, tensor<?x?x16xf32>) {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    %y = lm.add %x, %x : tensor<?x?x16xf32>
    // expected-error @+1 {{code generation: two results are called 'token_embeddings'; name them by the attribute lm.result}}
    return %x, %y : tensor<?x?x16xf32>, tensor<?x?x16xf32>
  }
}

// -----

module attributes {lm.config = {vocabulary = 8 : i64, max_positions = 16 : i64}} {
  lm.param @t : tensor<8x16xf32> = dense<0.5>
  func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x16xf32>, !lm.cache) {
    // expected-error @+1 {{code generation: op 'arith.constant' is not supported}}
    %c = arith.constant 1 : i32
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    return %x, %cache : tensor<?x?x16xf32>, !lm.cache
  }
}

// -----

module attributes {lm.config = {vocabulary = 16 : i64, max_positions = 16 : i64}} {
  lm.param @t : tensor<8x16xf32> = dense<0.5>
  func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x16xui8>, !lm.cache) {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    %codes, %scale, %zero = lm.quantize_dynamic %x : (tensor<?x?x16xf32>) -> (tensor<?x?x16xui8>, tensor<?x?xf32>, tensor<?x?xi32>)
    // expected-error @+1 {{code generation: a result must be rows of f32; these are codes or bf16 numbers, which only a product reads}}
    return %codes, %cache : tensor<?x?x16xui8>, !lm.cache
  }
}

// -----

module attributes {lm.config = {vocabulary = 16 : i64, max_positions = 16 : i64}} {
  lm.param @t : !lm.grouped<16x16, bits = 4, group = 8> = #lm.quantize_groups<dense<0.5> : tensor<16x16xf32>, bits = 4, group = 8>
  func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x16xf32>, !lm.cache) {
    // expected-error @+1 {{code generation: groups of 8 are not supported (param 't'); use a multiple of 16}}
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    return %x, %cache : tensor<?x?x16xf32>, !lm.cache
  }
}

// -----

module attributes {lm.config = {vocabulary = 8 : i64, max_positions = 16 : i64}} {
  lm.param @t : tensor<8x16xf32> = dense<0.5>
  // expected-error @+1 {{code generation: argument 2 has no name; give it the attribute lm.input}}
  func.func @encode(%ids: tensor<?x?xi32>, %len: tensor<?xi32>, %types: tensor<?x?xi32>) -> tensor<?x?x16xf32> {
    %x = lm.embedding %types, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    return %x : tensor<?x?x16xf32>
  }
}

// -----

module attributes {lm.config = {vocabulary = 8 : i64, max_positions = 16 : i64}} {
  lm.param @t : tensor<8x16xf32> = dense<0.5>
  // expected-error @+1 {{code generation: input 'token_types' is not used}}
  func.func @encode(%ids: tensor<?x?xi32>, %len: tensor<?xi32>, %types: tensor<?x?xi32> {lm.input = "token_types"}) -> tensor<?x?x16xf32> {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    return %x : tensor<?x?x16xf32>
  }
}

// -----

module attributes {lm.config = {vocabulary = 8 : i64, max_positions = 16 : i64}} {
  lm.param @t : tensor<8x8xf32> = dense<0.5>
  // expected-error @+1 {{code generation: input 'token_types': a decoder takes token ids and nothing else}}
  func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache, %types: tensor<?x?xi32> {lm.input = "token_types"}) -> (tensor<?x?x8xf32>, !lm.cache) {
    %x = lm.embedding %types, @t : (tensor<?x?xi32>) -> tensor<?x?x8xf32>
    return %x, %cache : tensor<?x?x8xf32>, !lm.cache
  }
}
