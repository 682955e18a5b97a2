func.func private @rope_scaling_c2_original() attributes {a = #lm.rope_scaling<yarn, factor = 2.0>}
