// RUN: lmopt-opt %s -split-input-file -verify-diagnostics

// expected-error@+1 {{C1: expected a base > 1, but found 1.0}}
func.func private @rope_c1_base() attributes {a = #lm.rope<base = 1.0, dims = 4, layout = half>}

// -----

// expected-error@+1 {{C2: expected an even number of dims from 2 to 65536, but found 3}}
func.func private @rope_c2_odd() attributes {a = #lm.rope<base = 1.0e4, dims = 3, layout = half>}

// -----

// expected-error@+1 {{C2: expected an even number of dims from 2 to 65536, but found 65538}}
func.func private @rope_c2_large() attributes {a = #lm.rope<base = 1.0e4, dims = 65538, layout = half>}

// -----

// expected-error@+1 {{C3: expected 4 longrope factors, but found 1}}
func.func private @rope_c3_factors() attributes {a = #lm.rope<base = 1.0e4, dims = 8, layout = half, scaling = #lm.rope_scaling<longrope, factor = 2.0, original_positions = 16, short_factors = [1.0], long_factors = [2.0]>>}

// -----

// expected-error@+2 {{expected a finite number}}
// expected-error@+1 {{failed to parse LM_RopeAttr parameter 'base'}}
func.func private @rope_base_is_finite() attributes {a = #lm.rope<base = 1.0e999, dims = 8, layout = half>}

// -----

// expected-error@+1 {{C1: expected a factor of at least 1, but found 5.0}}
func.func private @rope_scaling_c1_factor() attributes {a = #lm.rope_scaling<linear, factor = 0.5>}

// -----

// expected-error@+1 {{C2: yarn expects original_positions > 1, but found 0}}
func.func private @rope_scaling_c2_original() attributes {a = #lm.rope_scaling<yarn, factor = 2.0>}

// -----

// expected-error@+1 {{C3: expected short_factors and long_factors of the same length with longrope and none with the other kinds, but found 2 and 1 with longrope}}
func.func private @rope_scaling_c3_length() attributes {a = #lm.rope_scaling<longrope, factor = 2.0, original_positions = 16, short_factors = [1.0, 2.0], long_factors = [1.0]>}

// -----

// expected-error@+1 {{C3: expected short_factors and long_factors of the same length with longrope and none with the other kinds, but found 1 and 1 with linear}}
func.func private @rope_scaling_c3_other_kind() attributes {a = #lm.rope_scaling<linear, factor = 2.0, short_factors = [1.0], long_factors = [1.0]>}

// -----

// expected-error@+1 {{C3: expected positive longrope factors, but found -1.0}}
func.func private @rope_scaling_c3_positive() attributes {a = #lm.rope_scaling<longrope, factor = 2.0, original_positions = 16, short_factors = [1.0], long_factors = [-1.0]>}

// -----

// expected-error@+1 {{C4: expected beta_fast > beta_slow > 0, but found 1.0}}
func.func private @rope_scaling_c4_betas() attributes {a = #lm.rope_scaling<yarn, factor = 2.0, original_positions = 16, beta_fast = 1.0, beta_slow = 1.0>}

// -----

// expected-error@+1 {{C4: expected 0 < low_frequency < high_frequency, but found 5.0}}
func.func private @rope_scaling_c4_frequencies() attributes {a = #lm.rope_scaling<llama3, factor = 2.0, original_positions = 16, low_frequency = 5.0>}

// -----

// expected-error@+1 {{C4: expected a positive attention_factor, but found 0.0}}
func.func private @rope_scaling_c4_attention_factor() attributes {a = #lm.rope_scaling<yarn, factor = 2.0, original_positions = 16, attention_factor = 0.0>}

// -----

// expected-error@+1 {{C1: expected an error >= 0 with approximate or trained only, but found 1.0}}
func.func private @exactness_c1_exact() attributes {a = #lm.exactness<exact, error = 1.0>}

// -----

// expected-error@+1 {{C1: expected an error >= 0 with approximate or trained only, but found -1.0}}
func.func private @exactness_c1_negative() attributes {a = #lm.exactness<approximate, error = -1.0>}

// -----

// expected-error@+1 {{'lm.config' must be a dictionary, but is 1 : i64}}
module attributes {lm.config = 1 : i64} {}

// -----

// expected-error@+1 {{'lm.config' entry 'architecture' must be a string, but is 1 : i64}}
module attributes {lm.config = {architecture = 1 : i64}} {}

// -----

// expected-error@+1 {{'lm.source' must be an array of dictionaries, one for each source file, but is "file"}}
module attributes {lm.source = "file"} {}

// -----

// expected-error@+1 {{'lm.tokenizer' must be a string, but is 1 : i64}}
module attributes {lm.tokenizer = 1 : i64} {}

// -----

// expected-error@+1 {{'lm.tokenizer' belongs on the module, but stands on 'func.func'}}
func.func private @module_attribute_elsewhere() attributes {lm.tokenizer = "t.bin"}

// -----

// expected-error@+1 {{'lm.part' must be the name of a part of the model, a string that is not empty, but is 3 : i64}}
func.func private @part_is_text() attributes {lm.part = 3}

// -----

// expected-error@+1 {{'lm.part' must be the name of a part of the model, a string that is not empty, but is ""}}
func.func private @part_is_not_empty() attributes {lm.part = ""}

// -----

// expected-error@+1 {{C1: expected a rank from 1 to 65536, but found 0}}
func.func private @projection_c1_least() attributes {a = #lm.projection<means, rank = 0>}

// -----

// expected-error@+1 {{C1: expected a rank from 1 to 65536, but found 65537}}
func.func private @projection_c1_most() attributes {a = #lm.projection<learned, rank = 65537>}

// -----

// expected-error@+1 {{C1: expected classes of at least one word that are 2 words together, but found a class of 0}}
func.func private @classes_c1_empty() attributes {a = #lm.classes<words = [1, 0], sizes = [2, 0]>}

// -----

// expected-error@+1 {{C1: expected classes of at least one word that are 2 words together, but found a class of 9223372036854775807}}
func.func private @classes_c1_huge() attributes {a = #lm.classes<words = [1, 0], sizes = [1, 9223372036854775807]>}

// -----

// expected-error@+1 {{C1: expected classes of 3 words, at least one, but 1 are in none}}
func.func private @classes_c1_few() attributes {a = #lm.classes<words = [1, 0, 2], sizes = [1, 1]>}

// -----

// expected-error@+1 {{C2: expected each word from 0 to 1 once}}
func.func private @classes_c2_twice() attributes {a = #lm.classes<words = [1, 1], sizes = [2]>}

// -----

// expected-error@+1 {{C2: expected each word from 0 to 1 once}}
func.func private @classes_c2_negative() attributes {a = #lm.classes<words = [-1, 0], sizes = [2]>}

// -----

// expected-error@+1 {{C1: expected as many left sides as right ones, at least one, but found 2 and 1}}
func.func private @word_tree_c1_sides() attributes {a = #lm.word_tree<left = [4, 1], right = [0]>}

// -----

// expected-error@+1 {{C2: expected each of 3 words and each node but the first once, but found 0}}
func.func private @word_tree_c2_twice() attributes {a = #lm.word_tree<left = [4, 0], right = [0, 2]>}

// -----

// expected-error@+1 {{C2: expected each of 3 words and each node but the first once, but found 3}}
func.func private @word_tree_c2_root() attributes {a = #lm.word_tree<left = [3, 1], right = [0, 2]>}

// -----

// expected-error@+1 {{C2: expected each of 3 words and each node but the first once, but found 5}}
func.func private @word_tree_c2_beyond() attributes {a = #lm.word_tree<left = [5, 1], right = [0, 2]>}

// -----

// expected-error@+1 {{C3: node 1 is a side of node 1, which comes behind it}}
func.func private @word_tree_c3_loop() attributes {a = #lm.word_tree<left = [0, 4], right = [1, 2]>}

// -----

// expected-error@+1 {{C3: expected classes of one word first, then at least one of more}}
func.func private @classes_c3_order() attributes {a = #lm.classes<words = [1, 0, 2], sizes = [2, 1]>}

// -----

// expected-error@+1 {{C3: expected classes of one word first, then at least one of more}}
func.func private @classes_c3_singles() attributes {a = #lm.classes<words = [1, 0], sizes = [1, 1]>}

// -----

// expected-error@+1 {{C1: expected a positive f32 range whose step and factor are normal numbers, but found 0.0}}
func.func private @code_range_c1_zero() attributes {a = #lm.code_range<range = 0.0, steps = 1, zero = 0, least = 0, greatest = 255>}

// -----

// expected-error@+1 {{C1: expected a positive f32 range whose step and factor are normal numbers, but found 1.000000e-01}}
func.func private @code_range_c1_not_f32() attributes {a = #lm.code_range<range = 0.1, steps = 1, zero = 0, least = 0, greatest = 255>}

// -----

// expected-error@+1 {{C1: expected a positive f32 range whose step and factor are normal numbers, but found}}
func.func private @code_range_c1_small() attributes {a = #lm.code_range<range = 1.0e-40, steps = 1, zero = 0, least = 0, greatest = 255>}

// -----

// expected-error@+1 {{C2: expected steps from 1 to 255, but found 256}}
func.func private @code_range_c2() attributes {a = #lm.code_range<range = 1.0, steps = 256, zero = 0, least = 0, greatest = 255>}

// -----

// expected-error@+1 {{C3: expected 0 <= least <= zero <= greatest <= 255 and more than one code, but found 0, 128 and 127}}
func.func private @code_range_c3_zero() attributes {a = #lm.code_range<range = 1.0, steps = 1, zero = 128, least = 0, greatest = 127>}

// -----

// expected-error@+1 {{C3: expected 0 <= least <= zero <= greatest <= 255 and more than one code, but found 0, 0 and 256}}
func.func private @code_range_c3_greatest() attributes {a = #lm.code_range<range = 1.0, steps = 1, zero = 0, least = 0, greatest = 256>}

// -----

// expected-error@+1 {{C3: expected 0 <= least <= zero <= greatest <= 255 and more than one code, but found 7, 7 and 7}}
func.func private @code_range_c3_one() attributes {a = #lm.code_range<range = 1.0, steps = 1, zero = 7, least = 7, greatest = 7>}

// -----

// expected-error@+1 {{C1: expected a window of at least 1 position, but found -1}}
func.func private @causal_c1() attributes {a = #lm.causal<window = -1>}

// -----

// expected-error@+1 {{C1: expected a slope for each head, but found none}}
func.func private @alibi_c1() attributes {a = #lm.alibi<slopes = []>}

// -----

// expected-error@+2 {{expected a finite number}}
// expected-error@+1 {{failed to parse LM_AlibiAttr parameter 'slopes'}}
func.func private @alibi_finite() attributes {a = #lm.alibi<slopes = [1.0e999]>}

// -----

// expected-error@+1 {{C1: expected a window of at least 1 position, but found -1}}
func.func private @full_c1() attributes {a = #lm.full<window = -1>}
