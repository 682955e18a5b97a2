// RUN: lmopt-opt %s -split-input-file -verify-diagnostics

// expected-error@+1 {{C1: expected positive sizes with a product of at most 2^40, but found 0x4}}
func.func private @int8_c1_zero(!lm.int8<0x4>)

// -----

// expected-error@+1 {{C1: expected positive sizes with a product of at most 2^40, but found 4194304x4194304}}
func.func private @int8_c1_too_large(!lm.int8<4194304x4194304>)

// -----

// expected-error@+1 {{expected two sizes, outputs x inputs, but found 3}}
func.func private @int8_rank(!lm.int8<2x6x3>)

// -----

// expected-error@+1 {{expected static shape}}
func.func private @int8_dynamic(!lm.int8<?x6>)

// -----

// expected-error@+1 {{expected '>'}}
func.func private @int8_has_no_groups(!lm.int8<2x6, group = 3>)

// -----

// expected-error@+1 {{C1: expected positive sizes with a product of at most 2^40, but found 4x0}}
func.func private @grouped_c1_zero(!lm.grouped<4x0, bits = 4, group = 32>)

// -----

// expected-error@+1 {{C1: expected positive sizes with a product of at most 2^40, but found 4194304x4194304}}
func.func private @grouped_c1_too_large(!lm.grouped<4194304x4194304, bits = 4, group = 32>)

// -----

// expected-error@+1 {{C2: expected 4 or 8 bits, but found 5}}
func.func private @grouped_c2_bits(!lm.grouped<2x32, bits = 5, group = 32>)

// -----

// expected-error@+1 {{C3: expected a positive group that divides the 48 columns, but found 32}}
func.func private @grouped_c3_divides(!lm.grouped<2x48, bits = 4, group = 32>)

// -----

// expected-error@+1 {{C3: expected a positive group that divides the 48 columns, but found 0}}
func.func private @grouped_c3_zero(!lm.grouped<2x48, bits = 4, group = 0>)

// -----

// expected-error@+1 {{C3: expected a positive group that divides the 48 columns, but found -16}}
func.func private @grouped_c3_negative(!lm.grouped<2x48, bits = 4, group = -16>)

// -----

// expected-error@+1 {{C4: only 4-bit codes have minima}}
func.func private @grouped_c4_minima(!lm.grouped<2x32, bits = 8, group = 32, min>)

// -----

// expected-error@+1 {{expected two sizes, outputs x inputs, but found 1}}
func.func private @grouped_rank(!lm.grouped<32, bits = 8, group = 32>)

// -----

// expected-error@+1 {{expected static shape}}
func.func private @grouped_dynamic(!lm.grouped<?x32, bits = 8, group = 32>)

// -----

// expected-error@+1 {{expected 'group'}}
func.func private @grouped_without_group(!lm.grouped<2x32, bits = 8, min>)

// -----

// expected-error@+1 {{expected 'min'}}
func.func private @grouped_word(!lm.grouped<2x32, bits = 8, group = 32, max>)

// -----

// expected-error@+1 {{integer value too large}}
func.func private @grouped_overflow(!lm.grouped<2x32, bits = 8, group = 99999999999999999999>)
