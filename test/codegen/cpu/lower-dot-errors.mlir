// RUN: lmopt-opt %s --lmk-lower-dot=isa=avx2 --verify-diagnostics
// RUN: not lmopt-opt %s --lmk-lower-dot=isa=neon 2>&1 | FileCheck %s
// RUN: lmopt-opt %s --lmk-lower-dot=isa=portable | FileCheck %s --check-prefix=PORTABLE

// CHECK: error: lmk-lower-dot: unknown isa 'neon'; expected avx512vnni, avxvnni, avx512bw, avx2 or portable

// The instructions have 16 sums; plain code takes any number.
// PORTABLE-LABEL: func.func @narrow(
// PORTABLE-NOT: lmk.
// PORTABLE: return
func.func @narrow(%sum: vector<4xi32>, %u: vector<16xi8>, %s: vector<16xi8>) -> vector<4xi32> {
  // expected-error @+1 {{can be lowered to avx2 only with 16 sums, found 4}}
  %r = lmk.dot_u8s8 %sum, %u, %s : vector<4xi32>, vector<16xi8>
  return %r : vector<4xi32>
}
