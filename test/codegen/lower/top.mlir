// The third entry of a decoder with a certified head: the whole product's kernel is called by the one that finds the greatest, and
// by the other two entries.
// RUN: lmopt-opt %S/decoder.mlir --lm-factorize-softmax=count=3 --lm-lower-to-cpu=target-cpu=icelake-server | FileCheck %s --implicit-check-not=" lm."
// RUN: lmopt-opt %S/decoder.mlir --lm-narrow-weights --lm-factorize-softmax=count=3 --lm-lower-to-cpu=target-cpu=icelake-server | FileCheck %s --check-prefix=NARROW

// CHECK: func.func @prefill(
// CHECK: call @[[HEAD:linear_f32_n24_k16_packed_tile8x3]](
// CHECK: func.func @decode(
// CHECK: call @[[HEAD]](
// CHECK: func.func @decode_top(
// CHECK-NOT: call @[[HEAD]](
// CHECK: call @linear_u8s8_n24_k16
// CHECK: call @wait_for_team
// CHECK: call @top3_of_[[HEAD]](
// CHECK-NOT: call
// CHECK: return
// CHECK: func.func private @top3_of_[[HEAD]](
// CHECK: call @[[HEAD]](

// NARROW: func.func @decode_top(
// NARROW: call @top3_of_linear_bf16_n24_k16_packed
