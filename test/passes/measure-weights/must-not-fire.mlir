// What is exact, trained, measured already, or approximate in a way this pass does not know stays as it is.
// RUN: lmopt-opt %s > %t.before
// RUN: lmopt-opt %s --lm-measure-weights > %t.after
// RUN: diff %t.before %t.after

lm.param @exact : tensor<1x2xf32> = dense<1.0>
lm.param @trained : !lm.int8<1x2> = #lm.quantize_rows<dense<1.0> : tensor<1x2xf32>> exactness <trained>
lm.param @measured : !lm.int8<1x2> = #lm.quantize_rows<dense<[[127.0, 63.5]]> : tensor<1x2xf32>>
    exactness <approximate, error = 0.25>
lm.param @pruned : tensor<1x2xf32> = dense<[[1.0, 0.0]]> exactness <approximate>
lm.param @trained_groups : !lm.grouped<1x2, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<1x2xf32>, bits = 4, group = 2> exactness <trained>
lm.param @native : !lm.grouped<1x32, bits = 8, group = 32> = #lm.native<#lm.gguf<"missing.gguf", "k", q8_0>>
