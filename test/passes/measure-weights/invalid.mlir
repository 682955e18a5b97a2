// A weight that cannot be read, or that holds no numbers, is an error at its name; `base` says where files are.
// RUN: not lmopt-opt %s -split-input-file --lm-measure-weights 2>&1 | FileCheck %s
// RUN: not lmopt-opt %s -split-input-file --lm-measure-weights=base=/nowhere 2>&1 | FileCheck %s --check-prefix=BASE

// CHECK: error: {{.*}}@missing{{.*}}missing.gguf
// BASE: error: {{.*}}/nowhere/missing.gguf
lm.param @missing : !lm.int8<8x64> = #lm.quantize_rows<#lm.gguf<"missing.gguf", "q", f32>> exactness <approximate>

// -----

// CHECK: error: lm-measure-weights: the weight @damaged holds a number that is not finite
lm.param @damaged : !lm.int8<1x2> = #lm.quantize_rows<dense<[[1.0, 0x7FC00000]]> : tensor<1x2xf32>> exactness <approximate>

// -----

// CHECK: error: lm-measure-weights: the weight @grouped holds a number that is not finite
lm.param @grouped : !lm.grouped<1x2, bits = 4, group = 2> = #lm.quantize_groups<dense<[[1.0, 0x7F800000]]> : tensor<1x2xf32>, bits = 4, group = 2>
    exactness <approximate>

// -----

// Finite, but there is no f16 scale for it.
// CHECK: error: lm-measure-weights: the weight @beyond holds a number that is not finite
lm.param @beyond : !lm.grouped<1x2, bits = 8, group = 2> = #lm.quantize_groups<dense<[[1.0, 1.0e7]]> : tensor<1x2xf32>, bits = 8, group = 2>
    exactness <approximate>
