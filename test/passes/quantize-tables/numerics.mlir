// (1) Codes: a row whose greatest number is 127 has steps of 1, so 3.4 becomes 3 and ties go to even. (2) The tiny BERT: a number of
// the table is off by at most 1/254 of the greatest of its row with 8 bits, a 30th of the range of its group with 4: through 2 layers
// below 2 and 20 % of the largest number. It must differ from f32.
// RUN: lmopt-opt %s --lm-quantize-tables --lm-interpret -o /dev/null | FileCheck %s
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-interpret -o /dev/null > %t.before
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-quantize-tables --lm-interpret -o /dev/null > %t.after
// RUN: python3 %p/../compare.py %t.before %t.after --relative 2e-2 --different

// CHECK: @rows: tensor<1x2x3xf32> {{\[\[\[}}127, 3, -2], [-1.27, 0, 0.02{{]]]}}
lm.param @words : tensor<2x3xf32> = dense<[[127.0, 3.4, -2.5], [-1.27, 0.0, 0.02]]>
func.func @rows() -> tensor<1x2x3xf32> {
  %ids = arith.constant dense<[[0, 1]]> : tensor<1x2xi32>
  %x = lm.embedding %ids, @words : (tensor<1x2xi32>) -> tensor<1x2x3xf32> loc("embed")
  return %x : tensor<1x2x3xf32>
}
