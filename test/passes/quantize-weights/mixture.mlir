// A mixture of experts: its router stays in f32 and is not rotated, since a small error may choose other experts; so do the
// experts, which a warning says where the pass is about the whole model (groups would take them, but for their weights with two readers). What else there is gets its format.
// RUN: lmopt-opt %s --lm-quantize-weights 2> %t.warning | FileCheck %s --check-prefixes=CHECK,INT8
// RUN: FileCheck %s --check-prefix=WARNING < %t.warning
// RUN: lmopt-opt %s --lm-quantize-groups 2>&1 | FileCheck %s --check-prefixes=GROUPS-WARNING,CHECK,GROUPS
// RUN: lmopt-opt %s --lm-narrow-weights 2>&1 | FileCheck %s --check-prefixes=NARROW-WARNING,CHECK,NARROW
// RUN: lmopt-opt %s --lm-quantize-weights=layers=attn.* 2>&1 | FileCheck %s --check-prefixes=CHECK,INT8 --implicit-check-not=warning
// RUN: lmopt-opt %s --lm-rotate=block=32 2>&1 | FileCheck %s --check-prefixes=CHECK,ROTATED --implicit-check-not=warning
// RUN: lmopt-opt %s --lm-quantize-weights --remarks-filter=lm-quantize-weights -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-rotate=block=32 --remarks-filter=lm-rotate -o /dev/null 2>&1 | FileCheck %s --check-prefix=KEPT

// WARNING: warning: {{.*}}lm-quantize-weights: the weights of 2 mixtures of experts stay in f32, among them those of 'ffn.experts': experts are multiplied in f32, or in codes in groups (lm-quantize-groups, lm-keep-native)
// WARNING-NOT: warning
// GROUPS-WARNING: warning: {{.*}}lm-quantize-groups: the weights of 2 mixtures of experts stay in f32, among them those of 'ffn.experts': its weight @w is also used by 'again.experts'
// NARROW-WARNING: warning: {{.*}}lm-narrow-weights: the weights of 2 mixtures of experts stay in f32
// REMARK: [Missed] NotQuantized{{.*}}Op=ffn.router, Reason="'ffn.router' chooses experts, and a small error may choose others"
// KEPT: [Missed] NotRotated{{.*}}Op=ffn.router, Reason="'ffn.router' chooses experts, which it does in f32"

// INT8: lm.param @q : !lm.int8<32x32>
// GROUPS: lm.param @q : !lm.grouped<32x32
// NARROW: lm.param @q : tensor<32x32xbf16>
// ROTATED: lm.param @q : tensor<32x32xf32> = #lm.rotate_columns<
// CHECK: lm.param @router : tensor<2x32xf32> = dense
// CHECK: lm.param @w : tensor<64x32xf32> = dense
// CHECK: lm.param @v : tensor<64x32xf32> = dense
// CHECK: lm.linear %{{.*}}, @router
// CHECK: lm.experts
lm.param @q : tensor<32x32xf32> = dense<1.0>
lm.param @router : tensor<2x32xf32> = dense<1.0>
lm.param @w : tensor<64x32xf32> = dense<1.0>
lm.param @v : tensor<64x32xf32> = dense<1.0>
func.func @forward(%x: tensor<?x?x32xf32>) -> tensor<?x?x32xf32> {
  %q = lm.linear %x, @q : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> loc("attn.q")
  %s = lm.linear %q, @router : (tensor<?x?x32xf32>) -> tensor<?x?x2xf32> loc("ffn.router")
  %g = lm.top_gates %s {count = 1, softmax = "chosen"} : tensor<?x?x2xf32> loc("ffn.gates")
  %y = lm.experts %q by %g, @w times @w to @v {kind = silu} : (tensor<?x?x32xf32>, tensor<?x?x2xf32>) -> tensor<?x?x32xf32> loc("ffn.experts")
  %z = lm.experts %y by %g, @w to @v {kind = relu} : (tensor<?x?x32xf32>, tensor<?x?x2xf32>) -> tensor<?x?x32xf32> loc("again.experts")
  return %z : tensor<?x?x32xf32>
}
