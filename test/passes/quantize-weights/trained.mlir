// Codes of quantization-aware training stay: those of a weight, also moved and scaled and whatever a fit would do, and those of an
// activation, once for all that read it; a product of both is the f32 one to the last bits.
// RUN: lmopt-opt %s --lm-quantize-weights | FileCheck %s
// RUN: lmopt-opt %s --lm-interpret -o /dev/null | FileCheck %s --check-prefix=NUMBERS
// RUN: lmopt-opt %s --lm-quantize-weights --lm-interpret -o /dev/null | FileCheck %s --check-prefix=NUMBERS
// RUN: lmopt-opt %s --lm-quantize-weights --lm-measure-weights | FileCheck %s --check-prefix=MEASURED

// CHECK-DAG: lm.param @w : !lm.int8<2x4> = #lm.quantize_rows<#lm.fake_quantize<dense<{{.*}}, ranges = dense<1.270000e+02> : tensor<1xf32>, steps = 127, least = -128>> exactness <trained>
// CHECK-DAG: lm.param @moved : !lm.int8<2x4> = #lm.quantize_rows<#lm.scale<#lm.reorder_rows<#lm.fake_quantize<{{.*}}>, order = [1, 0]>, 5.000000e-01>> exactness <trained>
// CHECK-DAG: lm.param @plain : !lm.int8<2x4> = #lm.quantize_rows<dense{{.*}}> exactness <approximate>
// MEASURED-DAG: lm.param @w {{.*}} exactness <trained>
// MEASURED-DAG: lm.param @plain {{.*}} exactness <approximate, error = 0.0
lm.param @w : tensor<2x4xf32> = #lm.fake_quantize<dense<[[127.4, 1.0, -300.0, 0.5], [0.2, -127.0, 2.5, 3.5]]> : tensor<2x4xf32>, ranges = dense<127.0> : tensor<1xf32>, steps = 127, least = -128> exactness <trained>
lm.param @moved : tensor<2x4xf32> = #lm.scale<#lm.reorder_rows<#lm.fake_quantize<dense<[[127.4, 1.0, -300.0, 0.5], [0.2, -127.0, 2.5, 3.5]]> : tensor<2x4xf32>, ranges = dense<[1.0, 2.0]> : tensor<2xf32>>, order = [1, 0]>, 5.0e-1> exactness <trained>
lm.param @plain : tensor<2x4xf32> = dense<[[127.0, 1.0, 0.0, 5.0], [0.0, -127.0, 2.0, 3.0]]>

// CHECK-LABEL: func.func @both
// CHECK: %[[F:.*]] = lm.fake_quantize
// CHECK-NEXT: %[[Q:.*]] = lm.quantize_static %[[F]] {range = <range = 1.000000e+00, steps = 1, zero = 128, least = 0, greatest = 255>} attributes {lm.part = "x.quantize"}
// CHECK-NEXT: lm.quantized_linear %[[Q]], @w
// CHECK-NEXT: lm.quantized_linear %[[Q]], @moved
// CHECK-NEXT: lm.quantized_linear %[[Q]], @plain
// NUMBERS: @both: tensor<1x1x2xf32> {{\[\[\[}}-26922, 1532{{\]\]\]}}
// NUMBERS-NEXT: tensor<1x1x2xf32> {{\[\[\[}}771, -13403.5{{\]\]\]}}
// NUMBERS-NEXT: tensor<1x1x2xf32> {{\[\[\[}}-12162, 1524{{\]\]\]}}
func.func @both() -> (tensor<1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>) {
  %x = arith.constant dense<[[[-96.5, -10.4, 115.4, 7.5]]]> : tensor<1x1x4xf32>
  %f = lm.fake_quantize %x {codes = <range = 1.0, steps = 1, zero = 128, least = 0, greatest = 255>} : tensor<1x1x4xf32> loc("x")
  %a = lm.linear %f, @w : (tensor<1x1x4xf32>) -> tensor<1x1x2xf32> loc("a")
  %b = lm.linear %f, @moved : (tensor<1x1x4xf32>) -> tensor<1x1x2xf32> loc("b")
  %c = lm.linear %f, @plain : (tensor<1x1x4xf32>) -> tensor<1x1x2xf32> loc("c")
  return %a, %b, %c : tensor<1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>
}

// Other readers see the numbers; readers with another range have other codes.
// CHECK-LABEL: func.func @readers
// CHECK-SAME: %[[X:.*]]: tensor
// CHECK: %[[A:.*]] = lm.fake_quantize %[[X]]
// CHECK-NEXT: %[[AQ:.*]] = lm.quantize_static %[[A]] {range = <range = 2.0
// CHECK-NEXT: %[[B:.*]] = lm.fake_quantize %[[X]]
// CHECK-NEXT: %[[BQ:.*]] = lm.quantize_static %[[B]] {range = <range = 4.0
// CHECK-NEXT: lm.quantized_linear %[[AQ]], @plain
// CHECK-NEXT: lm.quantized_linear %[[BQ]], @plain
// CHECK: lm.add %[[A]], %[[A]]
func.func @readers(%x: tensor<?x?x4xf32>) -> (tensor<?x?x2xf32>, tensor<?x?x4xf32>) {
  %a = lm.fake_quantize %x {codes = <range = 2.0, steps = 127, zero = 128, least = 0, greatest = 255>} : tensor<?x?x4xf32>
  %b = lm.fake_quantize %x {codes = <range = 4.0, steps = 127, zero = 128, least = 0, greatest = 255>} : tensor<?x?x4xf32>
  %y = lm.linear %a, @plain : (tensor<?x?x4xf32>) -> tensor<?x?x2xf32>
  %z = lm.linear %b, @plain : (tensor<?x?x4xf32>) -> tensor<?x?x2xf32>
  %s = lm.add %y, %z : tensor<?x?x2xf32>
  %d = lm.add %a, %a : tensor<?x?x4xf32>
  return %s, %d : tensor<?x?x2xf32>, tensor<?x?x4xf32>
}
