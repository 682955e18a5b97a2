// RUN: lmopt-opt %s --lm-narrow-trees | FileCheck %s --check-prefixes=CHECK,HALVES
// RUN: lmopt-opt %s --lm-narrow-trees='bits=8 numbers' | FileCheck %s --check-prefixes=CHECK,CODES
// RUN: lmopt-opt %s --lm-narrow-trees='bits=8' --remarks-filter=lm-narrow-trees 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// CHECK: lm.param @w : tensor<3x4xf32>
// CODES: lm.param @w.int8 : !lm.int8<3x4> = #lm.quantize_rows<{{.*}}> exactness <approximate>
lm.param @w : tensor<3x4xf32> = dense<1.0>
// HALVES: lm.param @v : tensor<3x5xbf16> = #lm.narrow<{{.*}}> exactness <approximate>
// CODES: lm.param @v : !lm.int8<3x5> = #lm.quantize_rows<{{.*}}> exactness <approximate>
lm.param @v : tensor<3x5xf32> = dense<1.0>
// REMARK: NarrowedTree
func.func @tree(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xf32> {
  // HALVES: lm.neuron_tree %{{.*}}, @w to @v {kind = gelu}
  // CODES: lm.neuron_tree %{{.*}}, @w to @v by @w.int8 {kind = gelu}
  %y = lm.neuron_tree %x, @w to @v {kind = gelu} : (tensor<?x?x4xf32>) -> tensor<?x?x5xf32>
  return %y : tensor<?x?x5xf32>
}
