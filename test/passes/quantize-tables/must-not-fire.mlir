// Shared with a head or an embedding that is not selected, in codes already, and of a width that has no groups of 32.
// RUN: lmopt-opt %s > %t.before
// RUN: lmopt-opt %s --lm-quantize-tables='bits=4 skip=spared' > %t.after
// RUN: diff %t.before %t.after
// RUN: lmopt-opt %s --lm-quantize-tables='bits=4 skip=spared' --remarks-filter=lm-quantize-tables -o /dev/null 2>&1 | FileCheck %s

// CHECK: [Missed] KeptFloat{{.*}}Op=tied, Reason="its table is also used by 'head'"
// CHECK: [Missed] KeptFloat{{.*}}Op=coded, Reason="it is not in f32"
// CHECK: [Missed] KeptFloat{{.*}}Op=odd, Reason="groups of 32 do not divide its width 24"
// CHECK: [Missed] KeptFloat{{.*}}Op=half, Reason="its table is also used by 'spared', which is not selected"
lm.param @shared : tensor<8x32xf32> = dense<1.0>
lm.param @codes : !lm.int8<8x32> = #lm.quantize_rows<dense<3.0> : tensor<8x32xf32>> exactness <approximate>
lm.param @both : tensor<8x32xf32> = dense<4.0>
lm.param @narrow : tensor<8x24xf32> = dense<1.0>
func.func @tied(%ids: tensor<?x?xi32>) -> tensor<?x?x8xf32> {
  %x = lm.embedding %ids, @shared : (tensor<?x?xi32>) -> tensor<?x?x32xf32> loc("tied")
  %y = lm.linear %x, @shared : (tensor<?x?x32xf32>) -> tensor<?x?x8xf32> loc("head")
  return %y : tensor<?x?x8xf32>
}
func.func @others(%ids: tensor<?x?xi32>) -> (tensor<?x?x32xf32>, tensor<?x?x24xf32>, tensor<?x?x32xf32>) {
  %x = lm.embedding %ids, @codes : (tensor<?x?xi32>) -> tensor<?x?x32xf32> loc("coded")
  %y = lm.embedding %ids, @narrow : (tensor<?x?xi32>) -> tensor<?x?x24xf32> loc("odd")
  %a = lm.embedding %ids, @both : (tensor<?x?xi32>) -> tensor<?x?x32xf32> loc("half")
  %b = lm.embedding %ids, @both : (tensor<?x?xi32>) -> tensor<?x?x32xf32> loc("spared")
  %z = lm.add %a, %b : tensor<?x?x32xf32>
  return %x, %y, %z : tensor<?x?x32xf32>, tensor<?x?x24xf32>, tensor<?x?x32xf32>
}
