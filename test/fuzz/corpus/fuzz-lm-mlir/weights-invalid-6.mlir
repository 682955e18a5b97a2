lm.param @rotate_columns_c1_rank : tensor<1x2x4xf32> = #lm.rotate_columns<dense<1.0> : tensor<1x2x4xf32>, block = 4>
