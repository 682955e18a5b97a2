func.func private @rope_scaling_c4_attention_factor() attributes {a = #lm.rope_scaling<yarn, factor = 2.0, original_positions = 16, attention_factor = 0.0>}
