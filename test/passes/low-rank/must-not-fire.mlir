// Weights that something else needs, a linear behind the pooling, codes, and one too small to save anything.
// RUN: lmopt-opt %s > %t.before
// RUN: lmopt-opt %s --lm-low-rank='method=plain ratio=0.2' > %t.after
// RUN: diff %t.before %t.after
// RUN: lmopt-opt %s --lm-low-rank='method=plain ratio=0.2' --remarks-filter=lm-low-rank -o /dev/null 2>&1 | FileCheck %s

// CHECK: [Missed] NotFactored | Category:lm-low-rank | Op=tied, Reason="its weight is also used elsewhere"
// CHECK: [Missed] NotFactored{{.*}}Op=first, Reason="its weight is also used elsewhere"
// CHECK: [Missed] NotFactored{{.*}}Op=second, Reason="its weight is also used elsewhere"
// CHECK: [Missed] NotFactored{{.*}}Op=head, Reason="it reads one vector a sequence, which is little work"
// CHECK: [Missed] NotFactored{{.*}}Op=codes, Reason="its weight is not f32 any more: factor first, quantize then"
// CHECK: [Missed] NotFactored{{.*}}Op=small, Reason="no multiple of 16 is a rank that saves enough of 32x32"
lm.param @positions : tensor<64x64xf32> = dense<1.0>
lm.param @w : tensor<64x64xf32> = dense<2.0>
lm.param @head : tensor<64x64xf32> = dense<1.0>
lm.param @codes : !lm.int8<64x64> = #lm.quantize_rows<dense<1.0> : tensor<64x64xf32>> exactness <approximate>
lm.param @small : tensor<32x32xf32> = dense<1.0>
func.func @shared(%x: tensor<?x?x64xf32>) -> tensor<?x?x64xf32> {
  %p = lm.add_positions %x, @positions : tensor<?x?x64xf32> loc("positions")
  %y = lm.linear %p, @positions : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32> loc("tied")
  return %y : tensor<?x?x64xf32>
}
func.func @twice(%x: tensor<?x?x64xf32>) -> tensor<?x?x64xf32> {
  %a = lm.linear %x, @w : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32> loc("first")
  %b = lm.linear %a, @w : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32> loc("second")
  return %b : tensor<?x?x64xf32>
}
func.func @behind_pooling(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %y = lm.linear %x, @head : (tensor<?x64xf32>) -> tensor<?x64xf32> loc("head")
  return %y : tensor<?x64xf32>
}
func.func @quantized(%x: tensor<?x?x64xf32>) -> tensor<?x?x64xf32> {
  %codes = lm.quantize_dynamic %x : (tensor<?x?x64xf32>) -> !lm.codes<?x?x64, u8>
  %y = lm.quantized_linear %codes, @codes : (!lm.codes<?x?x64, u8>) -> tensor<?x?x64xf32> loc("codes")
  return %y : tensor<?x?x64xf32>
}
func.func @narrow(%x: tensor<?x?x32xf32>) -> tensor<?x?x32xf32> {
  %y = lm.linear %x, @small : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> loc("small")
  return %y : tensor<?x?x32xf32>
}
