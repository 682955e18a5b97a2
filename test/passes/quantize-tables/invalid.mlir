// Bits that no format of tables has, a pattern that names no table, and a table with a number that is not finite.
// RUN: not lmopt-opt %s --lm-quantize-tables=bits=3 2>&1 | FileCheck %s --check-prefix=BITS
// RUN: not lmopt-opt %s --lm-quantize-tables=layers=head 2>&1 | FileCheck %s --check-prefix=NOTHING
// RUN: not lmopt-opt %s --lm-quantize-tables --lm-interpret 2>&1 | FileCheck %s --check-prefix=READ

// BITS: error: lm-quantize-tables: option 'bits' must be 8 or 4, found 3
// NOTHING: error: option 'layers': pattern 'head' matches none of the 1 tables of this model; the first is 'embed'
// READ: error: {{.*}}@words
lm.param @words : tensor<2x2xf32> = dense<[[1.0, 0x7F800000], [1.0, 2.0]]>
func.func @forward() -> tensor<1x1x2xf32> {
  %ids = arith.constant dense<0> : tensor<1x1xi32>
  %x = lm.embedding %ids, @words : (tensor<1x1xi32>) -> tensor<1x1x2xf32> loc("embed")
  return %x : tensor<1x1x2xf32>
}
