// The relative error of each quantized weight. Row (127, 63.5): s = 1, codes 127 and 64 (half to even), so the error is
// 0.5 / sqrt(127^2 + 63.5^2) = 0.003521367; in groups of 1 each number has its own scale and nothing is lost. A weight of
// zeros has no error. In 4 bits, (-8, 7, 0.5, 1) has s = 1 and 0.5 becomes 0; with minima, 6.5 in (-8, 7, 6.5, 1) becomes 6
// and (1, 1, 1, 16) is exact. What f16 rounds off a scale counts: 127 (1 + 2^-12) has the scale 1 and becomes 127.
// A codebook of 4 entries keeps 127, -64 and 0; 31 and 33 share 32, so that the error is sqrt(2 / (127^2 + 64^2 + 31^2 + 33^2)).
// Narrowed to bf16, 1 + 2^-8 becomes 1: 2^-8 / sqrt((1 + 2^-8)^2 + 2^2) = 0.001745562.
// RUN: lmopt-opt %s --lm-measure-weights | FileCheck %s
// RUN: lmopt-opt %s --lm-measure-weights --remarks-filter=lm-measure-weights -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-measure-weights > %t.once
// RUN: lmopt-opt %s --lm-measure-weights --lm-measure-weights > %t.twice
// RUN: diff %t.once %t.twice

// REMARK: [Passed] MeasuredWeight{{.*}}Error=3.521367e-03, Weight=half
// REMARK: [Passed] MeasuredWeight{{.*}}Error=0.000000e+00, Weight=grouped
// REMARK: [Passed] MeasuredWeight{{.*}}Error=0.000000e+00, Weight=zero
// REMARK: [Passed] MeasuredWeight{{.*}}Error=3.521367e-03, Weight=eight
// REMARK: [Passed] MeasuredWeight{{.*}}Error=4.677803e-02, Weight=four
// REMARK: [Passed] MeasuredWeight{{.*}}Error=2.453665e-02, Weight=min
// REMARK: [Passed] MeasuredWeight{{.*}}Error=2.440810e-04, Weight=rounded_scale
// REMARK: [Passed] MeasuredWeight{{.*}}Error=9.475587e-03, Weight=codebook
// REMARK: [Passed] MeasuredWeight{{.*}}Error=0.000000e+00, Weight=large
// REMARK: [Passed] MeasuredWeight{{.*}}Error=1.745562e-03, Weight=narrowed

// CHECK: lm.param @half : {{.*}} exactness <approximate, error = 3.521367e-03>
lm.param @half : !lm.int8<1x2> = #lm.quantize_rows<dense<[[127.0, 63.5]]> : tensor<1x2xf32>> exactness <approximate>
// CHECK: lm.param @grouped : {{.*}} exactness <approximate, error = 0.000000e+00>
lm.param @grouped : !lm.grouped<1x2, bits = 8, group = 1> = #lm.quantize_groups<dense<[[127.0, 63.5]]> : tensor<1x2xf32>, bits = 8, group = 1>
    exactness <approximate>
// CHECK: lm.param @zero : {{.*}} exactness <approximate, error = 0.000000e+00>
lm.param @zero : !lm.int8<1x2> = #lm.quantize_rows<dense<0.0> : tensor<1x2xf32>> exactness <approximate>
// CHECK: lm.param @eight : {{.*}} exactness <approximate, error = 3.521367e-03>
lm.param @eight : !lm.grouped<1x2, bits = 8, group = 2> = #lm.quantize_groups<dense<[[127.0, 63.5]]> : tensor<1x2xf32>, bits = 8, group = 2>
    exactness <approximate>
// CHECK: lm.param @four : {{.*}} exactness <approximate, error = 4.677803e-02>
lm.param @four : !lm.grouped<1x4, bits = 4, group = 4> = #lm.quantize_groups<dense<[[-8.0, 7.0, 0.5, 1.0]]> : tensor<1x4xf32>, bits = 4, group = 4>
    exactness <approximate>
// CHECK: lm.param @min : {{.*}} exactness <approximate, error = 2.453665e-02>
lm.param @min : !lm.grouped<2x4, bits = 4, group = 4, min> = #lm.quantize_groups<dense<[[-8.0, 7.0, 6.5, 1.0], [1.0, 1.0, 1.0, 16.0]]> : tensor<2x4xf32>, bits = 4, group = 4, min>
    exactness <approximate>
// CHECK: lm.param @rounded_scale : {{.*}} exactness <approximate, error = 2.440810e-04>
lm.param @rounded_scale : !lm.grouped<1x2, bits = 8, group = 2> = #lm.quantize_groups<dense<[[127.031005859375, 0.0]]> : tensor<1x2xf32>, bits = 8, group = 2>
    exactness <approximate>
// CHECK: lm.param @codebook : {{.*}} exactness <approximate, error = 9.475587e-03>
lm.param @codebook : !lm.codebook<1x5, entries = 4, group = 5> = #lm.quantize_codebook<dense<[[127.0, -64.0, 31.0, 33.0, 0.0]]> : tensor<1x5xf32>, entries = 4, group = 5>
    exactness <approximate>
// CHECK: lm.param @large : {{.*}} exactness <approximate, error = 0.000000e+00>
lm.param @large : !lm.codebook<1x2, entries = 256> = #lm.quantize_codebook<dense<[[128.0, 63.5]]> : tensor<1x2xf32>, entries = 256> exactness <approximate>
// CHECK: lm.param @narrowed : {{.*}} exactness <approximate, error = 1.745562e-03>
lm.param @narrowed : tensor<1x2xbf16> = #lm.narrow<dense<[[1.00390625, 2.0]]> : tensor<1x2xf32>> exactness <approximate>
