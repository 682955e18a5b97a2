// A weight that something needs in f32, that an unselected linear shares, or that is not made of groups; and what other
// passes have made.
// RUN: lmopt-opt %s > %t.before
// RUN: lmopt-opt %s --lm-quantize-codebook='skip=unselected' > %t.after
// RUN: diff %t.before %t.after
// RUN: lmopt-opt %s --lm-quantize-codebook='skip=unselected' --remarks-filter=lm-quantize-codebook -o /dev/null 2>&1 | FileCheck %s
// A scale for each row takes any width.
// RUN: lmopt-opt %s --lm-quantize-codebook='entries=256 layers=narrow' | FileCheck %s --check-prefix=ROWS

// CHECK: [Missed] NotQuantized{{.*}}Op=tied, Reason="its weight is also used by 'positions'"
// CHECK: [Missed] NotQuantized{{.*}}Op=selected, Reason="its weight is also used by 'unselected', which is not selected"
// CHECK: [Missed] NotQuantized{{.*}}Op=unselected, Reason="its weight is also used by 'unselected', which is not selected"
// CHECK: [Missed] NotQuantized{{.*}}Op=narrow, Reason="groups of 32 do not divide its width 48"
// CHECK-NOT: remark
// ROWS: lm.param @narrow : !lm.codebook<1x48, entries = 256>
lm.param @positions : tensor<32x32xf32> = dense<1.0>
lm.param @w : tensor<32x32xf32> = dense<2.0>
lm.param @narrow : tensor<1x48xf32> = dense<1.0>
lm.param @int8 : !lm.int8<1x32> = #lm.quantize_rows<dense<1.0> : tensor<1x32xf32>> exactness <approximate>
lm.param @codebook : !lm.codebook<1x32, entries = 256> = #lm.quantize_codebook<dense<1.0> : tensor<1x32xf32>, entries = 256> exactness <approximate>
func.func @shared(%x: tensor<?x?x32xf32>) -> tensor<?x?x32xf32> {
  %p = lm.add_positions %x, @positions : tensor<?x?x32xf32> loc("positions")
  %y = lm.linear %p, @positions : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> loc("tied")
  return %y : tensor<?x?x32xf32>
}
func.func @half_selected(%x: tensor<?x?x32xf32>) -> tensor<?x?x32xf32> {
  %a = lm.linear %x, @w : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> loc("selected")
  %b = lm.linear %a, @w : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> loc("unselected")
  return %b : tensor<?x?x32xf32>
}
func.func @on_narrow(%x: tensor<?x?x48xf32>) -> tensor<?x?x1xf32> {
  %y = lm.linear %x, @narrow : (tensor<?x?x48xf32>) -> tensor<?x?x1xf32> loc("narrow")
  return %y : tensor<?x?x1xf32>
}
func.func @quantized(%x: tensor<?x?x32xf32>) -> (tensor<?x?x1xf32>, tensor<?x?x1xf32>) {
  %q = lm.quantize_dynamic %x : (tensor<?x?x32xf32>) -> !lm.codes<?x?x32, u8>
  %a = lm.quantized_linear %q, @int8 : (!lm.codes<?x?x32, u8>) -> tensor<?x?x1xf32> loc("int8")
  %b = lm.codebook_linear %x, @codebook : (tensor<?x?x32xf32>) -> tensor<?x?x1xf32> loc("codebook")
  return %a, %b : tensor<?x?x1xf32>, tensor<?x?x1xf32>
}
