// RUN: not lmopt-opt %s --lm-narrow-trees=bits=4 2>&1 | FileCheck %s
// CHECK: lm-narrow-trees: option 'bits' must be 16 or 8, found 4
module {}
