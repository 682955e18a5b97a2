// Options of --lm-interpret: a named entry with token ids, the likeliest tokens only, more digits; the module itself is
// written only where -o asks for it.
// RUN: lmopt-opt %s --lm-interpret='entry=forward ids=1,0,2' | FileCheck %s --check-prefix=ALL
// RUN: lmopt-opt %s --lm-interpret='entry=forward ids=1,0,2 top=2' | FileCheck %s --check-prefix=TOP
// RUN: lmopt-opt %s --lm-interpret='entry=encode ids=2,1 digits=9' | FileCheck %s --check-prefix=ENCODE
// RUN: lmopt-opt %s --lm-interpret='entry=forward ids=1' -o - | FileCheck %s --check-prefix=MODULE
// RUN: not lmopt-opt %s --lm-interpret='entry=absent' 2>&1 | FileCheck %s --check-prefix=ABSENT

// ALL: @forward: tensor<1x3x2xf32> {{\[\[}}[3, 4.1], [1, 2], [5, 6]]]
// ALL-NEXT: @forward: !lm.cache with 0 layers of 0 positions
// ALL-NOT: {{.}}
// TOP: @forward: top 1:6 0:5
// ENCODE: @encode: tensor<1x2xf32> {{\[\[}}4, 5.0500001{{[0-9]*}}]]
// ENCODE-NOT: {{.}}
// MODULE: @forward: tensor<1x1x2xf32>
// MODULE: module {
// ABSENT: error: there is no function @absent
lm.param @w : tensor<3x2xf32> = dense<[[1.0, 2.0], [3.0, 4.1], [5.0, 6.0]]>
func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x2xf32>, !lm.cache) {
  %x = lm.embedding %ids, @w : (tensor<?x?xi32>) -> tensor<?x?x2xf32>
  return %x, %cache : tensor<?x?x2xf32>, !lm.cache
}
func.func @encode(%ids: tensor<?x?xi32>, %len: tensor<?xi32>) -> tensor<?x2xf32> {
  %x = lm.embedding %ids, @w : (tensor<?x?xi32>) -> tensor<?x?x2xf32>
  %y = lm.pool %x, %len {kind = mean} : (tensor<?x?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
