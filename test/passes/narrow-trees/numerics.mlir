// A tree of three levels. What is added is 0 or 1, which bf16 and codes hold, so that only numbers from rows of codes differ. The way stays
// that of f32 in every form: the second token has 0.0039 at the root, which is 0 in codes of 127ths of 1, and goes to the right.
// RUN: lmopt-opt %s --lm-narrow-trees --lm-interpret -o /dev/null | FileCheck %s
// RUN: lmopt-opt %s --lm-narrow-trees=bits=8 --lm-interpret -o /dev/null | FileCheck %s
// RUN: lmopt-opt %s --lm-narrow-trees=bits=8 --lm-run-compiled=digits=4 | FileCheck %s --check-prefix=COMPILED
// RUN: lmopt-opt %s --lm-narrow-trees='bits=8 numbers' --lm-interpret -o /dev/null | FileCheck %s --check-prefix=NUMBERS
// RUN: lmopt-opt %s --lm-narrow-trees='bits=8 numbers' --lm-run-compiled=digits=4 | FileCheck %s --check-prefix=NUMBERS4

// CHECK: @tree: tensor<1x2x2xf32> {{\[\[\[}}0.172382, -0.0660573], [0.581986, 0{{]]]}}
// COMPILED: @tree: tensor<1x2x2xf32> {{\[\[\[}}0.1724, -0.06606], [0.582, 0{{]]]}}
// NUMBERS: @tree: tensor<1x2x2xf32> {{\[\[\[}}0.175761, -0.066
// NUMBERS-SAME: [0.580
// NUMBERS4: @tree: tensor<1x2x2xf32> {{\[\[\[}}0.1758, -0.06
// NUMBERS4-SAME: [0.58
lm.param @w : tensor<7x2xf32> = dense<[[1.0, 0.0039], [0.0, 1.0], [1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [0.5, 0.5], [2.0, 0.0]]>
lm.param @b : tensor<7xf32> = dense<[0.0, 0.5, -0.25, 0.0, 0.0, 0.1, 0.0]>
lm.param @v : tensor<7x2xf32> = dense<[[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]>
func.func @tree() -> tensor<1x2x2xf32> {
  %x = arith.constant dense<[[[0.5, -1.0], [0.0, 1.0]]]> : tensor<1x2x2xf32>
  %y = lm.neuron_tree %x, @w bias @b to @v {kind = gelu} : (tensor<1x2x2xf32>) -> tensor<1x2x2xf32>
  return %y : tensor<1x2x2xf32>
}
