lm.param @add_to_rows_c1_length : tensor<2x3xf32> = #lm.add_to_rows<dense<1.0> : tensor<2x3xf32>, dense<1.0> : tensor<2xf32>>
