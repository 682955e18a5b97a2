func.func private @rope_scaling_c3_positive() attributes {a = #lm.rope_scaling<longrope, factor = 2.0, original_positions = 16, short_factors = [1.0], long_factors = [-1.0]>}
