// A mixture of experts gets codes for all its matrices: the second ones turned, so that what is added up shares a scale. Undone is a
// transposition that the file's own order needed; other matrices are turned expert by expert.
// RUN: lmopt-opt %s --lm-quantize-groups='min=true scales=8' 2>&1 | FileCheck %s --implicit-check-not=warning
// RUN: lmopt-opt %s --lm-quantize-groups='bits=8 layers=first.*' 2>&1 | FileCheck %s --check-prefix=SOME --implicit-check-not=warning
// RUN: lmopt-opt %s --lm-quantize-groups='skip=*.experts' 2>&1 | FileCheck %s --check-prefix=SKIPPED --implicit-check-not=warning
// RUN: lmopt-opt %s --lm-quantize-groups --remarks-filter=lm-quantize-groups -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// CHECK: lm.param @w : !lm.grouped<64x32, bits = 4, group = 32, min, scales = 8> = #lm.quantize_groups<dense<1.000000e+00> : tensor<64x32xf32>, bits = 4, group = 32, min, scales = 8> {{.*}}approximate
// CHECK: lm.param @u : !lm.grouped<64x32, bits = 4
// CHECK: lm.param @v : !lm.grouped<96x32, bits = 4, group = 32, min, scales = 8> = #lm.quantize_groups<#lm.reshape<#lm.transpose_each<#lm.reshape<dense<1.000000e+00> : tensor<64x48xf32>, shape = [2, 32, 48]>>, shape = [96, 32]>, bits
// CHECK: lm.param @stack : !lm.grouped<64x32, bits = 4, group = 32, min, scales = 8> = #lm.quantize_groups<#lm.reshape<#lm.safetensors<"m.safetensors", "down", bf16>, shape = [64, 32]>, bits
// CHECK: lm.param @each : !lm.grouped<64x32, bits = 4, group = 32, min, scales = 8> = #lm.quantize_groups<#lm.concat_rows<[#lm.safetensors<"m.safetensors", "down.0", bf16>, #lm.safetensors<"m.safetensors", "down.1", bf16>]>, bits
// CHECK: lm.grouped_linear %{{.*}}, @q
// CHECK: %[[CODES:.*]] = lm.quantize_groups %{{.*}} : (tensor<?x?x32xf32>) -> !lm.codes<?x?x32, s8, group = 32>
// CHECK: lm.grouped_experts %[[CODES]] by %{{.*}}, @w times @u to @v {kind = silu}{{.*}} : (!lm.codes<?x?x32, s8, group = 32>, tensor<?x?x2xf32>) -> tensor<?x?x48xf32>
// CHECK: lm.grouped_experts %[[CODES]] by %{{.*}}, @two to @stack {kind = relu}
// CHECK: lm.grouped_experts %{{.*}} by %{{.*}}, @three times @three to @each {kind = gelu}
// SOME: lm.param @w : !lm.grouped<64x32, bits = 8, group = 32>
// SOME: lm.param @stack : tensor<64x32xf32>
// SOME: lm.grouped_experts %{{.*}}, @w times @u to @v
// SOME: lm.experts %{{.*}}, @two to @stack
// SKIPPED: lm.param @w : tensor<64x32xf32>
// SKIPPED: lm.grouped_linear %{{.*}}, @q
// SKIPPED: lm.experts %{{.*}}, @w times @u to @v
// REMARK-DAG: [Passed] QuantizedGroups{{.*}}Op=first.experts, Weight=w
// REMARK-DAG: [Passed] QuantizedGroups{{.*}}Op=third.experts, Weight=three
lm.param @q : tensor<32x32xf32> = dense<1.0>
lm.param @w : tensor<64x32xf32> = dense<1.0>
lm.param @u : tensor<64x32xf32> = dense<2.0>
lm.param @v : tensor<64x48xf32> = dense<1.0>
lm.param @two : tensor<64x32xf32> = dense<1.0>
lm.param @stack : tensor<64x32xf32> = #lm.reshape<#lm.transpose_each<#lm.safetensors<"m.safetensors", "down", bf16>>, shape = [64, 32]>
lm.param @three : tensor<64x32xf32> = dense<1.0>
lm.param @each : tensor<64x32xf32> = #lm.concat_rows<[#lm.transpose<#lm.safetensors<"m.safetensors", "down.0", bf16>>, #lm.transpose<#lm.safetensors<"m.safetensors", "down.1", bf16>>]>
func.func @forward(%x: tensor<?x?x32xf32>, %g: tensor<?x?x2xf32>) -> (tensor<?x?x48xf32>, tensor<?x?x32xf32>) {
  %q = lm.linear %x, @q : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> loc("first.q")
  %y = lm.experts %q by %g, @w times @u to @v {kind = silu} : (tensor<?x?x32xf32>, tensor<?x?x2xf32>) -> tensor<?x?x48xf32> loc("first.experts")
  %z = lm.experts %q by %g, @two to @stack {kind = relu} : (tensor<?x?x32xf32>, tensor<?x?x2xf32>) -> tensor<?x?x32xf32> loc("second.experts")
  %a = lm.experts %z by %g, @three times @three to @each {kind = gelu} : (tensor<?x?x32xf32>, tensor<?x?x2xf32>) -> tensor<?x?x32xf32> loc("third.experts")
  return %y, %a : tensor<?x?x48xf32>, tensor<?x?x32xf32>
}
