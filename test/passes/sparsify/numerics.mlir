// Which numbers stay: the greatest of the matrix, of each four, of blocks of one output x two inputs; equal ones: the last.
// (x is 255, 51, 255, 0, which 8 bits hold.) Codes of int8 keep the zeros, and storing them without these changes nothing.
// RUN: lmopt-opt %s --lm-sparsify=method=magnitude --lm-interpret -o /dev/null | FileCheck %s --check-prefix=HALF
// RUN: lmopt-opt %s --lm-sparsify='method=magnitude pattern=1:4' --lm-interpret -o /dev/null | FileCheck %s --check-prefix=PATTERN
// RUN: lmopt-opt %s --lm-sparsify='method=magnitude block=1x2' --lm-interpret -o /dev/null | FileCheck %s --check-prefix=BLOCK
// RUN: lmopt-opt %s --lm-sparsify=method=magnitude --lm-quantize-weights --lm-interpret -o /dev/null | FileCheck %s --check-prefix=HALF
// RUN: lmopt-opt %s --lm-sparsify=method=magnitude --lm-quantize-weights --lm-store-sparse=format=codes -o %t.sparse.mlir
// RUN: FileCheck %s --check-prefix=STORED < %t.sparse.mlir
// RUN: lmopt-opt %t.sparse.mlir --lm-interpret -o /dev/null | FileCheck %s --check-prefix=HALF

// HALF: @product: tensor<1x1x2xf32> {{\[\[\[}}31569, -32385{{]]]}}
// PATTERN: @product: tensor<1x1x2xf32> {{\[\[\[}}32385, -32385{{]]]}}
// BLOCK: @product: tensor<1x1x2xf32> {{\[\[\[}}32589, -32385{{]]]}}
// STORED: lm.param @w : !lm.sparse_int8<2x4, block = 1x1, stored = 4> = #lm.store_sparse<#lm.quantize_rows<#lm.sparsify<{{.*}}, ratio = 5.000000e-01>>, block = 1x1> exactness <approximate>
lm.param @w : tensor<2x4xf32> = dense<[[127.0, 4.0, -4.0, 3.0], [2.0, 1.0, -127.0, 3.0]]>
func.func @product() -> tensor<1x1x2xf32> {
  %x = arith.constant dense<[[[255.0, 51.0, 255.0, 0.0]]]> : tensor<1x1x4xf32>
  %y = lm.linear %x, @w : (tensor<1x1x4xf32>) -> tensor<1x1x2xf32> loc("project")
  return %y : tensor<1x1x2xf32>
}
