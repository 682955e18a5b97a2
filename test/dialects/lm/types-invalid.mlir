// RUN: lmopt-opt %s -split-input-file -verify-diagnostics

// expected-error@+1 {{C1: expected positive sizes with a product of at most 2^40, but found 0x4}}
func.func private @int8_c1_zero(!lm.int8<0x4>)

// -----

// expected-error@+1 {{C1: expected positive sizes with a product of at most 2^40, but found 4194304x4194304}}
func.func private @int8_c1_too_large(!lm.int8<4194304x4194304>)

// -----

// expected-error@+1 {{C2: expected a group that divides the 6 columns, but found 4}}
func.func private @int8_c2_divides(!lm.int8<2x6, group = 4>)

// -----

// expected-error@+1 {{C2: expected a positive group, but found 0}}
func.func private @int8_c2_positive(!lm.int8<2x6, group = 0>)

// -----

// expected-error@+1 {{expected two sizes, outputs x inputs, but found 3}}
func.func private @int8_rank(!lm.int8<2x6x3>)

// -----

// expected-error@+1 {{expected static shape}}
func.func private @int8_dynamic(!lm.int8<?x6>)

// -----

// expected-error@+1 {{integer value too large}}
func.func private @int8_overflow(!lm.int8<2x6, group = 99999999999999999999>)
