// Only lm, and every quantized weight says that it is not exact; codes that a file holds are what they are. The pass changes
// nothing.
// RUN: lmopt-opt %s > %t.before
// RUN: lmopt-opt %s --verify-lm-optimized > %t.after
// RUN: diff %t.before %t.after

lm.param @exact : tensor<2x2xf32> = #lm.scale<dense<1.0> : tensor<2x2xf32>, 2.0>
lm.param @labelled : !lm.int8<2x2> = #lm.quantize_rows<dense<1.0> : tensor<2x2xf32>> exactness <approximate>
lm.param @trained : !lm.int8<2x2> = #lm.quantize_rows<dense<1.0> : tensor<2x2xf32>> exactness <trained>
lm.param @labelled_groups : !lm.grouped<1x2, bits = 4, group = 2> = #lm.quantize_groups<dense<1.0> : tensor<1x2xf32>, bits = 4, group = 2> exactness <approximate>
lm.param @native : !lm.grouped<1x32, bits = 8, group = 32> = #lm.native<#lm.gguf<"m.gguf", "k", q8_0>>
func.func @forward(%x: tensor<?x?x2xf32>) -> tensor<?x?x2xf32> {
  %y = lm.linear %x, @exact : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  return %y : tensor<?x?x2xf32>
}
