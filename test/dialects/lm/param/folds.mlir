// Folds are exact and make the module smaller; what looks alike but is not stays.
// RUN: lmopt-opt %s -canonicalize | FileCheck %s

// CHECK: lm.param @scale_by_one : tensor<2xf32> = #lm.gguf<"f", "k", f32>
lm.param @scale_by_one : tensor<2xf32> = #lm.scale<#lm.gguf<"f", "k", f32>, 1.0>
// CHECK: lm.param @scale_by_two : tensor<2xf32> = #lm.scale<
lm.param @scale_by_two : tensor<2xf32> = #lm.scale<#lm.gguf<"f", "k", f32>, 2.0>
// CHECK: lm.param @rotated_twice : tensor<2x4xf32> = #lm.gguf<"f", "k", f32>
lm.param @rotated_twice : tensor<2x4xf32> = #lm.rotate_columns<#lm.rotate_columns<#lm.gguf<"f", "k", f32>, block = 4>, block = 4>
// CHECK: lm.param @rotated_differently : tensor<2x4xf32> = #lm.rotate_columns<#lm.rotate_columns<
lm.param @rotated_differently : tensor<2x4xf32> = #lm.rotate_columns<#lm.rotate_columns<#lm.gguf<"f", "k", f32>, block = 4>, block = 2>
