func.func private @int8_overflow(!lm.int8<2x6, group = 99999999999999999999>)
