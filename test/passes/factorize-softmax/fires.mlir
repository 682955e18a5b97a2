// A decoder gives its greatest logits as a second result, before the cache: of a head in f32, rotated by the greatest block that
// divides its width; of a head in bf16 from the numbers before they are rounded. A second run changes nothing.
// RUN: lmopt-opt %s --lm-factorize-softmax=count=3 | FileCheck %s
// RUN: lmopt-opt %s --lm-narrow-weights=layers=head --lm-factorize-softmax=count=3 | FileCheck %s --check-prefix=NARROW
// RUN: lmopt-opt %s --lm-rotate=block=16 --lm-factorize-softmax=count=3 | FileCheck %s --check-prefix=ROTATED
// RUN: lmopt-opt %s --lm-factorize-softmax=count=3 --remarks-filter=lm-factorize-softmax -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-factorize-softmax=count=3 > %t.once
// RUN: lmopt-opt %t.once --lm-factorize-softmax=count=2 | diff - %t.once

// REMARK: [Passed] CertifiedHead | Category:lm-factorize-softmax | Block=16, Count=3, Op=head

// CHECK: lm.param @table : tensor<20x48xf32> = dense
// CHECK-NEXT: lm.param @table.preview : !lm.int8<20x48> = #lm.quantize_rows<#lm.rotate_columns<dense<{{.*}}>, block = 16>> exactness <approximate>
// NARROW-DAG: lm.param @table : tensor<20x48xbf16> = #lm.narrow<dense
// NARROW-DAG: lm.param @table.preview : !lm.int8<20x48> = #lm.quantize_rows<#lm.rotate_columns<dense
// ROTATED-DAG: lm.param @table.preview : !lm.int8<20x48> = #lm.quantize_rows<#lm.rotate_columns<dense<{{.*}}>, block = 16>> exactness
lm.param @table : tensor<20x48xf32> = dense<1.0>
lm.param @b : tensor<20xf32> = dense<1.0>

// CHECK: func.func @forward({{.*}}) -> (tensor<?x?x20xf32>, tensor<?x?x20xf32> {lm.result = "top_logits"}, !lm.cache)
// CHECK: %[[X:.*]], %[[C:.*]] = lm.attention
// CHECK-NEXT: %[[Y:.*]] = lm.linear %[[X]], @table bias @b attributes {lm.part = "head"}
// CHECK-NEXT: %[[R:.*]] = lm.rotate %[[X]] {block = 16} attributes {lm.part = "head.rotate"}
// CHECK-NEXT: %[[Q:.*]] = lm.quantize_dynamic %[[R]] attributes {lm.part = "head.quantize"}
// CHECK-NEXT: %[[P:.*]] = lm.quantized_linear %[[Q]], @table.preview bias @b attributes {lm.part = "head.preview"}
// CHECK-NEXT: %[[T:.*]] = lm.top_linear %[[X]], @table bias @b preview %[[P]] of %[[R]], %[[Q]], @table.preview {count = 3, block = 16} attributes {lm.part = "head.top"}
// CHECK-NEXT: return %[[Y]], %[[T]], %[[C]]

// NARROW: %[[X:.*]], %{{.*}} = lm.attention
// NARROW-NEXT: %[[N:.*]] = lm.narrow %[[X]]
// NARROW-NEXT: lm.narrow_linear %[[N]], @table bias @b
// NARROW-NEXT: %[[R:.*]] = lm.rotate %[[X]] {block = 16}
// NARROW-NEXT: %[[Q:.*]] = lm.quantize_dynamic %[[R]]
// NARROW-NEXT: %[[P:.*]] = lm.quantized_linear %[[Q]], @table.preview bias @b
// NARROW-NEXT: lm.top_linear %[[N]], @table bias @b preview %[[P]] of %[[R]], %[[Q]], @table.preview {count = 3, block = 16}

// What is rotated already is not turned back.
// ROTATED: %[[R:.*]] = lm.rotate
// ROTATED-NEXT: lm.linear %[[R]], @table
// ROTATED-NEXT: %[[Q:.*]] = lm.quantize_dynamic %[[R]]
// ROTATED: lm.top_linear %[[R]], @table bias @b preview %{{.*}} of %[[R]], %[[Q]], @table.preview {count = 3} attributes
func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x20xf32>, !lm.cache) {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x48xf32> loc("embed")
  %a, %c = lm.attention %x, %x, %x, %cache {layer = 0, heads = 3, kv_heads = 3, scale = 0.25, mask = #lm.causal}
      : (tensor<?x?x48xf32>, tensor<?x?x48xf32>, tensor<?x?x48xf32>, !lm.cache) -> (tensor<?x?x48xf32>, !lm.cache)
  %y = lm.linear %a, @table bias @b : (tensor<?x?x48xf32>) -> tensor<?x?x20xf32> loc("head")
  return %y, %c : tensor<?x?x20xf32>, !lm.cache
}
