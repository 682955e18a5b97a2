// Each spelling of the integer dot product. That all give the same bits is shown by running them
// (test/unit/codegen/DotTest.cpp).
// RUN: lmopt-opt %s --lmk-lower-dot=isa=avx512vnni | FileCheck %s --check-prefixes=ALL,VNNI
// RUN: lmopt-opt %s --lmk-lower-dot=isa=avxvnni | FileCheck %s --check-prefixes=ALL,AVXVNNI
// RUN: lmopt-opt %s --lmk-lower-dot=isa=avx512bw | FileCheck %s --check-prefixes=ALL,BW
// RUN: lmopt-opt %s --lmk-lower-dot=isa=avx2 | FileCheck %s --check-prefixes=ALL,AVX2
// RUN: lmopt-opt %s --lmk-lower-dot=isa=portable | FileCheck %s --check-prefixes=ALL,PORTABLE
// RUN: lmopt-opt %s --lmk-lower-dot | FileCheck %s --check-prefixes=ALL,PORTABLE

// ALL-LABEL: func.func @dot(
// ALL-NOT: lmk.

// VNNI: %[[R:.*]] = llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"(%{{.*}}, %{{.*}}, %{{.*}})
// VNNI-NOT: call_intrinsic

// AVXVNNI-COUNT-2: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.256"
// AVXVNNI-NOT: call_intrinsic

// Even and odd bytes apart, two exact products at a time; never vpmaddubsw, which saturates.
// BW-NOT: maddubs
// BW-COUNT-2: llvm.call_intrinsic "llvm.x86.avx512.pmaddw.d.512"
// BW-NOT: call_intrinsic
// AVX2-NOT: maddubs
// AVX2-COUNT-4: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
// AVX2-NOT: call_intrinsic

// PORTABLE-NOT: call_intrinsic
// PORTABLE-COUNT-4: arith.muli
// PORTABLE-NOT: arith.muli

// ALL: {{return %.*}}
func.func @dot(%sum: vector<16xi32>, %u: vector<64xi8>, %s: vector<64xi8>) -> vector<16xi32> {
  %r = lmk.dot_u8s8 %sum, %u, %s : vector<16xi32>, vector<64xi8>
  return %r : vector<16xi32>
}

// ALL-LABEL: func.func @dot_words(
// ALL-NOT: lmk.
// VNNI: llvm.call_intrinsic "llvm.x86.avx512.pmaddw.d.512"
// VNNI-NOT: call_intrinsic
// AVXVNNI-COUNT-2: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
// AVXVNNI-NOT: call_intrinsic
// BW: llvm.call_intrinsic "llvm.x86.avx512.pmaddw.d.512"
// BW-NOT: call_intrinsic
// AVX2-COUNT-2: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
// AVX2-NOT: call_intrinsic
// PORTABLE-COUNT-2: arith.muli
// PORTABLE-NOT: arith.muli
// ALL: {{return %.*}}
func.func @dot_words(%sum: vector<16xi32>, %a: vector<32xi16>, %b: vector<32xi16>) -> vector<16xi32> {
  %r = lmk.dot_s16 %sum, %a, %b : vector<16xi32>, vector<32xi16>
  return %r : vector<16xi32>
}
