// Each spelling of looking up bytes. That all give the same bytes is shown by running them
// (test/unit/codegen/DotTest.cpp).
// RUN: lmopt-opt %s --lmk-lower-dot=isa=avx512vnni | FileCheck %s --check-prefixes=ALL,WIDE
// RUN: lmopt-opt %s --lmk-lower-dot=isa=avx512bw | FileCheck %s --check-prefixes=ALL,WIDE
// RUN: lmopt-opt %s --lmk-lower-dot=isa=avxvnni | FileCheck %s --check-prefixes=ALL,NARROW
// RUN: lmopt-opt %s --lmk-lower-dot=isa=avx2 | FileCheck %s --check-prefixes=ALL,NARROW
// RUN: lmopt-opt %s --lmk-lower-dot=isa=portable | FileCheck %s --check-prefixes=ALL,PORTABLE

// ALL-LABEL: func.func @lookup(
// ALL-NOT: lmk.
// WIDE-COUNT-1: llvm.call_intrinsic "llvm.x86.avx512.pshuf.b.512"
// NARROW-COUNT-2: llvm.call_intrinsic "llvm.x86.avx2.pshuf.b"
// PORTABLE-COUNT-15: arith.select
// WIDE-NOT: call_intrinsic
// NARROW-NOT: call_intrinsic
// PORTABLE-NOT: call_intrinsic
// ALL: {{return %.*}}
func.func @lookup(%table: vector<16xi8>, %numbers: vector<64xi8>) -> vector<64xi8> {
  %r = lmk.lookup %table, %numbers : vector<16xi8>, vector<64xi8>
  return %r : vector<64xi8>
}

// ALL-LABEL: func.func @one(
// ALL-NOT: lmk.
// WIDE-COUNT-1: llvm.call_intrinsic "llvm.x86.ssse3.pshuf.b.128"
// NARROW-COUNT-1: llvm.call_intrinsic "llvm.x86.ssse3.pshuf.b.128"
// PORTABLE-COUNT-15: arith.select
// ALL: {{return %.*}}
func.func @one(%table: vector<16xi8>, %numbers: vector<16xi8>) -> vector<16xi8> {
  %r = lmk.lookup %table, %numbers : vector<16xi8>, vector<16xi8>
  return %r : vector<16xi8>
}
