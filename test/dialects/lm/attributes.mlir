// Numbers in attributes read back as the same bits, whatever way they were written; defaults are not printed.
// RUN: lmopt-opt %s | FileCheck %s
// RUN: lmopt-opt %s | lmopt-opt | FileCheck %s

// CHECK-LABEL: func.func private @reals()
// CHECK-SAME: a = #lm.rope_scaling<linear, factor = 1.100000e+00>
// CHECK-SAME: b = #lm.rope_scaling<linear, factor = 1.0000000000000002>
// CHECK-SAME: c = #lm.rope_scaling<linear, factor = 1.000000e+300>
// CHECK-SAME: d = #lm.exactness<approximate, error = 4.940656e-324>
func.func private @reals() attributes {
  a = #lm.rope_scaling<linear, factor = 1.1>,
  b = #lm.rope_scaling<linear, factor = 1.0000000000000002>,
  c = #lm.rope_scaling<linear, factor = 1.0e300>,
  d = #lm.exactness<approximate, error = 4.940656e-324>
}

// CHECK-LABEL: func.func private @windows()
// CHECK-SAME: a = #lm.causal,
// CHECK-SAME: b = #lm.causal<window = 512>
func.func private @windows() attributes {a = #lm.causal, b = #lm.causal<window = 512>}

// CHECK-LABEL: func.func private @order_and_defaults()
// CHECK-SAME: a = #lm.rope<base = 1.000000e+04, dims = 8, layout = half>
// CHECK-SAME: b = #lm.rope_scaling<yarn, factor = 2.000000e+00, original_positions = 16>
// CHECK-SAME: c = #lm.exactness<exact>
func.func private @order_and_defaults() attributes {
  a = #lm.rope<layout = half, dims = 8, base = 1.0e4>,
  b = #lm.rope_scaling<yarn, original_positions = 16, beta_slow = 1.0, beta_fast = 32.0, factor = 2.0>,
  c = #lm.exactness<exact>
}
