// RUN: not lmopt-opt %s --lm-narrow-attention='type=f16' 2>&1 | FileCheck %s
// CHECK: no such option type
// RUN: not lmopt-opt %s --lm-narrow-attention='element=f64' 2>&1 | FileCheck %s --check-prefix=ELEMENT
// ELEMENT: lm-narrow-attention: element must be `bf16` or `i8`, but is `f64`
