// The ops of the kernel dialect read back as they were written, in their short and in their generic form.
// RUN: lmopt-opt %s | FileCheck %s
// RUN: lmopt-opt %s | lmopt-opt | FileCheck %s
// RUN: lmopt-opt %s --mlir-print-op-generic | lmopt-opt | FileCheck %s

// CHECK-LABEL: func.func @register(
// CHECK-SAME: %[[SUM:.*]]: vector<16xi32>, %[[U:.*]]: vector<64xi8>, %[[S:.*]]: vector<64xi8>
// CHECK: lmk.dot_u8s8 %[[SUM]], %[[U]], %[[S]] : vector<16xi32>, vector<64xi8>
func.func @register(%sum: vector<16xi32>, %u: vector<64xi8>, %s: vector<64xi8>) -> vector<16xi32> {
  %r = lmk.dot_u8s8 %sum, %u, %s : vector<16xi32>, vector<64xi8>
  return %r : vector<16xi32>
}

// CHECK-LABEL: func.func @one_lane(
// CHECK: lmk.dot_u8s8 {{.*}} : vector<1xi32>, vector<4xi8>
func.func @one_lane(%sum: vector<1xi32>, %u: vector<4xi8>, %s: vector<4xi8>) -> vector<1xi32> {
  %r = lmk.dot_u8s8 %sum, %u, %s : vector<1xi32>, vector<4xi8>
  return %r : vector<1xi32>
}

// CHECK-LABEL: func.func @pairs(
// CHECK: lmk.dot_bf16 {{.*}} : vector<16xf32>, vector<32xbf16>
func.func @pairs(%sum: vector<16xf32>, %a: vector<32xbf16>, %b: vector<32xbf16>) -> vector<16xf32> {
  %r = lmk.dot_bf16 %sum, %a, %b : vector<16xf32>, vector<32xbf16>
  return %r : vector<16xf32>
}

// An unused result disappears: the op has no effects.
// RUN: lmopt-opt %s --canonicalize | FileCheck %s --check-prefix=PURE
// PURE-LABEL: func.func @unused(
// PURE-NOT: lmk.dot_u8s8
// PURE: return
// CHECK-LABEL: func.func @unused(
func.func @unused(%sum: vector<16xi32>, %u: vector<64xi8>, %s: vector<64xi8>) {
  %r = lmk.dot_u8s8 %sum, %u, %s : vector<16xi32>, vector<64xi8>
  return
}

// CHECK-LABEL: func.func @lookup(
// CHECK-SAME: %[[TABLE:.*]]: vector<16xi8>, %[[NUMBERS:.*]]: vector<64xi8>
// CHECK: lmk.lookup %[[TABLE]], %[[NUMBERS]] : vector<16xi8>, vector<64xi8>
func.func @lookup(%table: vector<16xi8>, %numbers: vector<64xi8>) -> vector<64xi8> {
  %r = lmk.lookup %table, %numbers : vector<16xi8>, vector<64xi8>
  return %r : vector<64xi8>
}

// CHECK-LABEL: func.func @words(
// CHECK: lmk.dot_s16 {{.*}} : vector<16xi32>, vector<32xi16>
func.func @words(%sum: vector<16xi32>, %a: vector<32xi16>, %b: vector<32xi16>) -> vector<16xi32> {
  %r = lmk.dot_s16 %sum, %a, %b : vector<16xi32>, vector<32xi16>
  return %r : vector<16xi32>
}
