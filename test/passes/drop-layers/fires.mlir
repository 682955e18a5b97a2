// A layer, or half of one, is the rows before it; the next attention takes its number.
// RUN: lmopt-opt %s --lm-drop-layers='layers=layers.0.*' --remarks-filter=lm-drop-layers 2>&1 | FileCheck %s --implicit-check-not=layers.0
// RUN: lmopt-opt %s --lm-drop-layers='layers=layers.*.down' | FileCheck %s --check-prefix=FFN
// CHECK-DAG: remark: [Passed] DroppedHalf | Category:lm-drop-layers | Op={{layers.0}}.o
// CHECK-DAG: remark: [Passed] DroppedHalf | Category:lm-drop-layers | Op={{layers.0}}.down
// CHECK: func.func @forward(%[[X:.*]]: tensor<?x?x2xf32>, %[[C:.*]]: !lm.cache)
// CHECK: lm.linear %[[X]], @q {{.*}}lm.part = "layers.1.q"
// CHECK: lm.attention %{{.*}}, %{{.*}}, %{{.*}}, %[[C]] {layer = 0,
// CHECK: return
// FFN: lm.attention {{.*}} {layer = 0,
// FFN: lm.attention {{.*}} {layer = 1,
// FFN: %[[SUM:.*]] = lm.add
// FFN-NEXT: return %[[SUM]]
lm.param @q : tensor<2x2xf32> = dense<1.0>
lm.param @o : tensor<2x2xf32> = dense<1.0>
lm.param @w : tensor<2x2xf32> = dense<1.0>
lm.param @old : tensor<2x2xf32> = dense<2.0>
// CHECK-NOT: @old
func.func @forward(%x: tensor<?x?x2xf32>, %c0: !lm.cache) -> (tensor<?x?x2xf32>, !lm.cache) {
  %n0 = lm.rms_norm %x {eps = 0.0} : tensor<?x?x2xf32>
  %q0 = lm.linear %n0, @old attributes {lm.part = "layers.0.q"} : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %a0, %c1 = lm.attention %q0, %n0, %n0, %c0 {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>, !lm.cache) -> (tensor<?x?x2xf32>, !lm.cache)
  %y0 = lm.linear %a0, @old attributes {lm.part = "layers.0.o"} : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %s0 = lm.add %x, %y0 : tensor<?x?x2xf32>
  %m0 = lm.rms_norm %s0 {eps = 0.0} : tensor<?x?x2xf32>
  %z0 = lm.linear %m0, @old attributes {lm.part = "layers.0.down"} : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %t0 = lm.add %z0, %s0 : tensor<?x?x2xf32>
  %q1 = lm.linear %t0, @q attributes {lm.part = "layers.1.q"} : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %a1, %c2 = lm.attention %q1, %q1, %q1, %c1 {layer = 1, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>, !lm.cache) -> (tensor<?x?x2xf32>, !lm.cache)
  %y1 = lm.linear %a1, @o attributes {lm.part = "layers.1.o"} : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %s1 = lm.add %t0, %y1 : tensor<?x?x2xf32>
  %z1 = lm.linear %s1, @w attributes {lm.part = "layers.1.down"} : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %t1 = lm.add %s1, %z1 : tensor<?x?x2xf32>
  return %t1, %c2 : tensor<?x?x2xf32>, !lm.cache
}
