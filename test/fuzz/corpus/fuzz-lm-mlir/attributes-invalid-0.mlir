func.func private @rope_c1_base() attributes {a = #lm.rope<base = 1.0, dims = 4, layout = half>}
