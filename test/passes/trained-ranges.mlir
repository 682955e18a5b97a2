// What is rounded to codes between a norm, an attention and the linears that read them stays what it is: nothing is folded, scaled or
// turned through the rounding.
// RUN: lmopt-opt %s > %t.before
// RUN: lmopt-opt %s --lm-fold-norm-affine --lm-fold-value-bias --lm-rotate > %t.after
// RUN: diff %t.before %t.after
// RUN: lmopt-opt %s --lm-fold-norm-affine --lm-fold-value-bias --lm-rotate --remarks-filter=.* -o /dev/null 2>&1 | FileCheck %s
// RUN: lmopt-opt %s --lm-recipe-int8 | FileCheck %s --check-prefix=INT8

// CHECK-DAG: [Missed] KeptAffine{{.*}}Op=norm, Reason="its result is also used by 'lm.fake_quantize'"
// CHECK-DAG: [Missed] NotRotated{{.*}}Op=layers.0.attn.q, Reason="'layers.0.attn.q' reads the codes that it was trained with"
// CHECK-DAG: [Missed] NotRotated{{.*}}Op=layers.0.attn.o, Reason="'layers.0.attn.o' reads the codes that it was trained with"
// INT8: %[[F:.*]] = lm.fake_quantize
// INT8-NEXT: %[[Q:.*]] = lm.quantize_static %[[F]]
// INT8-NEXT: lm.quantized_linear %[[Q]], @q
// INT8-NEXT: lm.quantized_linear %[[Q]], @k
// INT8-NEXT: lm.quantized_linear %[[Q]], @v
// INT8: lm.attention
// INT8-NEXT: %[[A:.*]] = lm.fake_quantize
// INT8-NEXT: %[[C:.*]] = lm.quantize_static %[[A]]
// INT8-NEXT: lm.quantized_linear %[[C]], @o
lm.param @g : tensor<32xf32> = dense<2.0>
lm.param @b : tensor<32xf32> = dense<3.0>
lm.param @q : tensor<32x32xf32> = dense<1.0>
lm.param @k : tensor<32x32xf32> = dense<2.0>
lm.param @v : tensor<32x32xf32> = dense<3.0>
lm.param @o : tensor<32x32xf32> = dense<4.0>
func.func @encode(%x: tensor<?x?x32xf32>, %len: tensor<?xi32>) -> tensor<?x32xf32> {
  %n = lm.layer_norm %x, @g, @b {eps = 1.0e-5} : tensor<?x?x32xf32> loc("norm")
  %f = lm.fake_quantize %n {codes = <range = 2.0, steps = 127, zero = 128, least = 0, greatest = 255>} : tensor<?x?x32xf32> loc("layers.0.attn.q.input")
  %q = lm.linear %f, @q : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> loc("layers.0.attn.q")
  %k = lm.linear %f, @k : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> loc("layers.0.attn.k")
  %v = lm.linear %f, @v bias @b : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> loc("layers.0.attn.v")
  %a = lm.attention %q, %k, %v lengths %len {layer = 0, heads = 2, kv_heads = 2, scale = 1.0, mask = #lm.full}
      : (tensor<?x?x32xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>, tensor<?xi32>) -> tensor<?x?x32xf32> loc("layers.0.attn")
  %c = lm.fake_quantize %a {codes = <range = 8.0, steps = 127, zero = 128, least = 0, greatest = 255>} : tensor<?x?x32xf32> loc("layers.0.attn.o.input")
  %y = lm.linear %c, @o : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> loc("layers.0.attn.o")
  %p = lm.pool %y, %len {kind = mean} : (tensor<?x?x32xf32>, tensor<?xi32>) -> tensor<?x32xf32>
  return %p : tensor<?x32xf32>
}
