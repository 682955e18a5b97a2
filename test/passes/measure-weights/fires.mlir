// The relative error of each quantized weight. Row (127, 63.5): s = 1, codes 127 and 64 (half to even), so the error is
// 0.5 / sqrt(127^2 + 63.5^2) = 0.003521367; in groups of 1 each number has its own scale and nothing is lost. A weight of
// zeros has no error.
// RUN: lmopt-opt %s --lm-measure-weights | FileCheck %s
// RUN: lmopt-opt %s --lm-measure-weights --remarks-filter=lm-measure-weights -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-measure-weights > %t.once
// RUN: lmopt-opt %s --lm-measure-weights --lm-measure-weights > %t.twice
// RUN: diff %t.once %t.twice

// REMARK: [Passed] MeasuredWeight{{.*}}Error=3.521367e-03, Weight=half
// REMARK: [Passed] MeasuredWeight{{.*}}Error=0.000000e+00, Weight=grouped
// REMARK: [Passed] MeasuredWeight{{.*}}Error=0.000000e+00, Weight=zero

// CHECK: lm.param @half : {{.*}} exactness <approximate, error = 3.521367e-03>
lm.param @half : !lm.int8<1x2> = #lm.quantize_rows<dense<[[127.0, 63.5]]> : tensor<1x2xf32>> exactness <approximate>
// CHECK: lm.param @grouped : {{.*}} exactness <approximate, error = 0.000000e+00>
lm.param @grouped : !lm.int8<1x2, group = 1> = #lm.quantize_rows<dense<[[127.0, 63.5]]> : tensor<1x2xf32>, group = 1>
    exactness <approximate>
// CHECK: lm.param @zero : {{.*}} exactness <approximate, error = 0.000000e+00>
lm.param @zero : !lm.int8<1x2> = #lm.quantize_rows<dense<0.0> : tensor<1x2xf32>> exactness <approximate>
