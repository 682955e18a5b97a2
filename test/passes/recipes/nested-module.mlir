// A module inside the module has weights of its own, which passes leave alone: same names, other numbers.
// RUN: lmopt-opt %s --lm-deduplicate-weights --lm-normalize-rope --lm-fold-norm-affine --lm-fold-attention-scale --lm-fold-key-bias --lm-fold-value-bias --lm-fold-token-type --lm-rotate --lm-quantize-weights --lm-measure-weights | FileCheck %s
// RUN: lmopt-opt %s --lm-quantize-groups --lm-keep-native | FileCheck %s

// CHECK: module
// CHECK: lm.param @w : tensor<16x16xf32> = dense<1.000000e+00>
// CHECK: module
// CHECK: lm.param @w : tensor<16x16xf32> = dense<2.000000e+00>
// CHECK: lm.param @only_here : tensor<16x16xf32> = dense<2.000000e+00>
// CHECK: lm.linear {{.*}}, @w
// CHECK: lm.linear {{.*}}, @only_here
lm.param @w : tensor<16x16xf32> = dense<1.0>
module {
  lm.param @w : tensor<16x16xf32> = dense<2.0>
  lm.param @only_here : tensor<16x16xf32> = dense<2.0>
  func.func @inner(%x: tensor<?x?x16xf32>, %cache: !lm.cache) -> tensor<?x?x16xf32> {
    %q = lm.linear %x, @w : (tensor<?x?x16xf32>) -> tensor<?x?x16xf32>
    %k = lm.linear %x, @only_here : (tensor<?x?x16xf32>) -> tensor<?x?x16xf32>
    %y, %c = lm.attention %q, %k, %x, %cache {layer = 0, heads = 1, kv_heads = 1, scale = 0.5, mask = #lm.causal,
                                              rope = #lm.rope<base = 1.0e4, dims = 16, layout = interleaved>}
        : (tensor<?x?x16xf32>, tensor<?x?x16xf32>, tensor<?x?x16xf32>, !lm.cache) -> (tensor<?x?x16xf32>, !lm.cache)
    return %y : tensor<?x?x16xf32>
  }
}
