// A block becomes experts under the names that it had; a block without biases gets none, and a gated one is `times`.
// RUN: lmopt-opt %s --lm-split-ffn='experts=2 count=1 most=0.5 pays=false' --remarks-filter=lm-split-ffn -o %t.mlir 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: FileCheck %s < %t.mlir
// RUN: lmopt-opt %t.mlir --lm-split-ffn='experts=2 count=1 most=0.5 pays=false skip=*.router' | diff %t.mlir -
// RUN: lmopt-opt %t.mlir --verify-lm-optimized -o /dev/null
// RUN: lmopt-opt %s --lm-split-ffn='experts=2 count=2 most=0.5 pays=false' | FileCheck %s --check-prefix=WHOLE
// RUN: lmopt-opt %s --lm-split-ffn='experts=2 count=1 most=0.5 pays=false router=tree layers=layers.0.*' | FileCheck %s --check-prefix=TREE

// REMARK: remark: [Passed] SplitFfn | Category:lm-split-ffn | Count=1, Experts=2, Firing=5.000000e-01, Op=layers.0.ffn.down
// REMARK: remark: [Passed] SplitFfn | Category:lm-split-ffn | Count=1, Experts=2, Firing=5.000000e-01, Op=layers.1.ffn.down

// Of all experts nothing is approximate.
// WHOLE-NOT: exactness
// WHOLE: lm.top_gates %{{.*}} {count = 2, softmax = "none"}
// WHOLE-NOT: exactness

// TREE: lm.param @layers.0.ffn.router.weight : tensor<1x2xf32> = dense<{{\[\[}}-0.707106769, 0.707106769]]> exactness <approximate>
// TREE: %[[G:.*]] = lm.tree_gates %{{.*}}, @layers.0.ffn.router.weight {count = 1} attributes {lm.part = "layers.0.ffn.router"} : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
// TREE: lm.experts %{{.*}} by %[[G]], @up bias @up.bias to @down bias @layers.0.ffn.shifts

// CHECK: lm.param @up : tensor<4x2xf32> = #lm.reorder_rows<dense<{{.*}}> : tensor<4x2xf32>, order = [0, 2, 1, 3]>{{$}}
// CHECK: lm.param @up.bias : tensor<4xf32> = #lm.reorder_rows<dense<{{.*}}> : tensor<4xf32>, order = [0, 2, 1, 3]>{{$}}
// CHECK: lm.param @layers.0.ffn.shifts : tensor<2x2xf32> = #lm.add_to_rows<dense<0.000000e+00> : tensor<2x2xf32>, dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>> exactness <approximate>
// CHECK: lm.param @layers.0.ffn.router.weight : tensor<2x2xf32> = dense<{{\[\[}}1.000000e+00, 0.000000e+00], [0.000000e+00, 1.000000e+00]]> exactness <approximate>
// CHECK: lm.param @down : tensor<4x2xf32> = #lm.reorder_rows<#lm.transpose<dense<{{.*}}> : tensor<2x4xf32>>, order = [0, 2, 1, 3]> exactness <approximate>
// CHECK-NOT: @down.bias
lm.param @up : tensor<4x2xf32> = dense<[[1.0, 0.0], [0.0, 2.0], [3.0, 0.0], [0.0, 4.0]]>
lm.param @up.bias : tensor<4xf32> = dense<[1.0, 2.0, 3.0, 4.0]>
lm.param @down : tensor<2x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]>
lm.param @down.bias : tensor<2xf32> = dense<[1.0, 2.0]>
lm.param @gate : tensor<4x2xf32> = dense<[[1.0, 0.0], [0.0, 2.0], [3.0, 0.0], [0.0, 4.0]]>
lm.param @times : tensor<4x2xf32> = dense<[[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [4.0, 4.0]]>
// CHECK: lm.param @gated.down : tensor<4x2xf32> = #lm.reorder_rows<dense<{{.*}}> : tensor<4x2xf32>, order = [0, 2, 1, 3]> exactness <approximate>
lm.param @gated.down : tensor<2x4xf32> = #lm.transpose<dense<1.0> : tensor<4x2xf32>>
func.func @encode(%ids: tensor<?x?xi32>, %lengths: tensor<?xi32>) -> tensor<?x?x2xf32> {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x2xf32>
  // CHECK: %[[S:.*]] = lm.linear %[[X:.*]], @layers.0.ffn.router.weight attributes {lm.part = "layers.0.ffn.router"} : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  // CHECK-NEXT: %[[G:.*]] = lm.top_gates %[[S]] {count = 1, softmax = "none"} attributes {lm.part = "layers.0.ffn.router.gates"} : tensor<?x?x2xf32>
  // CHECK-NEXT: %[[Y:.*]] = lm.experts %[[X]] by %[[G]], @up bias @up.bias to @down bias @layers.0.ffn.shifts {kind =  relu} attributes {lm.part = "layers.0.ffn.down"}
  %u = lm.linear %x, @up bias @up.bias attributes {lm.part = "layers.0.ffn.up"} : (tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  %a = lm.activation %u {kind = relu} : tensor<?x?x4xf32>
  %y = lm.linear %a, @down bias @down.bias attributes {lm.part = "layers.0.ffn.down"} : (tensor<?x?x4xf32>) -> tensor<?x?x2xf32>
  // CHECK: lm.experts %[[Y]] by %{{.*}}, @gate times @times to @gated.down {kind =  silu} attributes {lm.part = "layers.1.ffn.down"}
  %g = lm.linear %y, @gate attributes {lm.part = "layers.1.ffn.gate"} : (tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  %t = lm.linear %y, @times attributes {lm.part = "layers.1.ffn.up"} : (tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  %p = lm.gated_product %g, %t {kind = silu} : tensor<?x?x4xf32>
  %z = lm.linear %p, @gated.down attributes {lm.part = "layers.1.ffn.down"} : (tensor<?x?x4xf32>) -> tensor<?x?x2xf32>
  return %z : tensor<?x?x2xf32>
}
lm.param @table : tensor<3x2xf32> = dense<1.0>
