// A weight that something needs in f32, that an unselected linear shares, or that is not made of groups; and what other
// passes have made.
// RUN: lmopt-opt %s > %t.before
// RUN: lmopt-opt %s --lm-quantize-groups='skip=unselected' > %t.after
// RUN: diff %t.before %t.after
// RUN: lmopt-opt %s --lm-quantize-groups='skip=unselected' --remarks-filter=lm-quantize-groups -o /dev/null 2>&1 | FileCheck %s

// CHECK: [Missed] NotQuantized{{.*}}Op=tied, Reason="its weight is also used by 'positions'"
// CHECK: [Missed] NotQuantized{{.*}}Op=selected, Reason="its weight is also used by 'unselected', which is not selected"
// CHECK: [Missed] NotQuantized{{.*}}Op=unselected, Reason="its weight is also used by 'unselected', which is not selected"
// CHECK: [Missed] NotQuantized{{.*}}Op=narrow, Reason="groups of 32 do not divide its width 48"
// CHECK-NOT: remark
lm.param @positions : tensor<32x32xf32> = dense<1.0>
lm.param @w : tensor<32x32xf32> = dense<2.0>
lm.param @narrow : tensor<1x48xf32> = dense<1.0>
lm.param @int8 : !lm.int8<1x32> = #lm.quantize_rows<dense<1.0> : tensor<1x32xf32>> exactness <approximate>
lm.param @grouped : !lm.grouped<1x32, bits = 8, group = 16> = #lm.quantize_groups<dense<1.0> : tensor<1x32xf32>, bits = 8, group = 16> exactness <trained>
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
  %g = lm.quantize_groups %x : (tensor<?x?x32xf32>) -> !lm.codes<?x?x32, s8, group = 16>
  %b = lm.grouped_linear %g, @grouped : (!lm.codes<?x?x32, s8, group = 16>) -> tensor<?x?x1xf32> loc("grouped")
  return %a, %b : tensor<?x?x1xf32>, tensor<?x?x1xf32>
}
