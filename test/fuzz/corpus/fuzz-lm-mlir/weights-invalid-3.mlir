lm.param @scale_columns_c1_length : tensor<2x3xf32> = #lm.scale_columns<dense<1.0> : tensor<2x3xf32>, dense<1.0> : tensor<2xf32>>
