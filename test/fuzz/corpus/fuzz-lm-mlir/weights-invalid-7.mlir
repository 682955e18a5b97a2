lm.param @quantize_rows_c1_vector : !lm.int8<1x4> = #lm.quantize_rows<dense<1.0> : tensor<4xf32>>
