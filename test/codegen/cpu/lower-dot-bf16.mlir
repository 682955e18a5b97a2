// The product of bf16 pairs: one instruction where the target has it and the vector fits, or its steps where the CPU lacks
// it; else two exact products in f32. That steps give its bits is shown by test/unit/codegen/DotTest.cpp.
// RUN: lmopt-opt %s --lmk-lower-dot='bf16=avx512bf16 fma=true' | FileCheck %s --check-prefixes=ALL,NATIVE
// RUN: lmopt-opt %s --lmk-lower-dot='bf16=steps fma=true' | FileCheck %s --check-prefixes=ALL,STEPS
// RUN: lmopt-opt %s --lmk-lower-dot='fma=true' | FileCheck %s --check-prefixes=ALL,FMA
// RUN: lmopt-opt %s --lmk-lower-dot | FileCheck %s --check-prefixes=ALL,PLAIN

// ALL-LABEL: func.func @register(
// ALL-NOT: lmk.
// NATIVE: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
// STEPS-NOT: call_intrinsic
// STEPS-COUNT-4: llvm.intr.fma
// STEPS-NOT: llvm.intr.fma
// FMA-NOT: call_intrinsic
// FMA-COUNT-2: llvm.intr.fma
// PLAIN-NOT: llvm.intr.fma
// PLAIN-COUNT-2: arith.mulf
// ALL: {{return %.*}}
func.func @register(%sum: vector<16xf32>, %a: vector<32xbf16>, %b: vector<32xbf16>) -> vector<16xf32> {
  %r = lmk.dot_bf16 %sum, %a, %b : vector<16xf32>, vector<32xbf16>
  return %r : vector<16xf32>
}

// ALL-LABEL: func.func @narrow(
// ALL-NOT: lmk.
// NATIVE-NOT: call_intrinsic
// STEPS-COUNT-2: llvm.intr.fma
// STEPS-NOT: llvm.intr.fma
// ALL: {{return %.*}}
func.func @narrow(%sum: vector<4xf32>, %a: vector<8xbf16>, %b: vector<8xbf16>) -> vector<4xf32> {
  %r = lmk.dot_bf16 %sum, %a, %b : vector<4xf32>, vector<8xbf16>
  return %r : vector<4xf32>
}
