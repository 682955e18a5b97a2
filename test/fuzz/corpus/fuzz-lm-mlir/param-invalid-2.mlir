"lm.param"() <{sym_name = "param_c2_integers", type = tensor<2xf32>, value = dense<1> : tensor<2xi32>}> : () -> ()
