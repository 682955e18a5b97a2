// Weights in numbers, derived ones, those of another width, and those that something needs in f32 stay as they are, each with
// a remark; with others=f32 those in blocks have a warning each, which those have not that an option names. A second run says
// the same.
// RUN: lmopt-opt %s --lm-keep-native='skip=unselected others=f32' 2> %t.warning | FileCheck %s
// RUN: FileCheck %s --check-prefix=WARNING < %t.warning
// RUN: lmopt-opt %s --lm-keep-native='skip=unselected others=f32' --remarks-filter=lm-keep-native -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-keep-native='skip=unselected others=f32' > %t.once
// RUN: lmopt-opt %s --lm-keep-native='skip=unselected others=f32' --lm-keep-native='skip=unselected others=f32' 2> %t.warning | diff %t.once -
// RUN: FileCheck %s --check-prefix=AGAIN < %t.warning

// WARNING: warning: lm-keep-native: tensor 'scaled' of m.gguf in format q4_0 (@scaled) becomes f32: its weight is not a tensor in codes of its file as it is
// WARNING: warning: lm-keep-native: tensor 'positions' of m.gguf in format q8_0 (@positions) becomes f32: its weight is also used by 'positions'
// WARNING: warning: lm-keep-native: tensor 'narrow' of m.gguf in format q4_1 (@narrow) becomes f32: groups of 32 do not divide its width
// WARNING: warning: lm-keep-native: 2 of 7 weights are not in codes and stay in f32, among them @half
// WARNING-NOT: warning
// AGAIN-COUNT-3: becomes f32
// AGAIN: warning: lm-keep-native: 2 of 7
// AGAIN-COUNT-3: becomes f32
// AGAIN: warning: lm-keep-native: 2 of 6 weights are not in codes and stay in f32, among them @half
// REMARK: [Missed] NotNative{{.*}}Op=half, Reason="its weight is not a tensor in codes of its file as it is"
// REMARK: [Missed] NotNative{{.*}}Op=dense, Reason="its weight is not a tensor
// REMARK: [Missed] NotNative{{.*}}Op=scaled, Reason="its weight is not a tensor
// REMARK: [Missed] NotNative{{.*}}Op=positioned, Reason="its weight is also used by 'positions'"
// REMARK: [Missed] NotNative{{.*}}Op=selected, Reason="its weight is also used by 'unselected', which is not selected"
// REMARK: [Missed] NotNative{{.*}}Op=unselected, Reason="its weight is also used by 'unselected', which is not selected"
// REMARK: [Missed] NotNative{{.*}}Op=narrow, Reason="groups of 32 do not divide its width"

// CHECK-DAG: lm.param @kept : !lm.grouped
// CHECK-DAG: lm.param @half : tensor<32x32xf32> = #lm.gguf<"m.gguf", "half", f16>
// CHECK-DAG: lm.param @dense : tensor<32x32xf32> = dense
// CHECK-DAG: lm.param @scaled : tensor<32x32xf32> = #lm.scale_columns<
// CHECK-DAG: lm.param @positions : tensor<32x32xf32> = #lm.gguf
// CHECK-DAG: lm.param @both : tensor<32x32xf32> = #lm.gguf
// CHECK-DAG: lm.param @narrow : tensor<32x48xf32> = #lm.gguf
lm.param @kept : tensor<32x32xf32> = #lm.gguf<"m.gguf", "kept", q8_0>
lm.param @half : tensor<32x32xf32> = #lm.gguf<"m.gguf", "half", f16>
lm.param @dense : tensor<32x32xf32> = dense<1.0>
lm.param @scaled : tensor<32x32xf32> = #lm.scale_columns<#lm.gguf<"m.gguf", "scaled", q4_0>, dense<0.5> : tensor<32xf32>>
lm.param @positions : tensor<32x32xf32> = #lm.gguf<"m.gguf", "positions", q8_0>
lm.param @both : tensor<32x32xf32> = #lm.gguf<"m.gguf", "both", q4_1>
lm.param @narrow : tensor<32x48xf32> = #lm.gguf<"m.gguf", "narrow", q4_1>
func.func @forward(%x: tensor<?x?x32xf32>, %narrow: tensor<?x?x48xf32>) -> (tensor<?x?x32xf32>, tensor<?x?x32xf32>) {
  %0 = lm.linear %x, @kept : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> loc("kept")
  %1 = lm.linear %0, @half : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> loc("half")
  %2 = lm.linear %1, @dense : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> loc("dense")
  %3 = lm.linear %2, @scaled : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> loc("scaled")
  %4 = lm.add_positions %3, @positions : tensor<?x?x32xf32> loc("positions")
  %5 = lm.linear %4, @positions : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> loc("positioned")
  %6 = lm.linear %5, @both : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> loc("selected")
  %7 = lm.linear %6, @both : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> loc("unselected")
  %8 = lm.linear %narrow, @narrow : (tensor<?x?x48xf32>) -> tensor<?x?x32xf32> loc("narrow")
  return %7, %8 : tensor<?x?x32xf32>, tensor<?x?x32xf32>
}
