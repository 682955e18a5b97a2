func.func private @int8_c1_zero(!lm.int8<0x4>)
