// RUN: not lmopt-opt %s --lm-lower-to-cpu=target-cpu=pentium9 2>&1 | FileCheck %s
// CHECK: error: unknown CPU 'pentium9'; expected `native` or a name LLVM knows, such as x86-64-v3
// RUN: not lmopt-opt %s '--lm-lower-to-cpu=target-cpu=x86-64-v3 spell-for=znver5' 2>&1 | FileCheck %s --check-prefix=RICHER
// RICHER: error: the code for 'x86-64-v3' cannot be spelled for 'znver5', which is no lesser CPU: it also has avx512f
module {
}
