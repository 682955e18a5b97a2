// Where a linear reads codes, what was quantized is observed: with a rotation, behind it. A linear behind the pooling reads
// vectors and is left alone; a linear without a name lends that of its weight.
// RUN: lmopt-opt %s --lm-observe | FileCheck %s
// CHECK: func.func @encode(%{{.*}}: tensor<?x?xi32>, %{{.*}}: tensor<?xi32>)
// CHECK-SAME: -> (tensor<?x?x64xf32> {lm.result = "w"}, tensor<?x8xf32> {lm.result = "vectors"})
// CHECK: %[[R:.*]] = lm.rotate
// CHECK: lm.quantize_dynamic %[[R]]
// CHECK: return %[[R]],
module {
  lm.param @embed : tensor<10x64xf32> = dense<0.5>
  lm.param @w : !lm.int8<8x64> = #lm.quantize_rows<dense<0.25> : tensor<8x64xf32>>
  lm.param @u : tensor<8x8xf32> = dense<0.25>
  func.func @encode(%ids: tensor<?x?xi32>, %len: tensor<?xi32>) -> (tensor<?x8xf32> {lm.result = "vectors"}) {
    %x = lm.embedding %ids, @embed : (tensor<?x?xi32>) -> tensor<?x?x64xf32>
    %r = lm.rotate %x {block = 64} : tensor<?x?x64xf32>
    %c = lm.quantize_dynamic %r : (tensor<?x?x64xf32>) -> !lm.codes<?x?x64, u8>
    %y = lm.quantized_linear %c, @w : (!lm.codes<?x?x64, u8>) -> tensor<?x?x8xf32>
    %p = lm.pool %y, %len {kind = mean} : (tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
    %z = lm.linear %p, @u : (tensor<?x8xf32>) -> tensor<?x8xf32>
    return %z : tensor<?x8xf32>
  }
}
