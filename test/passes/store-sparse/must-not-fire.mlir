// Codes that something else looks up, or that a linear uses which is not selected, stay where both find them.
// RUN: lmopt-opt %s > %t.before
// RUN: lmopt-opt %s --lm-store-sparse='format=blocks skip=unselected' > %t.after
// RUN: diff %t.before %t.after
// RUN: lmopt-opt %s --lm-store-sparse='format=blocks skip=unselected' --remarks-filter=lm-store-sparse -o /dev/null 2>&1 | FileCheck %s

// CHECK: [Missed] NotStoredSparse{{.*}}Reason="it is also used by 'embed'"
// CHECK: [Missed] NotStoredSparse{{.*}}Reason="it is also used by 'unselected', which is not selected"
lm.param @table : !lm.int8<8x8> = #lm.quantize_rows<dense<0.0> : tensor<8x8xf32>> exactness <approximate>
lm.param @w : !lm.int8<8x8> = #lm.quantize_rows<dense<0.0> : tensor<8x8xf32>> exactness <approximate>
func.func @looked_up(%ids: tensor<?x?xi32>) -> tensor<?x?x8xf32> {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x8xf32> loc("embed")
  %q = lm.quantize_dynamic %x : (tensor<?x?x8xf32>) -> !lm.codes<?x?x8, u8>
  %y = lm.quantized_linear %q, @table : (!lm.codes<?x?x8, u8>) -> tensor<?x?x8xf32> loc("tied")
  return %y : tensor<?x?x8xf32>
}
func.func @half_selected(%q: !lm.codes<?x?x8, u8>) -> (tensor<?x?x8xf32>, tensor<?x?x8xf32>) {
  %a = lm.quantized_linear %q, @w : (!lm.codes<?x?x8, u8>) -> tensor<?x?x8xf32> loc("selected")
  %b = lm.quantized_linear %q, @w : (!lm.codes<?x?x8, u8>) -> tensor<?x?x8xf32> loc("unselected")
  return %a, %b : tensor<?x?x8xf32>, tensor<?x?x8xf32>
}
