// Blocks that are no blocks of their own, too many neurons that fire, experts that would cost more, what experts have no
// place for.
// RUN: lmopt-opt %s > %t.before
// RUN: lmopt-opt %s --lm-split-ffn='experts=2 count=1 most=0.5' --remarks-filter=lm-split-ffn -o %t.after 2> %t.remarks
// RUN: diff %t.before %t.after
// RUN: FileCheck %s --implicit-check-not=remark: < %t.remarks
// RUN: lmopt-opt %s --lm-split-ffn='experts=2 count=1 pays=false layers=small' --remarks-filter=lm-split-ffn -o /dev/null 2>&1 | FileCheck %s --check-prefix=MANY
// RUN: lmopt-opt %s --lm-split-ffn='experts=2 count=1 pays=false most=1 layers=infinite' --remarks-filter=lm-split-ffn -o /dev/null 2>&1 | FileCheck %s --check-prefix=INFINITE
// RUN: lmopt-opt %s --lm-split-ffn='experts=2 count=1 pays=false most=1 layers=small skip=small' | diff %t.before -

// 0.5 * 1.3 of the products, 2 * 4 numbers moved, 2 * (2 + 16) for the router: (10.4 + 8 + 36) / 16.
// CHECK: remark: [Missed] KeptDense | Category:lm-split-ffn | Op=shared, Reason="its weight is also used elsewhere"
// CHECK: remark: [Missed] KeptDense | Category:lm-split-ffn | Op=gated.bias, Reason="the matrix beside its gate has a bias, which experts have no place for"
// CHECK: remark: [Missed] KeptDense | Category:lm-split-ffn | Op=gated.apart, Reason="its gate reads another value"
// CHECK: remark: [Missed] KeptDense | Category:lm-split-ffn | Op=trained, Reason="its weight has the codes that it was trained with"
// CHECK: remark: [Missed] KeptDense | Category:lm-split-ffn | Op=vector, Reason="it reads one vector a sequence, which is little work"
// CHECK: remark: [Missed] KeptDense | Category:lm-split-ffn | Op=small, Reason="experts would cost 3.40 of what it costs"
// CHECK: remark: [Missed] KeptDense | Category:lm-split-ffn | Op=infinite, Reason="experts would cost 3.40 of what it costs"
// MANY: remark: [Missed] KeptDense | Category:lm-split-ffn | Op=small, Reason="0.500 of its neurons fire, as is assumed without 'stats'; at most 0.300 may"
// INFINITE: remark: [Missed] KeptDense | Category:lm-split-ffn | Op=infinite, Reason="its weights are not all finite"
lm.param @small.up : tensor<4x2xf32> = dense<1.0>
lm.param @small.down : tensor<2x4xf32> = dense<1.0>
lm.param @infinite.up : tensor<4x2xf32> = dense<0x7F800000>
lm.param @infinite.down : tensor<2x4xf32> = dense<1.0>
lm.param @shared.up : tensor<4x2xf32> = dense<1.0>
lm.param @shared.down : tensor<2x4xf32> = dense<1.0>
lm.param @bias.gate : tensor<4x2xf32> = dense<1.0>
lm.param @bias.times : tensor<4x2xf32> = dense<1.0>
lm.param @bias.times.bias : tensor<4xf32> = dense<1.0>
lm.param @bias.down : tensor<2x4xf32> = dense<1.0>
lm.param @apart.gate : tensor<4x2xf32> = dense<1.0>
lm.param @apart.times : tensor<4x2xf32> = dense<1.0>
lm.param @apart.down : tensor<2x4xf32> = dense<1.0>
lm.param @trained.up : tensor<4x2xf32> = #lm.fake_quantize<dense<1.0> : tensor<4x2xf32>, ranges = dense<2.0> : tensor<4xf32>, steps = 127> exactness <trained>
lm.param @trained.down : tensor<2x4xf32> = dense<1.0>
lm.param @vector.up : tensor<4x2xf32> = dense<1.0>
lm.param @vector.down : tensor<2x4xf32> = dense<1.0>
func.func @f(%x: tensor<?x?x2xf32>, %v: tensor<?x2xf32>) -> (tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x2xf32>) {
  %u0 = lm.linear %x, @small.up : (tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  %a0 = lm.activation %u0 {kind = relu} : tensor<?x?x4xf32>
  %y0 = lm.linear %a0, @small.down attributes {lm.part = "small"} : (tensor<?x?x4xf32>) -> tensor<?x?x2xf32>
  %ui = lm.linear %y0, @infinite.up : (tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  %ai = lm.activation %ui {kind = relu} : tensor<?x?x4xf32>
  %yi = lm.linear %ai, @infinite.down attributes {lm.part = "infinite"} : (tensor<?x?x4xf32>) -> tensor<?x?x2xf32>
  %u1 = lm.linear %x, @shared.up : (tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  %a1 = lm.activation %u1 {kind = relu} : tensor<?x?x4xf32>
  %y1 = lm.linear %a1, @shared.down attributes {lm.part = "shared"} : (tensor<?x?x4xf32>) -> tensor<?x?x2xf32>
  %y1again = lm.linear %u1, @shared.down : (tensor<?x?x4xf32>) -> tensor<?x?x2xf32>
  %g2 = lm.linear %yi, @bias.gate : (tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  %t2 = lm.linear %yi, @bias.times bias @bias.times.bias : (tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  %a2 = lm.gated_product %g2, %t2 {kind = relu} : tensor<?x?x4xf32>
  %y2 = lm.linear %a2, @bias.down attributes {lm.part = "gated.bias"} : (tensor<?x?x4xf32>) -> tensor<?x?x2xf32>
  %g3 = lm.linear %y2, @apart.gate : (tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  %t3 = lm.linear %x, @apart.times : (tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  %a3 = lm.gated_product %g3, %t3 {kind = relu} : tensor<?x?x4xf32>
  %y3 = lm.linear %a3, @apart.down attributes {lm.part = "gated.apart"} : (tensor<?x?x4xf32>) -> tensor<?x?x2xf32>
  %u4 = lm.linear %y3, @trained.up : (tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  %a4 = lm.activation %u4 {kind = relu} : tensor<?x?x4xf32>
  %y4 = lm.linear %a4, @trained.down attributes {lm.part = "trained"} : (tensor<?x?x4xf32>) -> tensor<?x?x2xf32>
  %u5 = lm.linear %v, @vector.up : (tensor<?x2xf32>) -> tensor<?x4xf32>
  %a5 = lm.activation %u5 {kind = relu} : tensor<?x4xf32>
  %y5 = lm.linear %a5, @vector.down attributes {lm.part = "vector"} : (tensor<?x4xf32>) -> tensor<?x2xf32>
  return %y1, %y1again, %y4, %y5 : tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x2xf32>
}
