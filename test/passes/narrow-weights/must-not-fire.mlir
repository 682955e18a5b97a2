// A weight that something needs in f32, or that an unselected linear shares; int8 weights are no linears of f32.
// RUN: lmopt-opt %s > %t.before
// RUN: lmopt-opt %s --lm-narrow-weights='skip=unselected' > %t.after
// RUN: diff %t.before %t.after
// RUN: lmopt-opt %s --lm-narrow-weights='skip=unselected' --remarks-filter=lm-narrow-weights -o /dev/null 2>&1 | FileCheck %s

// CHECK: [Missed] KeptFloat{{.*}}Op=tied, Reason="its weight is also used by 'positions'"
// CHECK: [Missed] KeptFloat{{.*}}Op=selected, Reason="its weight is also used by 'unselected', which is not selected"
// CHECK-NOT: quantized
lm.param @positions : tensor<8x8xf32> = dense<1.0>
lm.param @w : tensor<8x8xf32> = dense<2.0>
lm.param @codes : !lm.int8<8x8> = #lm.quantize_rows<dense<3.0> : tensor<8x8xf32>> exactness <approximate>
func.func @shared(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %p = lm.add_positions %x, @positions : tensor<?x?x8xf32> loc("positions")
  %y = lm.linear %p, @positions : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> loc("tied")
  return %y : tensor<?x?x8xf32>
}
func.func @half_selected(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %a = lm.linear %x, @w : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> loc("selected")
  %b = lm.linear %a, @w : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> loc("unselected")
  return %b : tensor<?x?x8xf32>
}
func.func @quantized(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %c = lm.quantize_dynamic %x : (tensor<?x?x8xf32>) -> !lm.codes<?x?x8, u8>
  %y = lm.quantized_linear %c, @codes
      : (!lm.codes<?x?x8, u8>) -> tensor<?x?x8xf32> loc("quantized")
  return %y : tensor<?x?x8xf32>
}
