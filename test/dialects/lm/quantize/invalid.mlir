// RUN: lmopt-opt %s -split-input-file -verify-diagnostics

func.func @rotate_c1_power(%x: tensor<?x?x12xf32>) -> tensor<?x?x12xf32> {
  // expected-error@+1 {{C1: expected a block that is a power of two from 2 to 65536, but found 12}}
  %y = lm.rotate %x {block = 12} : tensor<?x?x12xf32>
  return %y : tensor<?x?x12xf32>
}

// -----

func.func @rotate_c1_zero(%x: tensor<?x?x12xf32>) -> tensor<?x?x12xf32> {
  // expected-error@+1 {{C1: expected a block that is a power of two from 2 to 65536, but found 0}}
  %y = lm.rotate %x {block = 0} : tensor<?x?x12xf32>
  return %y : tensor<?x?x12xf32>
}

// -----

func.func @rotate_c2_divides(%x: tensor<?x?x12xf32>) -> tensor<?x?x12xf32> {
  // expected-error@+1 {{C2: block 8 does not divide the width 12}}
  %y = lm.rotate %x {block = 8} : tensor<?x?x12xf32>
  return %y : tensor<?x?x12xf32>
}

// -----

func.func @quantize_dynamic_c1_width(%x: tensor<?x?x12xf32>) {
  // expected-error@+1 {{C1: codes '!lm.codes<?x?x8, u8>' do not have the shape of the input 'tensor<?x?x12xf32>'}}
  %q = lm.quantize_dynamic %x : (tensor<?x?x12xf32>) -> !lm.codes<?x?x8, u8>
  return
}

// -----

func.func @quantize_dynamic_c1_sequence(%x: tensor<?x2x12xf32>) {
  // expected-error@+1 {{C1: codes '!lm.codes<?x3x12, u8>' do not have the shape of the input 'tensor<?x2x12xf32>'}}
  %q = lm.quantize_dynamic %x : (tensor<?x2x12xf32>) -> !lm.codes<?x3x12, u8>
  return
}

// -----

func.func @quantize_dynamic_signed(%x: tensor<?x?x12xf32>) {
  // expected-error@+1 {{result #0 must be u8 codes (!lm.codes<..., u8>), but got '!lm.codes<?x?x12, s8, group = 4>'}}
  %q = lm.quantize_dynamic %x : (tensor<?x?x12xf32>) -> !lm.codes<?x?x12, s8, group = 4>
  return
}

// -----

func.func @quantize_groups_c1_width(%x: tensor<?x?x12xf32>) {
  // expected-error@+1 {{C1: codes '!lm.codes<?x?x8, s8, group = 4>' do not have the shape of the input 'tensor<?x?x12xf32>'}}
  %q = lm.quantize_groups %x : (tensor<?x?x12xf32>) -> !lm.codes<?x?x8, s8, group = 4>
  return
}

// -----

func.func @quantize_groups_c1_batch(%x: tensor<1x2x12xf32>) {
  // expected-error@+1 {{C1: codes '!lm.codes<2x2x12, s8, group = 4>' do not have the shape of the input 'tensor<1x2x12xf32>'}}
  %q = lm.quantize_groups %x : (tensor<1x2x12xf32>) -> !lm.codes<2x2x12, s8, group = 4>
  return
}

// -----

func.func @quantize_groups_unsigned(%x: tensor<?x?x12xf32>) {
  // expected-error@+1 {{result #0 must be s8 codes in groups (!lm.codes<..., s8, group = G>), but got '!lm.codes<?x?x12, u8>'}}
  %q = lm.quantize_groups %x : (tensor<?x?x12xf32>) -> !lm.codes<?x?x12, u8>
  return
}

// -----

func.func @narrow_c1_shape(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xbf16> {
  // expected-error@+1 {{C1: the result 'tensor<?x?x5xbf16>' does not have the shape of the input 'tensor<?x?x4xf32>'}}
  %y = lm.narrow %x : (tensor<?x?x4xf32>) -> tensor<?x?x5xbf16>
  return %y : tensor<?x?x5xbf16>
}

// -----

func.func @quantize_static_c1_width(%x: tensor<?x?x12xf32>) {
  // expected-error@+1 {{C1: codes '!lm.codes<?x?x8, u8>' do not have the shape of the input 'tensor<?x?x12xf32>'}}
  %q = lm.quantize_static %x {range = <range = 1.0, steps = 1, zero = 0, least = 0, greatest = 255>} : (tensor<?x?x12xf32>) -> !lm.codes<?x?x8, u8>
  return
}

// -----

func.func @quantize_static_signed(%x: tensor<?x?x12xf32>) {
  // expected-error@+1 {{result #0 must be u8 codes (!lm.codes<..., u8>), but got '!lm.codes<?x?x12, s8, group = 4>'}}
  %q = lm.quantize_static %x {range = <range = 1.0, steps = 1, zero = 0, least = 0, greatest = 255>} : (tensor<?x?x12xf32>) -> !lm.codes<?x?x12, s8, group = 4>
  return
}
