// Options that do not exist, a count that the numbers do not have, blocks without kernels, and a table that is looked up.
// RUN: split-file %s %t
// RUN: not lmopt-opt %t/good.mlir --lm-store-sparse=format=rows 2>&1 | FileCheck %s --check-prefix=FORMAT
// RUN: not lmopt-opt %t/good.mlir --lm-store-sparse=target=znver5 2>&1 | FileCheck %s --check-prefix=TARGET
// RUN: not lmopt-opt %t/good.mlir --lm-store-sparse=layers=decoder.* 2>&1 | FileCheck %s --check-prefix=NOTHING
// RUN: not lmopt-opt %t/absent.mlir --lm-store-sparse 2>&1 | FileCheck %s --check-prefix=ABSENT
// RUN: not lmopt-opt %t/count.mlir --lm-interpret 2>&1 | FileCheck %s --check-prefix=COUNT
// RUN: not lmopt-opt %t/count.mlir --lm-run-compiled 2>&1 | FileCheck %s --check-prefix=COUNT
// RUN: not lmopt-opt %t/blocks.mlir --lm-run-compiled 2>&1 | FileCheck %s --check-prefix=BLOCKS
// RUN: not lmopt-opt %t/table.mlir --lm-run-compiled 2>&1 | FileCheck %s --check-prefix=TABLE

// FORMAT: error: lm-store-sparse: option 'format' must be auto, blocks or codes, found 'rows'
// TARGET: error: lm-store-sparse: option 'target' must be avx2 or avx512, found 'znver5'
// NOTHING: error: option 'layers': pattern 'decoder.*' matches none of the 1 linears
// ABSENT: error: {{.*}}missing.gguf
// COUNT: error: {{.*}}weight @w: expected '!lm.sparse_int8<2x4, block = 1x1, stored = 3>', but the source holds int8 2x4 with 8 blocks
// BLOCKS: error: {{.*}}blocks of 2x2 are not supported (param 'w'); use 16x4 or 1x1
// TABLE: error: {{.*}}rows of a sparse table cannot be looked up (param 'w'); store it as !lm.int8

//--- good.mlir
lm.param @w : !lm.int8<2x4> = #lm.quantize_rows<dense<1.0> : tensor<2x4xf32>>
func.func @product(%q: !lm.codes<?x?x4, u8>) -> tensor<?x?x2xf32> {
  %y = lm.quantized_linear %q, @w : (!lm.codes<?x?x4, u8>) -> tensor<?x?x2xf32> loc("project")
  return %y : tensor<?x?x2xf32>
}
//--- absent.mlir
lm.param @w : !lm.int8<2x4> = #lm.quantize_rows<#lm.gguf<"missing.gguf", "w", f32>>
func.func @product(%q: !lm.codes<?x?x4, u8>) -> tensor<?x?x2xf32> {
  %y = lm.quantized_linear %q, @w : (!lm.codes<?x?x4, u8>) -> tensor<?x?x2xf32> loc("project")
  return %y : tensor<?x?x2xf32>
}
//--- count.mlir
lm.param @w : !lm.sparse_int8<2x4, block = 1x1, stored = 3> = #lm.store_sparse<#lm.quantize_rows<dense<1.0> : tensor<2x4xf32>>, block = 1x1>
func.func @product() -> tensor<1x1x2xf32> {
  %x = arith.constant dense<1.0> : tensor<1x1x4xf32>
  %q = lm.quantize_dynamic %x : (tensor<1x1x4xf32>) -> !lm.codes<1x1x4, u8>
  %y = lm.quantized_linear %q, @w : (!lm.codes<1x1x4, u8>) -> tensor<1x1x2xf32> loc("project")
  return %y : tensor<1x1x2xf32>
}
//--- blocks.mlir
lm.param @w : !lm.sparse_int8<2x4, block = 2x2, stored = 2> = #lm.store_sparse<#lm.quantize_rows<dense<1.0> : tensor<2x4xf32>>, block = 2x2>
func.func @product() -> tensor<1x1x2xf32> {
  %x = arith.constant dense<1.0> : tensor<1x1x4xf32>
  %q = lm.quantize_dynamic %x : (tensor<1x1x4xf32>) -> !lm.codes<1x1x4, u8>
  %y = lm.quantized_linear %q, @w : (!lm.codes<1x1x4, u8>) -> tensor<1x1x2xf32> loc("project")
  return %y : tensor<1x1x2xf32>
}
//--- table.mlir
lm.param @w : !lm.sparse_int8<2x4, block = 16x4, stored = 1> = #lm.store_sparse<#lm.quantize_rows<dense<1.0> : tensor<2x4xf32>>, block = 16x4>
func.func @lookup() -> tensor<1x1x4xf32> {
  %ids = arith.constant dense<1> : tensor<1x1xi32>
  %x = lm.embedding %ids, @w : (tensor<1x1xi32>) -> tensor<1x1x4xf32> loc("embed")
  return %x : tensor<1x1x4xf32>
}
