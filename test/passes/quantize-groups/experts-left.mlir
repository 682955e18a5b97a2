// A mixture stays in f32 with all its matrices where groups do not divide one of them, with biases, and where something else reads a
// matrix. One warning says so for the whole model, a remark for each.
// RUN: lmopt-opt %s --lm-quantize-groups 2> %t.warning | FileCheck %s
// RUN: FileCheck %s --check-prefix=WARNING < %t.warning
// RUN: lmopt-opt %s --lm-quantize-groups=layers=*.experts 2>&1 | FileCheck %s --implicit-check-not=warning
// RUN: lmopt-opt %s --lm-quantize-groups --remarks-filter=lm-quantize-groups -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// WARNING: warning: {{.*}}lm-quantize-groups: the weights of 4 mixtures of experts stay in f32, among them those of 'a.experts': groups of 32 do not divide its width 16 (@narrow)
// WARNING-NOT: warning
// REMARK-DAG: [Missed] NotQuantized{{.*}}Op=a.experts, Reason="groups of 32 do not divide its width 16 (@narrow)"
// REMARK-DAG: [Missed] NotQuantized{{.*}}Op=b.experts, Reason="experts with biases are multiplied in f32 only"
// REMARK-DAG: [Missed] NotQuantized{{.*}}Op=c.experts, Reason="its weight @read is also used by 'c.q'"
// REMARK-DAG: [Missed] NotQuantized{{.*}}Op=d.experts, Reason="its weight @both is both what is multiplied with and what is added"
// CHECK-NOT: lm.grouped
// CHECK-COUNT-4: lm.experts
// CHECK-NOT: lm.grouped
lm.param @w : tensor<32x32xf32> = dense<1.0>
lm.param @narrow : tensor<32x32xf32> = dense<1.0>
lm.param @first : tensor<64x32xf32> = dense<1.0>
lm.param @values : tensor<64x32xf32> = dense<1.0>
lm.param @biases : tensor<2x32xf32> = dense<1.0>
lm.param @read : tensor<64x32xf32> = dense<1.0>
lm.param @last : tensor<64x32xf32> = dense<1.0>
lm.param @both : tensor<64x32xf32> = dense<1.0>
func.func @forward(%x: tensor<?x?x32xf32>, %g: tensor<?x?x2xf32>) -> tensor<?x?x64xf32> {
  %a = lm.experts %x by %g, @w to @narrow {kind = silu} : (tensor<?x?x32xf32>, tensor<?x?x2xf32>) -> tensor<?x?x32xf32> loc("a.experts")
  %b = lm.experts %a by %g, @first to @values bias @biases {kind = silu} : (tensor<?x?x32xf32>, tensor<?x?x2xf32>) -> tensor<?x?x32xf32> loc("b.experts")
  %c = lm.experts %b by %g, @read to @last {kind = silu} : (tensor<?x?x32xf32>, tensor<?x?x2xf32>) -> tensor<?x?x32xf32> loc("c.experts")
  %d = lm.experts %c by %g, @both to @both {kind = silu} : (tensor<?x?x32xf32>, tensor<?x?x2xf32>) -> tensor<?x?x32xf32> loc("d.experts")
  %q = lm.linear %d, @read : (tensor<?x?x32xf32>) -> tensor<?x?x64xf32> loc("c.q")
  return %q : tensor<?x?x64xf32>
}
