// A decoder of two like layers becomes kernels and two entry points: no lm op is left, a kernel exists once however many
// layers call it, and the calls stand in the order of the layers.
// RUN: lmopt-opt %s --lm-lower-to-cpu=target-cpu=icelake-server > %t.first
// RUN: FileCheck %s --implicit-check-not=" lm." < %t.first
// RUN: lmopt-opt %s --lm-lower-to-cpu=target-cpu=icelake-server | diff - %t.first
// RUN: lmopt-opt %s --lm-lower-to-cpu=target-cpu=x86-64 | FileCheck %s --check-prefix=PORTABLE

// CHECK: func.func private @wait_for_team(
// CHECK: func.func private @mark_step(
// CHECK: func.func @prefill(%[[STEP:.*]]: !llvm.ptr, %[[THREAD:.*]]: i64, %[[THREADS:.*]]: i64)
// CHECK: call @describe_rows(%[[STEP]],
// Every kernel call is told to a listener, should there be one.
// CHECK: %[[FIRST:.*]] = arith.constant 0 : i64
// CHECK-NEXT: call @mark_step(%[[STEP]], %[[THREAD]], %[[FIRST]])
// Every thread has its rows up to the attention, which reads the keys and values of all.
// CHECK-NOT: @wait_for_team
// CHECK: call @[[EMBED:rows_embedpanels_.*_rmsnorm_[a-z0-9_]*]](
// CHECK-NOT: @wait_for_team
// CHECK: call @[[Q:linear_f32_n16_k16_tile8x3]](
// CHECK-NOT: @wait_for_team
// CHECK: call @[[STORE:store_kv[a-z0-9_]*h2kv1d8_causal[a-z0-9_]*_rows]](
// CHECK: call @wait_for_team(%[[STEP]], %[[THREADS]])
// CHECK: call @[[ATTEND:attend[a-z0-9_]*h2kv1d8_causal[a-z0-9_]*_rows]](
// The heads of a row come from any thread.
// CHECK: call @wait_for_team(%[[STEP]], %[[THREADS]])
// CHECK: call @[[Q]](
// CHECK: call @[[Q]](
// CHECK: call @[[STORE]](
// CHECK: call @wait_for_team
// CHECK: call @[[ATTEND]](
// After the last attention only the rows whose logits are wanted count.
// CHECK: call @rows_add{{.*}}i0gs64_i1gs64
// CHECK: call @linear_f32_n24_k16_packed_tile8x3(
// CHECK-NOT: call
// CHECK: return

// Kernels are private and exist once, for all layers and both entry points.
// CHECK: func.func private @[[EMBED]](
// CHECK: func.func private @[[Q]](
// CHECK: func.func private @[[STORE]](
// CHECK: func.func private @[[ATTEND]](

// The same kernels, columns shared out instead of rows; keys, values and attention of a head belong to one thread.
// CHECK: func.func @decode(%[[DSTEP:.*]]: !llvm.ptr,
// CHECK: call @[[EMBED]](
// CHECK-NOT: @wait_for_team
// CHECK: call @[[Q]](
// CHECK: call @wait_for_team(%[[DSTEP]],
// CHECK: call @[[HSTORE:store_kv.*_heads]](
// CHECK: call @[[HATTEND:attend.*_heads]](
// CHECK: call @wait_for_team
// CHECK: call @[[HSTORE]](
// CHECK: call @[[HATTEND]](
// CHECK: call @linear_f32_n24_k16_packed_tile8x3(
// CHECK-NOT: call
// CHECK: return
// CHECK-NOT: func.func private @{{linear|rows}}

// Without the instruction nothing may be fused: llvm.fma would become a call for every lane.
// PORTABLE: @linear_f32_n16_k16_tile4x1(
// PORTABLE-NOT: llvm.intr.fma

module attributes {lm.config = {architecture = "llama", vocabulary = 24 : i64, max_positions = 128 : i64}} {
  lm.param @embed.weight : tensor<24x16xf32> = dense<0.5>
  lm.param @norm.weight : tensor<16xf32> = dense<1.0>
  lm.param @q.weight : tensor<16x16xf32> = dense<0.25>
  lm.param @k.weight : tensor<8x16xf32> = dense<0.25>
  lm.param @v.weight : tensor<8x16xf32> = dense<0.125>
  lm.param @o.weight : tensor<16x16xf32> = dense<0.5>
  func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x24xf32>, !lm.cache) {
    %x = lm.embedding %ids, @embed.weight : (tensor<?x?xi32>) -> tensor<?x?x16xf32> loc("embed")
    %n0 = lm.rms_norm %x, @norm.weight {eps = 1.0e-5} : tensor<?x?x16xf32> loc("layers.0.attn_norm")
    %q0 = lm.linear %n0, @q.weight : (tensor<?x?x16xf32>) -> tensor<?x?x16xf32> loc("layers.0.attn.q")
    %k0 = lm.linear %n0, @k.weight : (tensor<?x?x16xf32>) -> tensor<?x?x8xf32> loc("layers.0.attn.k")
    %v0 = lm.linear %n0, @v.weight : (tensor<?x?x16xf32>) -> tensor<?x?x8xf32> loc("layers.0.attn.v")
    %a0, %c0 = lm.attention %q0, %k0, %v0, %cache {layer = 0, heads = 2, kv_heads = 1, scale = 0.35, mask = #lm.causal, rope = #lm.rope<base = 1.0e4, dims = 8, layout = half>} : (tensor<?x?x16xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, !lm.cache) -> (tensor<?x?x16xf32>, !lm.cache) loc("layers.0.attn")
    %o0 = lm.linear %a0, @o.weight : (tensor<?x?x16xf32>) -> tensor<?x?x16xf32> loc("layers.0.attn.o")
    %r0 = lm.add %x, %o0 : tensor<?x?x16xf32> loc("layers.0.attn_residual")
    %n1 = lm.rms_norm %r0, @norm.weight {eps = 1.0e-5} : tensor<?x?x16xf32> loc("layers.1.attn_norm")
    %q1 = lm.linear %n1, @q.weight : (tensor<?x?x16xf32>) -> tensor<?x?x16xf32> loc("layers.1.attn.q")
    %k1 = lm.linear %n1, @k.weight : (tensor<?x?x16xf32>) -> tensor<?x?x8xf32> loc("layers.1.attn.k")
    %v1 = lm.linear %n1, @v.weight : (tensor<?x?x16xf32>) -> tensor<?x?x8xf32> loc("layers.1.attn.v")
    %a1, %c1 = lm.attention %q1, %k1, %v1, %c0 {layer = 1, heads = 2, kv_heads = 1, scale = 0.35, mask = #lm.causal, rope = #lm.rope<base = 1.0e4, dims = 8, layout = half>} : (tensor<?x?x16xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, !lm.cache) -> (tensor<?x?x16xf32>, !lm.cache) loc("layers.1.attn")
    %o1 = lm.linear %a1, @o.weight : (tensor<?x?x16xf32>) -> tensor<?x?x16xf32> loc("layers.1.attn.o")
    %r1 = lm.add %r0, %o1 : tensor<?x?x16xf32> loc("layers.1.attn_residual")
    %n2 = lm.rms_norm %r1, @norm.weight {eps = 1.0e-5} : tensor<?x?x16xf32> loc("final_norm")
    %y = lm.linear %n2, @embed.weight : (tensor<?x?x16xf32>) -> tensor<?x?x24xf32> loc("head")
    return %y, %c1 : tensor<?x?x24xf32>, !lm.cache
  }
}
