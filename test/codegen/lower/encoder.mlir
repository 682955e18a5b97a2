// An int8 encoder: norm, rotation and quantization in one row program; integer products; pooling and normalization.
// RUN: lmopt-opt %s --lm-lower-to-cpu=target-cpu=icelake-server | FileCheck %s --implicit-check-not=" lm."
// RUN: lmopt-opt %s --lm-lower-to-cpu=target-cpu=alderlake | FileCheck %s --check-prefix=ALDERLAKE
// RUN: lmopt-opt %s '--lm-lower-to-cpu=target-cpu=icelake-server spell-for=x86-64-v3' | FileCheck %s --check-prefix=SPELLED

// CHECK: func.func @encode(
// CHECK: call @describe_rows(
// CHECK: call @[[ROWS:rows_embeds8_.*_positions_.*_layernorm_.*_rotate16_.*_quantize_[a-z0-9_]*]](
// CHECK-NOT: @wait_for_team
// CHECK: call @[[DOT:linear_u8s8_n24_k16_bias_tile8x3_avx512vnni]](
// CHECK: call @[[DOT]](
// CHECK: call @[[DOT]](
// CHECK: call @[[STORE:store_kv.*h3kv3d8_full.*_rows]](
// CHECK: call @wait_for_team(
// CHECK: call @[[ATTEND:attend.*h3kv3d8_full.*_rows]](
// Pooling reads rows that other threads computed.
// CHECK: call @wait_for_team(
// CHECK: call @[[POOL:pool_mean_x24]](
// CHECK: call @{{rows_l2norm.*}}(
// CHECK-NOT: call
// CHECK: return
// CHECK: func.func private @[[ROWS]](
// CHECK: func.func private @[[DOT]](
// CHECK: lmk.dot_u8s8
// CHECK: func.func private @[[STORE]](
// CHECK: func.func private @[[ATTEND]](
// CHECK: func.func private @[[POOL]](
// CHECK-NOT: func.func @{{decode|prefill}}

// ALDERLAKE: @linear_u8s8_n24_k16_bias_tile6x1_avxvnni(

// The tile of the one CPU, the dot product of the other.
// SPELLED: @linear_u8s8_n24_k16_bias_tile8x3_avx2(

module attributes {lm.config = {architecture = "bert", vocabulary = 20 : i64, max_positions = 40 : i64}} {
  lm.param @embed.weight : !lm.int8<20x16> = #lm.quantize_rows<dense<0.5> : tensor<20x16xf32>>
  lm.param @position.weight : tensor<40x16xf32> = dense<0.125>
  lm.param @norm.weight : tensor<16xf32> = dense<1.0>
  lm.param @norm.bias : tensor<16xf32> = dense<0.5>
  lm.param @qkv.weight : !lm.int8<24x16> = #lm.quantize_rows<dense<-0.25> : tensor<24x16xf32>>
  lm.param @qkv.bias : tensor<24xf32> = dense<0.0625>
  func.func @encode(%ids: tensor<?x?xi32>, %len: tensor<?xi32>) -> tensor<?x24xf32> {
    %e = lm.embedding %ids, @embed.weight : (tensor<?x?xi32>) -> tensor<?x?x16xf32> loc("embed")
    %p = lm.add_positions %e, @position.weight : tensor<?x?x16xf32> loc("position")
    %n = lm.layer_norm %p, @norm.weight, @norm.bias {eps = 1.0e-12} : tensor<?x?x16xf32> loc("embed_norm")
    %r = lm.rotate %n {block = 16} : tensor<?x?x16xf32> loc("layers.0.attn.rotate")
    %codes = lm.quantize_dynamic %r : (tensor<?x?x16xf32>) -> !lm.codes<?x?x16, u8> loc("layers.0.attn.quantize")
    %q = lm.quantized_linear %codes, @qkv.weight bias @qkv.bias : (!lm.codes<?x?x16, u8>) -> tensor<?x?x24xf32> loc("layers.0.attn.q")
    %k = lm.quantized_linear %codes, @qkv.weight bias @qkv.bias : (!lm.codes<?x?x16, u8>) -> tensor<?x?x24xf32> loc("layers.0.attn.k")
    %v = lm.quantized_linear %codes, @qkv.weight bias @qkv.bias : (!lm.codes<?x?x16, u8>) -> tensor<?x?x24xf32> loc("layers.0.attn.v")
    %a = lm.attention %q, %k, %v lengths %len {layer = 0, heads = 3, kv_heads = 3, scale = 0.35, mask = #lm.full} : (tensor<?x?x24xf32>, tensor<?x?x24xf32>, tensor<?x?x24xf32>, tensor<?xi32>) -> tensor<?x?x24xf32> loc("layers.0.attn")
    %pooled = lm.pool %a, %len {kind = mean} : (tensor<?x?x24xf32>, tensor<?xi32>) -> tensor<?x24xf32> loc("pool")
    %y = lm.l2_normalize %pooled : tensor<?x24xf32> loc("normalize")
    return %y : tensor<?x24xf32>
  }
}
