// A decoder whose head has classes already (method=classes needs statistics: test/unit/models/ClassSoftmaxTest.cpp) gives its
// greatest logits best first, in each format that products have; and the interpreter finds the greatest of all.
// RUN: lmopt-opt %s --lm-factorize-softmax=count=2 | FileCheck %s --check-prefixes=CHECK,FLOATS
// RUN: lmopt-opt %s --lm-narrow-weights=layers=head --lm-factorize-softmax=count=2 | FileCheck %s --check-prefixes=CHECK,HALVES
// RUN: lmopt-opt %s --lm-quantize-weights=layers=head --lm-factorize-softmax=count=2 | FileCheck %s --check-prefixes=CHECK,CODES
// RUN: lmopt-opt %s --lm-quantize-groups='layers=head group=32' --lm-factorize-softmax=count=2 | FileCheck %s --check-prefixes=CHECK,GROUPS
// RUN: lmopt-opt %s --lm-quantize-codebook='layers=head entries=16 group=32' --lm-factorize-softmax=count=2 | FileCheck %s --check-prefixes=CHECK,ENTRIES
// RUN: lmopt-opt %s --lm-factorize-softmax=count=2 --remarks-filter=lm-factorize-softmax -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-factorize-softmax=count=2 > %t.once
// RUN: lmopt-opt %t.once --lm-factorize-softmax=count=1 | diff - %t.once
// RUN: lmopt-opt %s > %t.same
// RUN: lmopt-opt %t.same --lm-factorize-softmax=method=classes | diff - %t.same
// RUN: lmopt-opt %s --lm-factorize-softmax=count=2 --lm-interpret='entry=forward ids=1' -o /dev/null | FileCheck %s --check-prefix=MEANING
// RUN: not lmopt-opt %s --lm-quantize-codebook='layers=head entries=256' --lm-factorize-softmax=count=2 2>&1 | FileCheck %s --check-prefix=CODEBOOK
// RUN: not lmopt-opt %s --lm-factorize-softmax=count=6 2>&1 | FileCheck %s --check-prefix=MANY

// REMARK: [Passed] BestFirstClasses | Category:lm-factorize-softmax | Count=2, Op=head.logits
// CODEBOOK: error: {{.*}}lm-factorize-softmax: expected words whose products are of f32, bf16, 8 bits or groups, found '!lm.codebook<{{.*}}>'; leave the head out of the pass that made it so
// MANY: error: {{.*}}option 'count' must be from 1 to the 5 tokens, found 6

// p(class) is 1/2 each. Within the first, of words 4 and 0: z = 32, 0; within the second, of words 2, 1, 3: 0, 0, 32.
// MEANING: @forward: tensor<1x1x5xf32> {{\[\[\[}}-32.693
// MEANING: @forward: tensor<1x1x5xf32> {{\[\[\[}}-inf, -inf, -inf, -0.693{{[0-9]*}}, -0.693
lm.param @table : tensor<2x32xf32> = dense<1.0>
lm.param @head : tensor<5x32xf32> = dense<"0x0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F">
lm.param @head.classes : tensor<2x32xf32> = dense<1.0>

// CHECK: func.func @forward({{.*}}) -> (tensor<?x?x5xf32>, tensor<?x?x5xf32> {lm.result = "top_logits"}, !lm.cache)
// HALVES: %[[X:.*]] = lm.narrow
// CODES: %[[X:.*]] = lm.quantize_dynamic
// GROUPS: %[[X:.*]] = lm.quantize_groups
// ENTRIES: %[[X:.*]] = lm.quantize_groups
// CHECK: %[[S:.*]] = lm.linear %{{.*}}, @head.classes
// CHECK-NEXT: %[[Y:.*]] = lm.class_logits %{{.*}}, %[[S]] {classes = <words = [4, 0, 2, 1, 3], sizes = [2, 3]>}
// FLOATS-NEXT: %[[T:.*]] = lm.top_class_linear %{{.*}}, @head of %[[S]] {count = 2, classes = <words = [4, 0, 2, 1, 3], sizes = [2, 3]>} attributes {lm.part = "head.top"} : (tensor<?x?x32xf32>,
// HALVES-NEXT: %[[T:.*]] = lm.top_class_linear %[[X]], @head of %[[S]] {{.*}} : (tensor<?x?x32xbf16>,
// CODES-NEXT: %[[T:.*]] = lm.top_class_linear %[[X]], @head of %[[S]] {{.*}} : (!lm.codes<?x?x32, u8>,
// GROUPS-NEXT: %[[T:.*]] = lm.top_class_linear %[[X]], @head of %[[S]] {{.*}} : (!lm.codes<?x?x32, s8, group = 32>,
// ENTRIES-NEXT: %[[T:.*]] = lm.top_class_linear %[[X]], @head of %[[S]] {{.*}} : (!lm.codes<?x?x32, s8, group = 32>,
// CHECK-NEXT: return %[[Y]], %[[T]], %{{.*}}
func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x5xf32>, !lm.cache) {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x32xf32> loc("embed")
  %z = lm.linear %x, @head : (tensor<?x?x32xf32>) -> tensor<?x?x5xf32> loc("head")
  %s = lm.linear %x, @head.classes : (tensor<?x?x32xf32>) -> tensor<?x?x2xf32> loc("head.classes")
  %y = lm.class_logits %z, %s {classes = <words = [4, 0, 2, 1, 3], sizes = [2, 3]>} : (tensor<?x?x5xf32>, tensor<?x?x2xf32>) -> tensor<?x?x5xf32> loc("head.logits")
  return %y, %cache : tensor<?x?x5xf32>, !lm.cache
}
