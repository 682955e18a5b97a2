// What would make other numbers of a weight leaves those alone that a model was trained with, and says so.
// RUN: lmopt-opt %s > %t.before
// RUN: lmopt-opt %s --lm-rotate --lm-fold-norm-affine --lm-quantize-groups --lm-quantize-codebook --lm-narrow-weights > %t.after
// RUN: diff %t.before %t.after
// RUN: lmopt-opt %s --lm-sparsify='ratio=0.5 method=magnitude' > %t.sparse
// RUN: diff %t.before %t.sparse
// RUN: lmopt-opt %s --lm-rotate --lm-fold-norm-affine --lm-quantize-groups --lm-quantize-codebook --lm-narrow-weights --lm-sparsify='ratio=0.5 method=magnitude' --remarks-filter=.* -o /dev/null 2>&1 | FileCheck %s
// The recipe keeps the codes of linears whose rows it moves or scales.
// RUN: lmopt-opt %s --lm-recipe-int8 | FileCheck %s --check-prefix=INT8

// CHECK-DAG: [Missed] NotRotated{{.*}}Op=layers.0.attn.q, Reason="its weight has the codes that it was trained with"
// CHECK-DAG: [Missed] KeptAffine{{.*}}Op=norm, Reason="'layers.0.attn.v': its weight has the codes that it was trained with"
// CHECK-DAG: [Missed] NotQuantized | Category:lm-quantize-groups | Op=layers.0.attn.q, Reason="its weight has the codes that it was trained with"
// CHECK-DAG: [Missed] NotQuantized | Category:lm-quantize-codebook | Op=layers.0.attn.q, Reason="its weight has the codes that it was trained with"
// CHECK-DAG: [Missed] KeptFloat{{.*}}Op=layers.0.attn.q, Reason="its weight has the codes that it was trained with"
// CHECK-DAG: [Missed] NotSparsified{{.*}}Op=layers.0.attn.q, Reason="its weight has the codes that it was trained with"
// INT8-DAG: lm.param @q : !lm.int8<32x32> = #lm.quantize_rows<#lm.scale<#lm.permute_rope<#lm.fake_quantize<{{.*}}>, heads = 2, from = interleaved>, 2.500000e-01>> exactness <trained>
// INT8-DAG: lm.param @o : !lm.int8<32x32> = #lm.quantize_rows<#lm.fake_quantize<{{.*}}>> exactness <trained>
// INT8-NOT: lm.rotate
lm.param @g : tensor<32xf32> = dense<2.0>
lm.param @q : tensor<32x32xf32> = #lm.fake_quantize<dense<1.0> : tensor<32x32xf32>, ranges = dense<2.0> : tensor<32xf32>, steps = 127> exactness <trained>
lm.param @k : tensor<32x32xf32> = #lm.fake_quantize<dense<2.0> : tensor<32x32xf32>, ranges = dense<2.0> : tensor<32xf32>, steps = 127> exactness <trained>
lm.param @v : tensor<32x32xf32> = #lm.fake_quantize<dense<3.0> : tensor<32x32xf32>, ranges = dense<2.0> : tensor<32xf32>, steps = 127> exactness <trained>
lm.param @o : tensor<32x32xf32> = #lm.fake_quantize<dense<4.0> : tensor<32x32xf32>, ranges = dense<2.0> : tensor<32xf32>, steps = 127> exactness <trained>
func.func @forward(%x: tensor<1x?x32xf32>, %cache: !lm.cache) -> (tensor<1x?x32xf32>, !lm.cache) {
  %n = lm.rms_norm %x, @g {eps = 1.0e-5} : tensor<1x?x32xf32> loc("norm")
  %q = lm.linear %n, @q : (tensor<1x?x32xf32>) -> tensor<1x?x32xf32> loc("layers.0.attn.q")
  %k = lm.linear %n, @k : (tensor<1x?x32xf32>) -> tensor<1x?x32xf32> loc("layers.0.attn.k")
  %v = lm.linear %n, @v : (tensor<1x?x32xf32>) -> tensor<1x?x32xf32> loc("layers.0.attn.v")
  %a, %next = lm.attention %q, %k, %v, %cache {layer = 0, heads = 2, kv_heads = 2, scale = 0.25, mask = #lm.causal, rope = #lm.rope<base = 1.0e4, dims = 16, layout = interleaved>}
      : (tensor<1x?x32xf32>, tensor<1x?x32xf32>, tensor<1x?x32xf32>, !lm.cache) -> (tensor<1x?x32xf32>, !lm.cache) loc("layers.0.attn")
  %y = lm.linear %a, @o : (tensor<1x?x32xf32>) -> tensor<1x?x32xf32> loc("layers.0.attn.o")
  return %y, %next : tensor<1x?x32xf32>, !lm.cache
}
