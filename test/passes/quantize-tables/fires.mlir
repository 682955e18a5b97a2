// A table that embeddings alone read gets codes, once for both of them; a second run changes nothing.
// RUN: lmopt-opt %s --lm-quantize-tables | FileCheck %s --check-prefixes=CHECK,EIGHT
// RUN: lmopt-opt %s --lm-quantize-tables=bits=4 | FileCheck %s --check-prefixes=CHECK,FOUR
// RUN: lmopt-opt %s --lm-quantize-tables --remarks-filter=lm-quantize-tables -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-quantize-tables > %t.once
// RUN: lmopt-opt %s --lm-quantize-tables --lm-quantize-tables=bits=4 > %t.twice
// RUN: diff %t.once %t.twice

// REMARK: [Passed] QuantizedTable | Category:lm-quantize-tables | Op=embed, Table=words
// REMARK: [Passed] QuantizedTable | Category:lm-quantize-tables | Op=again, Table=words

// EIGHT: lm.param @words : !lm.int8<8x64> = #lm.quantize_rows<dense<1.000000e+00> : tensor<8x64xf32>> exactness <approximate>
// FOUR: lm.param @words : !lm.grouped<8x64, bits = 4, group = 32, min, scales = 8> = #lm.quantize_groups<{{.*}}> exactness <approximate>
lm.param @words : tensor<8x64xf32> = dense<1.0>

// CHECK-LABEL: func.func @forward
// CHECK: lm.embedding {{.*}}, @words
// CHECK-NEXT: lm.embedding {{.*}}, @words
func.func @forward(%ids: tensor<?x?xi32>) -> tensor<?x?x64xf32> {
  %x = lm.embedding %ids, @words : (tensor<?x?xi32>) -> tensor<?x?x64xf32> loc("embed")
  %y = lm.embedding %ids, @words : (tensor<?x?xi32>) -> tensor<?x?x64xf32> loc("again")
  %z = lm.add %x, %y : tensor<?x?x64xf32>
  return %z : tensor<?x?x64xf32>
}
