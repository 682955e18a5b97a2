// RUN: not lmopt-opt %s --lm-lower-to-cpu=target-cpu=pentium9 2>&1 | FileCheck %s
// CHECK: error: unknown CPU 'pentium9'; expected `native` or a name LLVM knows, such as x86-64-v3
module {
}
