// What has zero blocks is stored without them, once; zeros one by one only where the target gains by it; what has none stays.
// RUN: lmopt-opt %s --lm-store-sparse | FileCheck %s
// RUN: lmopt-opt %s --lm-store-sparse --lm-store-sparse | FileCheck %s
// RUN: lmopt-opt %s --lm-store-sparse=target=avx512 | FileCheck %s --check-prefix=WIDE
// RUN: lmopt-opt %s --lm-store-sparse=format=codes | FileCheck %s --check-prefix=CODES
// RUN: lmopt-opt %s --lm-store-sparse='format=blocks skip=dense' | FileCheck %s --check-prefix=SKIP
// RUN: lmopt-opt %s --lm-store-sparse --remarks-filter=lm-store-sparse -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-store-sparse=target=avx512 --remarks-filter=lm-store-sparse -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK512

// REMARK: [Passed] StoredSparse | Category:lm-store-sparse | Cost=5.{{[0-9]+}}e-01, Format=blocks, Weight=blocks
// REMARK: [Missed] NotStoredSparse{{.*}}Reason="it has 512 codes in 16 blocks, too many to gain by it"
// REMARK: [Missed] NotStoredSparse{{.*}}Reason="it has 1024 codes in 16 blocks, too many to gain by it"
// REMARK512: Cost=6.250000e-01, Format=codes, Weight=scattered

// CHECK-DAG: lm.param @blocks : !lm.sparse_int8<32x32, block = 16x4, stored = 8> = #lm.store_sparse<#lm.quantize_rows<{{.*}}>, block = 16x4> exactness <approximate>
// CHECK-DAG: lm.param @scattered : !lm.int8<32x32>
// CHECK-DAG: lm.param @dense : !lm.int8<32x32>
// WIDE-DAG: lm.param @blocks : !lm.sparse_int8<32x32, block = 16x4, stored = 8>
// WIDE-DAG: lm.param @scattered : !lm.sparse_int8<32x32, block = 1x1, stored = 512> = #lm.store_sparse<#lm.quantize_rows<{{.*}}>, block = 1x1> exactness <approximate>
// WIDE-DAG: lm.param @dense : !lm.int8<32x32>
// CODES-DAG: lm.param @blocks : !lm.sparse_int8<32x32, block = 1x1, stored = 512>
// CODES-DAG: lm.param @dense : !lm.sparse_int8<32x32, block = 1x1, stored = 1024>
// SKIP-DAG: lm.param @scattered : !lm.sparse_int8<32x32, block = 16x4, stored = 16>
// SKIP-DAG: lm.param @dense : !lm.int8<32x32>
lm.param @blocks : !lm.int8<32x32> = #lm.quantize_rows<#lm.sparsify<dense<1.0> : tensor<32x32xf32>, ratio = 0.5, block = 16x4>> exactness <approximate>
lm.param @scattered : !lm.int8<32x32> = #lm.quantize_rows<#lm.sparsify<dense<1.0> : tensor<32x32xf32>, ratio = 0.5, group = 2>> exactness <approximate>
lm.param @dense : !lm.int8<32x32> = #lm.quantize_rows<dense<1.0> : tensor<32x32xf32>> exactness <approximate>
func.func @forward(%q: !lm.codes<?x?x32, u8>) -> (tensor<?x?x32xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>) {
  // CHECK: lm.quantized_linear %{{.*}}, @blocks
  %a = lm.quantized_linear %q, @blocks : (!lm.codes<?x?x32, u8>) -> tensor<?x?x32xf32> loc("blocks")
  %b = lm.quantized_linear %q, @scattered : (!lm.codes<?x?x32, u8>) -> tensor<?x?x32xf32> loc("scattered")
  %c = lm.quantized_linear %q, @dense : (!lm.codes<?x?x32, u8>) -> tensor<?x?x32xf32> loc("dense")
  return %a, %b, %c : tensor<?x?x32xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>
}
