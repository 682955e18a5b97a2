// RUN: not lmopt-opt %s --lm-narrow-attention='type=f16' 2>&1 | FileCheck %s
// CHECK: no such option type
