func.func private @int8_c2_positive(!lm.int8<2x6, group = 0>)
