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

// expected-error@+1 {{C2: expected 4, 5, 6 or 8 bits, but found 7}}
func.func private @grouped_c2_bits(!lm.grouped<2x32, bits = 7, group = 32>)

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

// expected-error@+1 {{C4: only codes of 4 and 5 bits have minima}}
func.func private @grouped_c4_minima(!lm.grouped<2x32, bits = 8, group = 32, min>)

// -----

// expected-error@+1 {{C4: only codes of 4 and 5 bits have minima}}
func.func private @grouped_c4_minima_of_six(!lm.grouped<2x32, bits = 6, group = 32, min>)

// -----

// expected-error@+1 {{C5: expected scales of 16 bits, or beside 4-bit codes with minima of 8, but found 4}}
func.func private @grouped_c5(!lm.grouped<2x32, bits = 4, group = 32, min, scales = 4>)

// -----

// expected-error@+1 {{C5: expected scales of 16 bits, or beside 4-bit codes with minima of 8, but found 8}}
func.func private @grouped_c5_of_five(!lm.grouped<2x32, bits = 5, group = 32, min, scales = 8>)

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

// -----

// expected-error@+1 {{C1: expected batch x sequence x width with a static, positive width}}
func.func private @codes_c1_rank(!lm.codes<?x12, u8>)

// -----

// expected-error@+1 {{C1: expected batch x sequence x width with a static, positive width}}
func.func private @codes_c1_dynamic(!lm.codes<?x?x?, u8>)

// -----

// expected-error@+1 {{C1: expected batch x sequence x width with a static, positive width}}
func.func private @codes_c1_zero(!lm.codes<?x?x0, s8, group = 1>)

// -----

// expected-error@+1 {{C2: u8 codes have a scale for each row and no group, but found 4}}
func.func private @codes_c2_row(!lm.codes<?x?x12, u8, group = 4>)

// -----

// expected-error@+1 {{C2: expected s8 codes with a positive group that divides the width 12, but found 0}}
func.func private @codes_c2_absent(!lm.codes<?x?x12, s8>)

// -----

// expected-error@+1 {{C2: expected s8 codes with a positive group that divides the width 12, but found 5}}
func.func private @codes_c2_divides(!lm.codes<?x?x12, s8, group = 5>)

// -----

// expected-error@+1 {{C2: expected s8 codes with a positive group that divides the width 12, but found -4}}
func.func private @codes_c2_negative(!lm.codes<?x?x12, s8, group = -4>)

// -----

// expected-error@+1 {{expected u8 or s8 codes, but found s4}}
func.func private @codes_kind(!lm.codes<?x?x12, s4, group = 4>)

// -----

// expected-error@+1 {{C1: expected positive sizes with a product of at most 2^40, but found 0x6}}
func.func private @sparse_c1_zero(!lm.sparse_int8<0x6, block = 1x1, stored = 0>)

// -----

// expected-error@+1 {{C2: expected blocks of 1 to 65536 outputs and inputs, but found 0x4}}
func.func private @sparse_c2_zero(!lm.sparse_int8<16x16, block = 0x4, stored = 0>)

// -----

// expected-error@+1 {{C2: expected blocks of 1 to 65536 outputs and inputs, but found 16x65537}}
func.func private @sparse_c2_too_large(!lm.sparse_int8<16x16, block = 16x65537, stored = 0>)

// -----

// expected-error@+1 {{C3: expected at most the 6 blocks that there are, but found 7}}
func.func private @sparse_c3_more(!lm.sparse_int8<17x9, block = 16x4, stored = 7>)

// -----

// expected-error@+1 {{C3: expected at most the 6 blocks that there are, but found -1}}
func.func private @sparse_c3_negative(!lm.sparse_int8<17x9, block = 16x4, stored = -1>)

// -----

// expected-error@+1 {{C1: expected positive sizes with a product of at most 2^40, but found 0x32}}
func.func private @codebook_c1_zero(!lm.codebook<0x32, entries = 16, group = 32>)

// -----

// expected-error@+1 {{C2: expected 4, 8 or 16 entries with a group, or 256 without, but found 256 with}}
func.func private @codebook_c2_group(!lm.codebook<2x32, entries = 256, group = 32>)

// -----

// expected-error@+1 {{C2: expected 4, 8 or 16 entries with a group, or 256 without, but found 16 without}}
func.func private @codebook_c2_no_group(!lm.codebook<2x32, entries = 16>)

// -----

// expected-error@+1 {{C2: expected 4, 8 or 16 entries with a group, or 256 without, but found 32 with}}
func.func private @codebook_c2_entries(!lm.codebook<2x32, entries = 32, group = 32>)

// -----

// expected-error@+1 {{C3: expected a positive group that divides the 32 columns, but found 24}}
func.func private @codebook_c3_divides(!lm.codebook<2x32, entries = 8, group = 24>)

// -----

// expected-error@+1 {{C3: expected a positive group that divides the 32 columns, but found -4}}
func.func private @codebook_c3_negative(!lm.codebook<2x32, entries = 8, group = -4>)

// -----

// expected-error@+1 {{expected two sizes, outputs x inputs, but found 1}}
func.func private @sparse_rank(!lm.sparse_int8<17, block = 16x4, stored = 1>)

// -----

// expected-error@+1 {{expected two sizes of a block, outputs x inputs, but found 3}}
func.func private @sparse_block_rank(!lm.sparse_int8<17x9, block = 16x4x1, stored = 1>)

// -----

// expected-error@+1 {{expected ','}}
func.func private @sparse_without_stored(!lm.sparse_int8<17x9, block = 16x4>)

// -----

// expected-error@+1 {{expected two sizes, outputs x inputs, but found 1}}
func.func private @codebook_sizes(!lm.codebook<32, entries = 8, group = 4>)

// -----

// expected-error@+1 {{expected 'entries'}}
func.func private @codebook_word(!lm.codebook<2x32, bits = 8>)
