// Each selected weight gets zeros, once; what the options say is what the weight says.
// RUN: lmopt-opt %s --lm-sparsify='method=magnitude ratio=0.25' | FileCheck %s
// RUN: lmopt-opt %s --lm-sparsify='method=magnitude ratio=0.25' --lm-sparsify=method=magnitude | FileCheck %s
// RUN: lmopt-opt %s --lm-sparsify='method=magnitude block=16x4 skip=*.k' | FileCheck %s --check-prefix=BLOCK
// RUN: lmopt-opt %s --lm-sparsify='method=magnitude pattern=1:4 layers=*.k' | FileCheck %s --check-prefix=PATTERN
// RUN: lmopt-opt %s --lm-sparsify='method=magnitude pattern=1:4 ratio=0.75 layers=*.k' | FileCheck %s --check-prefix=PATTERN
// RUN: lmopt-opt %s --lm-sparsify='method=magnitude block=16x4' --remarks-filter=lm-sparsify -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// REMARK: [Passed] Sparsified | Category:lm-sparsify | Block=16x4, Group=0, Method=magnitude, Ratio=5.000000e-01, Weight=q
// REMARK: [Passed] Sparsified | Category:lm-sparsify | Block=16x4, Group=0, Method=magnitude, Ratio=5.000000e-01, Weight=k

// CHECK-DAG: lm.param @q : tensor<32x64xf32> = #lm.sparsify<dense<2.000000e+00> : tensor<32x64xf32>, ratio = 2.500000e-01> exactness <approximate>
// CHECK-DAG: lm.param @k : tensor<32x64xf32> = #lm.sparsify<dense<3.000000e+00> : tensor<32x64xf32>, ratio = 2.500000e-01> exactness <approximate>
// BLOCK-DAG: lm.param @q : tensor<32x64xf32> = #lm.sparsify<dense<2.000000e+00> : tensor<32x64xf32>, ratio = 5.000000e-01, block = 16x4> exactness <approximate>
// BLOCK-DAG: lm.param @k : tensor<32x64xf32> = dense
// PATTERN-DAG: lm.param @q : tensor<32x64xf32> = dense
// PATTERN-DAG: lm.param @k : tensor<32x64xf32> = #lm.sparsify<dense<3.000000e+00> : tensor<32x64xf32>, ratio = 7.500000e-01, group = 4> exactness <approximate>
lm.param @q : tensor<32x64xf32> = dense<2.0>
lm.param @k : tensor<32x64xf32> = dense<3.0>
func.func @forward(%x: tensor<?x?x64xf32>) -> (tensor<?x?x32xf32>, tensor<?x?x32xf32>) {
  // CHECK: lm.linear %{{.*}}, @q
  %q = lm.linear %x, @q : (tensor<?x?x64xf32>) -> tensor<?x?x32xf32> loc("layers.0.attn.q")
  %k = lm.linear %x, @k : (tensor<?x?x64xf32>) -> tensor<?x?x32xf32> loc("layers.0.attn.k")
  return %q, %k : tensor<?x?x32xf32>, tensor<?x?x32xf32>
}
