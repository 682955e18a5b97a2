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
  // expected-error@+1 {{C1: codes 'tensor<?x?x8xui8>' do not have the shape of the input 'tensor<?x?x12xf32>'}}
  %q, %s, %z = lm.quantize_dynamic %x : (tensor<?x?x12xf32>) -> (tensor<?x?x8xui8>, tensor<?x?xf32>, tensor<?x?xi32>)
  return
}

// -----

func.func @quantize_dynamic_c2_scale(%x: tensor<?x2x12xf32>) {
  // expected-error@+1 {{C2: scale and zero must have the shape batch x sequence of the input 'tensor<?x2x12xf32>', but one is 'tensor<?x3xf32>'}}
  %q, %s, %z = lm.quantize_dynamic %x : (tensor<?x2x12xf32>) -> (tensor<?x2x12xui8>, tensor<?x3xf32>, tensor<?x2xi32>)
  return
}

// -----

func.func @quantize_dynamic_c2_zero(%x: tensor<2x?x12xf32>) {
  // expected-error@+1 {{C2: scale and zero must have the shape batch x sequence of the input 'tensor<2x?x12xf32>', but one is 'tensor<1x?xi32>'}}
  %q, %s, %z = lm.quantize_dynamic %x : (tensor<2x?x12xf32>) -> (tensor<2x?x12xui8>, tensor<2x?xf32>, tensor<1x?xi32>)
  return
}

// -----

func.func @quantize_dynamic_scale_of_groups(%x: tensor<?x?x12xf32>) {
  // expected-error@+1 {{result #1 must be batch x sequence tensor of f32, but got 'tensor<?x?x3xf32>'}}
  %q, %s, %z = lm.quantize_dynamic %x : (tensor<?x?x12xf32>) -> (tensor<?x?x12xui8>, tensor<?x?x3xf32>, tensor<?x?x3xi32>)
  return
}

// -----

func.func @quantize_groups_c1_divides(%x: tensor<?x?x12xf32>) {
  // expected-error@+1 {{C1: expected a positive group that divides the width 12, but found 5}}
  %q, %s = lm.quantize_groups %x {group = 5} : (tensor<?x?x12xf32>) -> (tensor<?x?x12xsi8>, tensor<?x?x3xf32>)
  return
}

// -----

func.func @quantize_groups_c1_zero(%x: tensor<?x?x12xf32>) {
  // expected-error@+1 {{C1: expected a positive group that divides the width 12, but found 0}}
  %q, %s = lm.quantize_groups %x {group = 0} : (tensor<?x?x12xf32>) -> (tensor<?x?x12xsi8>, tensor<?x?x3xf32>)
  return
}

// -----

func.func @quantize_groups_c1_negative(%x: tensor<?x?x12xf32>) {
  // expected-error@+1 {{C1: expected a positive group that divides the width 12, but found -4}}
  %q, %s = lm.quantize_groups %x {group = -4} : (tensor<?x?x12xf32>) -> (tensor<?x?x12xsi8>, tensor<?x?x3xf32>)
  return
}

// -----

func.func @quantize_groups_c2_width(%x: tensor<?x?x12xf32>) {
  // expected-error@+1 {{C2: codes 'tensor<?x?x8xsi8>' do not have the shape of the input 'tensor<?x?x12xf32>'}}
  %q, %s = lm.quantize_groups %x {group = 4} : (tensor<?x?x12xf32>) -> (tensor<?x?x8xsi8>, tensor<?x?x3xf32>)
  return
}

// -----

func.func @quantize_groups_c2_sequence(%x: tensor<1x2x12xf32>) {
  // expected-error@+1 {{C2: codes 'tensor<1x3x12xsi8>' do not have the shape of the input 'tensor<1x2x12xf32>'}}
  %q, %s = lm.quantize_groups %x {group = 4} : (tensor<1x2x12xf32>) -> (tensor<1x3x12xsi8>, tensor<1x2x3xf32>)
  return
}

// -----

func.func @quantize_groups_c3_groups(%x: tensor<?x?x12xf32>) {
  // expected-error@+1 {{C3: scale must have the shape batch x sequence x 3, but is 'tensor<?x?x4xf32>'}}
  %q, %s = lm.quantize_groups %x {group = 4} : (tensor<?x?x12xf32>) -> (tensor<?x?x12xsi8>, tensor<?x?x4xf32>)
  return
}

// -----

func.func @quantize_groups_c3_batch(%x: tensor<1x2x12xf32>) {
  // expected-error@+1 {{C3: scale must have the shape batch x sequence x 3, but is 'tensor<2x2x3xf32>'}}
  %q, %s = lm.quantize_groups %x {group = 4} : (tensor<1x2x12xf32>) -> (tensor<1x2x12xsi8>, tensor<2x2x3xf32>)
  return
}

// -----

func.func @quantize_groups_unsigned(%x: tensor<?x?x12xf32>) {
  // expected-error@+1 {{result #0 must be batch x sequence x width tensor of si8 with a static, positive width, but got 'tensor<?x?x12xui8>'}}
  %q, %s = lm.quantize_groups %x {group = 4} : (tensor<?x?x12xf32>) -> (tensor<?x?x12xui8>, tensor<?x?x3xf32>)
  return
}

// -----

func.func @quantize_groups_scale_is_static(%x: tensor<?x?x12xf32>) {
  // expected-error@+1 {{result #1 must be batch x sequence x groups tensor of f32 with a static, positive number of groups, but got 'tensor<?x?x?xf32>'}}
  %q, %s = lm.quantize_groups %x {group = 4} : (tensor<?x?x12xf32>) -> (tensor<?x?x12xsi8>, tensor<?x?x?xf32>)
  return
}

// -----

func.func @narrow_c1_shape(%x: tensor<?x?x4xf32>) -> tensor<?x?x5xbf16> {
  // expected-error@+1 {{C1: the result 'tensor<?x?x5xbf16>' does not have the shape of the input 'tensor<?x?x4xf32>'}}
  %y = lm.narrow %x : (tensor<?x?x4xf32>) -> tensor<?x?x5xbf16>
  return %y : tensor<?x?x5xbf16>
}
