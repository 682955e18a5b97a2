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

// The codes of what was made of codes are those codes.
// CHECK-LABEL: func.func @same_range
// CHECK-SAME: %[[X:.*]]: tensor<?x?x8xf32>
// CHECK-NEXT: %[[F:.*]] = lm.fake_quantize %[[X]]
// CHECK-NEXT: %[[Q:.*]] = lm.quantize_static %[[X]]
// CHECK-NEXT: return %[[F]], %[[Q]]
func.func @same_range(%x: tensor<?x?x8xf32>) -> (tensor<?x?x8xf32>, !lm.codes<?x?x8, u8>) {
  %a = lm.fake_quantize %x {codes = <range = 2.0, steps = 127, zero = 128, least = 0, greatest = 255>} : tensor<?x?x8xf32>
  %b = lm.fake_quantize %a {codes = <range = 2.0, steps = 127, zero = 128, least = 0, greatest = 255>} : tensor<?x?x8xf32>
  %q = lm.quantize_static %b {range = <range = 2.0, steps = 127, zero = 128, least = 0, greatest = 255>} : (tensor<?x?x8xf32>) -> !lm.codes<?x?x8, u8>
  return %b, %q : tensor<?x?x8xf32>, !lm.codes<?x?x8, u8>
}

// CHECK-LABEL: func.func @other_range
// CHECK: %[[A:.*]] = lm.fake_quantize
// CHECK-NEXT: %[[B:.*]] = lm.fake_quantize %[[A]]
// CHECK-NEXT: lm.quantize_static %[[B]]
func.func @other_range(%x: tensor<?x?x8xf32>) -> !lm.codes<?x?x8, u8> {
  %a = lm.fake_quantize %x {codes = <range = 2.0, steps = 127, zero = 128, least = 0, greatest = 255>} : tensor<?x?x8xf32>
  %b = lm.fake_quantize %a {codes = <range = 2.0, steps = 127, zero = 128, least = 1, greatest = 255>} : tensor<?x?x8xf32>
  %q = lm.quantize_static %b {range = <range = 4.0, steps = 127, zero = 128, least = 1, greatest = 255>} : (tensor<?x?x8xf32>) -> !lm.codes<?x?x8, u8>
  return %q : !lm.codes<?x?x8, u8>
}
