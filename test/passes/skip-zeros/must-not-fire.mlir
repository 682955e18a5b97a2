// Too many numbers that are not zero, another activation, a gated product, weights that are used elsewhere or have a
// form of their own, one vector a sequence.
// RUN: lmopt-opt %s > %t.before
// RUN: lmopt-opt %s --lm-skip-zeros | diff %t.before -
// RUN: lmopt-opt %s --lm-skip-zeros='most=1 skip=many' --remarks-filter=lm-skip-zeros -o %t.after 2> %t.remarks
// RUN: diff %t.before %t.after
// RUN: FileCheck %s --implicit-check-not=remark: < %t.remarks
// RUN: lmopt-opt %s --lm-skip-zeros='layers=many' --remarks-filter=lm-skip-zeros -o /dev/null 2>&1 | FileCheck %s --check-prefix=MANY

// MANY: [Missed] KeptDense | Category:lm-skip-zeros | Op=many, Reason="0.500 of its numbers are not zero, as is assumed without 'stats'; at most 0.300 may be"
// CHECK: remark: [Missed] KeptDense | Category:lm-skip-zeros | Op=gated, Reason="statistics count what is positive, not what is negative: how much of a gated product is zero is unknown"
// CHECK: remark: [Missed] KeptDense | Category:lm-skip-zeros | Op=shared, Reason="its weight is also used elsewhere"
// CHECK: remark: [Missed] KeptDense | Category:lm-skip-zeros | Op=sparse, Reason="its weight has zeros of its own, for lm-store-sparse"
// CHECK: remark: [Missed] KeptDense | Category:lm-skip-zeros | Op=trained, Reason="its weight has the codes that it was trained with"
// CHECK: remark: [Missed] KeptDense | Category:lm-skip-zeros | Op=vector, Reason="it reads one vector a sequence, which is little work"
lm.param @many : tensor<2x2xf32> = dense<1.0>
lm.param @gelu : tensor<2x2xf32> = dense<1.0>
lm.param @gated : tensor<2x2xf32> = dense<1.0>
lm.param @shared : tensor<2x2xf32> = dense<1.0>
lm.param @sparse : tensor<2x2xf32> = #lm.sparsify<dense<1.0> : tensor<2x2xf32>, ratio = 0.5> exactness <approximate>
lm.param @trained : tensor<2x2xf32> = #lm.fake_quantize<dense<1.0> : tensor<2x2xf32>, ranges = dense<2.0> : tensor<2xf32>, steps = 127> exactness <trained>
lm.param @vector : tensor<2x2xf32> = dense<1.0>
func.func @f(%x: tensor<?x?x2xf32>, %v: tensor<?x2xf32>) -> (tensor<?x?x2xf32>, tensor<?x2xf32>) {
  %0 = lm.activation %x {kind = relu} : tensor<?x?x2xf32>
  %1 = lm.linear %0, @many attributes {lm.part = "many"} : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %2 = lm.activation %1 {kind = gelu} : tensor<?x?x2xf32>
  %3 = lm.linear %2, @gelu attributes {lm.part = "gelu"} : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %4 = lm.gated_product %3, %1 {kind = relu} : tensor<?x?x2xf32>
  %5 = lm.linear %4, @gated attributes {lm.part = "gated"} : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %6 = lm.activation %5 {kind = relu} : tensor<?x?x2xf32>
  %7 = lm.linear %6, @shared attributes {lm.part = "shared"} : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %8 = lm.linear %7, @shared attributes {lm.part = "again"} : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %9 = lm.activation %8 {kind = relu} : tensor<?x?x2xf32>
  %10 = lm.linear %9, @sparse attributes {lm.part = "sparse"} : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %11 = lm.activation %10 {kind = relu} : tensor<?x?x2xf32>
  %12 = lm.linear %11, @trained attributes {lm.part = "trained"} : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %13 = lm.activation %v {kind = relu} : tensor<?x2xf32>
  %14 = lm.linear %13, @vector attributes {lm.part = "vector"} : (tensor<?x2xf32>) -> tensor<?x2xf32>
  return %12, %14 : tensor<?x?x2xf32>, tensor<?x2xf32>
}
