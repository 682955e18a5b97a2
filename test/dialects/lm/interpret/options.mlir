// Options of --lm-interpret and --lm-run-compiled: named entries with token ids, the likeliest tokens only, more digits; the
// module itself is written only where -o asks for it. A cache is no value of compiled code.
// RUN: lmopt-opt %s --lm-interpret='entry=forward ids=1,0,2' | FileCheck %s --check-prefix=ALL
// RUN: lmopt-opt %s --lm-interpret='entry=forward ids=1,0,2 top=2' | FileCheck %s --check-prefix=TOP
// RUN: lmopt-opt %s --lm-interpret='entry=encode ids=2,1 digits=9' | FileCheck %s --check-prefix=ENCODE
// RUN: lmopt-opt %s --lm-interpret='entry=forward ids=1' -o - | FileCheck %s --check-prefix=MODULE
// RUN: not lmopt-opt %s --lm-interpret='entry=absent' 2>&1 | FileCheck %s --check-prefix=ABSENT
// RUN: lmopt-opt %s --lm-interpret='entry=encode,forward ids=2,1 top=1' | FileCheck %s --check-prefix=BOTH
// RUN: lmopt-opt %s --lm-run-compiled='entry=forward ids=1,0,2' | FileCheck %s --check-prefix=COMPILED
// RUN: lmopt-opt %s --lm-run-compiled='entry=forward ids=1,0,2 top=2 threads=3' | FileCheck %s --check-prefix=TOP
// RUN: lmopt-opt %s --lm-run-compiled='entry=encode ids=2,1 digits=9 target-cpu=x86-64-v3' | FileCheck %s --check-prefix=ENCODE
// RUN: lmopt-opt %s --lm-run-compiled='entry=encode,forward ids=2,1 top=1' | FileCheck %s --check-prefix=BOTH
// RUN: lmopt-opt %s --lm-run-compiled='entry=forward ids=1' -o - | FileCheck %s --check-prefix=MODULE
// RUN: not lmopt-opt %s --lm-run-compiled='entry=absent' 2>&1 | FileCheck %s --check-prefix=ABSENT
// RUN: not lmopt-opt %s --lm-run-compiled='entry=forward' 2>&1 | FileCheck %s --check-prefix=IDS
// RUN: not lmopt-opt %s --lm-run-compiled='entry=forward ids=1,3' 2>&1 | FileCheck %s --check-prefix=RANGE
// RUN: not lmopt-opt %s --lm-run-compiled='entry=forward ids=1 target-cpu=z80' 2>&1 | FileCheck %s --check-prefix=CPU
// RUN: not lmopt-opt %s --lm-run-compiled='entry=forward ids=1 threads=5000' 2>&1 | FileCheck %s --check-prefix=THREADS

// ALL: @forward: tensor<1x3x2xf32> {{\[\[}}[3, 4.1], [1, 2], [5, 6]]]
// ALL-NEXT: @forward: !lm.cache with 0 layers of 0 positions
// ALL-NOT: {{.}}
// TOP: @forward: top 1:6 0:5
// ENCODE: @encode: tensor<1x2xf32> {{\[\[}}4, 5.0500001{{[0-9]*}}]]
// ENCODE-NOT: {{.}}
// MODULE: @forward: tensor<1x1x2xf32>
// MODULE: module {
// BOTH: @forward: top 1:4.1
// BOTH: @encode: top 1:5.05
// COMPILED: @forward: tensor<1x3x2xf32> {{\[\[}}[3, 4.1], [1, 2], [5, 6]]]
// COMPILED-NOT: {{.}}
// ABSENT: error: there is no function @absent
// IDS: error: expected token ids for an argument; give them: ids=1,2,3
// RANGE: error: expected token ids from 0 to 2, but found 3
// CPU: error: --target-cpu: unknown CPU
// THREADS: error: the compiled code does not run: {{.*}}threads
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
