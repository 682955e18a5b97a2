// Halves that others have a part in, and branches that do not start at the rows before their sum, stay.
// RUN: lmopt-opt %s --lm-drop-layers='layers=*' --remarks-filter=lm-drop-layers 2>&1 | FileCheck %s --implicit-check-not=DroppedHalf
// RUN: not lmopt-opt %s --lm-drop-layers='layers=deep.up' 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not lmopt-opt %s --lm-drop-layers 2>&1 | FileCheck %s --check-prefix=MISSING
// NONE: error: lm-drop-layers: option 'layers' names no linear whose results are added to the rows of the model, which is where a half of a layer ends
// MISSING: error: lm-drop-layers: option 'layers' is missing; expected patterns, e.g. layers.7.*
// CHECK-DAG: remark: [Missed] NotDropped | Category:lm-drop-layers | Op=read, Reason="others also use what it computes"
// CHECK-DAG: remark: [Missed] NotDropped | Category:lm-drop-layers | Op=parallel, Reason="it does not read the rows before its sum alone"
// CHECK-DAG: remark: [Missed] NotDropped | Category:lm-drop-layers | Op=deep, Reason="it does not read the rows before its sum alone"
lm.param @w : tensor<2x2xf32> = dense<1.0>
func.func @forward(%x: tensor<?x?x2xf32>, %other: tensor<?x?x2xf32>) -> (tensor<?x?x2xf32>, tensor<?x?x2xf32>) {
  %m = lm.rms_norm %x {eps = 0.0} : tensor<?x?x2xf32>
  %y = lm.linear %m, @w attributes {lm.part = "read"} : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %s = lm.add %x, %y : tensor<?x?x2xf32>
  // Reads the rows before another sum.
  %z = lm.linear %m, @w attributes {lm.part = "parallel"} : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %t = lm.add %s, %z : tensor<?x?x2xf32>
  // Reads rows from elsewhere.
  %u = lm.linear %other, @w attributes {lm.part = "deep.up"} : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %g = lm.gated_product %u, %t {kind = silu} : tensor<?x?x2xf32>
  %v = lm.linear %g, @w attributes {lm.part = "deep"} : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %r = lm.add %t, %v : tensor<?x?x2xf32>
  return %r, %m : tensor<?x?x2xf32>, tensor<?x?x2xf32>
}
