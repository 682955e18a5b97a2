// (1) Numbers that int8 holds exactly: weights are whole multiples of max|row| / 127, activations of (hi - lo) / 255, so the
// products are the f32 ones. (2) The tiny Llama after rotation: weights lose at most 1/254 of a row's largest number,
// activations 1/510 of a token's span, less than 1 % each of what is summed at random signs; through 2 layers and a head
// below 5 % of the largest logit. It must also differ from f32, or nothing was quantized.
// RUN: lmopt-opt %s --lm-interpret -o /dev/null | FileCheck %s
// RUN: lmopt-opt %s --lm-quantize-weights > %t.exact.mlir
// RUN: FileCheck %s --check-prefix=FIRED < %t.exact.mlir
// RUN: lmopt-opt %t.exact.mlir --lm-interpret -o /dev/null | FileCheck %s
// RUN: lmopt-opt %p/../Inputs/llama.mlir --lm-interpret -o /dev/null > %t.before
// RUN: lmopt-opt %p/../Inputs/llama.mlir --lm-rotate --lm-quantize-weights --lm-interpret -o /dev/null > %t.after
// RUN: python3 %p/../compare.py %t.before %t.after --relative 5e-2 --different

// CHECK: @product: tensor<1x2x2xf32> {{\[\[\[}}32386, -16], [-255, 32496{{]]]}}
// FIRED: lm.quantized_linear
lm.param @w : tensor<2x2xf32> = dense<[[127.0, 1.0], [0.0, -127.0]]>
lm.param @b : tensor<2xf32> = dense<[0.0, 111.0]>
func.func @product() -> tensor<1x2x2xf32> {
  %x = arith.constant dense<[[[255.0, 1.0], [0.0, -255.0]]]> : tensor<1x2x2xf32>
  %y = lm.linear %x, @w bias @b : (tensor<1x2x2xf32>) -> tensor<1x2x2xf32> loc("project")
  return %y : tensor<1x2x2xf32>
}
