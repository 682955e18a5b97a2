// Each block format gets the type that holds its codes; a file that mixes them stays mixed. Products in groups of 16 and of 32
// that read the same have codes of their own. A table of the embedding's own is kept, parts of a fused tensor and scaled
// numbers too. Where scales are rounded the weight says so. No file is read.
// RUN: lmopt-opt %s --lm-keep-native | FileCheck %s
// RUN: lmopt-opt %s --lm-keep-native --verify-lm-optimized -o /dev/null
// RUN: lmopt-opt %s --lm-keep-native='skip=embed' | FileCheck %s --check-prefix=SKIP

// CHECK-DAG: lm.param @table : !lm.grouped<8x256, bits = 4, group = 16, min> = #lm.native<#lm.gguf<"m.gguf", "table", q2_k>> exactness <approximate>{{$}}
// CHECK-DAG: lm.param @q5_0 : !lm.grouped<256x256, bits = 5, group = 32> = #lm.native<#lm.gguf<"m.gguf", "q5_0", q5_0>>{{$}}
// CHECK-DAG: lm.param @q5_1 : !lm.grouped<256x256, bits = 5, group = 32, min> = #lm.native<#lm.gguf<"m.gguf", "q5_1", q5_1>>{{$}}
// CHECK-DAG: lm.param @q3_k : !lm.grouped<256x256, bits = 4, group = 16> = #lm.native<#lm.gguf<"m.gguf", "q3_k", q3_k>> exactness <approximate>{{$}}
// CHECK-DAG: lm.param @q4_k : !lm.grouped<256x256, bits = 4, group = 32, min> = #lm.native<#lm.gguf<"m.gguf", "q4_k", q4_k>> exactness <approximate>{{$}}
// CHECK-DAG: lm.param @q5_k : !lm.grouped<256x256, bits = 5, group = 32, min> = #lm.native<#lm.gguf<"m.gguf", "q5_k", q5_k>> exactness <approximate>{{$}}
// CHECK-DAG: lm.param @q6_k : !lm.grouped<256x256, bits = 6, group = 16> = #lm.native<#lm.gguf<"m.gguf", "q6_k", q6_k>> exactness <approximate>{{$}}
// CHECK-DAG: lm.param @iq4_nl : !lm.codebook<256x256, entries = 16, group = 32> = #lm.native<#lm.gguf<"m.gguf", "iq4_nl", iq4_nl>>{{$}}
// CHECK-DAG: lm.param @iq4_xs : !lm.codebook<256x256, entries = 16, group = 32> = #lm.native<#lm.gguf<"m.gguf", "iq4_xs", iq4_xs>> exactness <approximate>{{$}}
// CHECK-DAG: lm.param @mxfp4 : !lm.codebook<256x256, entries = 16, group = 32> = #lm.native<#lm.gguf<"m.gguf", "mxfp4", mxfp4>>{{$}}
// CHECK-DAG: lm.param @part : !lm.grouped<256x256, bits = 5, group = 32> = #lm.native<#lm.take_blocks<#lm.gguf<"m.gguf", "fused", q5_0>, size = 256, first = 1, step = 3>>{{$}}
// CHECK-DAG: lm.param @scaled : !lm.grouped<8x256, bits = 8, group = 32> = #lm.native<#lm.scale<#lm.gguf<"m.gguf", "scaled", q8_0>, 3.000000e+00>> exactness <approximate>{{$}}
// SKIP: lm.param @table : tensor<8x256xf32> = #lm.gguf
lm.param @table : tensor<8x256xf32> = #lm.gguf<"m.gguf", "table", q2_k>
lm.param @q5_0 : tensor<256x256xf32> = #lm.gguf<"m.gguf", "q5_0", q5_0>
lm.param @q5_1 : tensor<256x256xf32> = #lm.gguf<"m.gguf", "q5_1", q5_1>
lm.param @q3_k : tensor<256x256xf32> = #lm.gguf<"m.gguf", "q3_k", q3_k>
lm.param @q4_k : tensor<256x256xf32> = #lm.gguf<"m.gguf", "q4_k", q4_k>
lm.param @q5_k : tensor<256x256xf32> = #lm.gguf<"m.gguf", "q5_k", q5_k>
lm.param @q6_k : tensor<256x256xf32> = #lm.gguf<"m.gguf", "q6_k", q6_k>
lm.param @iq4_nl : tensor<256x256xf32> = #lm.gguf<"m.gguf", "iq4_nl", iq4_nl>
lm.param @iq4_xs : tensor<256x256xf32> = #lm.gguf<"m.gguf", "iq4_xs", iq4_xs>
lm.param @mxfp4 : tensor<256x256xf32> = #lm.gguf<"m.gguf", "mxfp4", mxfp4>
lm.param @part : tensor<256x256xf32> = #lm.take_blocks<#lm.gguf<"m.gguf", "fused", q5_0>, size = 256, first = 1, step = 3>
lm.param @scaled : tensor<8x256xf32> = #lm.scale<#lm.gguf<"m.gguf", "scaled", q8_0>, 3.0>

// CHECK-LABEL: func.func @forward
// CHECK: %[[X:.*]] = lm.embedding {{.*}}, @table
// CHECK-DAG: %[[C32:.*]] = lm.quantize_groups %[[X]] {{.*}} -> !lm.codes<?x?x256, s8, group = 32>
// CHECK-DAG: %[[C16:.*]] = lm.quantize_groups %[[X]] {{.*}} -> !lm.codes<?x?x256, s8, group = 16>
// CHECK: lm.grouped_linear %[[C32]], @q4_k
// CHECK: lm.grouped_linear %[[C16]], @q6_k
// CHECK: lm.grouped_linear %[[C32]], @iq4_nl
func.func @forward(%ids: tensor<?x?xi32>) -> (tensor<?x?x8xf32>, tensor<?x?x256xf32>, tensor<?x?x256xf32>) {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x256xf32> loc("embed")
  %0 = lm.linear %x, @q4_k : (tensor<?x?x256xf32>) -> tensor<?x?x256xf32> loc("a")
  %1 = lm.linear %x, @q6_k : (tensor<?x?x256xf32>) -> tensor<?x?x256xf32> loc("b")
  %2 = lm.linear %x, @iq4_nl : (tensor<?x?x256xf32>) -> tensor<?x?x256xf32> loc("c")
  %3 = lm.linear %0, @q5_0 : (tensor<?x?x256xf32>) -> tensor<?x?x256xf32> loc("d")
  %4 = lm.linear %3, @q5_1 : (tensor<?x?x256xf32>) -> tensor<?x?x256xf32> loc("e")
  %5 = lm.linear %4, @q3_k : (tensor<?x?x256xf32>) -> tensor<?x?x256xf32> loc("f")
  %6 = lm.linear %5, @q5_k : (tensor<?x?x256xf32>) -> tensor<?x?x256xf32> loc("g")
  %7 = lm.linear %6, @iq4_xs : (tensor<?x?x256xf32>) -> tensor<?x?x256xf32> loc("h")
  %8 = lm.linear %7, @mxfp4 : (tensor<?x?x256xf32>) -> tensor<?x?x256xf32> loc("i")
  %9 = lm.linear %8, @part : (tensor<?x?x256xf32>) -> tensor<?x?x256xf32> loc("j")
  %10 = lm.linear %9, @scaled : (tensor<?x?x256xf32>) -> tensor<?x?x8xf32> loc("k")
  return %10, %1, %2 : tensor<?x?x8xf32>, tensor<?x?x256xf32>, tensor<?x?x256xf32>
}
