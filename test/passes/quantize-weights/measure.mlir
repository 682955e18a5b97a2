// The relative error of each weight is measured and told. Row (127, 63.5): s = 1, codes 127 and 64 (half to even), so the
// error is 0.5 / sqrt(127^2 + 63.5^2) = 0.00352. A weight of zeros has no error; one that is a multiple of s is exact.
// RUN: lmopt-opt %s --lm-quantize-weights=measure=true --remarks-filter=lm-quantize-weights 2>&1 | FileCheck %s

// CHECK-DAG: [Passed] Quantized{{.*}}Error=3.521367e-03, Op=half, Weight=half
// CHECK-DAG: [Passed] Quantized{{.*}}Error=0.000000e+00, Op=zero, Weight=zero
// CHECK-DAG: [Passed] Quantized{{.*}}Error=0.000000e+00, Op=whole, Weight=whole
// CHECK-DAG: lm.param @half : {{.*}} exactness <approximate, error = 3.521367e-03>
// CHECK-DAG: lm.param @zero : {{.*}} exactness <approximate, error = 0.000000e+00>
lm.param @half : tensor<1x2xf32> = dense<[[127.0, 63.5]]>
lm.param @zero : tensor<1x2xf32> = dense<0.0>
lm.param @whole : tensor<2x2xf32> = dense<[[127.0, 64.0], [-1.0, 127.0]]>
func.func @forward(%x: tensor<?x?x2xf32>) -> (tensor<?x?x1xf32>, tensor<?x?x1xf32>, tensor<?x?x2xf32>) {
  %a = lm.linear %x, @half : (tensor<?x?x2xf32>) -> tensor<?x?x1xf32> loc("half")
  %b = lm.linear %x, @zero : (tensor<?x?x2xf32>) -> tensor<?x?x1xf32> loc("zero")
  %c = lm.linear %x, @whole : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32> loc("whole")
  return %a, %b, %c : tensor<?x?x1xf32>, tensor<?x?x1xf32>, tensor<?x?x2xf32>
}
