// Folds are exact and make the module smaller; what looks alike but is not stays.
// RUN: lmopt-opt %s -canonicalize | FileCheck %s

// CHECK-LABEL: func.func @rotate_twice
// CHECK-SAME: %[[X:.*]]: tensor<?x?x8xf32>
// CHECK-NEXT: return %[[X]]
func.func @rotate_twice(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %a = lm.rotate %x {block = 8} : tensor<?x?x8xf32>
  %b = lm.rotate %a {block = 8} : tensor<?x?x8xf32>
  return %b : tensor<?x?x8xf32>
}

// CHECK-LABEL: func.func @rotate_other_block
// CHECK: lm.rotate %{{.*}} {block = 8}
// CHECK: lm.rotate %{{.*}} {block = 4}
func.func @rotate_other_block(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %a = lm.rotate %x {block = 8} : tensor<?x?x8xf32>
  %b = lm.rotate %a {block = 4} : tensor<?x?x8xf32>
  return %b : tensor<?x?x8xf32>
}
