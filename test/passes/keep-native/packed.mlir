// Linears on codes of GPTQ and AWQ keep them, in groups of at most 32, or the file's; with zero points the weight is approximate, as a scale times
// a zero point is rounded. Codes in groups of another order are refused by name, or made numbers where that is asked for. No
// file is read.
// RUN: lmopt-opt %s --lm-keep-native='skip=ordered' | FileCheck %s
// RUN: lmopt-opt %s --lm-keep-native='skip=ordered group=0' | FileCheck %s --check-prefix=WHOLE
// RUN: not lmopt-opt %s --lm-keep-native='group=-1' 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not lmopt-opt %s --lm-keep-native 2>&1 | FileCheck %s --check-prefix=ORDER
// RUN: lmopt-opt %s --lm-keep-native='others=f32' 2>&1 | FileCheck %s --check-prefix=FLOATS
// RUN: lmopt-opt %s --lm-keep-native='skip=ordered' --remarks-filter=lm-keep-native -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// CHECK-DAG: lm.param @middle : !lm.grouped<32x64, bits = 4, group = 32> = #lm.native<#lm.packed<gptq, {{[^>]*}}>, {{.*}}>>{{$}}
// CHECK-DAG: lm.param @zeros : !lm.grouped<32x64, bits = 4, group = 32, min> = #lm.native<#lm.packed<awq, {{.*}}>, group = 32>{{.*}}approximate
// CHECK-DAG: lm.param @three : !lm.grouped<32x64, bits = 4, group = 32> = #lm.native
// CHECK-DAG: lm.param @bytes : !lm.grouped<32x64, bits = 8, group = 32> = #lm.native<#lm.packed<bytes, {{.*}}>, group = 32>
// WHOLE-DAG: lm.param @zeros : !lm.grouped<32x64, bits = 4, group = 64, min> = #lm.native<#lm.packed<awq, {{.*}}>>{{.*}}approximate
// WHOLE-DAG: lm.param @bytes : !lm.grouped<32x64, bits = 8, group = 64> = #lm.native
// NEGATIVE: error: lm-keep-native: option 'group' must not be negative, found -1
// CHECK-DAG: lm.param @ordered : tensor<32x64xf32> = #lm.packed
// ORDER: error: lm-keep-native: tensor 'o.qweight' of m.safetensors in format gptq (@ordered) cannot be multiplied as it is: it has codes whose inputs belong to groups in another order (act-order, desc_act); the option others=f32
// FLOATS: warning: lm-keep-native: tensor 'o.qweight' of m.safetensors in format gptq (@ordered) becomes f32: it has codes whose
// REMARK: [Passed] KeptNative | Category:lm-keep-native | Format=gptq, Op=middle, Weight=middle
// REMARK: [Passed] KeptNative | Category:lm-keep-native | Format=awq, Op=zeros, Weight=zeros
// REMARK: [Passed] KeptNative | Category:lm-keep-native | Format=bytes, Op=bytes, Weight=bytes
lm.param @middle : tensor<32x64xf32> = #lm.packed<gptq, codes = #lm.integers<"m.safetensors", "a.qweight">, scales = #lm.safetensors<"m.safetensors", "a.scales", f16>, bits = 4, group = 32, rows = 32, columns = 64>
lm.param @zeros : tensor<32x64xf32> = #lm.packed<awq, codes = #lm.integers<"m.safetensors", "b.qweight">, scales = #lm.safetensors<"m.safetensors", "b.scales", f16>, zeros = #lm.integers<"m.safetensors", "b.qzeros">, bits = 4, group = 64, rows = 32, columns = 64>
lm.param @three : tensor<32x64xf32> = #lm.packed<gptq, codes = #lm.integers<"m.safetensors", "c.qweight">, scales = #lm.safetensors<"m.safetensors", "c.scales", f16>, bits = 3, group = 32, rows = 32, columns = 64>
lm.param @bytes : tensor<32x64xf32> = #lm.packed<bytes, codes = #lm.integers<"m.safetensors", "d.weight">, scales = #lm.safetensors<"m.safetensors", "d.weight_scale", bf16>, bits = 8, group = 64, rows = 32, columns = 64>
lm.param @ordered : tensor<32x64xf32> = #lm.packed<gptq, codes = #lm.integers<"m.safetensors", "o.qweight">, scales = #lm.safetensors<"m.safetensors", "o.scales", f16>, order = #lm.integers<"m.safetensors", "o.g_idx">, bits = 4, group = 32, rows = 32, columns = 64>
func.func @forward(%x: tensor<?x?x64xf32>) -> (tensor<?x?x32xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>) {
  %0 = lm.linear %x, @middle : (tensor<?x?x64xf32>) -> tensor<?x?x32xf32> loc("middle")
  %1 = lm.linear %x, @zeros : (tensor<?x?x64xf32>) -> tensor<?x?x32xf32> loc("zeros")
  %2 = lm.linear %x, @three : (tensor<?x?x64xf32>) -> tensor<?x?x32xf32> loc("three")
  %3 = lm.linear %x, @bytes : (tensor<?x?x64xf32>) -> tensor<?x?x32xf32> loc("bytes")
  %4 = lm.linear %x, @ordered : (tensor<?x?x64xf32>) -> tensor<?x?x32xf32> loc("ordered")
  return %0, %1, %2, %3, %4 : tensor<?x?x32xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>
}
