// Another tensor, another derivation or another claim of exactness is another weight.
// RUN: lmopt-opt %s > %t.before
// RUN: lmopt-opt %s --lm-deduplicate-weights > %t.after
// RUN: diff %t.before %t.after

lm.param @a : tensor<2x2xf32> = #lm.gguf<"m.gguf", "a", f32>
lm.param @b : tensor<2x2xf32> = #lm.gguf<"m.gguf", "b", f32>
lm.param @other_file : tensor<2x2xf32> = #lm.gguf<"n.gguf", "a", f32>
lm.param @scaled : tensor<2x2xf32> = #lm.scale<#lm.gguf<"m.gguf", "a", f32>, 2.0>
lm.param @trained : tensor<2x2xf32> = #lm.gguf<"m.gguf", "a", f32> exactness <trained>
