// RUN: lmopt-opt %s -split-input-file -verify-diagnostics

lm.param @w : tensor<5xf32> = dense<1.0>
func.func @rms_norm_c1_length(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C1: @w must have 4 numbers, but has 5}}
  %y = lm.rms_norm %x, @w {eps = 1.0e-5} : tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

func.func @rms_norm_c1_absent(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C1: there is no lm.param @w}}
  %y = lm.rms_norm %x, @w {eps = 1.0e-5} : tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

func.func @rms_norm_c2_negative(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C2: expected a finite eps >= 0, but found -1.0}}
  %y = lm.rms_norm %x {eps = -1.0} : tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

func.func @rms_norm_c2_nan(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C2: expected a finite eps >= 0, but found}}
  %y = lm.rms_norm %x {eps = 0x7FF8000000000000} : tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4x4xf32> = dense<1.0>
func.func @layer_norm_c1_matrix(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C1: @w must be an f32 vector, but is 'tensor<4x4xf32>'}}
  %y = lm.layer_norm %x, @w {eps = 1.0e-5} : tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4xf32> = dense<1.0>
lm.param @b : tensor<5xf32> = dense<1.0>
func.func @layer_norm_c2_length(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C2: @b must have 4 numbers, but has 5}}
  %y = lm.layer_norm %x, @w, @b {eps = 1.0e-5} : tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

func.func @layer_norm_c2_needs_weight(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C2: a bias needs a weight}}
  %y = "lm.layer_norm"(%x) <{bias = @b, eps = 1.0e-5 : f64}> : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

func.func @layer_norm_c3_eps(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C3: expected a finite eps >= 0, but found -1.0}}
  %y = lm.layer_norm %x {eps = -1.0} : tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

lm.param @w : tensor<4xf32> = dense<1.0>
func.func @rms_norm_c1_heads(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C1: @w must have 2 numbers, but has 4}}
  %y = lm.rms_norm %x, @w {eps = 1.0e-5, heads = 2} : tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

func.func @rms_norm_c3_divides(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C3: expected heads >= 1 that divide the width 4, but found 3}}
  %y = lm.rms_norm %x {eps = 1.0e-5, heads = 3} : tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

func.func @rms_norm_c3_none(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // expected-error@+1 {{C3: expected heads >= 1 that divide the width 4, but found 0}}
  %y = lm.rms_norm %x {eps = 1.0e-5, heads = 0} : tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}
